// One head of self-attention on a sentence of five words.

import { compile, manualSeed, randn, type Tensor } from "heed";
import { Linear, Module } from "heed/nn";
import type { Seed } from "../lib/seed.js";

class SelfAttention extends Module {
  query = new Linear(16, 8);
  key = new Linear(16, 8);
  value = new Linear(16, 8);

  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((linear) => linear.forward(x)); // [B,T,D]
    return q.matmul(k.transpose(-2, -1)).div(Math.sqrt(8)).softmax(-1).matmul(v);
  }
}

export const forward: Seed = {
  work: "self-attention, [1,5,16] to 8",
  least: 10,
  make() {
    manualSeed(42);
    const x = randn(1, 5, 16).evaluate();
    const attention = new SelfAttention();
    const call = compile((x: Tensor) => attention.forward(x));
    return () => call(x);
  },
};
