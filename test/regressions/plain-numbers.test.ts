// Plain numbers: what compile tells apart, and what 16-bit floats make of them.

import { describe, expect, it } from "vitest";
import { compile, type Tensor, tensor } from "../../src/index.js";

describe("plain arguments of a compiled function", () => {
  it("tell 0 from -0, and text from numbers", () => {
    const divided = compile((x: Tensor, k: number) => x.div(k));
    const x = tensor([1], { dtype: "f32" });
    expect([0, -0, Number.NaN, Number.POSITIVE_INFINITY].map((k) => divided(x, k).item())).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0,
    ]);
    const text = compile((x: Tensor, word: string) => x.mul(word.length));
    expect(text(x, "NaN").item()).toBe(3);
  });
});

describe("a bf16 tensor", () => {
  // Each result from PyTorch; rounding the number first, or not, gives the neighbour.
  const bf16 = (...values: number[]) => tensor(values, { dtype: "bf16" });

  it("is multiplied and divided by the number itself, not by its 16 bits", () => {
    expect(bf16(4.6875, 4.71875).mul(1.01).toArray()).toEqual([4.75, 4.78125]);
    expect(bf16(4.1875, 4.25).div(0.7).toArray()).toEqual([5.96875, 6.0625]);
  });

  it("is added to the number rounded", () => {
    expect(bf16(1).mul(1.01).add(0.3).toArray()).toEqual([1.3125]);
  });
});
