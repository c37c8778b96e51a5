// A fill and a kernel that reads the same constant from memory: the fill must not wait for that memory.

import { expect, test } from "vitest";
import { manualSeed, randn } from "../../src/index.js";

test("a placed gradient and attention's backward share a constant of zeros", () => {
  manualSeed(1);
  const [query, key, value] = [randn(2, 3), randn(1, 3), randn(1, 3)].map((x) => x.requiresGrad_());
  const pattern = query.matmul(key.T).softmax(-1); // one key: all weights are 1
  pattern.at("0:1").sum().add(pattern.detach().matmul(value).sum()).backward();
  expect(query.grad?.abs().toArray()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
  expect(value.grad?.toArray()).toEqual([[2, 2, 2]]);
});
