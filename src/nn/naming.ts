// What a module finds in its own fields: parameters, buffers and modules, also inside arrays, under the names that state dicts use.
// Module extends the class here; walking, state dicts and printing need no more of a module than this.

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
    this.#buffers.set(name, options.persistent ?? true);
    (this as unknown as Record<string, unknown>)[name] = tensor;
    return tensor;
  }
}

export type Entry<V> = [name: string, value: V];

/** The fields of `module` in order of definition under their state names, arrays item by item as `field.0`. */
function* items(module: Fields): Generator<Entry<unknown>> {
  const names = module.stateNames();
  for (const [field, value] of Object.entries(module)) yield* spread(names[field] ?? field, value);
}

function* spread(name: string, value: unknown): Generator<Entry<unknown>> {
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) yield* spread(`${name}.${i}`, value[i]);
  else yield [name, value];
}

export function* ownParameters(module: Fields): Generator<Entry<Parameter>> {
  for (const [name, value] of items(module)) if (value instanceof Parameter) yield [name, value];
}

export function* ownModules<M extends Fields>(module: M): Generator<Entry<M>> {
  for (const [name, value] of items(module)) if (value instanceof Fields) yield [name, value as M];
}

/** The registered buffers that are there; the persistent ones alone where asked. */
export function* ownBuffers(module: Fields, persistentOnly = false): Generator<Entry<Tensor>> {
  const names = module.stateNames();
  for (const [field, persistent] of module.registeredBuffers) {
    const value = (module as unknown as Record<string, unknown>)[field];
    if (value instanceof Tensor && (persistent || !persistentOnly)) yield [names[field] ?? field, value];
  }
}

export function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

/** `module` and all below it, each before its parts and once, with dotted names; the root's is `prefix`. */
export function* walk<M extends Fields>(module: M, prefix: string, seen = new Set<M>()): Generator<Entry<M>> {
  if (seen.has(module)) return;
  seen.add(module);
  yield [prefix, module];
  for (const [name, part] of ownModules(module)) yield* walk(part, join(prefix, name), seen);
}
