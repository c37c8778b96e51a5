// Multi-head attention on 32 sentences of 10 words, width 64, 4 heads: first as a PyTorch module (view, transpose, ..., transpose, contiguous,
// view), then in Keras' functional style (Dense layers: Glorot-uniform weights, no bias to begin with). Vaswani et al. 2017, section 3.2.2.
// Two slips are common here. Both run without an error, as the shapes fit; how far off the numbers are is computed at the end:
// - heads merged by view without the transpose before it: a position's output is pieced together from four positions of one head;
// - products taken on [B,T,H,D], before the transpose: scores [B,T,H,H] compare the heads of one word, and no word sees another.
// Run it with: npm run example 02-multi-head

import { manualSeed, randn, type Tensor } from "heed";
import { heatMapText } from "heed/inspect";
import { init, Linear, Module } from "heed/nn";

const [B, T, C, H] = [32, 10, 64, 4];
const D = C / H;

class MultiHeadAttention extends Module {
  query = new Linear(C, C);
  key = new Linear(C, C);
  value = new Linear(C, C);
  output = new Linear(C, C);

  forward(x: Tensor): [output: Tensor, pattern: Tensor] {
    const q = this.query.forward(x).view(B, T, H, D).transpose(1, 2); // [B,H,T,D]
    const k = this.key.forward(x).view(B, T, H, D).transpose(1, 2); //   [B,H,T,D]
    const v = this.value.forward(x).view(B, T, H, D).transpose(1, 2); // [B,H,T,D]
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D)); //   [B,H,T,T]
    const pattern = scores.softmax(-1); //                               [B,H,T,T]
    const mixed = pattern.matmul(v); //                                  [B,H,T,D]
    const merged = mixed.transpose(1, 2).contiguous().view(B, T, C); //  [B,T,C]
    return [this.output.forward(merged), pattern];
  }
}

/** Keras' Dense(units)(x): the weights are made when the layer is called. */
const Dense = (units: number) => (x: Tensor) => {
  const layer = new Linear(x.size(-1), units);
  init.xavierUniform_(layer.weight); // "glorot_uniform"
  init.zeros_(layer.bias!);
  return layer.forward(x);
};

function multiHeadAttention(x: Tensor): Tensor {
  const splitHeads = (y: Tensor) => y.reshape(-1, T, H, D).permute(0, 2, 1, 3); // [B,H,T,D]
  const q = splitHeads(Dense(C)(x));
  const k = splitHeads(Dense(C)(x));
  const v = splitHeads(Dense(C)(x));
  const weights = q.matmul(k.mT).div(Math.sqrt(D)).softmax(-1); //             [B,H,T,T]
  const context = weights.matmul(v).permute(0, 2, 1, 3).reshape(-1, T, C); // [B,T,C]
  return Dense(C)(context);
}

manualSeed(42);
const x = randn(B, T, C);
const attention = new MultiHeadAttention();
export const [output, pattern] = attention.forward(x);
console.log(attention);
console.log("\nIn:", x.shape, "out:", output.shape, "weights:", pattern.shape);
console.log(`The first six numbers of each word of the first sentence:\n${output.at(0, ":", ":6")}`);
console.log(heatMapText(pattern.at(0), { title: "\nWhere its words look, in each head:" }));

export const keras = multiHeadAttention(x);
console.log(`\nKeras' form, with weights of its own; the same six numbers:\n${keras.at(0, ":", ":6")}`);

const [q, k, v] = [attention.query, attention.key, attention.value].map((w) => w.forward(x).view(B, T, H, D));
const unmerged = pattern.matmul(v.transpose(1, 2)).contiguous().view(B, T, C); // the transpose is missing
const across = q.matmul(k.mT).div(Math.sqrt(D)).softmax(-1).matmul(v).view(B, T, C); // [B,T,H,H] [B,T,H,D]
const offBy = (wrong: Tensor) => attention.output.forward(wrong).sub(output).norm().div(output.norm()).item();
export const slips = { "merged without the transpose": offBy(unmerged), "products across heads": offBy(across) };
console.log("\nHow far off the slips are, as a share of the right output:");
for (const [slip, share] of Object.entries(slips)) console.log(`  ${slip}: ${(100 * share).toFixed(0)} %`);
