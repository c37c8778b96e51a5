// Native gather and scatterAdd against plain loops, to the bit.

import { describe, expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "../../src/base/half.js";
import type { Program, Step } from "../../src/program/program.js";
import {
  base,
  contiguous,
  eachIsa,
  executor,
  expectSame,
  external,
  f32,
  found,
  i32,
  integers,
  noise,
  operand,
  run,
  title,
} from "./native-steps.js";

describe.runIf(found)(title("gather"), () => {
  const embedding = (rows: number, width: number, vocabulary: number, dtype: DType, label = ""): Step => ({
    ...base,
    kind: "gather",
    label,
    shape: [rows, width],
    source: operand(0, dtype, [0, 1]),
    axisStride: width,
    axisSize: vocabulary,
    index: operand(1, "i32", [1, 0]),
    output: operand(2, dtype, [width, 1]),
  });

  eachIsa("looks rows up in a table of any dtype", () => {
    for (const [rows, width, vocabulary] of [
      [1, 1, 1],
      [7, 5, 11],
      [300, 130, 65],
      [1, 40000, 3],
      [0, 5, 4],
      [4, 0, 4],
    ]) {
      for (const dtype of ["f32", "f16", "i32", "bool"] as const) {
        const table = { dtype, values: integers(vocabulary * width, 2, 3) };
        const index = integers(rows, vocabulary);
        const [, , out] = run(
          [embedding(rows, width, vocabulary, dtype)],
          [table, i32(index), { dtype, values: new Array(rows * width).fill(1) }],
        );
        const expected = index.flatMap((row) => table.values.slice(row * width, (row + 1) * width));
        expectSame(out, expected);
      }
    }
  });

  eachIsa("takes one index for each element, from strided views", () => {
    // out[a][b][c] = source[a][index[a][b][c]][c], the source transposed and beginning at element 3
    const [A, B, C, N] = [5, 6, 7, 9];
    for (const dtype of ["f32", "bf16", "bool"] as const) {
      const source = integers(3 + A * N * C, dtype === "bool" ? 2 : 1000, 5);
      const index = integers(A * B * C, N, 6);
      const step: Step = {
        ...base,
        kind: "gather",
        shape: [A, B, C],
        source: operand(0, dtype, [1, 0, A * N], 3),
        axisStride: A,
        axisSize: N,
        index: operand(1, "i32", [C, A * C, 1]),
        output: operand(2, dtype, contiguous([A, B, C])),
      };
      const [, , out] = run(
        [step],
        [{ dtype, values: source }, i32(index), { dtype, values: new Array(A * B * C).fill(0) }],
      );
      for (let a = 0, o = 0; a < A; a++)
        for (let b = 0; b < B; b++)
          for (let c = 0; c < C; c++, o++)
            expect(out[o]).toBe(source[3 + a + index[a * C + b * A * C + c] * A + c * A * N]);
    }
  });

  it("names the step and the index that is out of range, and touches nothing outside", () => {
    const step = embedding(3, 4, 65, "f32", "tokens");
    const table = f32(noise(65 * 4));
    const shout = (index: number[]) => () => run([step], [table, i32(index), f32(new Array(12).fill(0))]);
    expect(shout([1, 70, 2])).toThrow("gather (tokens): expected indices from 0 to 64, got 70");
    expect(shout([1, 2, -1])).toThrow("gather (tokens): expected indices from 0 to 64, got -1");
    expect(shout([0, 64, 2])).not.toThrow();
    const none = embedding(1, 4, 0, "f32");
    expect(() => run([none], [f32([]), i32([0]), f32([0, 0, 0, 0])])).toThrow(
      "gather: expected no index into an empty axis, got 0",
    );
  });

  it("writes zero where an index is out of range", () => {
    const program: Program = {
      buffers: external([
        { dtype: "f32", values: { length: 6 } },
        { dtype: "i32", values: { length: 2 } },
        { dtype: "f32", values: { length: 4 } },
      ]),
      steps: [embedding(2, 2, 3, "f32")],
      externals: 3,
      arenaBytes: 0,
    };
    const memories = [executor.allocate("f32", 6), executor.allocate("i32", 2), executor.allocate("f32", 6)];
    memories[0].data.set([1, 2, 3, 4, 5, 6]);
    memories[1].data.set([2 ** 31 - 1, 2]);
    memories[2].data.fill(9);
    expect(() => executor.prepare(program).run(memories)).toThrow("got 2147483647");
    expect(Array.from(memories[2].data)).toEqual([0, 0, 5, 6, 9, 9]);
  });
});

describe.runIf(found)(title("scatterAdd"), () => {
  const rowsStep = (tokens: number, width: number, vocabulary: number, dtype: DType, label = ""): Step => ({
    ...base,
    kind: "scatter",
    adds: true,
    label,
    shape: [tokens, width],
    axis: 0,
    output: operand(0, dtype, [0, 1]),
    axisStride: width,
    axisSize: vocabulary,
    index: operand(1, "i32", [1, 0]),
    updates: operand(2, dtype, [width, 1]),
  });

  eachIsa("adds rows in the order of the tokens", () => {
    for (const [tokens, width, vocabulary] of [
      [1, 1, 1],
      [9, 3, 4],
      [3000, 70, 37],
      [500, 1, 5],
      [0, 4, 3],
      [3, 0, 2],
    ]) {
      const start = noise(vocabulary * width, 7);
      const updates = Float32Array.from(noise(tokens * width, 8));
      const index = integers(tokens, vocabulary, 9);
      const expected = Float32Array.from(start);
      for (let t = 0; t < tokens; t++)
        for (let c = 0; c < width; c++) expected[index[t] * width + c] += updates[t * width + c];
      const [out] = run([rowsStep(tokens, width, vocabulary, "f32")], [f32(start), i32(index), f32(updates)]);
      expectSame(out, expected);
    }
  });

  eachIsa("adds i32, f16 and bf16", () => {
    const [tokens, width, vocabulary] = [40, 5, 3];
    const index = integers(tokens, vocabulary, 4);
    const whole = integers(tokens * width, 2 ** 31, 2);
    const sums = new Int32Array(vocabulary * width);
    for (let i = 0; i < whole.length; i++) sums[index[Math.floor(i / width)] * width + (i % width)] += whole[i];
    const step = rowsStep(tokens, width, vocabulary, "i32");
    expect(run([step], [i32(new Int32Array(vocabulary * width)), i32(index), i32(whole)])[0]).toEqual(sums);
    const parts = noise(tokens * width, 3);
    for (const [dtype, make, back] of [
      ["f16", f16FromF32, f32FromF16],
      ["bf16", bf16FromF32, f32FromBf16],
    ] as const) {
      const expected = new Uint16Array(vocabulary * width);
      for (let i = 0; i < parts.length; i++) {
        const at = index[Math.floor(i / width)] * width + (i % width);
        expected[at] = make(back(expected[at]) + back(make(parts[i])));
      }
      const arrays = [
        { dtype, values: new Uint16Array(vocabulary * width) },
        i32(index),
        { dtype, values: parts.map(make) },
      ];
      expect(run([rowsStep(tokens, width, vocabulary, dtype)], arrays)[0]).toEqual(expected);
    }
  });

  eachIsa("adds along an inner axis, with an index for each element", () => {
    // out[r][index[r][n]] += updates[r][n]; the updates lie transposed
    const [R, N, S] = [33, 50, 12];
    const index = integers(R * N, S, 11);
    const updates = Float32Array.from(noise(R * N, 12));
    const step: Step = {
      ...base,
      kind: "scatter",
      adds: true,
      shape: [R, N],
      axis: 1,
      output: operand(0, "f32", [S, 0]),
      axisStride: 1,
      axisSize: S,
      index: operand(1, "i32", [N, 1]),
      updates: operand(2, "f32", [1, R]),
    };
    const expected = new Float32Array(R * S);
    for (let r = 0; r < R; r++) for (let n = 0; n < N; n++) expected[r * S + index[r * N + n]] += updates[n * R + r];
    expect(run([step], [f32(expected.map(() => 0)), i32(index), f32(updates)])[0]).toEqual(expected);
  });

  it("leaves out what is out of range and says so", () => {
    const shout = () => run([rowsStep(2, 2, 3, "f32", "positions")], [f32(noise(6)), i32([0, 3]), f32(noise(4))]);
    expect(shout).toThrow("scatter (positions): expected indices from 0 to 2, got 3");
  });
});
