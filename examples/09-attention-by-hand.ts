// Attention by hand: why dot products measure similarity, what the softmax makes of them and what the scale is for, on numbers one can check
// with a pencil; then the function `attention(query, key, value, dropout)` as the Annotated Transformer has it, giving output and weights.
// The scores 12.5, 30.8, 25.1 are those of one word with three, of width 64: divided by √64 = 8. Leaving the scale out is the usual slip: the
// word then puts 99.7 % of its weight on one other, and next to no gradient reaches the rest.
// Run it with: npm run example 09-attention-by-hand

import { allclose, manualSeed, randn, type Tensor, tensor } from "heed";
import { Dropout } from "heed/nn";

// Similar vectors have large dot products.
const words = { king: [0.9, 0.7, 0.1], queen: [0.8, 0.9, 0.2], apple: [0.1, 0.2, 0.9] };
const vectors = tensor(Object.values(words)); // [3,3]
export const similarity = vectors.matmul(vectors.T);
console.log("Dot products of king, queen and apple:");
console.log(similarity);

// The softmax makes weights of scores; the scale keeps one of them from taking all.
const scores = tensor([12.5, 30.8, 25.1]);
export const scaled = scores.div(Math.sqrt(64));
export const weights = scaled.softmax(0);
export const unscaled = scores.softmax(0);
console.log("\nScores:              ", scores);
console.log("divided by √64:      ", scaled);
console.log("weights:             ", weights);
console.log("weights, not divided:", unscaled);

/** Scaled dot product attention: [..,T,D], [..,S,D], [..,S,E] to [..,T,E] and the weights [..,T,S]. */
function attention(query: Tensor, key: Tensor, value: Tensor, dropout?: Dropout): [output: Tensor, weights: Tensor] {
  const dK = query.size(-1);
  const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(dK));
  let pAttn = scores.softmax(-1);
  if (dropout) pAttn = dropout.forward(pAttn);
  return [pAttn.matmul(value), pAttn];
}

manualSeed(42);
const [query, key, value] = [randn(1, 4, 64), randn(1, 4, 64), randn(1, 4, 64)];
export const [output, pattern] = attention(query, key, value);
console.log("\nattention(query, key, value) of 4 positions, width 64, gives", output.shape, "and the weights:");
console.log(pattern);

const dropout = new Dropout(0.5);
export const [dropped, droppedPattern] = attention(query, key, value, dropout);
console.log("\nIn training with dropout 0.5: half of the weights gone, the others doubled:");
console.log(droppedPattern);
export const [evaluated] = attention(query, key, value, dropout.eval());
console.log("\nWith dropout.eval() the output is that without dropout:", allclose(evaluated, output));
