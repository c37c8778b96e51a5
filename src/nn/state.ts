// State dicts: every parameter and persistent buffer under its dotted name, and loading them back, all or nothing.

import { fail } from "../base/errors.js";
import { checkOptions, FLAG } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { assignAll, Tensor } from "../tensor/tensor.js";
import { type Fields, join, ownBuffers, ownModules, ownParameters } from "./naming.js";

/** Tensors by dotted name, in PyTorch's order: a module's parameters, its buffers, then its parts. */
export type StateDict = Record<string, Tensor>;

/** What a state dict lacked, and what it had beyond the module's own names. */
export interface LoadResult {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** A tensor shared by two modules comes under both names. @throws HeedError for a module inside itself */
export function collectState(module: Fields, prefix = "", above: readonly Fields[] = []): StateDict {
  if (above.includes(module))
    fail("stateDict", "modules that form a tree", `${module.typeName} inside itself, at ${prefix}`);
  const state: StateDict = {};
  for (const [name, value] of ownParameters(module)) state[join(prefix, name)] = value;
  for (const [name, value] of ownBuffers(module, true)) state[join(prefix, name)] = value;
  for (const [name, part] of ownModules(module))
    Object.assign(state, collectState(part, join(prefix, name), [...above, module]));
  return state;
}

export function loadState(
  module: Fields,
  source: StateDict | ReadonlyMap<string, Tensor>,
  options: { strict?: boolean },
): LoadResult {
  checkOptions("loadStateDict", options, { strict: FLAG });
  if (typeof source !== "object" || source === null || source instanceof Promise) {
    const remedy = source instanceof Promise ? "await it" : "pass what stateDict() or loadSafetensors() gave";
    fail("loadStateDict", "tensors by name", shown(source), remedy);
  }
  const given = source instanceof Map ? source : new Map<string, Tensor>(Object.entries(source));
  const own = collectState(module);
  const missing = Object.keys(own).filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !Object.hasOwn(own, name));
  const misshapen: string[] = [];
  const pairs = new Map<Tensor, Tensor>();
  for (const [name, tensor] of Object.entries(own)) {
    const value: unknown = given.get(name);
    if (value === undefined) continue;
    const fits = value instanceof Tensor && sameShape(value.shape, tensor.shape);
    if (fits) pairs.set(tensor, value.detach());
    else misshapen.push(`${name} (${shown(value)} for ${describe(tensor)})`);
  }
  const { strict = true } = options;
  const lists = { missing: strict ? missing : [], unexpected: strict ? unexpected : [], misshapen };
  const wrong = Object.entries(lists).filter(([, names]) => names.length > 0);
  if (wrong.length > 0) {
    const got = wrong.map(([what, names]) => `${what}: ${names.join(", ")}`).join("; ");
    const loose = misshapen.length === 0 && pairs.size > 0 ? "pass { strict: false } to load what fits" : undefined;
    const remedy = prefixed(missing, unexpected) ?? loose;
    fail("loadStateDict", `the ${Object.keys(own).length} names and shapes of ${module.typeName}`, got, remedy);
  }
  assignAll([...pairs]);
  return { missing, unexpected };
}

/** Names that differ by what all of them begin with: "module." of a wrapped model, "encoder." of a part. */
function prefixed(missing: readonly string[], unexpected: readonly string[]): string | undefined {
  const [first, other] = [missing[0], unexpected[0]];
  if (first === undefined || other === undefined) return undefined;
  for (const name of unexpected) {
    const prefix = name.endsWith(`.${first}`) ? name.slice(0, -first.length) : null;
    if (prefix !== null && missing.every((wanted) => unexpected.includes(prefix + wanted)))
      return `the given names begin with ${JSON.stringify(prefix)}: take it off`;
  }
  for (const name of missing) {
    const prefix = name.endsWith(`.${other}`) ? name.slice(0, -other.length) : null;
    if (prefix !== null && unexpected.every((given) => missing.includes(prefix + given)))
      return `the given names lack ${JSON.stringify(prefix)}: load them into that part, or put it before them`;
  }
  return undefined;
}
