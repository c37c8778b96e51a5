// The size of a model in one number.

import { checkModule, type Module } from "./module.js";

/**
 * How many numbers the parameters of a model hold, those that several layers share counted once; torch users write
 * `sum(p.numel() for p in model.parameters())`.
 * @param options.trainableOnly leaves out frozen parameters, those that do not require gradients
 * @throws HeedError for what is no module
 * @example countParameters(new Linear(3, 2)) // 8
 */
export function countParameters(model: Module, options: { trainableOnly?: boolean } = {}): number {
  checkModule("countParameters", "a module", model);
  return model.countParameters(options);
}
