// Index numbers that are there already are checked at once, at the caller's line. Those that are still to be computed are checked by the
// kernel that reads them.

import { fail } from "../base/errors.js";
import type { TensorCore } from "./core.js";
import { tracing } from "./trace.js";

/**
 * Whether the indices could be checked now.
 * @param except a value outside the range that is allowed as well
 * @throws HeedError for an index that is not from 0 to count - 1
 */
export function checkIndices(
  op: string,
  expected: string,
  indices: TensorCore<unknown>,
  count: number,
  except?: number,
): boolean {
  if (tracing() || indices.node.op !== "leaf") return false;
  const data = indices.raw();
  for (let i = 0; i < data.length; i++) {
    if ((data[i] < 0 || data[i] >= count) && data[i] !== except) fail(op, expected, `${data[i]} at position ${i}`);
  }
  return true;
}
