// Inputs of test cases written as text, `f32[3,7]:positive@T`: dtype, shape, what kind of numbers, and how they lie in memory. The numbers
// come from a small generator that test/golden/ops.py repeats to the bit; the layout changes nothing about them.

import { type DType, isFloat } from "../../src/base/dtype.js";
import { roundTo } from "../../src/base/round.js";
import { contiguousStrides, type Shape, sizeOf } from "../../src/base/shape.js";
import { fromData, tensor } from "../../src/tensor/create.js";
import type { Tensor } from "../../src/tensor/tensor.js";

export interface InputSpec {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly kind: string;
  readonly layout: string;
}

/** Hard values: infinities, NaN, zeros of both signs, huge, tiny, denormal, and where exp overflows. */
export const SPECIAL = [
  Number.NEGATIVE_INFINITY,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2.5,
  1e30,
  -1e30,
  1e-30,
  -1e-30,
  1e-40,
  -1e-40,
  88.5,
  89.5,
  -88.5,
  -104,
  16777216,
  -16777217,
  3.5,
  -2.5,
];

export function parseInput(text: string): InputSpec {
  const match = /^(f32|f16|bf16|i32|bool)\[([\d,]*)\](?::([a-z]+))?(?:@(\w+))?$/.exec(text);
  if (!match) throw new Error(`not an input: ${text}`);
  const shape = match[2] === "" ? [] : match[2].split(",").map(Number);
  return { dtype: match[1] as DType, shape, kind: match[3] ?? "plain", layout: match[4] ?? "" };
}

/** Knuth's multiplier on 32 bits; the upper 24 bits as a number in [0, 1). */
export class Lcg {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
    this.uniform();
  }

  uniform(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return (this.state >>> 8) / 2 ** 24;
  }

  /** A whole number from 0 to below - 1. */
  below(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  pick<X>(list: readonly X[]): X {
    return list[this.below(list.length)];
  }
}

/** FNV-1a over the characters (all ASCII). */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The numbers of an input, in order of its elements. */
export function numbersFor({ dtype, shape, kind }: InputSpec, seed: number): number[] {
  const lcg = new Lcg(seed);
  const draw = KINDS[kind];
  if (!draw) throw new Error(`no such kind of numbers: ${kind}`);
  const count = sizeOf(shape);
  return Array.from({ length: count }, (_, i) => {
    const value = draw(lcg, i, count);
    return isFloat(dtype)
      ? roundTo(dtype, Math.fround(value))
      : dtype === "bool"
        ? value > 0
          ? 1
          : 0
        : Math.floor(value);
  });
}

const KINDS: Record<string, (lcg: Lcg, i: number, count: number) => number> = {
  plain: (lcg) => 4 * lcg.uniform() - 2,
  positive: (lcg) => 0.1 + 3 * lcg.uniform(),
  unit: (lcg) => 1.9 * lcg.uniform() - 0.95,
  wide: (lcg) => 200 * lcg.uniform() - 100,
  special: (_, i) => SPECIAL[i % SPECIAL.length],
  /** every pair of two special values, with `pairs` as the other operand */
  pairs: (_, i) => SPECIAL[Math.floor(i / SPECIAL.length) % SPECIAL.length],
  /** whole numbers, for ties, integer arithmetic and indices below 5 */
  whole: (lcg) => Math.floor(11 * lcg.uniform()) - 5,
  digits: (lcg) => Math.floor(9 * lcg.uniform()) + 1,
  index: (lcg) => Math.floor(5 * lcg.uniform()),
  /** all different, in no order */
  distinct: (_, i, count) => ((i * 7919 + 3) % count) - count / 2,
  /** every third row of five is -inf throughout */
  masked: (lcg, i) => (Math.floor(i / 5) % 3 === 1 ? Number.NEGATIVE_INFINITY : 4 * lcg.uniform() - 2),
  zero: () => 0,
};

/** The input as a tensor that lies in memory as its layout says: T (last axes transposed), strided, flipped, offset; lazy views, not evaluated. */
export function makeInput(spec: InputSpec, seed: number): Tensor {
  return layOut(numbersFor(spec, seed), spec);
}

function layOut(values: readonly number[], { dtype, shape, layout }: InputSpec): Tensor {
  const make = (numbers: readonly number[], sizes: Shape) =>
    tensor(Float64Array.from(numbers), { dtype }).reshape(sizes);
  const rank = shape.length;
  if (layout === "" || rank === 0) return make(values, shape);
  const last = shape[rank - 1];
  switch (layout) {
    case "T": {
      const swapped = [...shape.slice(0, -2), last, shape[rank - 2]];
      return make(transposed(values, shape), swapped).transpose(-2, -1);
    }
    case "strided":
      return make(
        values.flatMap((v) => [v, 99]),
        [...shape.slice(0, -1), 2 * last],
      ).slice(-1, 0, null, 2);
    case "flipped":
      return make([...values].reverse(), shape).flip(...shape.map((_, i) => i));
    case "offset":
      return make(
        [...new Array<number>(sizeOf(shape.slice(1))).fill(99), ...values],
        [shape[0] + 1, ...shape.slice(1)],
      ).slice(0, 1);
    default:
      throw new Error(`no such layout: ${layout}`);
  }
}

function transposed(values: readonly number[], shape: Shape): number[] {
  const [m, n] = shape.slice(-2);
  const strides = contiguousStrides([m, n]);
  return values.map((_, i) => {
    const base = i - (i % (m * n));
    const at = i % (m * n);
    return values[base + (at % m) * strides[0] + Math.floor(at / m)];
  });
}

/** Weights for a linear functional of a result, so that its gradient is a number to compare. */
export function functional(shape: Shape, seed: number): Tensor {
  const lcg = new Lcg(seed);
  return fromData(
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * lcg.uniform() - 1),
    shape,
    "f32",
  );
}
