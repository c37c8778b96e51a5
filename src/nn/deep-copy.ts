// A module copied with everything in it, as Python's copy.deepcopy does: stacks of layers are made of copies of one.

import { Tensor } from "../tensor/tensor.js";
import { checkModule, Module } from "./module.js";
import { Parameter } from "./parameter.js";

/**
 * A copy of `module` that shares nothing with it: parameters, buffers and the modules in its fields are copied, each once, so that what was
 * tied stays tied. No numbers are drawn and no constructor of a subclass runs; gradients stay behind. Functions in fields are shared, and
 * see the module they were made in. A subclass with `#private` fields cannot be copied: use TypeScript's `private`.
 * @example const best = deepCopy(model);   // go on training, and come back: model.loadStateDict(best.stateDict())
 */
export function deepCopy<M extends Module>(module: M): M {
  checkModule("deepCopy", "a module", module);
  return copyModule(module, new Map()) as M;
}

function copyModule(module: Module, copies: Map<object, unknown>): Module {
  // The fields that Module itself keeps, without the constructors that stand below it.
  const copy = Reflect.construct(Module, [], module.constructor) as Module;
  copy.train(module.training); // of this one alone: it has no parts yet, and they have modes of their own
  copies.set(module, copy);
  const fields = copy as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(module)) fields[name] = copyValue(value, copies);
  for (const [name, persistent] of module.registeredBuffers)
    copy.registerBuffer(name, fields[name] as Tensor | null, { persistent });
  return copy;
}

function copyValue(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (value instanceof Module) return copyModule(value, copies);
  const copy = copyPlain(value, copies);
  copies.set(value, copy);
  return copy;
}

function copyPlain(value: object, copies: Map<object, unknown>): unknown {
  if (value instanceof Parameter) return new Parameter(value.detach(), { requiresGrad: value.requiresGrad });
  if (value instanceof Tensor) return value.detach().clone();
  if (Array.isArray(value)) return value.map((item) => copyValue(item, copies));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyValue(item, copies)]));
}
