// Attention whose scores a small network computes: what recurrent translation models had (Bahdanau, Cho and Bengio 2014).

import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { additiveAttention } from "../tensor/additive-attention.js";
import type { AttentionMasks } from "../tensor/attention-mask.js";
import { checkDropout } from "../tensor/attention-options.js";
import { TENSOR } from "../tensor/check.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes } from "./check.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** One call of an attention module that takes masks by kind. */
export interface MaskedCall {
  /** Which keys a query may see: one mask, several that must all hold, or null. */
  readonly mask?: AttentionMasks;
}

/** @internal */
export const MASKED_CALL: OptionTable<MaskedCall> = { mask: CHECKED };

/** One call of `AdditiveAttention`. */
export interface AdditiveAttentionCall extends MaskedCall {
  /** The keys projected before, by `project`, [...,S,A]: for decoders that ask the same keys at every step. */
  readonly projected?: Tensor;
}

const CALL: OptionTable<AdditiveAttentionCall> = { ...MASKED_CALL, projected: TENSOR };

/** What `AdditiveAttention` is told beside its widths. */
export interface AdditiveAttentionOptions {
  /** Whether W and U add a bias; false, as in the paper. */
  readonly bias?: boolean;
  /** The probability with which weights are dropped in training, from 0 to below 1; 0. */
  readonly dropout?: number;
}

const ADDITIVE: OptionTable<AdditiveAttentionOptions> = { bias: FLAG, dropout: CHECKED };

/**
 * softmax(v · tanh(W query + U key)) value, and its pattern (Bahdanau, Cho and Bengio 2014, appendix A.1.2).
 *
 * Query [...,T,Q], key [...,S,K] and value [...,S,E] give [...,T,E] and the pattern [...,T,S]. Its parts are drawn as torch draws three Linears: `query` is W [A,Q], `key` is U [A,K], `score` is v [1,A]. The sums [B,T,S,A] are never
 * in memory.
 * @param queryWidth Q, of the decoder's states
 * @param keyWidth K, of the encoder's
 * @param hidden A
 * @throws HeedError for widths that are not whole and at least 1, and a dropout outside [0,1)
 * @example
 * const attend = new AdditiveAttention(64, 128, 32);
 * const [state, encoded] = [randn(2, 64), randn(2, 7, 128)];                                  // B=2 S=7
 * const mask = { kind: "lengths", lengths: tensor([7, 4]) } as const;
 * const [mixed, pattern] = attend.forward(state.unsqueeze(1), encoded, encoded, { mask });   // f32[2,1,128], f32[2,1,7]
 */
export class AdditiveAttention extends Module {
  query: Linear;
  key: Linear;
  score: Linear;
  readonly dropout: number;

  constructor(
    readonly queryWidth: number,
    readonly keyWidth: number,
    readonly hidden: number,
    options: AdditiveAttentionOptions = {},
  ) {
    super();
    checkOptions("AdditiveAttention", options, ADDITIVE);
    const { bias = false, dropout = 0 } = options;
    checkSizes("AdditiveAttention", { queryWidth, keyWidth, hidden });
    checkDropout("AdditiveAttention", dropout);
    this.dropout = dropout;
    this.query = new Linear(queryWidth, hidden, { bias });
    this.key = new Linear(keyWidth, hidden, { bias });
    this.score = new Linear(hidden, 1, { bias: false });
  }

  /** Query [...,T,Q], key [...,S,K], value [...,S,E] give what is mixed, [...,T,E], and the pattern before dropout, [...,T,S]. */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AdditiveAttentionCall = {},
  ): [mixed: Tensor, pattern: Tensor] {
    checkOptions("AdditiveAttention", options, CALL);
    const { mask, projected = this.project(key) } = options;
    const dropout = this.dropout > 0 && this.training ? this.dropout : 0;
    return additiveAttention(this.query.forward(query), projected, value, this.score.weight.view(this.hidden), {
      mask,
      dropout,
    });
  }

  /** U key: [...,S,K] to [...,S,A]. */
  project(key: Tensor): Tensor {
    return this.key.forward(key);
  }
}
