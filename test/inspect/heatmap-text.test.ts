// Heat maps in a terminal: every square in its column, whatever the labels are written in, within the width, in the colours of the numbers.

import { describe, expect, it } from "vitest";
import { causalMask, manualSeed, randn, type Tensor } from "../../src/index.js";
import { nearest256, SCALE } from "../../src/inspect/colour.js";
import { type HeatMapTextOptions, heatMapText } from "../../src/inspect/index.js";
import { textColumns } from "../../src/inspect/labels.js";

function patterns(H: number, T: number): Tensor {
  manualSeed(H * 1000 + T);
  return randn(H, T, 8)
    .matmul(randn(H, 8, T))
    .add(causalMask(T))
    .softmax(-1);
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g");
const shown = (line: string) => line.replace(ESCAPES, "");
const plain = (pattern: Parameters<typeof heatMapText>[0], options: HeatMapTextOptions = {}) =>
  heatMapText(pattern, { colours: "none", width: 80, ...options });

const SQUARE = [
  [1, 0, 0],
  [0.5, 0.5, 0],
  [0.01, 0.24, 0.75],
];

describe("in signs", () => {
  it("is this", () => {
    expect(plain(SQUARE, { rows: ["我", "爱", "你"], title: "我爱你" })).toBe(
      [
        "我爱你",
        "",
        "   我爱你",
        "我 ██",
        "爱 ▒▒▒▒",
        "你 ··░░▓▓",
        "",
        "0 ·░▒▓█ 1.0   rows: queries, columns: keys",
      ].join("\n"),
    );
  });

  it("writes labels of keys from top to bottom where they are wider than squares", () => {
    const text = plain(SQUARE, { rows: ["the", "猫", "sat down"], columns: ["le", "chat", "坐下"], axes: ["a", "b"] });
    expect(text.split("\n").slice(0, 8)).toEqual([
      "           c",
      "           h",
      "         l a 坐",
      "         e t 下",
      "     the ██",
      "      猫 ▒▒▒▒",
      "sat down ··░░▓▓",
      "",
    ]);
    expect(text).toContain("rows: a, columns: b");
  });

  it("says what is no number, and positions where there are no labels", () => {
    const odd = [
      [Number.NaN, 1],
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    ];
    expect(plain(odd).split("\n")).toEqual([
      "  0",
      "0 ??██",
      "  --^^",
      "",
      "0 ·░▒▓█ 1.0   ?? NaN   -- -∞   ^^ ∞   rows: queries, columns: keys",
    ]);
  });

  it("puts heads beside each other as far as the width goes", () => {
    const lines = (width: number) => plain([SQUARE, SQUARE, SQUARE], { width }).split("\n");
    expect(lines(80).slice(0, 3)).toEqual([
      "  head 0   head 1   head 2",
      "  0        0        0",
      "0 ██       ██       ██",
    ]);
    expect(lines(20).filter((line) => line.includes("head"))).toEqual(["  head 0   head 1", "  head 2"]);
  });

  it("pools what does not fit, and says so", () => {
    const text = plain(patterns(1, 64).at(0), { width: 50 });
    expect(text).toContain("each square the largest of 2 x 2");
    expect(text.split("\n").length).toBe(1 + 32 + 2);
  });
});

describe("in colours", () => {
  /** The background of every column of a line. */
  function backgrounds(line: string): string[] {
    const found: string[] = [];
    let now = "";
    for (const [, code, letters] of line.matchAll(new RegExp(`(${ESCAPES.source})|([^\\u001b])`, "g"))) {
      if (letters) found.push(now);
      else if (code.includes("[48;")) now = code.slice(5, -1);
      else if (code.endsWith("[0m")) now = "";
    }
    return found;
  }

  it.each([
    ["24bit", (level: number) => `2;${SCALE.dark[level].join(";")}`],
    ["256", (level: number) => `5;${nearest256(SCALE.dark[level])}`],
  ] as const)("has the scale's colours behind its squares (%s)", (colours, code) => {
    const lines = heatMapText(SQUARE, { colours, width: 80 }).split("\n");
    SQUARE.forEach((row, t) => {
      const expected = row.flatMap((x) => [code(Math.round(x * 63)), code(Math.round(x * 63))]);
      expect(backgrounds(lines[1 + t])).toEqual(["", "", ...expected]);
    });
    expect(lines.at(-1)).toContain(code(0));
    expect(lines.at(-1)).toContain(code(63));
  });

  it("has the light scale when asked", () => {
    const [, line] = heatMapText([[1]], { colours: "24bit", width: 80, theme: "light" }).split("\n");
    expect(backgrounds(line).at(-1)).toBe(`2;${SCALE.light[63].join(";")}`);
  });

  it("draws two rows in a line where squares are narrow", () => {
    const T = 61;
    const pattern = patterns(1, T).at(0);
    const lines = heatMapText(pattern, { colours: "24bit", width: 80 }).split("\n").slice(1, -2);
    expect(lines.length).toBe(31);
    const values = pattern.dataSync();
    const high = Math.max(...values);
    const colour = (t: number, s: number) => `2;${SCALE.dark[Math.round((values[t * T + s] / high) * 63)].join(";")}`;
    lines.forEach((line, k) => {
      const behind = backgrounds(line).slice(3);
      behind.forEach((code, s) => {
        const lower = 2 * k + 1;
        if (lower < T && code !== "") expect(code, `row ${lower}, key ${s}`).toBe(colour(lower, s));
      });
      expect(behind.length).toBe(T);
    });
  });

  it("ends every line in the terminal's own colours", () => {
    for (const line of heatMapText(patterns(2, 20), { colours: "256", width: 80 }).split("\n"))
      if (shown(line) !== line) expect(line.match(ESCAPES)!.at(-1)).toMatch(/\[0m$/);
  });

  it("is left out where there is no terminal", () => {
    expect(process.stdout.isTTY).toBeFalsy();
    const text = heatMapText(SQUARE, { width: 80 });
    expect(shown(text)).toBe(text);
  });
});

describe("columns", () => {
  it.each([
    ["the", 3],
    ["我爱你", 6],
    ["ｗｉｄｅ", 8],
    ["한국어", 6],
    ["かな", 4],
    ["é", 1],
    ["e\u0301", 1],
    ["👩‍👩‍👧", 2],
    ["⚠️", 2],
    ["·█↵…", 4],
    ["", 0],
  ])("of %s: %i", (text, columns) => {
    expect(textColumns(text)).toBe(columns);
  });

  it.each([
    [1, 5, "none", 20],
    [1, 30, "none", 80],
    [1, 60, "24bit", 80],
    [1, 60, "none", 80],
    [1, 200, "256", 100],
    [6, 12, "24bit", 100],
    [6, 12, "none", 30],
    [3, 90, "256", 80],
  ] as const)("stay within the width: %i heads of %i positions, %s in %i", (H, T, colours, width) => {
    for (const rows of [undefined, Array.from({ length: T }, (_, i) => (i % 2 ? "猫" : "cat"))]) {
      const lines = heatMapText(patterns(H, T), { colours, width, rows }).split("\n").slice(0, -1);
      for (const line of lines) expect(textColumns(shown(line)), line).toBeLessThanOrEqual(width);
    }
  });

  it("of squares are the same in every line, whatever the labels", () => {
    const rows = ["the", "猫", "sat\n", "é👩‍👩‍👧", "x".repeat(40)];
    const lines = plain(Array(5).fill([1, 1, 1, 1, 1]), { rows }).split("\n");
    const squares = lines.filter((line) => line.includes("██████████"));
    expect(squares.length).toBe(5);
    expect(new Set(squares.map((line) => textColumns(line.slice(0, line.indexOf("█"))))).size).toBe(1);
  });
});

it.each<[string, () => unknown, string]>([
  ["a batch", () => plain(randn(2, 3, 4, 4)), "heatMapText: expected a pattern [T,S] or several heads [H,T,S]"],
  [
    "labels that are not as many",
    () => plain([[1, 2]], { rows: ["a", "b"] }),
    "heatMapText: expected 1 labels as rows",
  ],
  ["no width", () => plain([[1]], { width: 3 }), "heatMapText: expected a width of at least 20 columns, got 3"],
])("refuses %s", (_, draw, message) => {
  expect(draw).toThrow(message);
});
