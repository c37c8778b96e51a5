// Products that read windows where they lie, on every instruction set and number of threads: the reference executor's numbers, and the
// same bits however many threads there are. The shapes make rows of windows that fill a vector, and rows that break inside one once,
// several times, and so often that they are gathered.

import { afterAll, beforeAll, describe, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import { type NativeExecutor, nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { type ConvolutionOptions, conv2d } from "../../src/tensor/convolution.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose } from "../support/compare.js";
import { functional } from "../support/inputs.js";

interface Example {
  readonly image: readonly number[];
  readonly weight: readonly number[];
  readonly options: ConvolutionOptions;
  readonly dtype?: DType;
}

const EXAMPLES: Record<string, Example> = {
  "rows longer than a panel": { image: [1, 3, 5, 45], weight: [7, 3, 3, 3], options: { padding: 1 } },
  "rows of seven": { image: [2, 20, 7, 7], weight: [33, 20, 3, 3], options: { padding: 1 } },
  "rows of two": { image: [3, 4, 6, 3], weight: [5, 4, 2, 2], options: {} },
  "a stride": { image: [2, 5, 19, 23], weight: [9, 5, 3, 2], options: { stride: 2, padding: 1 } },
  "a stride without overlap": { image: [2, 3, 12, 12], weight: [16, 3, 4, 4], options: { stride: 4 } },
  "a dilation and groups": { image: [1, 6, 11, 13], weight: [8, 3, 3, 3], options: { dilation: 2, groups: 2 } },
  "one channel a group": { image: [2, 6, 9, 9], weight: [6, 1, 3, 3], options: { groups: 6, padding: "same" } },
  "more rows of windows than are kept at a time": {
    image: [1, 70, 6, 6],
    weight: [17, 70, 3, 3],
    options: { padding: 1 },
  },
  "16 bits": { image: [1, 8, 9, 10], weight: [12, 8, 3, 3], options: { padding: 1 }, dtype: "f16" },
  "other 16 bits": { image: [1, 8, 9, 10], weight: [12, 8, 3, 3], options: { stride: 2 }, dtype: "bf16" },
};

/** The convolution, finished by what follows it, and its gradients by image and weight. */
function numbersOf({ image, weight, options, dtype = "f32" }: Example): Float32Array[] {
  const inputs: [Tensor, Tensor] = [functional(image, 1).to(dtype), functional(weight, 2).to(dtype)];
  const convolve = (x: Tensor, w: Tensor) => conv2d(x, w, functional([weight[0]], 3).to(dtype), options);
  const y = convolve(...inputs);
  const loss = (x: Tensor, w: Tensor) => convolve(x, w).mul(functional(y.shape, 4).to(dtype)).sum();
  return [y.relu(), ...grad(loss, [0, 1])(...inputs)].map((t) => t.dataSync() as Float32Array);
}

describe.runIf(nativeExecutor() !== null)("windows", () => {
  const native = nativeExecutor() as NativeExecutor;
  const { threads, isa } = native;
  const before = executor();
  const expected = new Map<string, Float32Array[]>();
  beforeAll(() => {
    setExecutor(new ReferenceExecutor());
    for (const [name, example] of Object.entries(EXAMPLES)) expected.set(name, numbersOf(example));
    setExecutor(native);
  });
  afterAll(() => {
    native.setThreads(threads);
    native.setIsa(isa);
    setExecutor(before);
  });

  for (const set of native.isas) {
    for (const [name, example] of Object.entries(EXAMPLES)) {
      it(`${name} [${set}]`, () => {
        native.setIsa(set);
        const error = example.dtype === "bf16" ? 3e-2 : example.dtype === "f16" ? 4e-3 : 2e-5;
        const runs = [1, 2, 7].map((count) => {
          native.setThreads(count);
          return numbersOf(example);
        });
        expected.get(name)?.forEach((numbers, i) => {
          const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          allClose(`${name}, result ${i}`, runs[0][i], numbers, { rtol: 0, atol: error * largest });
          for (const run of runs)
            allClose(`${name}, result ${i}, more threads`, run[i], runs[0][i], { rtol: 0, atol: 0 });
        });
      });
    }
  }
});
