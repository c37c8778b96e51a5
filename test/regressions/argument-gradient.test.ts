// backward inside a compiled function reaches arguments that require gradients.

import { expect, it } from "vitest";
import { compile, tensor, where } from "../../src/index.js";

it("sets the grad of the tensor that was passed, and adds to it", () => {
  const f = compile((x: ReturnType<typeof tensor>) => {
    x.square().sum().backward();
    return x.grad as typeof x;
  });
  const x = tensor([1.5, -2], { requiresGrad: true });
  expect(f(x).toArray()).toEqual([3, -4]);
  expect(x.grad?.toArray()).toEqual([3, -4]);
  f(x);
  expect(x.grad?.toArray()).toEqual([6, -8]);
});

it("arithmetic on truth values gives truth values", () => {
  const [a, b] = [tensor([true, true, false]), tensor([true, false, false])];
  expect(a.add(b).toArray()).toEqual([true, true, false]);
  expect(a.mul(b).toArray()).toEqual([true, false, false]);
  expect(where(a, 1, 0).dtype).toBe("i32");
  expect(where(a, 1, 0.5).dtype).toBe("f32");
});
