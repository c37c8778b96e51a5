// How initialisations write: what all of them share.

import type { OptionTable } from "../base/options.js";
import { GENERATOR, type Generator } from "../base/random.js";
import { noGrad } from "../tensor/grad-mode.js";
import type { Tensor } from "../tensor/tensor.js";

export interface Draw {
  /** The stream to draw from; the default generator. */
  generator?: Generator;
}

export const DRAW: OptionTable<Draw> = { generator: GENERATOR };

let skipping = false;

/**
 * Runs `body` without drawing: modules made in it keep zeros where they would draw numbers, and the generator stays as it is. For models
 * whose weights are loaded afterwards.
 */
export function skipInit<R>(body: () => R): R {
  const before = skipping;
  skipping = true;
  try {
    return body();
  } finally {
    skipping = before;
  }
}

export function isSkipping(): boolean {
  return skipping;
}

/** Gives the tensor new numbers, unless initialisations are being skipped. */
export function set<P extends Tensor>(tensor: P, values: () => Tensor): P {
  if (!skipping && tensor.numel > 0) noGrad(() => tensor.assign(values()));
  return tensor;
}
