// Multi-head attention on 32 sentences of 10 words, as a PyTorch module and in Keras' form.

import { compile, manualSeed, randn, type Tensor } from "heed";
import { init, Linear, Module } from "heed/nn";
import type { Seed } from "../lib/seed.js";

const [B, T, C, H] = [32, 10, 64, 4];
const D = C / H;

const linear = () => new Linear(C, C);
const dense = () => {
  const layer = linear();
  init.xavierUniform_(layer.weight);
  if (layer.bias) init.zeros_(layer.bias);
  return layer;
};

class MultiHeadAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  output: Linear;

  constructor(layer: () => Linear) {
    super();
    [this.query, this.key, this.value, this.output] = [layer(), layer(), layer(), layer()];
  }

  forward(x: Tensor): Tensor {
    const heads = (y: Tensor) => y.view(B, T, H, D).transpose(1, 2); // [B,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => heads(layer.forward(x)));
    const pattern = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D)).softmax(-1); // [B,H,T,T]
    return this.output.forward(pattern.matmul(v).transpose(1, 2).contiguous().view(B, T, C));
  }
}

function seed(work: string, layer: () => Linear): Seed {
  return {
    work,
    least: 2,
    make() {
      manualSeed(42);
      const x = randn(B, T, C).evaluate();
      const attention = new MultiHeadAttention(layer);
      const call = compile((x: Tensor) => attention.forward(x));
      return () => call(x);
    },
  };
}

export const forward = seed("multi-head, [32,10,64], 4 heads", linear);
export const forwardKeras = seed("the same in Keras' form", dense);
