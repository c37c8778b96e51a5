// Programs of one step or a few, written by hand, on the native executor; shared by the tests of its kernels.

import { expect, it } from "vitest";
import type { DType, TypedArray } from "../../src/base/dtype.js";
import { bf16FromF32, f16FromF32 } from "../../src/base/half.js";
import { type NativeExecutor, nativeExecutor, nativeProblem } from "../../src/executors/native.js";
import type { Instruction } from "../../src/program/expression.js";
import type { Buffer, Operand, Program, Step } from "../../src/program/program.js";

export const found = nativeExecutor();
/** What a suite is called: where there is no addon it does not run, and its name says why. */
export const title = (name: string) => (found ? name : `${name}, not run: ${nativeProblem()}`);
/** Where there is none, no test runs that would use it. */
export const executor = found as NativeExecutor;

type Numbers = ArrayLike<number>;
export interface Values {
  readonly dtype: DType;
  readonly values: Numbers;
}

export const f32 = (values: Numbers): Values => ({ dtype: "f32", values: Float32Array.from(values) });
export const i32 = (values: Numbers): Values => ({ dtype: "i32", values });
export const bool = (values: Numbers): Values => ({ dtype: "bool", values });
export const f16 = (values: Numbers): Values => ({ dtype: "f16", values: Array.from(values, f16FromF32) });
export const bf16 = (values: Numbers): Values => ({ dtype: "bf16", values: Array.from(values, bf16FromF32) });

/** What every step has. */
export const base = { label: "", flops: 0 };

export const operand = (buffer: number, dtype: DType, strides: readonly number[], offset = 0): Operand => ({
  buffer,
  dtype,
  strides,
  offset,
});

/** An index or another whole number as a float, for the bodies of attention. */
export const toFloat = (dst: number, a: number): Instruction => ({
  op: "convert",
  to: "toFloat",
  int: true,
  width: "full",
  dst,
  a,
});

/** The strides of a contiguous array. */
export const contiguous = (shape: readonly number[]) =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));

/** Numbers that look random, in [0, 1), the same each time. */
export function noise(count: number, seed = 1): number[] {
  let state = Math.imul(seed, 2654435761);
  return Array.from({ length: count }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  });
}
export const integers = (count: number, below: number, seed = 1) =>
  noise(count, seed).map((x) => Math.floor(x * below));

/** One external buffer for each of the arrays. */
export function external(arrays: readonly Values[]): Buffer[] {
  return arrays.map(({ dtype, values }, slot) => ({ role: "external", slot, dtype, size: values.length }));
}

/** Runs the steps on copies of the arrays and returns what the arrays hold then. Those `beside` need not wait for the one before. */
export function run(steps: readonly Step[], arrays: readonly Values[], beside?: ReadonlySet<number>): TypedArray[] {
  const program: Program = { buffers: external(arrays), steps, beside, externals: arrays.length, arenaBytes: 0 };
  const memories = arrays.map(({ dtype, values }) => {
    const memory = executor.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  executor.prepare(program).run(memories);
  return memories.map((memory) => memory.data);
}

/** Expects the same numbers to the bit (0 and -0 differ), and names the first that is not. */
export function expectSame(actual: TypedArray, expected: Numbers): void {
  expect(actual.length).toBe(expected.length);
  let i = 0;
  while (i < actual.length && Object.is(actual[i], expected[i])) i++;
  expect(i === actual.length ? "all the same" : `[${i}]: ${actual[i]}`).toBe(
    i === actual.length ? "all the same" : `[${i}]: ${expected[i]}`,
  );
}

/** A test that runs once for each set of kernels that this processor has. */
export function eachIsa(name: string, body: () => void): void {
  for (const isa of found?.isas ?? []) {
    it(`${name} [${isa}]`, () => {
      executor.setIsa(isa);
      try {
        body();
      } finally {
        executor.setIsa(executor.isas[0]);
      }
    });
  }
}
