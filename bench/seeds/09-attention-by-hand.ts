// The function `attention` on four positions, with its weights.

import { compile, manualSeed, randn, type Tensor } from "heed";
import type { Seed } from "../lib/seed.js";

function attention(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
  const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(query.size(-1)));
  const pAttn = scores.softmax(-1);
  return [pAttn.matmul(value), pAttn];
}

export const forward: Seed = {
  work: "attention by hand, [1,4,64], and its weights",
  least: 10,
  make() {
    manualSeed(42);
    const [query, key, value] = [randn(1, 4, 64), randn(1, 4, 64), randn(1, 4, 64)].map((x) => x.evaluate());
    const call = compile(attention);
    return () => call(query, key, value);
  },
};
