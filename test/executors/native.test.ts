// The native executor around its kernels: threads, memory, instruction sets, nonsense, several contexts, a clean exit.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { DTYPES, type DType } from "../../src/base/dtype.js";
import { encode } from "../../src/program/encode.js";
import type { Program } from "../../src/program/program.js";
import { base, executor, expectSame, external, found, integers, noise, operand, title } from "./native-steps.js";

const path = fileURLToPath(new URL("../../build/Release/heed.node", import.meta.url));
const threads = found?.threads ?? 1;
const sized = (dtype: DType, length: number) => ({ dtype, values: { length } });

// Four steps one after the other, each large enough to be shared, with a temporary between them.
const [T, C, V] = [2000, 96, 50];
const chain: Program = {
  buffers: [
    ...external([sized("f32", T * C), sized("i32", T), sized("f32", V * C), sized("i32", T * C)]),
    { role: "temporary", offset: 128, dtype: "f32", size: T * C },
  ],
  externals: 4,
  arenaBytes: 128 + T * C * 4,
  steps: [
    {
      ...base,
      kind: "cumsum",
      shape: [C, T],
      input: operand(0, "f32", [1, C]),
      output: operand(4, "f32", [1, C]),
    },
    {
      ...base,
      kind: "scatter",
      adds: true,
      label: "counts",
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

function chainMemories() {
  const list = [
    executor.allocate("f32", T * C),
    executor.allocate("i32", T),
    executor.allocate("f32", V * C),
    executor.allocate("i32", T * C),
  ];
  list[0].data.set(noise(T * C, 21));
  list[1].data.set(integers(T, V, 22));
  list[2].data.fill(0); // what is scattered is added to it
  list[3].data.fill(0);
  return list;
}

afterEach(() => found?.setThreads(threads));

describe.runIf(found)(title("native threads"), () => {
  it("give the same bits, however many they are", () => {
    const executable = executor.prepare(chain);
    executor.setThreads(1);
    const one = chainMemories();
    executable.run(one);
    expect(one[2].data.some((x) => x !== 0)).toBe(true);
    for (const count of [2, 7, 2, 64]) {
      executor.setThreads(count);
      expect(executor.threads).toBe(count);
      for (let repeat = 0; repeat < 5; repeat++) {
        const many = chainMemories();
        executable.run(many);
        expectSame(many[2].data, one[2].data);
        expectSame(many[3].data, one[3].data);
      }
    }
    expect(executor.bytes.arena).toBeGreaterThanOrEqual(chain.arenaBytes);
  });

  it("stop at the step that fails, and go on with the next program", () => {
    const executable = executor.prepare(chain);
    executor.setThreads(7);
    const list = chainMemories();
    list[1].data[1999] = 50;
    for (let repeat = 0; repeat < 10; repeat++)
      expect(() => executable.run(list)).toThrow("scatter (counts): expected indices from 0 to 49, got 50");
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

describe.runIf(found)(title("native memory"), () => {
  it("is apart, aligned, and as long as was asked for", () => {
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      for (const size of [0, 1, 3, 64, 1000, 70000, 1 << 20]) {
        const first = executor.allocate(dtype, size);
        const second = executor.allocate(dtype, size);
        expect(first.data.length).toBe(size);
        expect(first.address % 64).toBe(0);
        expect(first.address).not.toBe(second.address);
        second.data.fill(1);
        first.data.fill(0);
        expect(second.data.every((x) => x === 1)).toBe(true);
      }
    }
  });

  it("is an error where there is not enough", () => {
    expect(() => executor.allocate("f32", 2 ** 50)).toThrow("allocate: expected enough memory, got a wish for");
    const huge = executor.prepare({ ...chain, arenaBytes: 2 ** 52 });
    expect(() => huge.run(chainMemories())).toThrow(
      "run: expected memory for the program's temporaries, got a need of",
    );
    executor.prepare(chain).run(chainMemories());
  });

  it("must be as large as the program takes it to be", () => {
    const executable = executor.prepare({
      buffers: external([sized("f32", 300)]),
      steps: [],
      externals: 1,
      arenaBytes: 0,
    });
    expect(() => executable.run([])).toThrow("run: expected 1 external buffers, got 0");
    const short = executor.allocate("f32", 299);
    expect(() => executable.run([short])).toThrow("run: expected at least 1200 bytes in slot 0, got 1196");
    const foreign = { data: new Float32Array(300), address: 0 };
    expect(() => executable.run([foreign])).toThrow("memory of another executor");
  });
});

/** The addon itself, in CommonJS text: for other threads and processes. */
const load = `const addon = (() => { const m = { exports: {} }; process.dlopen(m, ${JSON.stringify(path)}); return m.exports; })();`;
const words = () => JSON.stringify(Array.from(encode(chain)));
/** Runs the chain on arrays of zeros `times` times, with so many threads. */
const runChain = (count: number, times: number) => `${load}
  const arrays = [${T * C}, ${T}, ${V * C}, ${T * C}].map((n) => new Float32Array(new ArrayBuffer(n * 4)));
  const addresses = Float64Array.from(arrays, (a) => addon.address(a.buffer));
  const handle = addon.prepare(Int32Array.from(${words()}), 0, addresses, new Int32Array(4));
  addon.setThreads(${count});
  let codes = 0;
  for (let i = 0; i < ${times}; i++) codes |= addon.run(handle, arrays);
  if (codes !== 0) throw new Error("code " + codes);`;

describe.runIf(found)(title("the addon"), () => {
  it("refuses an instruction set that is not there", () => {
    expect(() => executor.setIsa("mmx")).toThrow("HEED_ISA: expected one of");
  });

  it("refuses words that are no program", () => {
    const loaded = { exports: {} as { prepare(...args: unknown[]): object; run(handle: unknown): number } };
    process.dlopen(loaded, path);
    const addon = loaded.exports;
    const prepare = (list: ArrayLike<number>) =>
      addon.prepare(Int32Array.from(list), 0, new Float64Array(4), new Int32Array(4));
    const good = Array.from(encode(chain));
    expect(() => prepare(good)).not.toThrow();
    for (let length = 0; length < good.length; length++) expect(() => prepare(good.slice(0, length))).toThrow();
    // header: magic, version, buffers, steps, externals; first buffer: slot; first step: kind, length, rank, first size
    const firstStep = 7 + 5 * 4;
    for (const at of [0, 1, 2, 3, 4, 8, firstStep, firstStep + 1, firstStep + 2, firstStep + 3]) {
      for (const wrong of [-1, 2 ** 31 - 1, -(2 ** 31)]) {
        if (at === 4 && wrong > 0) continue; // more slots than addresses is another mistake, below
        if (at === firstStep + 3 && wrong > 0) continue; // a large shape is a shape
        const bad = good.slice();
        bad[at] = wrong;
        expect(() => prepare(bad), `word ${at} = ${wrong}`).toThrow();
      }
    }
    expect(() => addon.prepare(Int32Array.from(good), 0, new Float64Array(3), new Int32Array(4))).toThrow(
      "an address for each",
    );
    expect(() => addon.prepare(Int32Array.from(good), 0, new Float64Array(4), new Int32Array(3))).toThrow(
      "a status of four",
    );
    expect(() => addon.prepare(Int32Array.from(good), 9, new Float64Array(4), new Int32Array(4))).toThrow(
      "instruction set",
    );
    expect(() => addon.prepare(good, 0, new Float64Array(4), new Int32Array(4))).toThrow("Int32Array");
    expect(() => addon.run({})).toThrow("expected a handle");
  });

  it("works in several threads of Node at once, which come and go", async () => {
    const workers = Array.from({ length: 3 }, (_, i) => new Worker(runChain(i + 1, 20), { eval: true }));
    const executable = executor.prepare(chain);
    for (let i = 0; i < 20; i++) executable.run(chainMemories());
    const codes = await Promise.all(
      workers.map(
        (worker) =>
          new Promise((resolve, reject) => {
            worker.on("error", reject);
            worker.on("exit", resolve);
          }),
      ),
    );
    expect(codes).toEqual([0, 0, 0]);
    executable.run(chainMemories());
  });

  it("lets the process end, also when only a worker had loaded it", () => {
    const inWorker = `const { Worker } = require("node:worker_threads");
      const next = (left) => left && new Worker(${JSON.stringify(runChain(4, 3))}, { eval: true }).on("exit", (code) => {
        if (code) process.exit(code);
        next(left - 1);
      });
      next(3);`;
    for (const code of [runChain(4, 3), `${runChain(4, 3)} process.exit(0);`, inWorker]) {
      const { status, signal, stderr } = spawnSync(process.execPath, ["-e", code], {
        timeout: 30_000,
        encoding: "utf8",
      });
      expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
    }
  });
});
