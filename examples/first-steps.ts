// Attention as the paper writes it, on random numbers that PyTorch would draw as well. Vaswani et al. 2017, section 3.2.1: what is going
// to run, the result, the pattern behind it, and the gradient through both. Run it with: npm run example first-steps

import { causalMask, explain, manualSeed, randn } from "heed";

manualSeed(123);
const [B, H, T, D] = [1, 2, 6, 8];
const query = randn(B, H, T, D, { requiresGrad: true });
const [key, value] = [randn(B, H, T, D), randn(B, H, T, D)];

const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D)); // [B,H,T,T]
const pattern = scores.add(causalMask(T)).softmax(-1); //               [B,H,T,T]
const mixed = pattern.matmul(value); //                                 [B,H,T,D]

console.log("What will run:");
console.log(explain(mixed));

console.log("\nHow much each position of head 0 takes from each other one:");
console.log(pattern.at(0, 0));

console.log("\nWhat it takes, for the first two positions:");
console.log(mixed.at(0, 0, ":2"));

mixed.square().mean().backward();
console.log("\nWhere the query of the last position would have to move:");
console.log(query.grad?.at(0, 0, -1));
