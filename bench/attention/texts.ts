// Attention as one writes it, and both passes of it. This file imports Heed alone, as it also runs where memory is measured.

import { causalMask, compile, grad, manualSeed, randn, type Tensor } from "heed";

/** softmax(query keyᵀ / √D + causal) value, as in the textbook: [B,H,T,D] */
export function textbook(query: Tensor, key: Tensor, value: Tensor): Tensor {
  const [T, D] = query.shape.slice(-2);
  const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D)).add(causalMask(T)); // [B,H,T,T]
  return scores.softmax(-1).matmul(value);
}

/** The output and, for the gradient `seed` of it, the gradients of query, key and value: what PyTorch has after mixed.backward(seed). */
export function bothPasses() {
  return compile((query: Tensor, key: Tensor, value: Tensor, seed: Tensor): Tensor[] => {
    let mixed = query;
    const loss = (...inputs: [Tensor, Tensor, Tensor]) => {
      mixed = textbook(...inputs);
      return mixed.mul(seed).sum();
    };
    const gradients = grad(loss, [0, 1, 2])(query, key, value);
    return [mixed, ...gradients];
  });
}

/** Standard normal tensors [1,H,T,D], the same as the other side draws. */
export function draw(count: number, H: number, T: number, D: number): Tensor[] {
  manualSeed(1);
  return Array.from({ length: count }, () => randn(1, H, T, D).evaluate());
}
