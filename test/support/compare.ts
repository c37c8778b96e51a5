// Comparing numbers so that a failure says everything: label, shapes, the largest error with its index, both values, the first five pairs.

import { describe, type Shape, sizeOf } from "../../src/base/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export const EXACT: Tolerance = { rtol: 0, atol: 0 };

/** Equal, or both NaN, or |actual - expected| <= atol + rtol |expected|; infinities only equal themselves. */
export function isClose(actual: number, expected: number, { rtol, atol }: Tolerance): boolean {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return true;
  return Number.isFinite(expected) && Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
}

/** @throws Error that tells the whole difference */
export function allClose(
  label: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  shape: Shape = [actual.length],
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${label}: ${actual.length} values [${shape}], expected ${expected.length}`);
  }
  let worst = -1;
  let largest = -1;
  let wrong = 0;
  for (let i = 0; i < actual.length; i++) {
    if (isClose(actual[i], expected[i], tolerance)) continue;
    wrong++;
    const error = Math.abs(actual[i] - expected[i]);
    const size = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    if (size > largest) [largest, worst] = [size, i];
  }
  if (worst < 0) return;
  const relative = largest / Math.abs(expected[worst]);
  const pairs = Array.from({ length: Math.min(5, actual.length) }, (_, i) => `${actual[i]} | ${expected[i]}`);
  throw new Error(
    [
      `${label}: ${wrong} of ${actual.length} values differ, shape [${shape}], rtol ${tolerance.rtol}, atol ${tolerance.atol}`,
      `  largest error ${largest} (relative ${relative}) at [${indexOf(worst, shape)}]: ${actual[worst]}, expected ${expected[worst]}`,
      `  first pairs (actual | expected): ${pairs.join(", ")}`,
    ].join("\n"),
  );
}

/** Compares dtype and shape exactly, numbers within the tolerance. */
export function sameTensor(label: string, actual: Tensor, expected: Tensor, tolerance: Tolerance = EXACT): void {
  if (describe(actual) !== describe(expected)) {
    throw new Error(`${label}: ${describe(actual)}, expected ${describe(expected)}`);
  }
  allClose(label, numbersOf(actual), numbersOf(expected), tolerance, actual.shape);
}

/** The numbers as they are: f64 on an executor that keeps them so. */
export function numbersOf(t: Tensor): ArrayLike<number> {
  const raw = t.raw();
  return raw instanceof Uint16Array ? t.dataSync() : raw.slice();
}

function indexOf(flat: number, shape: Shape): number[] {
  let rest = flat;
  return shape.map((n, i) => {
    const inner = sizeOf(shape.slice(i + 1));
    const at = Math.floor(rest / inner) % n;
    rest %= inner;
    return at;
  });
}
