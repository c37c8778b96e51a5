// Multiplicative attention, the three scores of Luong, Pham and Manning 2015 (section 3.1).

import { fail } from "../base/errors.js";
import { additiveAttention, multiplicativeAttention } from "../tensor/additive-attention.js";
import type { Tensor } from "../tensor/tensor.js";
import type { MaskedCall } from "./additive-attention.js";
import { checkProbability, checkSizes } from "./check.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** query · key; query · W key; v · tanh(W [query; key]). */
export type LuongMethod = "dot" | "general" | "concat";

/**
 * softmax(score(query, key)) value with one of Luong's scores. W is `project`, [Q,K] for "general", [A,Q+K] for "concat"; v is `score`,
 * [1,A]. The pairs [B,T,S,Q+K] of "concat" are never in memory.
 * @param queryWidth Q
 * @param options.keyWidth K; Q unless given
 * @param options.hidden A, for "concat"; Q unless given
 * @param options.dropout the probability with which weights are dropped in training
 * @throws HeedError for another method, and for "dot" with widths that differ
 * @example
 * const attend = new LuongAttention("general", 64, { keyWidth: 128 });
 * const [mixed, pattern] = attend.forward(states, encoded, encoded);   // [B,T,128], [B,T,S]
 */
export class LuongAttention extends Module {
  project: Linear | null = null;
  score: Linear | null = null;
  readonly keyWidth: number;
  readonly dropout: number;

  constructor(
    readonly method: LuongMethod,
    readonly queryWidth: number,
    options: { keyWidth?: number; hidden?: number; dropout?: number } = {},
  ) {
    super();
    const { keyWidth = queryWidth, hidden = queryWidth, dropout = 0 } = options;
    checkSizes("LuongAttention", { queryWidth, keyWidth, hidden });
    checkProbability("LuongAttention", dropout);
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
    } else fail("LuongAttention", 'a method "dot", "general" or "concat"', String(method));
  }

  /** Query [...,T,Q], key [...,S,K], value [...,S,E] give what is mixed, [...,T,E], and the pattern before dropout, [...,T,S]. */
  forward(query: Tensor, key: Tensor, value: Tensor, options: MaskedCall = {}): [mixed: Tensor, pattern: Tensor] {
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
