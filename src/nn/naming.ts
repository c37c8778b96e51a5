// What a module finds in its own fields: parameters, buffers and modules, also inside arrays, under the names that state dicts use.
// Module extends the class here; walking, state dicts and printing need no more of a module than this.

import { fail } from "../base/errors.js";
import { checkOptions, FLAG } from "../base/options.js";
import { shown } from "../base/show.js";
import { Tensor } from "../tensor/tensor.js";
import { Parameter } from "./parameter.js";

/** The part of a module that says what its fields are. */
export abstract class Fields {
  readonly #buffers = new Map<string, boolean>();

  /** Fields whose names in state dicts differ: `{ inProjWeight: "in_proj_weight" }`. */
  stateNames(): Readonly<Record<string, string>> {
    return {};
  }

  /** What stands in the parentheses when the module prints. */
  extraRepr(): string {
    return "";
  }

  /** The name the module prints under. */
  get typeName(): string {
    return this.constructor.name;
  }

  /** @internal True for lists, which print equal neighbours as one. */
  get isList(): boolean {
    return false;
  }

  /** @internal Fields that hold buffers, and whether state dicts have them. */
  get registeredBuffers(): ReadonlyMap<string, boolean> {
    return this.#buffers;
  }

  /**
   * Makes the field `name` a buffer: part of the module's state, but no parameter. Returns the tensor, for the field itself:
   * `mask = this.registerBuffer("mask", causalMask(8))`. Buffers that are not `persistent` stay out of state dicts.
   */
  registerBuffer<B extends Tensor | null>(name: string, tensor: B, options: { persistent?: boolean } = {}): B {
    checkOptions("registerBuffer", options, { persistent: FLAG });
    if (typeof name !== "string") fail("registerBuffer", "a name", shown(name));
    if (tensor !== null && !(tensor instanceof Tensor)) fail("registerBuffer", "a tensor, or null", shown(tensor));
    this.#buffers.set(name, options.persistent ?? true);
    (this as unknown as Record<string, unknown>)[name] = tensor;
    return tensor;
  }
}

export type Entry<V> = [name: string, value: V];

/** The fields of `module` that hold a `kind`, in order of definition under their state names, items of arrays as `field.0`. */
function find<V>(module: Fields, kind: abstract new (...args: never[]) => V): Entry<V>[] {
  const found: Entry<V>[] = [];
  const names = module.stateNames();
  const visit = (name: string, value: unknown): void => {
    if (value instanceof kind) found.push([name, value]);
    else if (Array.isArray(value) && typeof value[0] === "object")
      value.forEach((item, i) => visit(`${name}.${i}`, item));
  };
  for (const field of Object.keys(module))
    visit(names[field] ?? field, (module as unknown as Record<string, unknown>)[field]);
  return found;
}

export function ownParameters(module: Fields): Entry<Parameter>[] {
  return find(module, Parameter);
}

export function ownModules<M extends Fields>(module: M): Entry<M>[] {
  return find(module, Fields) as Entry<M>[];
}

/** The registered buffers that are there; the persistent ones alone where asked. */
export function ownBuffers(module: Fields, persistentOnly = false): Entry<Tensor>[] {
  const found: Entry<Tensor>[] = [];
  const names = module.stateNames();
  for (const [field, persistent] of module.registeredBuffers) {
    const value = (module as unknown as Record<string, unknown>)[field];
    if (value instanceof Tensor && (persistent || !persistentOnly)) found.push([names[field] ?? field, value]);
  }
  return found;
}

export function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

/** `module` and all below it, each before its parts and once, with dotted names; the root's is `prefix`. */
export function walk<M extends Fields>(module: M, prefix: string): Entry<M>[] {
  const seen = new Set<M>();
  const found: Entry<M>[] = [];
  const visit = (at: M, name: string): void => {
    if (seen.has(at)) return;
    seen.add(at);
    found.push([name, at]);
    for (const [part, value] of ownModules(at)) visit(value, join(name, part));
  };
  visit(module, prefix);
  return found;
}
