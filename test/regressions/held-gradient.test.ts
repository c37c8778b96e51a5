// A gradient that somebody took stays what it was, whatever compiled functions run afterwards.

import { describe, expect, it } from "vitest";
import { compile, ones, type Tensor, tensor } from "../../src/index.js";

describe("a gradient taken from a parameter", () => {
  it("keeps its numbers when another variant, then the same one, runs again", () => {
    const p = ones(1000).requiresGrad_();
    const step = compile((k: Tensor) => {
      p.grad = null;
      const loss = p.mul(k).square().sum();
      loss.backward();
      return loss;
    });
    const scalar = (k: number) => tensor(k, { dtype: "f32" });
    step(scalar(1));
    const held = p.grad as Tensor;
    step(tensor([2], { dtype: "f32" }));
    step(scalar(3));
    expect(held.dataSync()[0]).toBe(2);
    expect(p.grad?.dataSync()[0]).toBe(18);
  });
});
