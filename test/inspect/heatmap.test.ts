// Heat maps as pictures: the colours say the numbers, the labels and tooltips say which, whatever the size and the input.

import { describe, expect, it } from "vitest";
import { causalMask, manualSeed, randn, type Tensor, tensor } from "../../src/index.js";
import { hex, LEVELS, nearest256, oklab, SCALE } from "../../src/inspect/colour.js";
import { heatMapSvg, type Pattern } from "../../src/inspect/index.js";
import { expectWellFormed, squaresOf } from "./read-svg.js";

/** Patterns of random queries and keys, causal. */
function patterns(H: number, T: number): Tensor {
  manualSeed(H * 1000 + T);
  return randn(H, T, 8)
    .matmul(randn(H, 8, T))
    .add(causalMask(T))
    .softmax(-1);
}

const expected = (values: ArrayLike<number>, low: number, high: number) =>
  Array.from(values, (x) => `s${Math.round(((x - low) / (high - low)) * (LEVELS - 1))}`);

describe("the colour scale", () => {
  it.each(["light", "dark"] as const)("is even to the eye, and its lightness goes one way (%s)", (theme) => {
    const colours = SCALE[theme].map(oklab);
    const steps = colours.slice(1).map((c, i) => Math.hypot(...c.map((x, axis) => x - colours[i][axis])));
    const mean = steps.reduce((a, b) => a + b) / steps.length;
    for (const step of steps) expect(Math.abs(step / mean - 1)).toBeLessThan(0.2); // rounded to 8 bits
    const sign = theme === "light" ? -1 : 1;
    colours.slice(1).forEach(([lightness], i) => expect(sign * (lightness - colours[i][0])).toBeGreaterThan(0));
    expect(new Set(SCALE[theme].map(hex)).size).toBe(LEVELS);
  });

  it("ends near the pages it is drawn on", () => {
    for (const [theme, page] of [
      ["light", [255, 255, 255]],
      ["dark", [13, 17, 23]],
    ] as const) {
      const off = oklab(SCALE[theme][0]).map((x, axis) => x - oklab(page)[axis]);
      expect(Math.hypot(...off)).toBeLessThan(0.1);
    }
  });

  it("finds a terminal's colours", () => {
    expect(nearest256([0, 0, 0])).toBe(16);
    expect(nearest256([255, 255, 255])).toBe(231);
    expect(nearest256([255, 0, 0])).toBe(196);
    expect(nearest256([128, 128, 128])).toBe(244);
    expect(nearest256([95, 135, 175])).toBe(67);
  });
});

describe("squares", () => {
  it.each([
    [1, 1],
    [1, 7],
    [1, 40],
    [1, 41], // more are drawn as runs
    [1, 130],
    [3, 9],
    [12, 30],
  ])("have the colours of their numbers: %i heads, %i positions", (H, T) => {
    const all = patterns(H, T);
    const svg = heatMapSvg(H === 1 ? all.at(0) : all);
    expectWellFormed(svg);
    const values = all.dataSync();
    const high = Math.max(...values);
    const panels = squaresOf(svg, T, T);
    expect(panels.length).toBe(H);
    panels.forEach((panel, h) => {
      expect(panel).toEqual(expected(values.subarray(h * T * T, (h + 1) * T * T), 0, high));
    });
  });

  it("are given in any form, to the same picture", () => {
    const pattern = patterns(2, 5);
    const nested = pattern.toArray() as number[][][];
    const typed = nested.map((rows) => rows.map((row) => Float32Array.from(row)));
    const svg = heatMapSvg(pattern);
    for (const other of [nested, typed]) expect(heatMapSvg(other)).toBe(svg);
    const half = tensor([[0.5, 0.25]], { dtype: "f16" });
    expect(heatMapSvg(half)).toBe(heatMapSvg([[0.5, 0.25]]));
    expect(heatMapSvg(half.gt(0.3))).toBe(heatMapSvg([[true, false]]));
    expect(heatMapSvg([[true, false]])).toBe(heatMapSvg([[1, 0]]));
  });

  it("lie on a scale from 0, from a lower number, or from where it is told", () => {
    const one = (pattern: Pattern, range?: [number, number]) => squaresOf(heatMapSvg(pattern, { range }), 1, 3)[0];
    expect(one([[0.25, 0.5, 0.5]])).toEqual(["s32", "s63", "s63"]);
    expect(one([[-1, 0, 3]])).toEqual(["s0", "s16", "s63"]);
    expect(one([[0.25, 0.5, 2]], [0, 1])).toEqual(["s16", "s32", "s63"]); // beyond the end: the end
    expect(one([[0, 0, 0]])).toEqual(["s0", "s0", "s0"]);
    expect(one([[-2, -2, -2]])).toEqual(["s0", "s0", "s0"]);
  });

  it("show NaN and infinities as what they are", () => {
    const svg = heatMapSvg([
      [Number.NaN, 1],
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    ]);
    expectWellFormed(svg);
    expect(squaresOf(svg, 2, 2)).toEqual([["nan", "s63", "hidden", "infinite"]]);
    for (const words of ["0 → 0: NaN", "1 → 0: -∞", "1 → 1: ∞"]) expect(svg).toContain(`<title>${words}</title>`);
    for (const words of ["NaN", "-∞", "∞"]) expect(svg).toContain(`>${words}</text>`);
    const odd = heatMapSvg([[Number.NaN]]);
    expectWellFormed(odd);
    expect(odd).not.toContain(">∞</text>");
    expect(heatMapSvg([[1]])).not.toContain("NaN");
  });

  it("of very many positions are the largest of blocks", () => {
    const T = 1500; // blocks of 3
    const values = Array.from({ length: T }, (_, t) => Float64Array.from({ length: T }, (_, s) => (s <= t ? 0.25 : 0)));
    values[700][10] = 1;
    values[1499][1499] = Number.NaN;
    const svg = heatMapSvg(values);
    expectWellFormed(svg);
    const [panel] = squaresOf(svg, 500, 500);
    expect(panel[Math.floor(700 / 3) * 500 + 3]).toBe("s63");
    expect(panel[499 * 500 + 499]).toBe("nan");
    expect(panel[0]).toBe("s16");
    expect(panel[499]).toBe("s0");
    expect(svg).toContain("each square the largest of 3 × 3");
  });
});

describe("around the squares", () => {
  const words = ["the", "cat", "sat"];
  const square = [
    [1, 0, 0],
    [0.5, 0.5, 0],
    [0.123456, 0.3, 0.576544],
  ];
  const count = (svg: string, word: string) => svg.split(`>${word}</text>`).length - 1;

  it("stand the labels, once for each query and each key", () => {
    const svg = heatMapSvg(square, { rows: words, columns: ["le", "chat", "assis"], title: "a head" });
    expectWellFormed(svg);
    for (const word of [...words, "le", "chat", "assis", "a head"]) expect(count(svg, word)).toBe(1);
    expect(svg).toContain("<title>sat → le: 0.1235</title>");
    expect(svg).toContain("<title>cat → assis: 0</title>");
  });

  it("the labels of queries serve for keys too, where there are as many", () => {
    expect(count(heatMapSvg(square, { rows: words }), "cat")).toBe(2);
    expect(count(heatMapSvg([[1, 0]], { rows: ["cat"] }), "cat")).toBe(1);
  });

  it("every panel has its name and its labels of keys; queries are labelled on the left", () => {
    const svg = heatMapSvg([square, square, square], { rows: words, heads: ["first", "second", "third"] });
    expectWellFormed(svg);
    for (const name of ["first", "second", "third"]) expect(count(svg, name)).toBe(1);
    expect(squaresOf(svg, 3, 3).length).toBe(3);
    expect(count(svg, "cat")).toBe(3 + 1);
    expect(heatMapSvg([square])).toContain(">head 0</text>");
    const stacked = heatMapSvg([square, square, square], { rows: words, across: 1 });
    expect(count(stacked, "cat")).toBe(3 + 3);
    expect(widthOf(stacked)).toBeLessThan(widthOf(svg));
  });

  it("numbers are printed in few large squares, and told in some more", () => {
    const small = heatMapSvg(square);
    expect(small).toContain(">0.58</text>");
    const middle = heatMapSvg(patterns(1, 30).at(0));
    expect(middle.match(/<title>/g)!.length).toBe(900);
    expect(middle).not.toMatch(/>0\.\d\d<\/text>/);
    expect(heatMapSvg(patterns(1, 41).at(0))).not.toContain("<title>");
  });

  it("positions stand in for labels, as many as have room", () => {
    const svg = heatMapSvg(patterns(1, 200).at(0));
    const ticks = [...svg.matchAll(/text-anchor="middle"[^>]*>(\d+)<\/text>/g)].map(([, n]) => Number(n));
    expect(ticks).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190]);
  });

  it("sixty labels are all there, two hundred are thinned", () => {
    const labels = (n: number) => Array.from({ length: n }, (_, i) => `w${i}w`);
    const there = (n: number) => {
      const svg = heatMapSvg(patterns(1, n).at(0), { rows: labels(n), columns: labels(n).map((_, i) => `k${i}`) });
      return labels(n).filter((label) => count(svg, label) === 1).length;
    };
    expect(there(60)).toBe(60);
    expect(there(200)).toBeGreaterThan(40);
    expect(there(200)).toBeLessThan(80);
  });

  it("hostile, invisible and very long words are harmless", () => {
    const bad = ['</text><script>alert("x")&', " the", "\n"];
    const svg = heatMapSvg(square, { rows: bad, title: `${bad[0]}\u0000\ud800`, axes: ["<a>", "&b"] });
    expectWellFormed(svg);
    expect(svg).not.toContain("<script");
    expect(svg).toContain(">·the</text>");
    expect(svg).toContain(">↵</text>");
    const long = heatMapSvg(square, { rows: ["x".repeat(5000), "b", "c"], title: "t".repeat(5000) });
    expectWellFormed(long);
    expect(widthOf(long)).toBeLessThan(700);
  });

  it("the picture has a light and a dark side and says in words what it is", () => {
    const svg = heatMapSvg(square, { title: "layer 1" });
    expect(svg).toContain("prefers-color-scheme: dark");
    for (const theme of ["light", "dark"] as const) expect(svg).toContain(`.s40{color:${hex(SCALE[theme][40])}}`);
    expect(svg).toContain('aria-label="layer 1. Heat map of 3 queries by 3 keys, from 0 to 1.0."');
  });

  it("large pictures stay small files", () => {
    expect(heatMapSvg(patterns(1, 300).at(0)).length).toBeLessThan(400_000);
    expect(heatMapSvg(patterns(12, 64)).length).toBeLessThan(400_000);
  });

  it.each([
    [1, 3],
    [1, 60],
    [1, 300],
    [2, 10],
    [8, 64],
    [12, 12],
    [16, 128],
    [25, 5],
    [40, 7],
  ])("nothing lies outside the page: %i heads, %i positions", (H, T) => {
    const rows = Array.from({ length: T }, (_, i) => (i % 3 ? "word" : "字"));
    const svg = heatMapSvg(patterns(H, T), { rows });
    const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)![1]);
    expect(widthOf(svg)).toBeLessThan(1200);
    for (const [, x, y] of svg.matchAll(/translate\((-?[\d.]+) (-?[\d.]+)\)/g)) {
      expect(Number(x) >= 0 && Number(x) <= widthOf(svg), x).toBe(true);
      expect(Number(y) >= 0 && Number(y) <= height, y).toBe(true);
    }
  });
});

const widthOf = (svg: string) => Number(/viewBox="0 0 (\d+)/.exec(svg)![1]);

describe("what cannot be drawn", () => {
  it.each<[string, () => unknown, string]>([
    ["a batch", () => heatMapSvg(randn(2, 3, 4, 4)), "got f32[2,3,4,4]; take one batch entry, as in pattern.at(0)"],
    ["a vector", () => heatMapSvg(randn(4)), "expected a pattern [T,S] or several heads [H,T,S], got f32[4]"],
    ["no keys", () => heatMapSvg(randn(3, 0)), "with at least one number, got f32[3,0]"],
    ["no rows", () => heatMapSvg([]), "expected a pattern [T,S]"],
    ["a number", () => heatMapSvg(3), "got number"],
    ["ragged rows", () => heatMapSvg([[1, 2], [3]]), "expected rows of equal length, [2,2], got 1 at [1]"],
    ["words", () => heatMapSvg([["a"]] as unknown as number[][]), "expected numbers, got string at [0,0]"],
    ["too few labels", () => heatMapSvg([[1, 2]], { columns: ["a"] }), "expected 2 labels as columns, got 1"],
    ["too many names", () => heatMapSvg([[[1]]], { heads: ["a", "b"] }), "expected 1 labels as heads, got 2"],
    ["names of no heads", () => heatMapSvg([[1]], { heads: ["a"] }), "heads only for a pattern [H,T,S]"],
    ["an empty range", () => heatMapSvg([[1]], { range: [1, 1] }), "the lower first, got [1,1]"],
    ["no panel in a row", () => heatMapSvg([[[1]]], { across: 0 }), "across as a whole number above 0, got 0"],
    ["an endless range", () => heatMapSvg([[1]], { range: [0, Number.POSITIVE_INFINITY] }), "two finite numbers"],
  ])("%s", (_, draw, message) => {
    expect(draw).toThrow(message);
    expect(draw).toThrow(/^heatMapSvg: expected /);
  });
});
