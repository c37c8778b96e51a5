// Rows without columns beside values of a row: what is computed for no element is not stored with what is computed for each row.

import { expect, it } from "vitest";
import { sizeOf } from "../../src/base/shape.js";
import { compile, type Tensor, zeros } from "../../src/index.js";
import { functional } from "../support/inputs.js";

it("an array of no columns has no part in the step of its rows", () => {
  const both = compile((rows: Tensor, none: Tensor) => {
    const y = rows.exp();
    return [y, none.add(y), y.mul(2)];
  });
  const { steps, buffers } = both.program(functional([3, 1], 1), zeros(3, 0));
  for (const step of steps) {
    if (step.kind !== "elementwise" || sizeOf(step.shape) === 0) continue;
    for (const { buffer } of step.outputs) expect(buffers[buffer].size).toBeGreaterThan(0);
  }
  const [y, none, twice] = both(functional([3, 1], 1), zeros(3, 0));
  expect(none.shape).toEqual([3, 0]);
  expect(twice.toArray()).toEqual(y.mul(2).toArray());
});
