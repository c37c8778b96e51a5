// Weights for large models that are the same on both sides, without drawing each: peers/weights.py has the other end.

import { manualSeed, randn } from "heed";
import type { Module } from "heed/nn";

/** Every matrix gets the first of the same numbers, N(0, 0.02²), after seed 123; whatever has one axis gets ones. */
export function fillWeights(model: Module): void {
  manualSeed(123);
  const most = Math.max(...model.parameters().map((p) => p.numel));
  const numbers = randn(most).mul(0.02).evaluate();
  for (const p of model.parameters()) p.assign(p.ndim > 1 ? numbers.narrow(0, 0, p.numel).view(p.shape) : 1);
  numbers.dispose();
}
