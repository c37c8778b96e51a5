// Causal attention of two heads on three words, its mask a slice of a registered buffer.

import { compile, full, manualSeed, randn, type Tensor, triu } from "heed";
import { Linear, Module } from "heed/nn";
import type { Seed } from "../lib/seed.js";

const [T, C, H, LONGEST] = [3, 8, 2, 16];

class MultiHeadAttention extends Module {
  query = new Linear(C, C);
  key = new Linear(C, C);
  value = new Linear(C, C);
  output = new Linear(C, C);
  mask = this.registerBuffer("mask", triu(full([LONGEST, LONGEST], -Infinity), 1));

  forward(x: Tensor): Tensor {
    const [B, T] = x.shape;
    const split = (y: Tensor) => y.view(B, T, H, C / H).transpose(1, 2); // [B,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((linear) => split(linear.forward(x)));
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(C / H)); // [B,H,T,T]
    const pattern = scores.add(this.mask.at(`:${T}`, `:${T}`)).softmax(-1);
    return this.output.forward(pattern.matmul(v).transpose(1, 2).contiguous().view(B, T, C));
  }
}

export const forward: Seed = {
  work: "causal, [1,3,8], 2 heads",
  least: 10,
  make() {
    manualSeed(42);
    const attention = new MultiHeadAttention();
    const x = randn(1, T, C).evaluate();
    const call = compile((x: Tensor) => attention.forward(x));
    return () => call(x);
  },
};
