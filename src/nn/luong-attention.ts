// Multiplicative attention, the three scores of Luong, Pham and Manning 2015 (section 3.1).

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";
import { additiveAttention, multiplicativeAttention } from "../tensor/additive-attention.js";
import { checkDropout } from "../tensor/attention-options.js";
import type { Tensor } from "../tensor/tensor.js";
import { MASKED_CALL, type MaskedCall } from "./additive-attention.js";
import { checkSizes } from "./check.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** query · key; query · W key; v · tanh(W [query; key]). */
export type LuongMethod = "dot" | "general" | "concat";

/** What `LuongAttention` is told beside its method and width. */
export interface LuongAttentionOptions {
  /** K; Q unless given. */
  readonly keyWidth?: number;
  /** A, for "concat"; Q unless given. */
  readonly hidden?: number;
  /** The probability with which weights are dropped in training, from 0 to below 1; 0. */
  readonly dropout?: number;
}

const LUONG: OptionTable<LuongAttentionOptions> = { keyWidth: CHECKED, hidden: CHECKED, dropout: CHECKED };

/**
 * softmax(score(query, key)) value with one of Luong's scores, and its pattern (Luong, Pham and Manning 2015, section 3.1).
 *
 * Query [...,T,Q], key [...,S,K] and value [...,S,E] give [...,T,E] and the pattern [...,T,S]. W is `project`, [Q,K] for "general", [A,Q+K] for "concat"; v is `score`,
 * [1,A]. The pairs [B,T,S,Q+K] of "concat" are never in memory.
 * @param queryWidth Q
 * @throws HeedError for another method, widths that are not whole and at least 1, "dot" with widths that differ, and a dropout outside [0,1)
 * @example
 * const attend = new LuongAttention("general", 64, { keyWidth: 128 });
 * const [states, encoded] = [randn(2, 3, 64), randn(2, 7, 128)];       // B=2 T=3 S=7
 * const [mixed, pattern] = attend.forward(states, encoded, encoded);   // f32[2,3,128], f32[2,3,7]
 */
export class LuongAttention extends Module {
  project: Linear | null = null;
  score: Linear | null = null;
  readonly keyWidth: number;
  readonly dropout: number;

  constructor(
    readonly method: LuongMethod,
    readonly queryWidth: number,
    options: LuongAttentionOptions = {},
  ) {
    super();
    checkOptions("LuongAttention", options, LUONG);
    const { keyWidth = queryWidth, hidden = queryWidth, dropout = 0 } = options;
    checkSizes("LuongAttention", { queryWidth, keyWidth, hidden });
    checkDropout("LuongAttention", dropout);
    this.keyWidth = keyWidth;
    this.dropout = dropout;
    if (method === "dot") {
      if (keyWidth !== queryWidth)
        fail(
          "LuongAttention",
          'one width of queries and keys for "dot"',
          `${queryWidth} and ${keyWidth}`,
          'take "general"',
        );
    } else if (method === "general") this.project = new Linear(keyWidth, queryWidth, { bias: false });
    else if (method === "concat") {
      this.project = new Linear(queryWidth + keyWidth, hidden, { bias: false });
      this.score = new Linear(hidden, 1, { bias: false });
    } else fail("LuongAttention", 'a method "dot", "general" or "concat"', shown(method));
  }

  /** Query [...,T,Q], key [...,S,K], value [...,S,E] give what is mixed, [...,T,E], and the pattern before dropout, [...,T,S]. */
  forward(query: Tensor, key: Tensor, value: Tensor, options: MaskedCall = {}): [mixed: Tensor, pattern: Tensor] {
    checkOptions("LuongAttention", options, MASKED_CALL);
    const call = { mask: options.mask, dropout: this.dropout > 0 && this.training ? this.dropout : 0 };
    const weight = this.project?.weight ?? null;
    if (!weight || !this.score) return multiplicativeAttention(query, key, value, { ...call, weight });
    // W [query; key] = W₁ query + W₂ key
    const [forQuery, forKey] = weight.split([this.queryWidth, this.keyWidth], 1);
    const hidden = (x: Tensor, part: Tensor) => x.matmul(part.transpose(0, 1)); // [...,A]
    return additiveAttention(hidden(query, forQuery), hidden(key, forKey), value, this.score.weight.view(-1), call);
  }

  override extraRepr(): string {
    return `method=${this.method}`;
  }
}
