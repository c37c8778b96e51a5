// Masked language modelling: which tokens are hidden from BERT, and what stands in their place (Devlin et al. 2019, section 3.1).

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable, whole } from "../base/options.js";
import { GENERATOR, type Generator } from "../base/random.js";
import { describe, sameShape } from "../base/shape.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import { full } from "../tensor/create.js";
import { where } from "../tensor/functions.js";
import { bernoulli, randint } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

/** What `maskTokens` is told beside the ids. */
export interface MaskOptions {
  /** The id of [MASK]. */
  maskId: number;
  /** V: random tokens are drawn from 0 to V - 1. */
  vocabularySize: number;
  /** bool[B,T], true where a token is never hidden, as [CLS], [SEP] and padding; none unless given. */
  special?: Tensor;
  /** The share of tokens to be predicted; 0.15. */
  probability?: number;
  /** The stream to draw from; the default generator. */
  generator?: Generator;
}

const MASK: OptionTable<MaskOptions> = {
  maskId: whole(0),
  vocabularySize: whole(1),
  special: TENSOR,
  probability: CHECKED,
  generator: GENERATOR,
};

/**
 * Ids with some of them hidden, i32[B,T], and as targets what they were, i32[B,T], -100 for the others. Of those to be predicted 8 of 10
 * become [MASK], 1 of 10 any token, 1 of 10 stays. Draws what transformers' DataCollatorForLanguageModeling draws.
 * @throws HeedError for ids and special that are no i32[B,T] and bool[B,T], and a share outside [0,1]
 * @example
 * const { ids, targets } = maskTokens(batch, { maskId: 103, vocabularySize: 21128 });
 * model.loss(ids, targets).backward();
 */
export function maskTokens(ids: Tensor, options: MaskOptions): { ids: Tensor; targets: Tensor } {
  checkOptions("maskTokens", options, MASK);
  const { maskId, vocabularySize, special, probability = 0.15, generator } = options;
  checkTensor("maskTokens", "ids", ids);
  if (ids.dtype !== "i32") fail("maskTokens", "token ids i32[B,T]", describe(ids));
  if (special && (special.dtype !== "bool" || !sameShape(special.shape, ids.shape)))
    fail("maskTokens", `special bool[${ids.shape}]`, describe(special));
  if (!(probability >= 0 && probability <= 1)) fail("maskTokens", "a share from 0 to 1", String(probability));
  const chance = (p: number | Tensor) =>
    bernoulli(typeof p === "number" ? full(ids.shape, p) : p, { generator }).bool();
  const share = full(ids.shape, probability, { dtype: "f32" });
  const masked = chance(special ? share.maskedFill(special, 0) : share);
  const replaced = chance(0.8).logicalAnd(masked);
  const random = chance(0.5).logicalAnd(masked).logicalAnd(replaced.logicalNot());
  const words = randint(vocabularySize, ids.shape, { generator });
  const hidden = where(random, words, where(replaced, maskId, ids));
  return { ids: hidden, targets: where(masked, ids, -100) };
}
