// Walking a shape row by row, in plain loops.

import { sizeOf } from "../base/shape.js";

/** Calls back for each row of the last axis, with each operand's offset, the index and the row's number. */
export function eachRow(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (bases: number[], index: readonly number[], row: number) => void,
): void {
  if (sizeOf(shape) === 0) return;
  const outer = shape.slice(0, -1);
  const index = new Array<number>(outer.length).fill(0);
  const count = sizeOf(outer);
  for (let row = 0; row < count; row++) {
    visit(
      strides.map((s) => index.reduce((sum, i, axis) => sum + i * s[axis], 0)),
      index,
      row,
    );
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      if (++index[axis] < outer[axis]) break;
      index[axis] = 0;
    }
  }
}
