// Self-attention with one head, as tutorials write it first: three Linear layers, scores by dot products, a softmax, a weighted sum.
// Vaswani et al. 2017, section 3.2.1. Line for line the PyTorch class; from the same seed it has the same weights and prints the same numbers.
// Run it with: npm run example 01-self-attention

import { explain, manualSeed, matmul, randn, softmax, type Tensor } from "heed";
import { heatMapText } from "heed/inspect";
import { Linear, Module } from "heed/nn";

class SelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;

  constructor(
    inputDim: number,
    readonly hiddenDim: number,
  ) {
    super();
    this.query = new Linear(inputDim, hiddenDim);
    this.key = new Linear(inputDim, hiddenDim);
    this.value = new Linear(inputDim, hiddenDim);
  }

  forward(x: Tensor): [mixed: Tensor, pattern: Tensor] {
    const q = this.query.forward(x); // [B,T,D]
    const k = this.key.forward(x); //   [B,T,D]
    const v = this.value.forward(x); // [B,T,D]
    const scores = matmul(q, k.transpose(-2, -1)).div(Math.sqrt(this.hiddenDim)); // [B,T,T]
    const pattern = softmax(scores, -1); // [B,T,T]
    const mixed = matmul(pattern, v); //    [B,T,D]
    return [mixed, pattern];
  }
}

manualSeed(42);
const [B, T, inputDim, hiddenDim] = [1, 5, 16, 8];
const x = randn(B, T, inputDim);
const attention = new SelfAttention(inputDim, hiddenDim);
export const [mixed, pattern] = attention.forward(x);

console.log(attention);
console.log("\nIn:", x.shape, "out:", mixed.shape, "weights:", pattern.shape);
console.log("\nWhat runs when the output alone is asked for (no array of scores is made):");
console.log(explain(mixed));
console.log("\nHow much each position takes from each other one; every row sums to 1:");
console.log(pattern.at(0));
console.log(heatMapText(pattern.at(0)));
console.log("\nWhat it takes:");
console.log(mixed.at(0));
