// The head of BERT that predicts masked tokens, and how BERT's weights are drawn.

import { Embedding } from "../nn/embedding.js";
import { normal_, zeros_ } from "../nn/init.js";
import { isSkipping } from "../nn/init-set.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { LayerNorm } from "../nn/norm.js";
import { Parameter } from "../nn/parameter.js";
import { zeros } from "../tensor/create.js";
import { linear } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import type { CompleteBertConfig } from "./bert-config.js";

const SPREAD = 0.02;

/** N(0, 0.02²) for weights, zero for biases and the padding token; as transformers does. */
export function drawWeights(module: Module): void {
  if (module instanceof Embedding) module.resetParameters(SPREAD);
  if (!(module instanceof Linear)) return;
  normal_(module.weight, 0, SPREAD);
  if (module.bias) zeros_(module.bias);
}

/** Linear, GELU, LayerNorm, then the product with each token's embedding: f32[B,T,C] to logits f32[B,T,V]. */
export class MaskedHead extends Module {
  dense: Linear;
  norm: LayerNorm;
  bias: Parameter; // [V]

  constructor(private readonly config: CompleteBertConfig) {
    super();
    const { vocabularySize, width, normEpsilon: eps } = config;
    this.dense = new Linear(width, width);
    this.norm = new LayerNorm(width, { eps });
    this.bias = new Parameter(zeros(vocabularySize));
    // transformers makes an output layer here and ties its weight to the embedding later: its draws are all that is left of it.
    if (!isSkipping()) new Linear(width, vocabularySize);
  }

  draw(): void {
    drawWeights(this.dense);
    if (!isSkipping()) normal_(zeros(this.config.vocabularySize, this.config.width), 0, SPREAD);
  }

  forward(lastHidden: Tensor, embedding: Tensor): Tensor {
    const { approximate } = this.config;
    const transformed = this.norm.forward(this.dense.forward(lastHidden).gelu({ approximate })); // [B,T,C]
    return linear(transformed, embedding, this.bias); // [B,T,V]
  }
}
