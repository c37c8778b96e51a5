// Steps that do not wait for each other, made into common stages: the numbers that they give one after the other, to the bit, on any number
// of threads; each keeps its shared scratch to itself, and a failure names its own step.

import { afterAll, describe, expect, it } from "vitest";
import type { MatmulStep, Program, ReduceStep, Step } from "../../src/program/program.js";
import { base, contiguous, executor, external, f32, noise, operand, title } from "./native-steps.js";

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

function build(rounds: number, sizesOf: readonly (readonly number[])[] = SIZES): { steps: Step[]; sizes: number[] } {
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

function numbers({ steps, sizes }: ReturnType<typeof build>, beside: ReadonlySet<number>): Float32Array[] {
  const arrays = sizes.map((size, i) => f32(noise(size, i + 1)));
  const program: Program = { buffers: external(arrays), steps, beside, externals: sizes.length, arenaBytes: 0 };
  const memories = arrays.map(({ dtype, values }) => {
    const memory = executor.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  executor.prepare(program).run(memories);
  return memories.map((memory) => Float32Array.from(memory.data));
}

function same(actual: Float32Array[], expected: Float32Array[]): void {
  for (const [i, array] of actual.entries())
    expect(Buffer.from(array.buffer).equals(Buffer.from(expected[i].buffer)), `array ${i}`).toBe(true);
}

describe.runIf(executor)(title("steps side by side"), () => {
  const threads = executor?.threads;
  const isa = executor?.isa;
  afterAll(() => {
    executor.setThreads(threads);
    executor.setIsa(isa);
  });
  for (const set of executor?.isas ?? []) {
    it(`give what they give one after the other [${set}]`, () => {
      executor.setIsa(set);
      const built = build(1);
      const all = new Set(built.steps.keys());
      const some = new Set([...all].filter((i) => i % 3 !== 0));
      executor.setThreads(1);
      const expected = numbers(built, new Set());
      for (const count of [1, 2, 7]) {
        executor.setThreads(count);
        for (const beside of [all, some]) same(numbers(built, beside), expected);
      }
    });
  }

  it("more of them than make one stage", () => {
    const built = build(40, [[16, 20, 24]]);
    expect(built.steps.length).toBeGreaterThan(64);
    executor.setThreads(2);
    same(numbers(built, new Set(built.steps.keys())), numbers(built, new Set()));
  });
});
