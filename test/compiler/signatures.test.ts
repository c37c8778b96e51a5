// compile(): one recording for each signature, found again whatever was called in between; results that stay what they are.

import { describe, expect, it } from "vitest";
import { compile } from "../../src/tensor/compiled.js";
import { full, tensor, zeros } from "../../src/tensor/create.js";
import { noGrad } from "../../src/tensor/grad-mode.js";
import type { Tensor } from "../../src/tensor/tensor.js";

describe("signatures of a compiled function", () => {
  it("records each of many shapes once, in whatever order they come", () => {
    let recorded = 0;
    const double = compile((x: Tensor) => {
      recorded++;
      return x.mul(2);
    });
    for (let round = 0; round < 3; round++)
      for (let n = 1; n <= 7; n++)
        expect(double(full([n], n + round)).toArray()).toEqual(Array(n).fill(2 * (n + round)));
    expect(recorded).toBe(7);
  });

  it("keeps dtypes, gradients and plain values apart", () => {
    let recorded = 0;
    const f = compile((x: Tensor, factor: number | Tensor) => {
      recorded++;
      return x.mul(factor);
    });
    const x = tensor([1, 2, 3], { dtype: "f32" }).requiresGrad_();
    for (let round = 0; round < 2; round++) {
      expect(f(x, 2).toArray()).toEqual([2, 4, 6]);
      expect(f(x, 3).toArray()).toEqual([3, 6, 9]);
      expect(f(x, tensor(4)).toArray()).toEqual([4, 8, 12]);
      expect(noGrad(() => f(x, tensor(4))).toArray()).toEqual([4, 8, 12]);
      expect(f(tensor([1, 2, 3], { dtype: "f32" }), tensor(4)).toArray()).toEqual([4, 8, 12]);
      expect(f(tensor([1, 2, 3], { dtype: "i32" }), tensor(4, { dtype: "i32" })).dtype).toBe("i32");
    }
    expect(recorded).toBe(6);
  });

  it("records anew when what it depends on has changed, and finds the older recording again", () => {
    const w = tensor([1, 1], { dtype: "f32" }).requiresGrad_();
    const step = compile((x: Tensor) => {
      const before = w.grad;
      w.mul(x).sum().backward();
      return before ? before.sum() : zeros(1).sum();
    });
    const x = tensor([2, 3], { dtype: "f32" });
    for (let round = 0; round < 3; round++) {
      expect(step(x).item()).toBe(0);
      expect(w.grad?.toArray()).toEqual([2, 3]);
      expect(step(x).item()).toBe(5);
      expect(w.grad?.toArray()).toEqual([4, 6]);
      w.grad = null;
    }
  });

  it("never writes over results that were handed out", () => {
    const next = compile((x: Tensor) => x.add(1));
    const results: Tensor[] = [zeros(100)];
    for (let i = 0; i < 500; i++) results.push(next(results[i]));
    results.forEach((t, i) => expect(t.dataSync()).toEqual(new Float32Array(100).fill(i)));
  });
});
