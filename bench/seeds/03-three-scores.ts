// Additive, dot, general and scaled dot attention on the same query, key and value of six positions.

import { compile, manualSeed, randn, type Tensor } from "heed";
import { Linear } from "heed/nn";
import type { Seed } from "../lib/seed.js";

const [T, D, hidden] = [6, 16, 32];

export const forward: Seed = {
  work: "four scores, [1,6,16]",
  least: 10,
  make() {
    manualSeed(42);
    const inputs = [randn(1, T, D), randn(1, T, D), randn(1, T, D)].map((x) => x.evaluate());
    const [W, U] = [new Linear(D, hidden, { bias: false }), new Linear(D, hidden, { bias: false })];
    const v = new Linear(hidden, 1, { bias: false });
    const general = new Linear(D, D, { bias: false });
    const call = compile((query: Tensor, key: Tensor, value: Tensor) => {
      const pairs = W.forward(query).unsqueeze(2).add(U.forward(key).unsqueeze(1)); // [1,T,T,A]
      const dot = query.matmul(key.transpose(-2, -1));
      const scores = [
        v.forward(pairs.tanh()).squeeze(-1),
        dot,
        query.matmul(general.forward(key).transpose(-2, -1)),
        dot.div(Math.sqrt(D)),
      ]; // [1,T,T] each
      return scores.map((each) => each.softmax(-1).matmul(value));
    });
    return () => call(inputs[0], inputs[1], inputs[2]);
  },
};
