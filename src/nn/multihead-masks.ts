// The arguments of a call of MultiheadAttention behind query, key and value, and the masks they make for its scores.

import { fail } from "../base/errors.js";
import { FLAG, type OptionTable, orNull } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { TENSOR } from "../tensor/check.js";
import { causalMask } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";

/** One call of `MultiheadAttention`: the arguments of torch's forward behind query, key and value. */
export interface MultiheadAttentionCall {
  /** [B,S], or [S] for inputs without a batch: bool, true where a key is ignored; or floats that are added to the scores. */
  keyPaddingMask?: Tensor | null;
  /** [T,S] or [B H,T,S]: bool, true where a position may not look (unlike `keep` of `attention`); or floats that are added to the scores. */
  attnMask?: Tensor | null;
  /** Each position looks at itself and what is before it. Beside an attnMask it is torch's hint that the mask says so; the mask counts. */
  isCausal?: boolean;
  /** Whether the weights are returned: true, unless given. Those of a training step are the dropped ones, as in torch. */
  needWeights?: boolean;
  /** The mean over the heads, [B,T,S], instead of [B,H,T,S]: true, unless given. */
  averageAttnWeights?: boolean;
}

/** @internal */
export const MULTIHEAD_CALL: OptionTable<MultiheadAttentionCall> = {
  keyPaddingMask: orNull(TENSOR),
  attnMask: orNull(TENSOR),
  isCausal: FLAG,
  needWeights: FLAG,
  averageAttnWeights: FLAG,
};

/** What the masks of a call must fit. */
interface ScoreSizes {
  /** B; null for inputs without a batch. */
  readonly batch: number | null;
  /** H */
  readonly heads: number;
  /** T */
  readonly queries: number;
  /** S, without the extra ones. */
  readonly keys: number;
  /** Keys added behind the others, which all queries see. */
  readonly extra: number;
}

/**
 * Masks that broadcast to the scores [B,H,T,S + extra]: bool, true where a position may not look, or floats to add.
 * @throws HeedError for masks of other shapes, and for integers
 */
export function scoreMasks(
  call: MultiheadAttentionCall,
  { batch, heads: H, queries: T, keys: S, extra }: ScoreSizes,
): Tensor[] {
  const masks: Tensor[] = [];
  const { attnMask, keyPaddingMask, isCausal = false } = call;
  const B = batch ?? 1;
  const widen = (mask: Tensor) => (extra > 0 ? mask.pad([0, extra]) : mask);
  if (attnMask) {
    const flat = attnMask.ndim === 2 || (attnMask.ndim === 3 && attnMask.shape[0] === B * H);
    const fits = flat && attnMask.shape.at(-2) === T && attnMask.shape.at(-1) === S && attnMask.dtype !== "i32";
    if (!fits)
      fail("MultiheadAttention", `attnMask [${T},${S}] or [${B * H},${T},${S}], bool or float`, describe(attnMask));
    masks.push(widen(attnMask.ndim === 2 ? attnMask : attnMask.view(B, H, T, S)));
  } else if (isCausal) masks.push(widen(causalMask(T, S, { offset: 0 })));
  if (keyPaddingMask) {
    const want = batch === null ? [S] : [B, S];
    const fits = sameShape(keyPaddingMask.shape, want) && keyPaddingMask.dtype !== "i32";
    if (!fits) fail("MultiheadAttention", `keyPaddingMask [${want}], bool or float`, describe(keyPaddingMask));
    masks.push(widen(keyPaddingMask).view(B, 1, 1, S + extra));
  }
  return masks;
}
