// What a compiled function finds outside itself and what becomes of it between calls: however a tensor was made, the function reads what it
// is at the call; and what the function makes itself may be assigned like anything else.

import { describe, expect, it } from "vitest";
import { compile, full, manualSeed, ones, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import { Parameter } from "../../src/nn/index.js";

describe("a tensor from outside", () => {
  it("may be made of zeros, or of anything pending, and get other numbers later", () => {
    for (const made of [() => zeros(3), () => ones(3).mul(2), () => randn(3).add(1), () => tensor([1, 2, 3.5])]) {
      const x = made();
      const f = compile((y: Tensor) => y.add(x));
      const before = x.clone().evaluate().toArray();
      expect(f(zeros(3)).toArray()).toEqual(before);
      x.assign(ones(3));
      expect(f(zeros(3)).toArray()).toEqual([1, 1, 1]);
      x.fill(5);
      expect(f(zeros(3)).toArray()).toEqual([5, 5, 5]);
      x.assign(x.mul(2));
      expect(f(zeros(3)).toArray()).toEqual([10, 10, 10]);
    }
  });

  it("is found again after it was computed, without a new trace", () => {
    const rate = full([], 0.5);
    let traces = 0;
    const f = compile((y: Tensor) => {
      traces++;
      return y.mul(rate);
    });
    f(ones(2));
    expect(rate.item()).toBe(0.5);
    expect(f(ones(2)).toArray()).toEqual([0.5, 0.5]);
    expect(traces).toBe(1);
    for (const value of [0.25, 0.125, 2]) {
      rate.fill(value);
      expect(f(ones(2)).toArray()).toEqual([value, value]);
    }
    expect(traces).toBe(2);
  });

  it("takes part in gradients as it does at the call", () => {
    const weight = tensor([1, 2.5]);
    const f = compile((x: Tensor) => {
      const loss = weight.mul(x).sum();
      if (loss.requiresGrad) loss.backward();
      return loss;
    });
    f(ones(2));
    expect(weight.grad).toBe(null);
    weight.requiresGrad = true;
    f(ones(2));
    expect(weight.grad?.toArray()).toEqual([1, 1]);
    weight.grad = null;
    weight.requiresGrad = false;
    f(ones(2));
    expect(weight.grad).toBe(null);
  });

  it("is filled at each run by a function that fills it", () => {
    const count = new Parameter(zeros(2), { requiresGrad: false });
    const f = compile((x: Tensor) => {
      count.fill(3);
      return count.add(x);
    });
    expect(f(count.detach().mul(0)).toArray()).toEqual([3, 3]);
    count.fill(1);
    expect(f(zeros(2)).toArray()).toEqual([3, 3]);
    expect(count.toArray()).toEqual([3, 3]);
  });
});

describe("a tensor made inside", () => {
  it("may be assigned", () => {
    let traces = 0;
    const f = compile((x: Tensor) => {
      if (++traces > 3) throw new Error("traced again and again");
      const state = zeros(3);
      state.assign(x.mul(2));
      const product = x.mul(3);
      product.assign(product.add(state));
      const numbers = tensor([1, 2, 3.5]);
      numbers.assign(numbers.mul(x));
      return [state.add(1), product, numbers];
    });
    for (const k of [1, 2]) {
      const [state, product, numbers] = f(full([3], k).float());
      expect(state.toArray()).toEqual([2 * k + 1, 2 * k + 1, 2 * k + 1]);
      expect(product.toArray()).toEqual([5 * k, 5 * k, 5 * k]);
      expect(numbers.toArray()).toEqual([k, 2 * k, 3.5 * k]);
    }
    expect(traces).toBe(2); // the second tells what is kept from what is not
  });

  it("may be drawn and filled", () => {
    manualSeed(1);
    const f = compile((x: Tensor) => randn(3).fill(2).mul(x));
    expect([f(ones(3)).toArray(), f(ones(3)).toArray()]).toEqual([[2, 2, 2], [2, 2, 2]]); // biome-ignore format: short
  });
});

it("state that a function makes at its first step is kept, beside what it makes at every step", () => {
  const pending = zeros(2);
  const state = new Map<string, Tensor>();
  const f = compile((x: Tensor) => {
    const sums = zeros(2);
    sums.assign(x);
    if (!state.has("first")) state.set("first", zeros(2));
    const first = state.get("first") as Tensor;
    first.assign(first.add(sums));
    pending.assign(pending.add(1));
    sums.assign(sums.mul(2));
    if (!state.has("second")) state.set("second", tensor([0.5, 0.5]));
    const second = state.get("second") as Tensor;
    second.assign(second.add(sums));
    return [first, second, sums];
  });
  for (const k of [1, 2, 3]) {
    const [first, second, sums] = f(ones(2));
    expect([first.toArray(), second.toArray(), sums.toArray()]).toEqual([[k, k], [2 * k + 0.5, 2 * k + 0.5], [2, 2]]); // biome-ignore format: short
    expect(pending.toArray()).toEqual([k, k]);
  }
});
