// A plain number as an element of a tensor: what fill, assign, withAt, scatter and pad write.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

/** @internal Whether i32 holds this number. */
export const isI32 = (x: number): boolean => Number.isInteger(x) && Math.abs(x + 0.5) < 2 ** 31;

/**
 * @internal The number as an element of this dtype: integers drop what follows the point, and what is not 0 is true.
 * @throws HeedError for what 32 bits cannot hold, NaN included, where integers are wanted
 */
export function stored(op: string, dtype: DType, value: number, remedy = "convert the tensor with .float()"): number {
  if (dtype === "bool") return value === 0 ? 0 : 1;
  if (dtype !== "i32") return value;
  const whole = Math.trunc(value) + 0; // no -0
  return isI32(whole) ? whole : fail(op, "a number that 32 bits can hold for i32", shown(value), remedy);
}
