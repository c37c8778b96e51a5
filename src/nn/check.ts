// Checks that layers share.

import { fail } from "../base/errors.js";

/** @throws HeedError unless each value is a whole number of at least 1 */
export function checkSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) fail(op, `${name} a whole number of at least 1`, String(size));
  }
}

/** @throws HeedError unless p is in [0, 1] */
export function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) fail(op, "a probability from 0 to 1", String(p));
}

/** true and false as Python writes them, for printing. */
export function python(value: boolean): string {
  return value ? "True" : "False";
}
