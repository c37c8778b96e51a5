// prod where it is easily wrong: zeros in what is differentiated, once and twice, and axes that are long or divide by nothing.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { tensor } from "../../src/tensor/create.js";
import { explain } from "../../src/tensor/explain.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { runSuiteOn } from "../support/run.js";

const floats = (...numbers: number[]) => tensor(Float32Array.from(numbers));
const slope = (f: (x: Tensor) => Tensor, x: Tensor) => grad(f)(x);

for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null))
  describe(`prod on the ${executor.name} executor`, () => {
    runSuiteOn(executor);

    it("has a gradient where elements are zero, as torch has it", () => {
      const gradient = (...x: number[]) => slope((t) => t.prod(), floats(...x)).toArray();
      expect(gradient(2, 3, 4)).toEqual([12, 8, 6]);
      expect(gradient(2, 0, 4)).toEqual([0, 8, 0]);
      expect(gradient(2, 0, 0)).toEqual([0, 0, 0]);
      // At its zero, the product of what is left, however many elements there are.
      const long = Array.from({ length: 41 }, (_, i) => (i === 29 ? 0 : i % 2 === 0 ? 2 : 0.5));
      expect(gradient(...long)).toEqual(long.map((x) => (x === 0 ? 4 : 0)));
    });

    it("has second derivatives there", () => {
      // d²(abc) / da d(a, b, c) = (0, c, b)
      const row = (...x: number[]) => slope((t) => slope((u) => u.prod(), t).at(0), floats(...x)).toArray();
      expect(row(2, 3, 4)).toEqual([0, 4, 3]);
      expect(row(0, 0, 4)).toEqual([0, 4, 0]);
    });

    it("keeps signs, those of zeros too, and what underflows", () => {
      expect(Object.is(floats(-1, 0, 5).prod().item(), -0)).toBe(true);
      expect(floats(-2, -3, -1).prod().item()).toBe(-6);
      expect(floats(1e-30, 1e-30, 7).prod().item()).toBe(0);
      expect(floats(Number.NaN, 0).prod().item()).toBeNaN();
    });

    it("multiplies every element once, however long the axis is", () => {
      for (const length of [8, 9, 15, 63, 64, 65, 1000003]) {
        // Powers of two: the product is exact, and one element more or less would show.
        const x = Float32Array.from({ length }, (_, i) => (i % 2 === 0 ? 2 : 0.5));
        x[length >> 1] *= -1;
        const product = length % 2 === 0 ? -1 : -2;
        expect(tensor(x).prod().item()).toBe(product);
        const gradient = slope((t) => t.prod(), tensor(x)).dataSync();
        expect(gradient.every((g, i) => g === product / x[i])).toBe(true);
      }
    });

    it("wraps whole numbers round at 32 bits, as mul does", () => {
      expect(tensor([65536, 65536, 3]).prod().item()).toBe(0);
      expect(
        tensor([2 ** 30, 2])
          .prod()
          .item(),
      ).toBe(-(2 ** 31));
    });
  });

describe("the steps of prod", () => {
  it("are few, and none stores a cast copy of its input", () => {
    const steps = (x: Tensor) => explain(x.prod()).trim().split("\n").slice(0, -1);
    expect(steps(tensor(new Float32Array(1000003))).length).toBeLessThanOrEqual(7);
    expect(steps(tensor(new Float32Array(800), { dtype: "f16" }))[0]).toContain("[100]");
  });
});

it("takes 0 and -1 as the dimension of a number, as PyTorch does, and so do its like", () => {
  for (const dim of [0, -1]) {
    const x = tensor(3);
    for (const y of [x.prod(dim), x.sum(dim), x.amax(dim), x.cumsum(dim)]) expect([y.shape, y.item()]).toEqual([[], 3]);
    expect(x.unsqueeze(dim).shape).toEqual([1]);
  }
  expect(() => tensor(3).sum(1)).toThrow("a dimension from -1 to 0, got 1");
  expect(() => tensor(3).sum(-2)).toThrow("a dimension from -1 to 0, got -2");
});
