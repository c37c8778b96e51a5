// The native executor around its kernels: threads, memory, instruction sets, nonsense, several contexts.

import { describe, expect, it } from "vitest";
import { DTYPES, type DType } from "../../src/base/dtype.js";
import type { Program, } from "../../src/program/program.js";
import { executor, external, found, integers, noise, operand, title } from "./native-steps.js";

describe.runIf(found)(title("threads"), () => {
  // Four steps one after the other, each large enough to be shared, with a temporary between the first two.
  const [T, C, V] = [2000, 96, 50];
  const program: Program = {
    buffers: [
      ...external(
        [{ length: T * C }, { length: T }, { length: V * C }, { length: T * C }].map((values, i) => ({
          dtype: i === 1 || i === 3 ? "i32" : "f32",
          values,
        })),
      ),
      { role: "temporary", offset: 128, dtype: "f32", size: T * C },
    ],
    externals: 4,
    arenaBytes: 128 + T * C * 4,
    steps: [
      { ...base, kind: "cumsum", shape: [C, T], input: operand(0, "f32", [1, C]), output: operand(4, "f32", [1, C]) },
      {
        ...base,
        kind: "scatterAdd",
        shape: [T, C],
        axis: 0,
        output: operand(2, "f32", [0, 1]),
        axisStride: C,
        axisSize: V,
        index: operand(1, "i32", [1, 0]),
        updates: operand(4, "f32", [C, 1]),
      },
      {
        ...base,
        kind: "gather",
        shape: [T, C],
        source: operand(2, "f32", [0, 1]),
        axisStride: C,
        axisSize: V,
        index: operand(1, "i32", [1, 0]),
        output: operand(4, "f32", [C, 1]),
      },
      {
        ...base,
        kind: "argsort",
        shape: [T, C],
        descending: false,
        count: C,
        input: operand(4, "f32", [C, 1]),
        output: operand(3, "i32", [C, 1]),
      },
    ],
  };
  const memories = () => {
    const list = [
      executor.allocate("f32", T * C),
      executor.allocate("i32", T),
      executor.allocate("f32", V * C),
      executor.allocate("i32", T * C),
    ];
    list[0].data.set(noise(T * C, 21));
    list[1].data.set(integers(T, V, 22));
    return list;
  };

  it("give the same bits, however many they are", () => {
    const executable = executor.prepare(program);
    executor.setThreads(1);
    const one = memories();
    executable.run(one);
    expect(one[2].data.some((x) => x !== 0)).toBe(true);
    for (const count of [2, 7, 2, 64]) {
      executor.setThreads(count);
      expect(executor.threads).toBe(count);
      for (let repeat = 0; repeat < 20; repeat++) {
        const many = memories();
        executable.run(many);
        expect(many[2].data).toEqual(one[2].data);
        expect(many[3].data).toEqual(one[3].data);
      }
    }
    expect(executor.bytes.arena).toBeGreaterThanOrEqual(program.arenaBytes);
  });

  it("stop at the step that fails, and go on with the next program", () => {
    const executable = executor.prepare({
      ...program,
      steps: program.steps.map((s) => ({ ...s, label: `a ${s.kind}` })),
    });
    executor.setThreads(7);
    const list = memories();
    list[1].data[1999] = 50;
    for (let repeat = 0; repeat < 10; repeat++)
      expect(() => executable.run(list)).toThrow("scatterAdd (a scatterAdd): expected indices from 0 to 49, got 50");
    expect(list[3].data.every((x) => x === 0)).toBe(true);
    list[1].data[1999] = 49;
    executable.run(list);
    expect(list[3].data.some((x) => x !== 0)).toBe(true);
  });

  it("are at least one and at most 64", () => {
    for (const wrong of [0, -1, 1.5, 65, Number.NaN])
      expect(() => executor.setThreads(wrong)).toThrow("HEED_THREADS: expected a whole number from 1 to 64");
  });
});

describe.runIf(found)(title("memory"), () => {
  it("is zeroed, aligned, and as long as was asked for", () => {
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      for (const size of [0, 1, 3, 64, 1000, 70000]) {
        const first = executor.allocate(dtype, size);
        const second = executor.allocate(dtype, size);
        expect(first.data.length).toBe(size);
        expect(first.address % 64).toBe(0);
        expect(first.address).not.toBe(second.address);
        first.data.fill(1);
        expect(second.data.every((x) => x === 0)).toBe(true);
      }
    }
  });

  it("says when there is not enough", () => {
    expect(() => executor.allocate("f32", 2 ** 50)).toThrow("allocate: expected enough memory, got a wish for");
  });

  it("must be as large as the program takes it to be", () => {
    const executable = executor.prepare({
      buffers: external([{ dtype: "f32", values: { length: 300 } }]),
      steps: [],
      externals: 1,
      arenaBytes: 0,
    });
    expect(() => executable.run([])).toThrow("run: expected 1 external buffers, got 0");
    expect(() => executable.run([executor.allocate("f32", 299)])).toThrow(
      "run: expected at least 1200 bytes in slot 0, got 1196",
    );
    expect(() => executable.run([{ data: new Float32Array(300), address: 0 }])).toThrow("memory of another executor");
  });
});

it("refuses an instruction set that is not there", () => {
  expect(() => executor.setIsa("mmx")).toThrow("HEED_ISA: expected one of");
});
});
