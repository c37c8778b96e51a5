// Steps that do not wait for each other, made into common stages: the numbers that they give one after the other, to the bit, on any number
// of threads, as each keeps its shared scratch to itself.

import { afterAll, describe, expect, it } from "vitest";
import type { TypedArray } from "../../src/base/dtype.js";
import type { MatmulStep, ReduceStep, Step } from "../../src/program/program.js";
import {
  base,
  contiguous,
  eachIsa,
  executor,
  expectSame,
  f32,
  found,
  noise,
  operand,
  run,
  title,
} from "./native-steps.js";

/** Sizes of products with one phase and two (B packed for all, k in parts), small and large, and none at all. */
const SIZES = [
  [64, 64, 64],
  [256, 512, 192],
  [20, 24, 6000],
  [3, 700, 300],
  [0, 5, 7],
  [512, 256, 128],
  [33, 47, 5003],
  [5, 5, 0],
] as const;

function build(rounds = 1, sizesOf: readonly (readonly number[])[] = SIZES): { steps: Step[]; sizes: number[] } {
  const steps: Step[] = [];
  const sizes: number[] = [];
  for (let round = 0; round < rounds; round++)
    for (const [m, n, k] of sizesOf) {
      const a = sizes.push(m * k) - 1;
      const b = sizes.push(k * n) - 1;
      const c = sizes.push(m * n) - 1;
      const sum = sizes.push(1) - 1;
      const matmul: MatmulStep = {
        ...base,
        kind: "matmul",
        batch: [],
        m,
        n,
        k,
        a: operand(a, "f32", contiguous([m, k])),
        b: operand(b, "f32", [1, k]),
        c: operand(c, "f32", contiguous([m, n])),
      };
      const reduce: ReduceStep = {
        ...base,
        kind: "reduce",
        shape: [Math.max(1, k * n)],
        reduced: [true],
        reduce: "sum",
        inputs: [operand(k * n ? b : sum, "f32", [1])],
        output: operand(sum, "f32", [0]),
        body: { instructions: [{ op: "load", input: 0, width: "full", dst: 0 }], fullRegisters: 1, rowRegisters: 0 },
        result: 0,
      };
      steps.push(matmul, ...(k * n ? [reduce] : []));
    }
  return { steps, sizes };
}

function numbers({ steps, sizes }: ReturnType<typeof build>, beside: ReadonlySet<number>): TypedArray[] {
  return run(
    steps,
    sizes.map((size, i) => f32(noise(size, i + 1))),
    beside,
  );
}

function same(actual: TypedArray[], expected: TypedArray[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, array] of actual.entries()) expectSame(array, expected[i]);
}

describe.runIf(found)(title("steps side by side"), () => {
  const threads = found?.threads ?? 1;
  afterAll(() => executor.setThreads(threads));

  eachIsa("give what they give one after the other", () => {
    const built = build();
    const all = new Set(built.steps.keys());
    const some = new Set([...all].filter((i) => i % 3 !== 0));
    executor.setThreads(1);
    const expected = numbers(built, new Set());
    for (const count of [1, 2, 7]) {
      executor.setThreads(count);
      for (const beside of [all, some]) same(numbers(built, beside), expected);
    }
  });

  it("more of them than make one stage", () => {
    const built = build(40, [[16, 20, 24]]);
    expect(built.steps.length).toBeGreaterThan(64);
    executor.setThreads(2);
    same(numbers(built, new Set(built.steps.keys())), numbers(built, new Set()));
  });
});
