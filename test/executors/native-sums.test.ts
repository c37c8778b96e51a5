// Sums of a side that a product makes on the way, on every instruction set and number of threads: exact where every partial sum is a
// number of f32, close to double precision where not, and the product itself is what it was without them.

import { afterAll, describe, expect } from "vitest";
import type { MatmulStep, SideSums } from "../../src/program/program.js";
import { base, contiguous, eachIsa, executor, f32, found, noise, operand, run, title } from "./native-steps.js";

interface Shapes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** From k to k of the side that is summed; its own width where not said. */
  readonly step?: number;
  /** The other side's k runs along memory. */
  readonly turned?: true;
}

const SHAPES: Record<string, Shapes> = {
  "whole matrices": { m: 16, n: 16, k: 8 },
  "ragged small ones": { m: 13, n: 17, k: 5 },
  "one row": { m: 1, n: 40, k: 33 },
  "one column": { m: 40, n: 1, k: 33 },
  "a single number": { m: 1, n: 1, k: 700 },
  "depth 1": { m: 70, n: 90, k: 1 },
  "few rows against many columns": { m: 3, n: 700, k: 300 },
  "many rows against few columns": { m: 700, n: 5, k: 300 },
  "few rows, dotted": { m: 20, n: 300, k: 1000, turned: true },
  "few tokens against a weight": { m: 60, n: 700, k: 130, turned: true },
  "several parts of k": { m: 24, n: 20, k: 6000 },
  "ragged parts of k": { m: 33, n: 47, k: 5003 },
  "blocks and several depths": { m: 200, n: 330, k: 700 },
  "rows crowded in the cache": { m: 1024, n: 70, k: 130 },
  "a wide left side against few columns": { m: 1100, n: 150, k: 470 },
  "the same, short sums": { m: 1100, n: 150, k: 70 },
  "the same, a panel at most": { m: 1100, n: 40, k: 130 },
  "the same, crowded and ragged": { m: 2048, n: 133, k: 401 },
  "a slice of wider lines": { m: 90, n: 150, k: 260, step: 417 },
  "a slice of lines a page apart": { m: 96, n: 96, k: 260, step: 2048 },
};

/** A product of random sixteenths in [-8, 8), its left side stored as [K, M], and the sums of a side. */
function product(shapes: Shapes, side: SideSums["side"] | null, values = sixteenths) {
  const { m, n, k, step } = shapes;
  const [left, right] = [side === "a" ? (step ?? m) : m, side === "b" ? (step ?? n) : n];
  const a = values(k * left, 1);
  const b = values(k * right, 2);
  const matmul: MatmulStep = {
    ...base,
    kind: "matmul",
    batch: [],
    m,
    n,
    k,
    a: operand(0, "f32", shapes.turned && side === "b" ? [k, 1] : [1, left]),
    b: operand(1, "f32", shapes.turned && side !== "b" ? [1, k] : [right, 1]),
    c: operand(2, "f32", contiguous([m, n])),
    ...(side ? { sums: { side, output: operand(3, "f32", [1], 1) } } : {}),
  };
  const count = side === "b" ? n : m;
  const numbers = (i: number, j: number) => {
    let sum = 0;
    for (let l = 0; l < k; l++) sum += a[l * left + i] * b[shapes.turned && side !== "b" ? j * k + l : l * right + j];
    return sum;
  };
  const [, , c, sums] = run(
    [matmul],
    [f32(a), f32(b), f32(new Array(m * n).fill(0)), f32(new Array(count + 2).fill(9))],
  );
  const [from, width] = side === "b" ? [b, right] : [a, left];
  const expected = Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let l = 0; l < k; l++) sum += Math.fround(from[l * width + i]);
    return sum;
  });
  return { c: [...c], sums: [...sums], expected, numbers };
}

const sixteenths = (count: number, seed: number) => noise(count, seed).map((x) => Math.floor(x * 256) / 16 - 8);

describe.runIf(found)(title("sums of a side"), () => {
  const threads = found?.threads ?? 1;
  afterAll(() => executor.setThreads(threads));

  for (const [name, shapes] of Object.entries(SHAPES))
    eachIsa(name, () => {
      executor.setThreads(1);
      const { c: plain, numbers } = product(shapes, null);
      // Sums of so many products of sixteenths are numbers of f32.
      for (let at = 0; shapes.k <= 1000 && at < plain.length; at += 97)
        if (plain[at] !== numbers(Math.floor(at / shapes.n), at % shapes.n)) expect.fail(`the product at ${at}`);
      for (const side of ["a", "b"] as const)
        for (const count of [1, 2, 7]) {
          executor.setThreads(count);
          const { c, sums, expected } = product(shapes, side);
          expect(sums).toEqual([9, ...expected, 9]);
          if (!shapes.step && !(shapes.turned && side === "b")) expect(c).toEqual(plain);
        }
    });

  eachIsa("long sums are close to double precision", () => {
    for (const side of ["a", "b"] as const) {
      const { sums, expected } = product({ m: 20, n: 36, k: 50_000 }, side, noise);
      for (const [i, x] of expected.entries()) expect(Math.abs(sums[i + 1] - x) / x).toBeLessThan(3e-7);
    }
  });

  eachIsa("what is not finite stays in its own sum", () => {
    const values = (count: number, seed: number) =>
      sixteenths(count, seed).map((x, i) => (i === 100 ? Number.NaN : i === 203 ? Number.POSITIVE_INFINITY : x));
    const { sums, expected } = product({ m: 90, n: 90, k: 40 }, "a", values);
    expect(sums).toEqual([9, ...expected, 9]);
    expect(expected.filter((x) => !Number.isFinite(x)).length).toBe(2);
  });
});
