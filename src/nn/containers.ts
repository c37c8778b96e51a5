// Modules that hold modules under numbers.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkModule, Module } from "./module.js";

/**
 * Modules in a row, found by their number: `list[0]`, `for (const block of list)`. A plain array in a field serves as well.
 * @example blocks = new ModuleList([new Linear(4, 4), new Linear(4, 4)]);   // blocks.0.weight, ...
 */
export class ModuleList<M extends Module = Module> extends Module {
  [index: number]: M;

  constructor(modules: Iterable<M> = []) {
    super();
    this.extend(modules);
  }

  override get isList(): boolean {
    return true;
  }

  /** How many modules there are under 0, 1, 2 and so on; a subclass may have other fields. */
  get length(): number {
    let count = 0;
    while (count in this) count++;
    return count;
  }

  /** One module more, under the next number. @throws HeedError for what is no module */
  append(module: M): this {
    checkModule(this.typeName, "modules", module);
    this[this.length] = module;
    return this;
  }

  /** More modules, under the next numbers. @throws HeedError for what is no list of modules */
  extend(modules: Iterable<M>): this {
    if (typeof modules !== "object" || modules === null || !(Symbol.iterator in modules))
      fail(this.typeName, "an array of modules", shown(modules));
    for (const module of modules) this.append(module);
    return this;
  }

  /** The module at `index`, which counts from the end when negative. */
  at(index: number): M {
    const module = this[index < 0 ? index + this.length : index];
    return module ?? fail(this.typeName, `an index from ${-this.length} to ${this.length - 1}`, shown(index));
  }

  *[Symbol.iterator](): IterableIterator<M> {
    for (let i = 0; i in this; i++) yield this[i];
  }

  /** What `fn` makes of each module, in their order. */
  map<R>(fn: (module: M, index: number) => R): R[] {
    return [...this].map(fn);
  }
}

/** A module from one tensor to one tensor. */
export type Layer = Module & { forward(x: Tensor): Tensor };

/**
 * Layers one after another.
 * @example new Sequential(new Linear(4, 16), new GELU(), new Linear(16, 4)).forward(x)
 */
export class Sequential extends ModuleList<Layer> {
  constructor(...layers: Layer[]) {
    const [first]: readonly unknown[] = layers;
    if (Array.isArray(first)) fail("Sequential", "modules", shown(first), "write new Sequential(...layers)");
    super(layers);
  }

  override get isList(): boolean {
    return false;
  }

  forward(x: Tensor): Tensor {
    return [...this].reduce((out, layer) => {
      if (typeof layer.forward !== "function")
        fail("Sequential", "modules with a forward method", `${layer.typeName}, which has none`);
      return layer.forward(out);
    }, x);
  }
}
