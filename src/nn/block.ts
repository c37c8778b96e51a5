// The block that Transformers are stacks of.

import { checkOptions, FLAG, type OptionTable, orNull } from "../base/options.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import type { Tensor } from "../tensor/tensor.js";
import { Dropout } from "./activations.js";
import { checkHeads, checkProbability, checkSizes } from "./check.js";
import { FEED_FORWARD, FeedForward, type FeedForwardOptions } from "./feed-forward.js";
import { Module } from "./module.js";
import { MultiheadAttention } from "./multihead-attention.js";
import type { MultiheadAttentionCall } from "./multihead-masks.js";
import { LayerNorm } from "./norm.js";

/** The masks of one call; the weights stay inside. */
export type BlockCall = Pick<MultiheadAttentionCall, "keyPaddingMask" | "attnMask" | "isCausal">;

const CALL: OptionTable<BlockCall> = { keyPaddingMask: orNull(TENSOR), attnMask: orNull(TENSOR), isCausal: FLAG };

/**
 * Self-attention, then feed-forward, each behind a LayerNorm and added to the residual: the pre-LN block (Xiong et al. 2020).
 * @param width C
 * @param options.hidden width of the feed-forward network, 4 C
 * @example new TransformerBlock(128, 4, { dropout: 0.1 }).forward(residual, { isCausal: true })   // [B,T,C]
 */
export class TransformerBlock extends Module {
  attentionNorm: LayerNorm;
  attention: MultiheadAttention;
  dropout: Dropout;
  feedForwardNorm: LayerNorm;
  feedForward: FeedForward;

  constructor(
    readonly width: number,
    readonly heads: number,
    options: FeedForwardOptions = {},
  ) {
    super();
    checkOptions("TransformerBlock", options, FEED_FORWARD);
    const { dropout = 0, bias = true, hidden = 4 * width } = options;
    checkHeads("TransformerBlock", ["width", width], ["heads", heads]);
    checkSizes("TransformerBlock", { hidden });
    checkProbability("TransformerBlock", dropout);
    this.attentionNorm = new LayerNorm(width, { bias });
    this.attention = new MultiheadAttention(width, heads, { dropout, bias, batchFirst: true });
    this.dropout = new Dropout(dropout);
    this.feedForwardNorm = new LayerNorm(width, { bias });
    this.feedForward = new FeedForward(width, options);
  }

  forward(x: Tensor, masks: BlockCall = {}): Tensor {
    checkTensor("TransformerBlock", "x", x);
    checkOptions("TransformerBlock", masks, CALL);
    const normed = this.attentionNorm.forward(x);
    const [mixed] = this.attention.forward(normed, normed, normed, { ...masks, needWeights: false });
    const residual = x.add(this.dropout.forward(mixed)); // [B,T,C]
    return residual.add(this.feedForward.forward(this.feedForwardNorm.forward(residual)));
  }
}
