// "Build a Large Language Model (From Scratch)" (Raschka 2024), chapter 3: its attention classes one after another, from plain matrices to
// the multi-head attention of GPT-2's size, and at the end the whole GPT-2. From seed 123 the weights are PyTorch's, and so are the outputs
// (where PyTorch ends a print with grad_fn=<...>, Heed has requires_grad=True). The last part draws 124 million numbers several times; a short
// form of it is `-- --layers 1 --vocabulary 1000`. Run it with: npm run example 08-from-scratch-ch3

import { cat, ones, rand, randint, randn, type Tensor, triu } from "heed";
import { GPT } from "heed/models";
import { countParameters, Dropout, Linear, Module, ModuleList, Parameter } from "heed/nn";
import { batch, inputs, seeded } from "./lib/chapter3.js"; // [2,6,3] and [6,3], "Your journey starts with one step"
import { settings } from "./lib/settings.js";
import { thousands } from "./lib/show.js";

const { layers, vocabulary: vocabularySize } = settings({ layers: 12, vocabulary: 50257 });
const [dIn, dOut] = [3, 2];

class SelfAttention_v1 extends Module {
  query = new Parameter(rand(dIn, dOut));
  key = new Parameter(rand(dIn, dOut));
  value = new Parameter(rand(dIn, dOut));
  forward(x: Tensor): Tensor {
    const [queries, keys, values] = [this.query, this.key, this.value].map((W) => x.matmul(W)); // [T,D]
    const scores = queries.matmul(keys.T);
    const weights = scores.div(keys.size(-1) ** 0.5).softmax(-1);
    return weights.matmul(values);
  }
}

class SelfAttention_v2 extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  constructor(dIn: number, dOut: number, qkvBias = false) {
    super();
    this.query = new Linear(dIn, dOut, { bias: qkvBias });
    this.key = new Linear(dIn, dOut, { bias: qkvBias });
    this.value = new Linear(dIn, dOut, { bias: qkvBias });
  }
  forward(x: Tensor): Tensor {
    const [queries, keys, values] = [this.query, this.key, this.value].map((W) => W.forward(x));
    const scores = queries.matmul(keys.T);
    const weights = scores.div(keys.size(-1) ** 0.5).softmax(-1);
    return weights.matmul(values);
  }
}

class CausalAttention extends SelfAttention_v2 {
  dropout: Dropout;
  mask: Tensor;
  constructor(dIn: number, dOut: number, contextLength: number, dropout: number, qkvBias = false) {
    super(dIn, dOut, qkvBias);
    this.dropout = new Dropout(dropout);
    this.mask = this.registerBuffer("mask", triu(ones(contextLength, contextLength), 1).bool());
  }
  override forward(x: Tensor): Tensor {
    const T = x.size(1);
    const [queries, keys, values] = [this.query, this.key, this.value].map((W) => W.forward(x)); // [B,T,D]
    const scores = queries.matmul(keys.transpose(1, 2)).maskedFill(this.mask.at(`:${T}`, `:${T}`), -Infinity);
    const weights = scores.div(keys.size(-1) ** 0.5).softmax(-1);
    return this.dropout.forward(weights).matmul(values);
  }
}

class MultiHeadAttentionWrapper extends Module {
  heads: ModuleList<CausalAttention>;
  constructor(dIn: number, dOut: number, contextLength: number, dropout: number, numHeads: number) {
    super();
    const head = () => new CausalAttention(dIn, dOut, contextLength, dropout);
    this.heads = new ModuleList(Array.from({ length: numHeads }, head));
  }
  forward(x: Tensor): Tensor {
    const mixed = this.heads.map((head) => head.forward(x)); // [B,T,D] each
    return cat(mixed, -1);
  }
}

class MultiHeadAttention extends CausalAttention {
  numHeads: number;
  output: Linear;
  constructor(dIn: number, dOut: number, contextLength: number, dropout: number, numHeads: number, qkvBias = false) {
    super(dIn, dOut, contextLength, dropout, qkvBias);
    this.numHeads = numHeads;
    this.output = new Linear(dOut, dOut);
  }
  override forward(x: Tensor): Tensor {
    const [B, T] = x.shape;
    const split = (y: Tensor) => y.view(B, T, this.numHeads, -1).transpose(1, 2); // [B,H,T,D]
    const [queries, keys, values] = [this.query, this.key, this.value].map((W) => split(W.forward(x)));
    const scores = queries.matmul(keys.transpose(2, 3)).maskedFill(this.mask.at(`:${T}`, `:${T}`), -Infinity);
    const weights = this.dropout.forward(scores.div(keys.size(-1) ** 0.5).softmax(-1)); // [B,H,T,T]
    const mixed = weights.matmul(values).transpose(1, 2); //                               [B,T,H,D]
    return this.output.forward(mixed.contiguous().view(B, T, -1));
  }
}

const v1 = seeded(() => new SelfAttention_v1());
export const first = v1.forward(inputs);
console.log(`SelfAttention_v1, matrices drawn by rand:\n${first}`);
const v2 = seeded(() => new SelfAttention_v2(dIn, dOut));
export const second = v2.forward(inputs);
console.log(`\nSelfAttention_v2, Linear layers:\n${second}`);
for (const name of ["query", "key", "value"] as const) v1[name] = new Parameter(v2[name].weight.T);
export const moved = v1.forward(inputs);
console.log(`\nSelfAttention_v1 with the weights of v2, transposed:\n${moved}`);

export const causal = seeded(() => new CausalAttention(dIn, dOut, 6, 0.0)).forward(batch);
console.log(`\nCausalAttention on a batch of two:\n${causal}`);
export const dropped = seeded(() => new CausalAttention(dIn, dOut, 6, 0.5)).forward(batch);
console.log(`\nthe same in training with dropout 0.5, which drops what PyTorch drops:\n${dropped}`);
export const wrapped = seeded(() => new MultiHeadAttentionWrapper(dIn, 1, 6, 0.0, 2)).forward(batch);
console.log(`\nMultiHeadAttentionWrapper, 2 heads of dOut = 1, so that the output has width 2:\n${wrapped}`);
export const heads = seeded(() => new MultiHeadAttention(dIn, dOut, 6, 0.0, 2)).forward(batch);
console.log(`\nMultiHeadAttention, 2 heads in one:\n${heads}`);

const large = new MultiHeadAttention(768, 768, 1024, 0.0, 12);
export const parameters = countParameters(large); // sum(p.numel() for p in large.parameters())
console.log(`\nMultiHeadAttention of GPT-2's size: ${thousands(parameters)} parameters; on 1024 tokens it gives`);
console.log(large.forward(randn(1, 1024, 768)).shape);

const gpt = seeded(() => new GPT({ vocabularySize, context: 1024, layers, heads: 12, width: 768 })).eval();
export const tied = countParameters(gpt);
export const untied = tied + vocabularySize * 768; // the book's model has an output head of its own
const title = layers === 12 && vocabularySize === 50257 ? "GPT-2 small (117M in its paper)" : "GPT-2, cut short";
console.log(`\n${title}: ${thousands(tied)} parameters; with an output head of its own ${thousands(untied)}.`);
export const logits = gpt.forward(randint(0, vocabularySize, [1, 4])); // [1,4,V]
console.log(`Logits, untrained:\n${logits}`);
