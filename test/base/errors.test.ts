// Where an error says it happened: at the line that called Heed.

import { describe, expect, it } from "vitest";
import { full, ones, tensor, zeros } from "../../src/tensor/create.js";
import { explain } from "../../src/tensor/explain.js";
import { multinomial } from "../../src/tensor/functions.js";

function caught(f: () => unknown): Error {
  try {
    f();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("a mistake", () => {
  it("is shown at the caller's line, not inside Heed", () => {
    for (const f of [
      () => ones(2, 3).matmul(ones(2, 3)),
      () =>
        ones(2)
          .gather(0, tensor([5]).mul(1))
          .toArray(),
    ]) {
      const [, first] = /\n {4}at (.*)/.exec(caught(f).stack ?? "") ?? [];
      expect(first).toContain("errors.test.ts");
    }
  });

  it("in index numbers is found when they are used, and named", () => {
    const at = "indices from 0 to 1, got";
    expect(() => ones(2, 2).indexSelect(0, tensor([1, 3]))).toThrow(`indexSelect: expected ${at} 3 at position 1`);
    expect(() => ones(2, 2).gather(0, tensor([[-1]]))).toThrow(`gather: expected ${at} -1 at position 0`);
    expect(() => zeros(2, 2).scatterAdd(0, tensor([[2]]), ones(1, 1))).toThrow(`scatterAdd: expected ${at} 2`);
  });

  it("in JavaScript that no compiler checked is named too", () => {
    const dtype = "float32" as "f32";
    const expected = 'expected dtype one of f32, f16, bf16, i32, bool, got "float32"';
    expect(() => zeros(2, { dtype })).toThrow(`zeros: ${expected}`);
    expect(() => full([2], 1, { dtype })).toThrow(`full: ${expected}`);
    expect(() => zeros(1e10)).toThrow("zeros: expected fewer than 2^31 elements, got [10000000000]");
    expect(() => tensor(2, { requiresGrad: true })).toThrow('got i32[]; make it with dtype "f32"');
    expect(() => multinomial(tensor([0, 1]), 1)).toThrow("got i32[2]; convert them with .float()");
    expect(() => explain()).toThrow("explain: expected tensors, or a compiled function and its arguments, got nothing");
  });

  it("is not made by JSON.stringify", () => {
    expect(JSON.stringify({ x: tensor([[1, 2.5]]) })).toBe('{"x":[[1,2.5]]}');
  });
});
