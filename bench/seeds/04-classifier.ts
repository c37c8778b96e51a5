// The classifier of sentences, 16 heads of width 32 on 64 sentences of 30 words: its answer with the pattern, and a step of training.

import { arange, compile, crossEntropy, manualSeed, randint, type Tensor } from "heed";
import { Embedding, Linear, Module } from "heed/nn";
import { Adam } from "heed/train";
import type { Seed } from "../lib/seed.js";

const [B, T, C, H, V] = [64, 30, 512, 16, 5000];

class MultiHeadAttention extends Module {
  query = new Linear(C, C);
  key = new Linear(C, C);
  value = new Linear(C, C);

  forward(x: Tensor, padding: Tensor): [pattern: Tensor, mixed: Tensor] {
    const heads = (layer: Linear) =>
      layer
        .forward(x)
        .view(B, T, H, C / H)
        .transpose(1, 2); // [B,H,T,D]
    const scores = heads(this.query)
      .matmul(heads(this.key).transpose(-2, -1))
      .div(Math.sqrt(C / H));
    const pattern = scores.maskedFill(padding.view(B, 1, 1, T), -Infinity).softmax(-1); // [B,H,T,T]
    return [pattern, pattern.matmul(heads(this.value)).transpose(1, 2).reshape(B, T, C)];
  }
}

class Classifier extends Module {
  embedding = new Embedding(V, C);
  attention = new MultiHeadAttention();
  output = new Linear(C, 2);

  forward(ids: Tensor): [logits: Tensor, pattern: Tensor] {
    const padding = ids.eq(0);
    const [pattern, mixed] = this.attention.forward(this.embedding.forward(ids), padding);
    const words = padding.logicalNot().sum(1, { keepdim: true }); // [B,1]
    const pooled = mixed.maskedFill(padding.unsqueeze(-1), 0).sum(1).div(words); // [B,C]
    return [this.output.forward(pooled), pattern];
  }
}

function draw() {
  manualSeed(123);
  const model = new Classifier();
  const ids = randint(1, V, [B, T]).mul(arange(T).lt(randint(10, T + 1, [B, 1])));
  return { model, ids: ids.evaluate(), labels: randint(0, 2, [B]).evaluate() };
}

export const forward: Seed = {
  work: "classifier, [64,30], 16 heads, with the pattern",
  least: 2,
  make() {
    const { model, ids } = draw();
    const call = compile((ids: Tensor) => model.forward(ids));
    return () => call(ids);
  },
};

export const training: Seed = {
  work: "classifier, a training step",
  least: 2,
  pace: "middling",
  make() {
    const { model, ids, labels } = draw();
    const optimizer = new Adam(model.parameters(), { learningRate: 1e-3 });
    const step = compile((ids: Tensor, labels: Tensor) => {
      const loss = crossEntropy(model.forward(ids)[0], labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    return () => step(ids, labels);
  },
};
