// The chapter's self-attention on six words, its multi-head attention at GPT-2's size on 1024 tokens, and GPT-2 with 124 million weights.

import { compile, manualSeed, ones, randint, randn, type Tensor, triu } from "heed";
import { GPT } from "heed/models";
import { Linear, Module, skipInit } from "heed/nn";
import type { Seed } from "../lib/seed.js";
import { fillWeights } from "../lib/weights.js";

class SelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;

  constructor(dIn: number, dOut: number) {
    super();
    this.query = new Linear(dIn, dOut, { bias: false });
    this.key = new Linear(dIn, dOut, { bias: false });
    this.value = new Linear(dIn, dOut, { bias: false });
  }

  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((linear) => linear.forward(x));
    return q
      .matmul(k.mT)
      .div(k.size(-1) ** 0.5)
      .softmax(-1)
      .matmul(v);
  }
}

class MultiHeadAttention extends SelfAttention {
  output: Linear;
  mask: Tensor;

  constructor(
    readonly width: number,
    contextLength: number,
    readonly heads: number,
  ) {
    super(width, width);
    this.output = new Linear(width, width);
    this.mask = this.registerBuffer("mask", triu(ones(contextLength, contextLength), 1).bool());
  }

  override forward(x: Tensor): Tensor {
    const [B, T, C] = x.shape;
    const split = (y: Tensor) => y.view(B, T, this.heads, C / this.heads).transpose(1, 2); // [B,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((linear) => split(linear.forward(x)));
    const scores = q.matmul(k.transpose(2, 3)).maskedFill(this.mask.at(`:${T}`, `:${T}`), -Infinity);
    const pattern = scores.div(k.size(-1) ** 0.5).softmax(-1); // [B,H,T,T]
    return this.output.forward(pattern.matmul(v).transpose(1, 2).contiguous().view(B, T, C));
  }
}

export const forward: Seed = {
  work: "SelfAttention_v2, [6,3] to 2",
  least: 10,
  make() {
    manualSeed(123);
    const attention = new SelfAttention(3, 2);
    const x = randn(6, 3).evaluate();
    const call = compile((x: Tensor) => attention.forward(x));
    return () => call(x);
  },
};

export const forwardHeads: Seed = {
  work: "MultiHeadAttention, [1,1024,768], 12 heads",
  least: 2,
  pace: "middling",
  make() {
    manualSeed(123);
    const attention = new MultiHeadAttention(768, 1024, 12);
    const x = randn(1, 1024, 768).evaluate();
    const call = compile((x: Tensor) => attention.forward(x));
    return () => call(x);
  },
};

export const forwardGPT: Seed = {
  work: "GPT-2 of 124M, [1,64]",
  least: 2,
  pace: "middling",
  make() {
    const config = { vocabularySize: 50257, context: 1024, layers: 12, heads: 12, width: 768 };
    const gpt = skipInit(() => new GPT(config)).eval();
    fillWeights(gpt);
    const ids = randint(0, 50257, [1, 64]).evaluate();
    const call = compile((ids: Tensor) => gpt.forward(ids));
    return () => call(ids);
  },
};
