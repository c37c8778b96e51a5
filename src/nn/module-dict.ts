// Modules under names of one's own.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { checkModule, Module } from "./module.js";

type Modules<M extends Module = Module> = Readonly<Record<string, M>>;

class Dictionary<M extends Module = Module> extends Module {
  constructor(modules: Modules<M> = {}) {
    super();
    this.update(modules);
  }

  override get typeName(): string {
    return this.constructor === Dictionary ? "ModuleDict" : this.constructor.name;
  }

  /** How many modules there are. */
  get length(): number {
    return this.items().length;
  }

  /** Puts a module under a name. @throws HeedError for what is no module, and a name that modules use themselves */
  set(name: string, module: M): this {
    checkModule(this.typeName, "modules", module);
    if (typeof name !== "string" || name === "" || name.includes("."))
      fail(this.typeName, 'a name without "."', shown(name));
    if (name in Dictionary.prototype)
      fail(this.typeName, "a name that is not one of a module's own", shown(name), `call it ${name}_ or the like`);
    (this as unknown as Record<string, Module>)[name] = module;
    return this;
  }

  /** As `set`, for each. */
  update(modules: Modules<M>): this {
    const plain = typeof modules === "object" && modules !== null && !(Symbol.iterator in modules);
    if (!plain) fail(this.typeName, "an object of modules by name", shown(modules), "write { name: module }");
    for (const [name, module] of Object.entries(modules)) this.set(name, module);
    return this;
  }

  items(): [name: string, module: M][] {
    return Object.entries(this).filter((entry): entry is [string, M] => entry[1] instanceof Module);
  }

  keys(): string[] {
    return this.items().map(([name]) => name);
  }

  values(): M[] {
    return this.items().map(([, module]) => module);
  }
}

/**
 * Modules by name, each a field of the dictionary: `dict.name`, or `dict["name"]`. A field of a module may not hold a plain object of modules:
 * their parameters would not be found.
 * @throws HeedError for what is no module, and names that modules use themselves, such as "train"
 * @example
 * transformer = new ModuleDict({ wte: new Embedding(65, 32), drop: new Dropout(0.1) });
 * // this.transformer.wte.forward(tokens); its weight is transformer.wte.weight
 */
export const ModuleDict = Dictionary as new <M extends Modules>(modules?: M) => ModuleDict<M>;
export type ModuleDict<M extends Modules = Modules> = Dictionary<M[keyof M]> & { -readonly [Name in keyof M]: M[Name] };
