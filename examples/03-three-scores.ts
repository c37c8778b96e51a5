// Three ways to score a query against a key, on the same query, key and value: additive (Bahdanau, Cho and Bengio 2014), multiplicative
// (Luong, Pham and Manning 2015: dot and general), scaled dot product (Vaswani et al. 2017); their weights side by side as heat maps.
// Written out as the papers have them; heed/nn has them as AdditiveAttention and LuongAttention.
// Run it with: npm run example 03-three-scores

import { manualSeed, randn, stack, type Tensor } from "heed";
import { heatMapText } from "heed/inspect";
import { Linear, Module } from "heed/nn";

const [B, T, S, D, hidden] = [1, 6, 6, 16, 32];

/** v · tanh(W query + U key): every pair of a query and a key goes through a small network. */
class AdditiveScore extends Module {
  W = new Linear(D, hidden, { bias: false });
  U = new Linear(D, hidden, { bias: false });
  v = new Linear(hidden, 1, { bias: false });

  forward(query: Tensor, key: Tensor): Tensor {
    const pairs = this.W.forward(query).unsqueeze(2).add(this.U.forward(key).unsqueeze(1)); // [B,T,1,A] + [B,1,S,A]
    return this.v.forward(pairs.tanh()).squeeze(-1); // [B,T,S]
  }
}

/** query · key */
class DotScore extends Module {
  forward(query: Tensor, key: Tensor): Tensor {
    return query.matmul(key.transpose(-2, -1)); // [B,T,S]
  }
}

/** query · W key */
class GeneralScore extends Module {
  W = new Linear(D, D, { bias: false });

  forward(query: Tensor, key: Tensor): Tensor {
    return query.matmul(this.W.forward(key).transpose(-2, -1)); // [B,T,S]
  }
}

/** query · key / √D: with the variance of one dot product's term, however wide the vectors are. */
class ScaledDotScore extends Module {
  forward(query: Tensor, key: Tensor): Tensor {
    return query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D)); // [B,T,S]
  }
}

manualSeed(42);
const [query, key, value] = [randn(B, T, D), randn(B, S, D), randn(B, S, D)];
const ways = {
  additive: new AdditiveScore(),
  dot: new DotScore(),
  general: new GeneralScore(),
  "scaled dot": new ScaledDotScore(),
};
const names = Object.keys(ways);

export const scores = Object.values(ways).map((score) => score.forward(query, key)); // [B,T,S] each
export const patterns = scores.map((each) => each.softmax(-1)); //                       [B,T,S] each
export const mixed = patterns.map((pattern) => pattern.matmul(value)); //                [B,T,D] each

console.log(heatMapText(stack(patterns, 1).at(0), { heads: names, range: [0, 1], title: "Weights:" }));

console.log("\nThe spread of the scores decides how sharp the weights are; the first query's:");
names.forEach((name, i) => {
  const spread = scores[i].std().item().toFixed(2).padStart(5);
  const weights = Array.from(patterns[i].at(0, 0).dataSync(), (w) => w.toFixed(2)).join("  ");
  console.log(`  ${name.padEnd(10)}  scores ± ${spread}   ${weights}`);
});
console.log(
  "\nDot products of width 16 spread by √16 = 4, and most of the weight goes to one key; divided by it, they spread by 1.",
);
