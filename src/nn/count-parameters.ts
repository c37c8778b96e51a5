// The size of a model in one number.

import { fail } from "../base/errors.js";
import { checkOptions, FLAG } from "../base/options.js";
import { shown } from "../base/show.js";
import { Module } from "./module.js";

/**
 * How many numbers the parameters of a model hold, those that several layers share counted once; torch users write
 * `sum(p.numel() for p in model.parameters())`.
 * @param options.trainableOnly leaves out frozen parameters, those that do not require gradients
 * @throws HeedError for what is no module
 * @example countParameters(new Linear(3, 2)) // 8
 */
export function countParameters(model: Module, options: { trainableOnly?: boolean } = {}): number {
  if (!(model instanceof Module)) fail("countParameters", "a module", shown(model));
  checkOptions("countParameters", options, { trainableOnly: FLAG });
  return model.countParameters({ trainable: options.trainableOnly });
}
