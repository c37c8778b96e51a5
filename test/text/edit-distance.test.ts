// Edit distance: known pairs, what must hold of any distance, a search over all edits, and the error rate.

import { describe, expect, it } from "vitest";
import { Generator } from "../../src/index.js";
import { editDistance, errorRate, type Sequence } from "../../src/text/index.js";

/** By definition: the shortest of all ways. */
function slow(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const [x, y] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return slow(x, y);
  return 1 + Math.min(slow(x, y), slow(x, b), slow(a, y));
}

describe("editDistance", () => {
  const pairs: [Sequence, Sequence, number][] = [
    ["kitten", "sitting", 3],
    ["", "abc", 3],
    ["intention", "execution", 5],
    ["靜夜思", "靜思夜", 2],
    ["a😀b", "ab", 1],
    [["DH", "AH0"], ["DH", "IY0"], 1],
    [[1, 2, 3], Int32Array.from([2, 3]), 1],
    [[1], ["1"], 1],
  ];
  for (const [a, b, wanted] of pairs)
    it(`${JSON.stringify(a)} to ${JSON.stringify(b)}`, () => {
      expect(editDistance(a, b)).toBe(wanted);
      expect(editDistance(b, a)).toBe(wanted);
      expect(editDistance(a, a)).toBe(0);
    });

  it("is the least over all ways", () => {
    const generator = new Generator(3);
    const whole = (below: number) => Math.floor(generator.double() * below);
    for (let i = 0; i < 60; i++) {
      const [a, b] = [0, 1].map(() => Array.from({ length: whole(7) }, () => whole(3)));
      expect(editDistance(a, b)).toBe(slow(a, b));
    }
  });
});

describe("errorRate", () => {
  it("counts edits over all the tokens of the references", () => {
    expect(errorRate([["DH", "AH"]], [["DH", "IY"]])).toBe(0.5);
    expect(errorRate(["abc", ""], ["abd", "xy"])).toBe(3 / 5);
    expect(errorRate([[1, 2, 3, 4]], [[9]])).toBe(4);
  });

  it("tells mistakes", () => {
    expect(() => errorRate(["a"], ["a", "b"])).toThrow(
      /errorRate: expected a reference for each hypothesis, got 1 and 2/,
    );
    expect(() => errorRate(["a"], [""])).toThrow(/references with at least one token, got none/);
    expect(() => editDistance(null as never, "a")).toThrow(
      /editDistance: expected a list of tokens or a string, got null/,
    );
  });
});
