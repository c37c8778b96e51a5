// Native cumsum and argsort against plain loops, to the bit.

import { describe, expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "../../src/base/half.js";
import type { Step } from "../../src/program/program.js";
import {
  base,
  bf16,
  bool,
  contiguous,
  eachIsa,
  expectSame,
  f16,
  f32,
  found,
  i32,
  integers,
  noise,
  operand,
  run,
  title,
  type Values,
} from "./native-steps.js";

describe.runIf(found)(title("cumsum"), () => {
  const step = (shape: number[], from: DType, to: DType, strides = contiguous(shape)): Step => ({
    ...base,
    kind: "cumsum",
    shape,
    input: operand(0, from, strides),
    output: operand(1, to, strides),
  });

  eachIsa("sums f32 in double precision, along rows and along columns", () => {
    for (const [rows, length] of [
      [1, 1],
      [3, 5],
      [200, 333],
      [1, 70000],
      [0, 3],
      [3, 0],
    ]) {
      const values = Float32Array.from(noise(rows * length, 13), (x) => x - 0.5);
      for (const [row, along] of [
        [length, 1],
        [1, rows],
      ]) {
        const expected = new Float32Array(values.length);
        for (let r = 0; r < rows; r++)
          for (let t = 0, sum = 0; t < length; t++) expected[r * row + t * along] = sum += values[r * row + t * along];
        const [, out] = run([step([rows, length], "f32", "f32", [row, along])], [f32(values), f32(values)]);
        expectSame(out, expected);
      }
    }
  });

  eachIsa("sums the other dtypes", () => {
    const whole = integers(100, 2 ** 31, 14);
    let sum = 0;
    const wrapped = Int32Array.from(whole, (x) => (sum = (sum + x) | 0));
    expect(run([step([100], "i32", "i32")], [i32(whole), i32(whole)])[1]).toEqual(wrapped);
    sum = 0;
    const bits = integers(100, 2, 15);
    expect(Array.from(run([step([100], "bool", "i32")], [bool(bits), i32(bits)])[1])).toEqual(
      bits.map((b) => (sum += b)),
    );
    for (const [dtype, make, back] of [
      ["f16", f16FromF32, f32FromF16],
      ["bf16", bf16FromF32, f32FromBf16],
    ] as const) {
      const values = noise(100, 16).map(make);
      sum = 0;
      const expected = values.map((x) => {
        sum = Math.fround(sum + back(x));
        return make(sum);
      });
      expect(
        Array.from(
          run(
            [step([100], dtype, dtype)],
            [
              { dtype, values },
              { dtype, values },
            ],
          )[1],
        ),
      ).toEqual(expected);
    }
    expect(Array.from(run([step([], "f32", "f32")], [f32([3]), f32([0])])[1])).toEqual([3]);
  });
});

describe.runIf(found)(title("argsort"), () => {
  const step = (
    rows: number,
    length: number,
    count: number,
    descending: boolean,
    dtype: DType,
    strides = [length, 1],
  ): Step => ({
    ...base,
    kind: "argsort",
    shape: [rows, length],
    descending,
    count,
    input: operand(0, dtype, strides),
    output: operand(1, "i32", [count, 1]),
  });
  // NaN is the largest; -0 and 0 are equal because JavaScript says so.
  const order = (a: number, b: number) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b || 0;
  const sorted = (values: number[], count: number, descending: boolean) =>
    values
      .map((_, i) => i)
      .sort((i, j) => (descending ? order(values[j], values[i]) : order(values[i], values[j])) || i - j)
      .slice(0, count);
  const awkward = [
    Number.NaN,
    -0,
    0,
    1,
    -1,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -Number.NaN,
    1e-40,
    -1e-40,
    3e38,
    2,
    2,
    2,
  ];

  function check(array: Values, values: number[], length: number, count: number) {
    const rows = length ? values.length / length : 3;
    for (const descending of [false, true]) {
      const expected = [];
      for (let r = 0; r < rows; r++)
        expected.push(...sorted(values.slice(r * length, (r + 1) * length), count, descending));
      const out = run(
        [step(rows, length, count, descending, array.dtype)],
        [array, i32(new Int32Array(rows * count))],
      )[1];
      expectSame(out, expected);
    }
  }

  eachIsa("is stable, with NaN last and -0 equal to 0", () => {
    check(f32(awkward), awkward, awkward.length, awkward.length);
    const infinite = awkward.map((x) =>
      Math.abs(x) > 1e30 ? Math.sign(x) * Number.POSITIVE_INFINITY : Math.abs(x) < 1e-30 ? 0 : x,
    );
    check(f16(infinite), infinite, infinite.length, infinite.length);
    check(bf16(infinite), infinite, infinite.length, infinite.length);
  });

  eachIsa("sorts short, long, many and no rows", () => {
    for (const [rows, length] of [
      [1, 1],
      [300, 39],
      [300, 41],
      [5, 1000],
      [1, 70001],
      [3, 0],
    ]) {
      const values = Array.from(Float32Array.from(noise(rows * length, 17), (x) => Math.round(x * 5000) - 2500));
      check(f32(values), values, length, length);
      check(i32(values.map((x) => x * 800000)), values, length, length);
    }
    const coarse = integers(2000, 2, 18);
    check(bool(coarse), coarse, 500, 500);
  });

  eachIsa("selects the first few exactly as the whole sort has them", () => {
    for (const [rows, length, count] of [
      [1, 50257, 50],
      [20, 300, 1],
      [4, 1000, 62],
      [1, 4096, 256],
      [1, 300, 0],
    ]) {
      for (const spread of [10, 1e6]) {
        const values = integers(rows * length, spread, 19);
        check(f32(values), values, length, count);
        const rising = values.map((_, i) => i);
        check(f32(rising), rising, length, count);
      }
    }
  });

  it("sorts along an outer axis", () => {
    const [rows, length] = [30, 500];
    const values = integers(rows * length, 100, 20);
    for (const count of [10, length]) {
      const [, out] = run(
        [step(rows, length, count, true, "f32", [1, rows])],
        [f32(values), i32(new Int32Array(rows * count))],
      );
      for (let r = 0; r < rows; r++)
        expect(Array.from(out.subarray(r * count, (r + 1) * count))).toEqual(
          sorted(
            values.filter((_, i) => i % rows === r),
            count,
            true,
          ),
        );
    }
  });
});
