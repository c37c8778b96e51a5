// Rotary position embedding: each pair of numbers of a query or key is turned by an angle that grows with its position, so that their
// product depends on the distance alone (Su et al. 2021). How fast each pair turns is rotary-frequencies.ts's affair.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, kind, type OptionTable, oneOf, orNull } from "../base/options.js";
import { describe } from "../base/shape.js";
import { checkTensor } from "../tensor/check.js";
import { arange, tensor } from "../tensor/create.js";
import { cat, stack, where } from "../tensor/functions.js";
import { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";
import { type RotaryFrequencies, type RotaryScaling, rotaryFrequencies } from "./rotary-frequencies.js";

/** How many numbers of a head are turned, in which pairs, and how fast. */
export interface RotaryOptions {
  /** R, how many numbers of each head are turned, the first ones; all of them unless given. */
  readonly width?: number;
  /** Pair i turns by base^(-2i/R) radians from one position to the next; 10000. */
  readonly base?: number;
  /**
   * Which numbers are a pair: "halves", i and i + R/2, as GPT-NeoX, Llama and nearly all models of transformers have it (the default), or
   * "interleaved", 2i and 2i + 1, as the paper and GPT-J have it.
   */
  readonly pairs?: "halves" | "interleaved";
  /** How frequencies are changed for texts longer than those of training; null, not at all. */
  readonly scaling?: RotaryScaling | null;
}

const LENGTH = kind<never>(
  "a number of positions, or i32[]",
  (x) => x instanceof Tensor || (Number.isInteger(x) && (x as number) >= 0),
);
const ROTARY: OptionTable<RotaryOptions> = {
  width: CHECKED,
  base: CHECKED,
  pairs: oneOf("halves", "interleaved"),
  scaling: orNull(kind<RotaryScaling>("an object with its kind", (x) => typeof x === "object")),
};

/** Where the rows of x stand: i32[T], i32[B,T], or the first of them as a number or i32[]. */
export type Positions = Tensor | number;

/** Cosine and sine of every angle, f32 [T,R/2] or [B,T,R/2]. */
export interface RotaryTables {
  readonly cosine: Tensor;
  readonly sine: Tensor;
}

/**
 * Queries or keys [...,T,D] turned by their positions, each pair of numbers by an angle in radians (Su et al. 2021, section 3.2.2).
 * @throws HeedError for positions that do not fit, a width that is odd or larger than D, scaling that makes no frequencies
 * @example
 * const query = randn(1, 4, 6, 8);                               // [B,H,T,D]
 * const turned = rotary(query, arange(6), { base: 500000 });     // f32[1,4,6,8]
 */
export function rotary(x: Tensor, positions: Positions = 0, options: RotaryOptions = {}): Tensor {
  checkTensor("rotary", "x", x);
  return new RotaryEmbedding(x.shape[x.ndim - 1], options).forward(x, positions);
}

/**
 * Turns queries and keys [...,T,D] by their positions, each pair of numbers by an angle in radians (Su et al. 2021, section 3.2.2).
 *
 * It has no parameters, and instances of equal settings share their frequencies, so that a compiled model computes the cosines of its
 * positions once for all layers.
 * @param headWidth D
 * @throws HeedError for a width that is odd or larger than D, a base that is not finite and above 0, scaling that makes no frequencies
 * @example
 * const turn = new RotaryEmbedding(64);
 * const [query, key] = [randn(1, 4, 6, 64), randn(1, 4, 6, 64)];                      // B=1 H=4 T=S=6 D=64
 * const positions = arange(6);
 * const scores = turn.forward(query, positions).matmul(turn.forward(key, positions).mT);   // f32[1,4,6,6]
 */
export class RotaryEmbedding extends Module {
  readonly width: number;
  readonly base: number;
  readonly pairs: "halves" | "interleaved";
  readonly scaling: RotaryScaling | null;
  readonly #rule: Rule;

  constructor(
    readonly headWidth: number,
    options: RotaryOptions = {},
  ) {
    super();
    checkOptions("RotaryEmbedding", options, ROTARY);
    const { width = headWidth, base = 10000, pairs = "halves", scaling = null } = options;
    if (!(typeof width === "number" && width <= headWidth))
      fail("rotary", `a width of at most ${headWidth}, the width of a head`, String(width));
    this.width = width;
    this.base = base;
    this.pairs = pairs;
    this.scaling = scaling;
    this.#rule = ruleFor(width, base, scaling);
  }

  /**
   * [...,T,D], turned. With `dynamic` and `longrope` scaling, `length` says how long the text is (a number, or i32[] read when run); the
   * largest position and one more, unless given.
   */
  forward(x: Tensor, positions: Positions = 0, options: { length?: Tensor | number } = {}): Tensor {
    checkOptions("RotaryEmbedding", options, { length: LENGTH });
    checkTensor("rotary", "x", x);
    if (x.ndim < 2) fail("rotary", "queries or keys [...,T,D]", describe(x));
    return this.rotate(x, this.tables(rowPositions(x, positions), options));
  }

  /** The cosines and sines of positions i32[T] or i32[B,T], for `rotate`. */
  tables(positions: Tensor, options: { length?: Tensor | number } = {}): RotaryTables {
    if (positions.dtype !== "i32" || positions.ndim < 1 || positions.ndim > 2)
      fail("rotary", "positions i32[T] or i32[B,T]", describe(positions));
    const { scale } = this.#rule;
    const angles = positions.unsqueeze(-1).mul(this.frequencies(positions, options.length)); // [...,T,R/2]
    const [cosine, sine] = [angles.cos(), angles.sin()];
    return scale === 1 ? { cosine, sine } : { cosine: cosine.mul(scale), sine: sine.mul(scale) };
  }

  /** [...,T,D], turned by tables that were made before. */
  rotate(x: Tensor, { cosine, sine }: RotaryTables): Tensor {
    const [D, R] = [this.headWidth, this.width];
    if (x.shape[x.ndim - 1] !== D) fail("rotary", `queries or keys whose last axis is ${D}`, describe(x));
    const spread = (table: Tensor) =>
      (table.ndim === 2 ? table : table.view(table.shape[0], ...ones(x.ndim - 3), ...table.shape.slice(1))).to(x.dtype);
    const [c, s] = [spread(cosine), spread(sine)];
    const head = R === D ? x : x.narrow(-1, 0, R);
    const rest = R === D ? [] : [x.narrow(-1, R, D - R)];
    const interleaved = this.pairs === "interleaved";
    const [a, b] = interleaved ? head.unflatten(-1, [R / 2, 2]).unbind(-1) : head.split(R / 2, -1); // [...,T,R/2]
    const turned = [a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))];
    if (!interleaved) return cat([...turned, ...rest], -1);
    const woven = stack(turned, -1).flatten(-2);
    return rest.length > 0 ? cat([woven, ...rest], -1) : woven;
  }

  override extraRepr(): string {
    const scaled = this.scaling ? `, scaling=${this.scaling.kind}` : "";
    return `${this.headWidth}, width=${this.width}, base=${this.base}, pairs=${this.pairs}${scaled}`;
  }

  private frequencies(positions: Tensor, length?: Tensor | number): Tensor {
    const { frequencies, long } = this.#rule;
    const { scaling } = this;
    if (scaling?.kind !== "dynamic" && !long) return frequencies;
    const read = length ?? positions.max().add(1);
    const seen = (read instanceof Tensor ? read : tensor(read)).float();
    const { context, factor } = scaling as { context: number; factor: number };
    if (long) return where(seen.gt(context), long, frequencies);
    // The base grows so that the slowest pair turns as far as it did in training; up to the context by nothing.
    const stretch = seen
      .maximum(context)
      .mul(factor)
      .div(context)
      .sub(factor - 1);
    const base = stretch.pow(this.width / (this.width - 2)).mul(this.base);
    return base.pow(exponents(this.width)).reciprocal();
  }
}

interface Rule {
  readonly frequencies: Tensor;
  readonly long: Tensor | null;
  readonly scale: number;
}

const rules = new Map<string, Rule>();
const MOST_RULES = 64;

/** One tensor for all layers of equal settings: what is computed from it is then computed once. */
function ruleFor(width: number, base: number, scaling: RotaryScaling | null): Rule {
  const key = JSON.stringify([width, base, scaling]);
  let rule = rules.get(key);
  if (!rule) {
    const { frequencies, long, scale }: RotaryFrequencies = rotaryFrequencies(width, base, scaling);
    rule = { frequencies: tensor(frequencies), long: long ? tensor(long) : null, scale };
    if (rules.size >= MOST_RULES) rules.delete(rules.keys().next().value as string);
    rules.set(key, rule);
  }
  return rule;
}

/** 2i / width for each pair i. */
function exponents(width: number): Tensor {
  return arange(0, width, 2).float().div(width);
}

function rowPositions(x: Tensor, positions: Positions): Tensor {
  const T = x.shape[x.ndim - 2];
  if (typeof positions === "number") {
    if (!Number.isInteger(positions)) fail("rotary", "a whole number as first position", String(positions));
    return arange(positions, positions + T);
  }
  checkTensor("rotary", "positions", positions);
  const { shape, ndim } = positions;
  const fits = shape.at(-1) === T && (ndim === 1 || (ndim === 2 && x.ndim > 2 && shape[0] === x.shape[0]));
  if (positions.dtype !== "i32" || !(ndim === 0 || fits)) {
    const batch = x.ndim > 2 ? `, i32[${x.shape[0]},${T}]` : "";
    fail("rotary", `positions i32[${T}]${batch} or i32[] for ${describe(x)}`, describe(positions));
  }
  return ndim === 0 ? arange(T).add(positions) : positions;
}

function ones(count: number): number[] {
  return new Array<number>(count).fill(1);
}
