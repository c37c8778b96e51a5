import { describe, expect, it } from "vitest";
import { lossChart } from "../../src/train/chart.js";
import { bucketMedians, envelope, type Point, smooth } from "../../src/train/curve.js";

const curve = (steps: number, loss: (step: number) => number): Point[] =>
  Array.from({ length: steps }, (_, i) => [i + 1, loss(i + 1)]);
const wave = (step: number) => 1.5 + 3 * Math.exp(-step / 100) + 0.1 * Math.sin(step * 12.9898);

/** What a class's paths go through, and that every tag closes: SVG is XML, and readers of it forgive nothing. */
function paths(svg: string, name: string): number[][] {
  const found = [...svg.matchAll(new RegExp(`<path class="${name}" d="([^"]*)"`, "g"))];
  return found.flatMap(([, d]) =>
    d!
      .split(/[ML]/)
      .slice(1)
      .map((pair) => pair.split(" ").map(Number)),
  );
}
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, end, name, selfClosed] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^<>]*?(\/?)>/g)) {
    if (end) expect(open.pop()).toBe(name);
    else if (!selfClosed) open.push(name!);
  }
  expect(open).toEqual([]);
  expect(svg.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
  expect(svg).not.toMatch(/="[^"]*(NaN|Infinity|undefined)[^"]*"/);
  expect(svg.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\p{Cs}/u);
}

describe("the loss chart", () => {
  it("names both curves, their last values and the best one, and draws round ticks", () => {
    const svg = lossChart({
      train: curve(2000, wave),
      validation: [
        [1000, 1.6],
        [1500, 1.55],
        [2000, 1.61],
      ],
      title: "demo",
    });
    expectWellFormed(svg);
    expect(svg).toMatch(/train 1\.\d{3} at step 2,000 {2}· {2}validation 1\.610, best 1\.550 at step 1,500/);
    for (const tick of ["0", "500", "1,000", "1,500", "2,000", "1.5", "3.0"]) expect(svg).toContain(`>${tick}</text>`);
    for (const label of ["validation 1.610", "each step", "train, smoothed"]) expect(svg).toContain(`>${label}</text>`);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg.match(/class="dot"/g)!.length).toBe(4); // three points and the legend's
  });

  it("stays small and inside its frame for a long run, spikes included", () => {
    const svg = lossChart({
      train: curve(100_000, (s) => (s === 54_321 ? 500 : wave(s))),
      validation: [],
      title: "long",
    });
    expectWellFormed(svg);
    expect(paths(svg, "raw").length).toBeLessThanOrEqual(802); // 2 of them the legend's
    expect(svg.length).toBeLessThan(40_000);
    const bold = paths(svg, "train").slice(0, -2); // without the legend's sample
    for (const [x, y] of bold) expect(x! >= 58 && x! <= 740 && y! >= 106 && y! <= 414, `${x} ${y}`).toBe(true);
    expect(Math.min(...paths(svg, "raw").map(([, y]) => y!))).toBeLessThan(-1000); // the spike is drawn, and clipped
  });

  it("breaks the line where the loss is not finite and says since when", () => {
    const svg = lossChart({
      train: curve(100, (s) => (s > 60 ? Number.NaN : wave(s))),
      validation: [],
      title: "diverged",
    });
    expectWellFormed(svg);
    expect(svg).toContain("NaN at step 61");
    expect(svg).toContain("at step 60");
    const infinite = lossChart({
      train: [
        [1, 4],
        [2, Infinity],
      ],
      validation: [[2, -Infinity]],
      title: "",
    });
    expectWellFormed(infinite);
    expect(infinite).toContain("Infinity at step 2");
  });

  it.each<[string, Point[], Point[]]>([
    ["nothing", [], []],
    ["one point", [[7, 4.2]], []],
    ["one validation point", [], [[7, 4.2]]],
    ["equal losses", curve(50, () => 2), [[50, 2]]],
    ["losses of zero", curve(50, () => 0), []],
    ["only NaN", [[1, Number.NaN]], []],
    ["negative losses", curve(30, (s) => -s), []],
    ["huge losses", curve(30, (s) => s * 1e30), []],
    ["tiny differences", curve(30, (s) => 1 + s * 1e-12), []],
    [
      "one step many times",
      [
        [5, 1],
        [5, 2],
        [5, 3],
      ],
      [],
    ],
    [
      "steps out of order",
      [
        [3, 1],
        [1, 2],
        [2, 3],
      ],
      [],
    ],
  ])("draws %s", (_, train, validation) => {
    const svg = lossChart({ train, validation, title: "t" });
    expectWellFormed(svg);
    expect(svg.length).toBeLessThan(20_000);
  });

  it("escapes whatever the title holds", () => {
    const svg = lossChart({ train: [], validation: [], title: '</text><script>&"\u0001\ud800 中' });
    expectWellFormed(svg);
    expect(svg).not.toContain("<script");
    expect(svg).toContain("&lt;/text&gt;&lt;script&gt;&amp;&quot;");
  });
});

describe("a noisy series", () => {
  it("is smoothed along a straight line exactly, to both ends", () => {
    const line = curve(200, (x) => 5 - 0.01 * x);
    for (const [i, [x, y]] of smooth(line).entries()) {
      expect(x).toBe(line[i]![0]);
      expect(Math.abs(y - line[i]![1])).toBeLessThan(1e-9);
    }
  });

  it("is smoothed past a lone spike as if it were not there", () => {
    const clean = curve(200, wave);
    const spiked = clean.map(([x, y]): Point => [x, x === 120 ? 1000 : y]);
    const expected = smooth(clean);
    const off = smooth(spiked).map(([, y], i) => Math.abs(y - expected[i]![1]));
    expect(Math.max(...off)).toBeLessThan(0.05);
  });

  it("is thinned to so many points, extremes kept", () => {
    const points = curve(1001, (x) => (x === 500 ? -9 : x === 501 ? 99 : 0));
    const thin = envelope(points, 100);
    expect(thin.length).toBe(100);
    expect(thin.map(([, y]) => y)).toEqual(expect.arrayContaining([-9, 99]));
    expect(thin.every(([x], i) => i === 0 || x >= thin[i - 1]![0])).toBe(true);
    expect(bucketMedians(points, 100).length).toBe(100);
    expect(bucketMedians(points, 100).every(([, y]) => y === 0)).toBe(true);
  });
});
