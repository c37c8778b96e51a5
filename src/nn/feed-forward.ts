// The position-wise feed-forward network of a Transformer block.

import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import type { Tensor } from "../tensor/tensor.js";
import { APPROXIMATE, Dropout } from "./activations.js";
import { checkProbability, checkSizes } from "./check.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";

/** What `FeedForward` and `TransformerBlock` are told beside their widths. */
export interface FeedForwardOptions {
  /** The width between, 4 C. */
  hidden?: number;
  bias?: boolean;
  dropout?: number;
  approximate?: "none" | "tanh";
}

/** @internal */
export const FEED_FORWARD: OptionTable<FeedForwardOptions> = {
  hidden: CHECKED,
  bias: FLAG,
  dropout: CHECKED,
  approximate: APPROXIMATE,
};

/**
 * Each position on its own: widen, GELU, narrow, dropout   (Vaswani et al. 2017, section 3.3, with GELU for ReLU).
 * @param width C, of input and output
 * @param options.hidden the width between, 4 C
 * @throws HeedError for widths that are not whole and at least 1, and a dropout outside [0,1]
 * @example new FeedForward(64, { dropout: 0.1 }).forward(randn(2, 5, 64))   // f32[2,5,64]
 */
export class FeedForward extends Module {
  expand: Linear;
  contract: Linear;
  dropout: Dropout;
  readonly approximate: "none" | "tanh";

  constructor(
    readonly width: number,
    options: FeedForwardOptions = {},
  ) {
    super();
    checkOptions("FeedForward", options, FEED_FORWARD);
    const { hidden = 4 * width, bias = true, dropout = 0, approximate = "none" } = options;
    checkSizes("FeedForward", { width, hidden });
    checkProbability("FeedForward", dropout);
    this.expand = new Linear(width, hidden, { bias });
    this.contract = new Linear(hidden, width, { bias });
    this.dropout = new Dropout(dropout);
    this.approximate = approximate;
  }

  forward(residual: Tensor): Tensor {
    const hidden = this.expand.forward(residual).gelu({ approximate: this.approximate }); // [B,T,4C]
    return this.dropout.forward(this.contract.forward(hidden)); // [B,T,C]
  }
}
