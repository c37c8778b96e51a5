// The product along an axis, written with ops that are there: the axis is cut into equal pieces that are multiplied with each other, then
// what came out is, until one element is left. That is a handful of elementwise steps however long the axis is, and the gradient that
// follows from them is the product of all other elements, without a division: right also where elements are zero.

import { isFloat } from "../base/dtype.js";
import { cast, mul, narrow, offset, sum } from "./build.js";
import type { Node } from "./node.js";

/** How many pieces one step multiplies: more would save steps, but hold more arrays at a time than a step's loop likes to read. */
const PIECES = 8;

/** The axis stays, with size 1; nothing at all has the product 1. Truth values are multiplied as i32, 16-bit floats in f32. */
export function product(x: Node, dim: number): Node {
  const wide = x.dtype === "bool" ? "i32" : isFloat(x.dtype) ? "f32" : x.dtype;
  const result = x.dtype === "bool" ? "i32" : x.dtype;
  if (x.shape[dim] === 0) return offset(sum(cast(x, result), [dim]), 1);
  // Each piece is cast by itself: so the step that multiplies them casts them on the way.
  const piece = (from: Node, start: number, length: number) => cast(narrow(from, dim, start, length), wide);

  const along = (from: Node): Node => {
    const size = from.shape[dim];
    const length = Math.floor(size / PIECES);
    if (length === 0) return pairwise(singles(from, 0));
    const equal = Array.from({ length: PIECES }, (_, i) => piece(from, i * length, length));
    const whole = along(pairwise(equal));
    const left = singles(from, PIECES * length);
    return left.length === 0 ? whole : mul(whole, pairwise(left));
  };
  const singles = (from: Node, start: number): Node[] =>
    Array.from({ length: from.shape[dim] - start }, (_, i) => piece(from, start + i, 1));

  return cast(along(x), result);
}

/** The product of a list, neighbours first: short chains of multiplications, forward and backward. */
function pairwise(factors: readonly Node[]): Node {
  if (factors.length === 1) return factors[0];
  const half = factors.length >> 1;
  return mul(pairwise(factors.slice(0, half)), pairwise(factors.slice(half)));
}
