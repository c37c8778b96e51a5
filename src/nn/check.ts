// Checks that layers share.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

/** @throws HeedError unless each value is a whole number of at least 1 */
export function checkSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) fail(op, `${name} a whole number of at least 1`, shown(size));
    if (size >= 2 ** 31) fail(op, `${name} below 2^31`, String(size));
  }
}

/** @throws HeedError unless p is in [0, 1] */
export function checkProbability(op: string, p: number): void {
  if (typeof p !== "number" || !(p >= 0 && p <= 1)) fail(op, "a probability from 0 to 1", shown(p));
}

/** More of them are a mistake: each takes memory at once. */
const MOST_LAYERS = 4096;

/** @throws HeedError unless numLayers is a whole number from 1 to 4096 */
export function checkLayers(op: string, numLayers: number): void {
  checkSizes(op, { numLayers });
  if (numLayers > MOST_LAYERS) fail(op, `at most ${MOST_LAYERS} layers`, String(numLayers));
}

/** @throws HeedError unless the heads divide the width */
export function checkHeads(op: string, [width, C]: [string, number], [heads, H]: [string, number]): void {
  checkSizes(op, { [width]: C, [heads]: H });
  if (C % H !== 0) fail(op, `${width} divisible by ${heads}`, `${C} and ${H}`);
}

/** true and false as Python writes them, for printing. */
export function python(value: boolean): string {
  return value ? "True" : "False";
}

/** A number as Python prints it: 1e-5 is 1e-05. */
export function pythonNumber(x: number): string {
  return x < 1e-4 ? x.toExponential().replace(/e-(\d)$/, "e-0$1") : String(x);
}
