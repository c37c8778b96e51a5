// Relative position bias: what is added to a score depends on the distance of query and key, learned for each head and for buckets of
// distances that grow with the distance (Raffel et al. 2020, section 2.1: T5).

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { arange, tensor } from "../tensor/create.js";
import { embedding } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes, python } from "./check.js";
import { Embedding } from "./embedding.js";
import { Module } from "./module.js";

/** What `RelativePositionBias` is told beside its buckets and heads. */
export interface RelativePositionBiasOptions {
  /** From this distance on, in positions, all are one bucket; 128. */
  readonly maxDistance?: number;
  /** Whether keys behind the query count by distance too (the encoder), or all as one (the decoder); true. */
  readonly bidirectional?: boolean;
}

const RELATIVE: OptionTable<RelativePositionBiasOptions> = { maxDistance: CHECKED, bidirectional: FLAG };

/**
 * A learned bias [1,H,T,S] for each head, query and key, by their distance in buckets (Raffel et al. 2020, section 2.1: T5).
 *
 * Add it to the scores, or pass it to `attention` as `{ kind: "additive", bias }`. T5 does not scale its scores by 1/√D.
 * @param buckets how many distances are told apart; half of them before the query and half behind where it is bidirectional
 * @param heads H
 * @throws HeedError for buckets that are too few or do not divide, and a maxDistance they would reach alone
 * @example
 * const x = randn(1, 8, 5, 16);                                    // B=1 H=8 T=S=5 D=16
 * const bias = new RelativePositionBias(32, 8).forward(5, 5);      // f32[1,8,5,5]
 * const mixed = attention(x, x, x, { mask: { kind: "additive", bias }, scale: 1 });   // f32[1,8,5,16]
 */
export class RelativePositionBias extends Module {
  embedding: Embedding; // [buckets, H]
  readonly maxDistance: number;
  readonly bidirectional: boolean;
  readonly #bucketOf: Tensor; // i32[2 maxDistance + 1]

  constructor(
    readonly buckets: number,
    readonly heads: number,
    options: RelativePositionBiasOptions = {},
  ) {
    super();
    checkOptions("RelativePositionBias", options, RELATIVE);
    const { maxDistance = 128, bidirectional = true } = options;
    this.maxDistance = maxDistance;
    this.bidirectional = bidirectional;
    this.#bucketOf = tensor(relativePositionBuckets(buckets, maxDistance, bidirectional));
    this.embedding = new Embedding(buckets, heads);
  }

  /**
   * The bias of T queries and S keys, [1,H,T,S].
   * @param offset where the first query stands among the keys, a number or i32[]; S - T, as in masks, unless given
   */
  forward(T: number, S: number, offset: Tensor | number = S - T): Tensor {
    return this.between(arange(T).add(offset), arange(S));
  }

  /** The bias of queries and keys at these positions, i32[T] and i32[S]: [1,H,T,S]. */
  between(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    for (const positions of [queryPositions, keyPositions])
      if (positions.ndim !== 1 || positions.dtype !== "i32")
        fail("RelativePositionBias", "positions i32[T] and i32[S]", describe(positions));
    const [T, S] = [queryPositions.numel, keyPositions.numel];
    const farthest = this.maxDistance;
    const byDistance = embedding(this.#bucketOf, this.embedding.weight).transpose(0, 1); // [H, 2 maxDistance + 1]
    const distance = keyPositions.sub(queryPositions.unsqueeze(1)).clamp(-farthest, farthest).add(farthest); // [T,S]
    return byDistance.gather(1, distance.view(1, T * S).expand(this.heads, T * S)).view(1, this.heads, T, S);
  }

  override extraRepr(): string {
    return `max_distance=${this.maxDistance}, bidirectional=${python(this.bidirectional)}`;
  }
}

/**
 * The bucket of every distance key - query, in positions, from -maxDistance to maxDistance: 2 maxDistance + 1 of them (Raffel et al. 2020,
 * section 2.1: T5).
 *
 * Of the buckets of one direction, half stand for one distance each, the others for ranges that grow by a constant factor. In f32, where
 * transformers computes them, as the bounds depend on it.
 * @throws HeedError for buckets that are too few or do not divide, and a maxDistance they would reach alone
 * @example relativePositionBuckets(8, 6, true);   // Int32Array [3, 3, 3, 2, 2, 1, 0, 5, 6, 6, 7, 7, 7]
 */
export function relativePositionBuckets(buckets: number, maxDistance: number, bidirectional: boolean): Int32Array {
  checkSizes("RelativePositionBias", { buckets, maxDistance });
  if (typeof bidirectional !== "boolean")
    fail("relativePositionBuckets", "bidirectional true or false", shown(bidirectional));
  if (maxDistance > 2 ** 24) fail("RelativePositionBias", "a maxDistance of at most 2^24", String(maxDistance));
  const count = bidirectional ? buckets / 2 : buckets;
  const exact = Math.floor(count / 2);
  if (!Number.isInteger(count) || exact < 1)
    fail(
      "RelativePositionBias",
      bidirectional ? "an even number of at least 4 buckets" : "at least 2 buckets",
      String(buckets),
    );
  if (maxDistance <= exact)
    fail(
      "RelativePositionBias",
      `a maxDistance above ${exact}, the distances with a bucket of their own`,
      String(maxDistance),
    );
  const f32 = Math.fround;
  const range = f32(Math.log(maxDistance / exact));
  const bucket = (distance: number) => {
    if (distance < exact) return distance;
    const ratio = f32(f32(Math.log(f32(distance / exact))) / range);
    return Math.min(exact + Math.trunc(f32(ratio * (count - exact))), count - 1);
  };
  return Int32Array.from({ length: 2 * maxDistance + 1 }, (_, i) => {
    const distance = i - maxDistance;
    if (bidirectional) return (distance > 0 ? count : 0) + bucket(Math.abs(distance));
    return bucket(Math.max(-distance, 0));
  });
}
