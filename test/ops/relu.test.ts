// relu where conventions could differ: zeros of both signs, NaN and infinity, forward and backward, as torch has them; on whole vectors
// and their ends.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { ones, tensor } from "../../src/tensor/create.js";
import { grad } from "../../src/tensor/grad.js";
import { runSuiteOn } from "../support/run.js";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const ROW = [nan, -0, 0, 1e-40, 2, -1e-40, -2, inf, -inf];
const POSITIVE = [nan, -0, 0, 1e-40, 2, 0, 0, inf, 0]; // torch.relu
const PASSED = [1, 0, 0, 1, 1, 0, 0, 1, 0]; // of a gradient of ones

for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null))
  describe(`relu on the ${executor.name} executor`, () => {
    runSuiteOn(executor);

    for (const [name, repeats] of [
      ["a vector and its end", 5],
      ["less than a vector", 1],
    ] as const)
      it(name, () => {
        const many = (row: readonly number[]) => new Array(repeats).fill(row).flat();
        const x = tensor(Float32Array.from(many(ROW)));
        expect([...x.relu().dataSync()]).toEqual([...Float32Array.from(many(POSITIVE))]);
        const passed = (factor: number) => grad((t) => t.relu().mul(ones(x.shape[0]).mul(factor)).sum())(x);
        expect([...passed(1).dataSync()]).toEqual(many(PASSED));
        expect([...passed(inf).dataSync()]).toEqual(many(PASSED.map((p) => (p ? inf : 0))));
      });

    it("of whole numbers", () => {
      const x = tensor(Int32Array.from([-3, 0, 5, -(2 ** 31), 2 ** 31 - 1]));
      expect([...x.relu().dataSync()]).toEqual([0, 0, 5, 0, 2 ** 31 - 1]);
    });
  });
