// Causal attention on three words, 我 爱 你 ("I love you"): a triangle of -inf added to the scores takes the future out of the softmax. First
// step by step, then as the MultiHeadAttention of a decoder: with isCausal, the mask is a registered buffer of the longest length there is,
// sliced to the length at hand. The usual slip is to mask behind the softmax, by zeros: what is left of a row then no longer sums to 1.
// Run it with: npm run example 10-masked

import { allclose, cat, full, manualSeed, randn, type Tensor, tensor, triu } from "heed";
import { heatMapText } from "heed/inspect";
import { Embedding, Linear, Module } from "heed/nn";

manualSeed(42);
const words = ["我", "爱", "你"];
const [T, C] = [words.length, 8];
const embedding = new Embedding(T, C);
const x = embedding.forward(tensor(words.map((_, i) => i))); // [T,C]

const mask = triu(full([T, T], -Infinity), 1); // [T,T]
export const scores = x.matmul(x.T).div(Math.sqrt(C)); // [T,T]
export const masked = scores.add(mask);
export const pattern = masked.softmax(-1);
console.log(`The mask:\n${mask}`);
console.log(`\nScores:\n${scores}`);
console.log(`\nScores + mask:\n${masked}`);
console.log(`\nSoftmax: nobody looks ahead, and every row sums to 1:\n${pattern}`);
console.log(heatMapText(pattern, { rows: words }));

export const slip = scores.softmax(-1).sum(-1).sub(scores.softmax(-1).tril().sum(-1));
console.log(`\nWhat the rows would lose if the weights were masked instead:\n${slip}`);

class MultiHeadAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  output: Linear;
  mask: Tensor;

  constructor(
    readonly width: number,
    readonly heads: number,
    longest: number,
    readonly isCausal = true,
  ) {
    super();
    this.query = new Linear(width, width);
    this.key = new Linear(width, width);
    this.value = new Linear(width, width);
    this.output = new Linear(width, width);
    this.mask = this.registerBuffer("mask", triu(full([longest, longest], -Infinity), 1));
  }

  forward(x: Tensor): [output: Tensor, pattern: Tensor] {
    const [B, T, C] = x.shape;
    const split = (y: Tensor) => y.view(B, T, this.heads, C / this.heads).transpose(1, 2); // [B,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((linear) => split(linear.forward(x)));
    let scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(C / this.heads)); // [B,H,T,T]
    if (this.isCausal) scores = scores.add(this.mask.at(`:${T}`, `:${T}`));
    const pattern = scores.softmax(-1);
    const mixed = pattern.matmul(v).transpose(1, 2).contiguous().view(B, T, C); // [B,T,C]
    return [this.output.forward(mixed), pattern];
  }
}

const attention = new MultiHeadAttention(C, 2, 16);
export const [output, heads] = attention.forward(x.unsqueeze(0));
console.log("\nTwo heads with weights of their own, the mask of 16 x 16 sliced to 3 x 3:");
console.log(heatMapText(heads.at(0), { rows: words }));
console.log(`\nTheir output:\n${output}`);

// Whatever comes next, the words before it keep their outputs.
const longer = cat([x.unsqueeze(0), randn(1, 1, C)], 1); // [1,T+1,C]
export const [extended] = attention.forward(longer);
console.log(
  "\nWith a fourth word, the first three get the same:",
  allclose(extended.at(":", ":3"), output, { atol: 1e-6 }),
);
