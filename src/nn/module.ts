// The base of all layers and models. What a module consists of is found in its fields (naming.ts), state dicts are read and written
// by state.ts, printing is repr.ts. A module has no hooks: `forward` is an ordinary method with its own signature.

import { type DType, dtypeRemedy, isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG, FLOAT_DTYPE } from "../base/options.js";
import { shown } from "../base/show.js";
import type { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import { type Entry, Fields, join, ownBuffers, ownModules, ownParameters, walk } from "./naming.js";
import type { Parameter } from "./parameter.js";
import { describeModule } from "./repr.js";
import { collectState, type LoadResult, loadState, type StateDict } from "./state.js";

/**
 * A layer or model: extend it, keep parameters and other modules in fields (arrays of them count too), and write `forward`.
 * @example
 * class SelfAttention extends Module {
 *   query = new Linear(3, 2, { bias: false });
 *   forward(x: Tensor) { return this.query.forward(x); }
 * }
 */
export class Module extends Fields {
  #training = true;

  /** True while training, false after `eval()`. A compiled function that read it is traced anew when it changes. */
  get training(): boolean {
    const mode = this.#training;
    tracing()?.guard(() => this.#training === mode);
    return mode;
  }

  /** Sets the mode of this module alone; `train` and `eval` set it for those below as well. */
  set training(mode: boolean) {
    this.#training = mode;
  }

  /** Every parameter once, in PyTorch's order. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Every parameter with its dotted name; one shared by several modules comes once, under the first name. */
  namedParameters(): Entry<Parameter>[] {
    return unique(this.namedModules().flatMap(([prefix, module]) => dotted(prefix, ownParameters(module))));
  }

  /** Every buffer once, persistent or not. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Every buffer with its dotted name, persistent or not. */
  namedBuffers(): Entry<Tensor>[] {
    return unique(this.namedModules().flatMap(([prefix, module]) => dotted(prefix, ownBuffers(module))));
  }

  /** The modules in this one's fields. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** The same with their names. */
  namedChildren(): Entry<Module>[] {
    return unique(ownModules<Module>(this));
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** As modules, with dotted names; this module's own is `prefix`. */
  namedModules(prefix = ""): Entry<Module>[] {
    return walk<Module>(this, prefix);
  }

  /**
   * Parameters and persistent buffers by dotted name, in PyTorch's order. They are the module's own tensors: they follow training. A tensor
   * that two modules share is listed under both names.
   */
  stateDict(): StateDict {
    return collectState(this);
  }

  /**
   * Gives every parameter and buffer the numbers of the tensor of its name, converted to its own dtype. All or nothing: when it fails,
   * nothing has changed.
   * @param options.strict whether every name must be there, and no other (the default); otherwise the result lists them
   * @throws HeedError that lists every missing, unexpected and misshapen name
   */
  loadStateDict(state: StateDict | ReadonlyMap<string, Tensor>, options: { strict?: boolean } = {}): LoadResult {
    return loadState(this, state, options);
  }

  /** Dropout and the like act from now on as in training. */
  train(mode = true): this {
    for (const module of this.modules()) module.#training = mode;
    return this;
  }

  /** Dropout and the like are switched off. */
  eval(): this {
    return this.train(false);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Whether gradients flow to the parameters; frozen ones stay as they are in training. */
  requiresGrad_(requires = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requires;
    return this;
  }

  /**
   * Converts every float parameter and buffer to another float dtype, in place.
   * @throws HeedError unless the dtype is a float
   */
  to(dtype: DType): this {
    if (!FLOAT_DTYPE.holds(dtype)) fail("Module.to", "a float dtype", shown(dtype), dtypeRemedy(dtype));
    for (const parameter of this.parameters()) parameter.convert(dtype);
    for (const module of this.modules()) {
      const fields = module as unknown as Record<string, unknown>;
      for (const field of module.registeredBuffers.keys()) {
        const buffer = fields[field] as Tensor | null;
        if (buffer && isFloat(buffer.dtype)) fields[field] = buffer.detach().to(dtype);
      }
    }
    return this;
  }

  /** All float parameters and buffers as f32. */
  float(): this {
    return this.to("f32");
  }

  /** All float parameters and buffers as f16, rounded. */
  half(): this {
    return this.to("f16");
  }

  /** All float parameters and buffers as bf16, rounded. */
  bfloat16(): this {
    return this.to("bf16");
  }

  /**
   * How many numbers the parameters hold, shared ones counted once.
   * @param options.trainableOnly leaves out frozen parameters, those that do not require gradients
   */
  countParameters(options: { trainableOnly?: boolean } = {}): number {
    checkOptions("countParameters", options, { trainableOnly: FLAG });
    const counted = this.parameters().filter((p) => !options.trainableOnly || p.requiresGrad);
    return counted.reduce((count, parameter) => count + parameter.numel, 0);
  }

  /** Calls `fn` on every module below this one, then on this one: the order in which initialisations walk. */
  apply(fn: (module: Module) => void): this {
    if (typeof fn !== "function") fail("Module.apply", "a function of a module", shown(fn));
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Prints as PyTorch does, parts nested. */
  override toString(): string {
    return describeModule(this);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** @throws HeedError unless it is a module */
export function checkModule(op: string, wanted: string, x: unknown): void {
  if (!(x instanceof Module)) fail(op, wanted, shown(x));
}

function dotted<V>(prefix: string, entries: readonly Entry<V>[]): Entry<V>[] {
  return entries.map(([name, value]) => [join(prefix, name), value]);
}

function unique<V>(entries: readonly Entry<V>[]): Entry<V>[] {
  const seen = new Set<V>();
  return entries.filter(([, value]) => !seen.has(value) && seen.add(value));
}
