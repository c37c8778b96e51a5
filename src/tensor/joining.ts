// Tensors put together, beside `cat` and `stack`: in rows, in columns, and as the coordinates of a grid.

import { fail } from "../base/errors.js";
import { checkOptions, oneOf } from "../base/options.js";
import { describe } from "../base/shape.js";
import { checkTensors } from "./check.js";
import { cat } from "./functions.js";
import type { Tensor } from "./tensor.js";

/**
 * Side by side: along the second dimension, and along the only one where there is but one.
 * @throws HeedError for shapes that differ elsewhere
 * @example hstack([zeros(5, 2), randn(5, 5)])   // f32[5,7]
 */
export function hstack(tensors: readonly Tensor[]): Tensor {
  checkTensors("hstack", "tensors", tensors);
  const rows = tensors.map((x) => (x.ndim === 0 ? x.reshape(1) : x));
  return cat(rows, rows[0].ndim === 1 ? 0 : 1);
}

/**
 * One below the other, along the first dimension; a vector [C] is a row [1,C].
 * @throws HeedError for shapes that differ elsewhere
 * @example vstack([randn(3), randn(3)])   // f32[2,3]
 */
export function vstack(tensors: readonly Tensor[]): Tensor {
  checkTensors("vstack", "tensors", tensors);
  return cat(tensors.map((x) => (x.ndim < 2 ? x.reshape(1, x.numel) : x)));
}

/**
 * The coordinates of every point of a grid, one tensor for each axis: [N] and [M] give twice [N,M], the first changing from row to row, the
 * second from column to column. With `indexing: "xy"`, NumPy's order, the first two axes change places: [M,N].
 * @throws HeedError for tensors that are not vectors or numbers of one dtype
 * @example const [y, x] = meshgrid([arange(2), arange(3)]);   // i32[2,3] each: x is [[0, 1, 2], [0, 1, 2]]
 */
export function meshgrid(tensors: readonly Tensor[], options: { indexing?: "ij" | "xy" } = {}): Tensor[] {
  checkTensors("meshgrid", "tensors", tensors);
  checkOptions("meshgrid", options, { indexing: oneOf("ij", "xy") });
  const odd = tensors.find((x) => x.ndim > 1 || x.dtype !== tensors[0].dtype);
  if (odd) fail("meshgrid", "vectors of one dtype", tensors.map(describe).join(", "));
  const shape = tensors.map((x) => x.numel);
  const grid = tensors.map((x, i) => x.reshape(shape.map((n, axis) => (axis === i ? n : 1))).expand(shape));
  return options.indexing === "xy" && shape.length > 1 ? grid.map((x) => x.transpose(0, 1)) : grid;
}
