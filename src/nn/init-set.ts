// How initialisations write: what all of them share.

import { fail } from "../base/errors.js";
import type { OptionTable } from "../base/options.js";
import { GENERATOR, type Generator } from "../base/random.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
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
  if (typeof body !== "function") fail("skipInit", "a function", shown(body), "write skipInit(() => ...)");
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
export function set<P extends Tensor>(op: string, tensor: P, values: () => Tensor): P {
  checkTensor(op, "tensor", tensor);
  if (!skipping && tensor.numel > 0) noGrad(() => tensor.assign(values()));
  return tensor;
}
