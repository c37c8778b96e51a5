// isclose, allclose and equal on the cases that torch documents, and where they differ from one another.

import { expect, test } from "vitest";
import { allclose, equal, isclose, ones, tensor, zeros } from "../../src/index.js";

const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

test("isclose: |a - b| <= atol + rtol |b|, which is not symmetric; infinities equal themselves", () => {
  const a = tensor([1, 2.5, inf, -inf, inf, nan, 0]);
  const b = tensor([1.000001, 2.6, inf, inf, 1, nan, 1e-9]);
  expect(isclose(a, b).toArray()).toEqual([true, false, true, false, false, false, true]);
  expect(isclose(b, a, { equalNan: true }).toArray()).toEqual([true, false, true, false, false, true, true]);
  expect(isclose(a, b, { rtol: 0, atol: 0.2 }).toArray()).toEqual([true, true, true, false, false, false, true]);
  expect(isclose(tensor([10, 9]), tensor([9, 10]), { rtol: 0.1, atol: 0.05 }).toArray()).toEqual([false, true]);
  expect(isclose(tensor([1]), tensor([[1, 2]])).toArray()).toEqual([[true, false]]);
  expect(isclose(tensor([1, 5]), tensor([1, 6])).toArray()).toEqual([true, false]);
  expect(isclose(tensor([true, false]), tensor([true, true])).toArray()).toEqual([true, false]);
});

test("allclose and equal answer with a boolean", () => {
  const x = tensor([[0.1, 0.2]], { requiresGrad: true });
  expect(allclose(x, x.add(1e-7))).toBe(true);
  expect(allclose(x, x.add(1e-3))).toBe(false);
  expect(allclose(x, x.add(1e-3), { atol: 1e-2 })).toBe(true);
  expect(equal(x, x.add(1e-3))).toBe(false);
  expect(equal(x, x.clone())).toBe(true);
  expect(equal(ones(2), ones(2, 1))).toBe(false);
  expect(equal(zeros(0), zeros(0))).toBe(true);
  expect(allclose(zeros(0), zeros(0))).toBe(true);
});

test("what cannot be compared is said", () => {
  expect(() => allclose(tensor([1.5]), tensor([1]))).toThrow(
    'allclose: expected two tensors of one dtype, got f32[1] and i32[1]; convert one with .to("i32")',
  );
  expect(() => isclose(ones(2), ones(3))).toThrow(/f32\[2\] and f32\[3\]/);
  expect(() => isclose(ones(2), ones(2), { rtol: -1 })).toThrow("isclose: expected rtol and atol of at least 0");
});
