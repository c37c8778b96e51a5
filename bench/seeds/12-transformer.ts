// The Transformer that translates, on 64 pairs of 16 words and 16 characters: its logits, and a step of training.

import { arange, compile, crossEntropy, manualSeed, randint, type Tensor } from "heed";
import {
  Embedding,
  init,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  PositionalEncoding,
  ReLU,
  Sequential,
} from "heed/nn";
import { Adam } from "heed/train";
import type { Seed } from "../lib/seed.js";

const [B, S, T, C, H, F, L] = [64, 16, 16, 128, 4, 512, 2];
const [SOURCE, TARGET] = [1966, 1078]; // words

class Sublayer extends Module {
  norm = new LayerNorm(C);
  forward(x: Tensor, sublayer: (x: Tensor) => Tensor): Tensor {
    return this.norm.forward(x.add(sublayer(x)));
  }
}

const attention = () => new MultiheadAttention(C, H, { batchFirst: true });
const feedForward = () => new Sequential(new Linear(C, F), new ReLU(), new Linear(F, C));

class EncoderLayer extends Module {
  selfAttention = attention();
  feedForward = feedForward();
  sublayers = [new Sublayer(), new Sublayer()];
  forward(x: Tensor, keyPaddingMask: Tensor): Tensor {
    x = this.sublayers[0].forward(x, (x) => this.selfAttention.forward(x, x, x, { keyPaddingMask })[0]);
    return this.sublayers[1].forward(x, (x) => this.feedForward.forward(x)); // [B,S,C]
  }
}

class DecoderLayer extends Module {
  selfAttention = attention();
  crossAttention = attention();
  feedForward = feedForward();
  sublayers = [new Sublayer(), new Sublayer(), new Sublayer()];
  forward(x: Tensor, memory: Tensor, keyPaddingMask: Tensor): Tensor {
    x = this.sublayers[0].forward(x, (x) => this.selfAttention.forward(x, x, x, { isCausal: true })[0]);
    x = this.sublayers[1].forward(x, (x) => this.crossAttention.forward(x, memory, memory, { keyPaddingMask })[0]);
    return this.sublayers[2].forward(x, (x) => this.feedForward.forward(x)); // [B,T,C]
  }
}

class Transformer extends Module {
  sourceEmbedding = new Embedding(SOURCE, C);
  targetEmbedding = new Embedding(TARGET, C);
  positions = new PositionalEncoding(C, { dropout: 0, context: 64 });
  encoder = Array.from({ length: L }, () => new EncoderLayer());
  decoder = Array.from({ length: L }, () => new DecoderLayer());
  generator = new Linear(C, TARGET);

  forward(source: Tensor, target: Tensor): Tensor {
    const padding = source.eq(0);
    const embedded = (ids: Tensor, embedding: Embedding) =>
      this.positions.forward(embedding.forward(ids).mul(Math.sqrt(C)));
    const encoded = embedded(source, this.sourceEmbedding);
    const memory = this.encoder.reduce((x, layer) => layer.forward(x, padding), encoded); // [B,S,C]
    const decoded = embedded(target, this.targetEmbedding);
    return this.generator.forward(this.decoder.reduce((x, layer) => layer.forward(x, memory, padding), decoded));
  }
}

function draw() {
  manualSeed(1);
  const model = new Transformer();
  for (const p of model.parameters()) if (p.ndim > 1) init.xavierUniform_(p);
  const sentences = (V: number, length: number) =>
    randint(1, V, [B, length])
      .mul(arange(length).lt(randint(8, length + 1, [B, 1])))
      .evaluate();
  return { model, source: sentences(SOURCE, S), target: sentences(TARGET, T + 1) };
}

export const forward: Seed = {
  work: "Transformer, [64,16] to [64,16]",
  least: 2,
  make() {
    const { model, source, target } = draw();
    const call = compile((source: Tensor, target: Tensor) => model.forward(source, target.at(":", ":-1")));
    return () => call(source, target);
  },
};

export const training: Seed = {
  work: "Transformer, a training step",
  least: 2,
  pace: "middling",
  make() {
    const { model, source, target } = draw();
    const optimizer = new Adam(model.parameters(), { learningRate: 1e-4, betas: [0.9, 0.98], eps: 1e-9 });
    const step = compile((source: Tensor, target: Tensor) => {
      const logits = model.forward(source, target.at(":", ":-1"));
      const loss = crossEntropy(logits, target.at(":", "1:"), { ignoreIndex: 0, labelSmoothing: 0.1 });
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    return () => step(source, target);
  },
};
