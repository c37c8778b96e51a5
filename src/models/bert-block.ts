// The block of BERT: attention in both directions, then feed-forward, each added to the residual and normalised; and the mask that hides
// padding from it. B batch, T positions, C width, H heads, D = C / H.

import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { Dropout } from "../nn/activations.js";
import { FeedForward } from "../nn/feed-forward.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { LayerNorm } from "../nn/norm.js";
import type { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import type { CompleteBertConfig } from "./bert-config.js";

class Attention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  output: Linear;
  patternDropout: Dropout;
  outputDropout: Dropout;

  constructor(private readonly config: CompleteBertConfig) {
    super();
    const { width, dropout, patternDropout } = config;
    this.query = new Linear(width, width);
    this.key = new Linear(width, width);
    this.value = new Linear(width, width);
    this.output = new Linear(width, width);
    this.patternDropout = new Dropout(patternDropout);
    this.outputDropout = new Dropout(dropout);
  }

  /** @param hidden bool[B,1,1,T] or bool[B,1,T,T], true where nobody may look */
  forward(residual: Tensor, hidden?: Tensor): [mixed: Tensor, pattern: Tensor] {
    const [B, T, C] = residual.shape;
    const H = this.config.heads;
    const heads = (x: Tensor) => x.view(B, T, H, C / H).transpose(1, 2); // [B,H,T,D]
    const query = heads(this.query.forward(residual));
    const key = heads(this.key.forward(residual));
    const value = heads(this.value.forward(residual));

    const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(C / H)); // [B,H,T,S]
    const pattern = (hidden ? scores.maskedFill(hidden, Number.NEGATIVE_INFINITY) : scores).softmax(-1); // [B,H,T,S]
    const mixed = this.patternDropout.forward(pattern).matmul(value); // [B,H,T,D]
    const joined = this.output.forward(mixed.transpose(1, 2).reshape(B, T, C)); // [B,T,C]
    return [this.outputDropout.forward(joined), pattern];
  }
}

export class Block extends Module {
  attention: Attention;
  attentionNorm: LayerNorm;
  feedForward: FeedForward;
  feedForwardNorm: LayerNorm;

  constructor(config: CompleteBertConfig) {
    super();
    const { width, hidden, dropout, approximate, normEpsilon: eps } = config;
    this.attention = new Attention(config);
    this.attentionNorm = new LayerNorm(width, { eps });
    this.feedForward = new FeedForward(width, { hidden, dropout, approximate });
    this.feedForwardNorm = new LayerNorm(width, { eps });
  }

  forward(x: Tensor, hidden?: Tensor): [residual: Tensor, pattern: Tensor] {
    const [mixed, pattern] = this.attention.forward(x, hidden);
    const residual = this.attentionNorm.forward(x.add(mixed));
    return [this.feedForwardNorm.forward(residual.add(this.feedForward.forward(residual))), pattern];
  }
}

/** @throws HeedError for a mask that is added to scores, where 0 means look, and for one by which some query may look nowhere */
function checkMask(mask: Tensor, T: number): void {
  const seen = mask.dataSync();
  const odd = seen.find((x) => x !== 0 && x !== 1);
  const remedy = "a mask that is added to scores becomes one by mask.eq(0)";
  if (odd !== undefined) fail("Bert", "attentionMask of true and false, or of 1 and 0", String(odd), remedy);
  for (let row = 0; row < seen.length; row += T)
    if (!seen.subarray(row, row + T).includes(1))
      fail(
        "Bert",
        "attentionMask with a token to look at in every row",
        `row ${row / T} of 0`,
        "1 is for tokens, 0 for padding",
      );
}

/**
 * True where nobody may look, bool[B,1,1,T] or bool[B,1,T,T], from an attentionMask [B,T] or [B,T,T].
 * @throws HeedError for other shapes, numbers other than 0 and 1, and a query that may look nowhere
 */
export function hiddenKeys(mask: Tensor, B: number, T: number): Tensor {
  const each = sameShape(mask.shape, [B, T, T]);
  if (!each && !sameShape(mask.shape, [B, T]))
    fail("Bert", `attentionMask [${B},${T}] or [${B},${T},${T}], true or 1 where to look`, describe(mask));
  if (!tracing()) checkMask(mask, T);
  return mask.eq(0).view(B, 1, each ? T : 1, T);
}
