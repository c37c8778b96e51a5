// Running what was recorded: memory for each slot of the program, one call, and the results handed out. This happens at every call of a
// compiled function, around programs that may take a microsecond, so loops here are plain and nothing is looked up twice.

import type { DType } from "../base/dtype.js";
import { defaultGenerator } from "../base/random.js";
import type { Shape } from "../base/shape.js";
import type { Executable, Executor, Memory } from "../executors/executor.js";
import type { Node } from "../graph/node.js";
import { evaluate } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import { Tensor } from "./tensor.js";
import { leafOf, leafValue, Value } from "./value.js";

/** Where the memory of an external slot comes from: an argument by its number, captured numbers, or the gradient of a tensor. */
export type Source = number | Value | Tensor;

/** Numbers that the program computes anew. */
export interface Output {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly size: number;
  /** The tensor whose gradient this is, and nothing else: its memory may serve again. */
  readonly gradOf: Tensor | null;
}

/** What the function returned, or a gradient that it left. */
export interface Result {
  /** An output by its number, or numbers that were there before. */
  readonly from: number | Value;
  /** Whose gradient it is: a tensor's or an argument's, by its number. */
  readonly gradOf: Tensor | number | null;
}

/** What a replay has to do beside running the program. */
export interface Bindings {
  readonly sources: Source[];
  readonly outputs: readonly Output[];
  readonly results: readonly Result[];
  /** Captured tensors, and arguments, that are written in place. */
  readonly assigned: readonly Tensor[];
  readonly assignedArguments: readonly number[];
  /** Slots that are written, and slots of arguments that are only read. */
  readonly written: readonly number[];
  readonly readArguments: readonly number[];
  /** Tensors that have no gradient afterwards. */
  readonly cleared: readonly Tensor[];
  /** The seed of this run's random numbers, where it draws any. */
  readonly seed: Value | null;
}

export class Replay {
  private last: readonly Value[] = [];
  private readonly reuses: boolean;

  constructor(
    private readonly on: Executor,
    private readonly executable: Executable,
    private readonly bindings: Bindings,
  ) {
    this.reuses = bindings.outputs.some((o) => o.gradOf !== null);
  }

  /** Runs on these arguments; returns the tensors that the function returned. */
  run(inputs: readonly Tensor[]): Tensor[] {
    this.settle(inputs);
    const externals = this.bind(inputs);
    const made = this.allocate(externals);
    this.executable.run(externals);
    return this.finish(made, inputs);
  }

  /** As run, with other executables, one after the other; returns the milliseconds of each. */
  time(inputs: readonly Tensor[], steps: readonly Executable[]): number[] {
    this.settle(inputs);
    const externals = this.bind(inputs);
    const made = this.allocate(externals);
    const times = steps.map((executable) => {
      const start = performance.now();
      executable.run(externals);
      return performance.now() - start;
    });
    this.finish(made, inputs);
    return times;
  }

  /** Computes what is pending, draws the seed, and moves aside what must not be written over. */
  private settle(inputs: readonly Tensor[]): void {
    const { seed, assigned, assignedArguments } = this.bindings;
    for (let i = 0; i < inputs.length; i++) {
      if (finishedLeaf(inputs[i].rawNode)) continue;
      evaluate(inputs.map((t) => t.rawNode));
      break;
    }
    if (seed) (seed.memory as { data: Int32Array }).data[0] = defaultGenerator.word() | 0;
    // Numbers that pending expressions still need are not written over: the tensor moves on to a copy.
    for (const tensor of assigned) {
      const value = leafValue(tensor.rawNode);
      if (value.touched) tensor.adopt(value.copy());
    }
    for (const i of assignedArguments) {
      inputs[i].ownNumbers();
      if (inputs[i].value.touched) inputs[i].adopt(inputs[i].value.copy());
    }
  }

  /** The memory of every slot that the program reads or writes in place, with room for the outputs. */
  private bind(inputs: readonly Tensor[]): Memory[] {
    const { sources, outputs, written, readArguments } = this.bindings;
    const externals = new Array<Memory>(sources.length + outputs.length);
    for (let slot = 0; slot < sources.length; slot++) externals[slot] = this.memoryOf(slot, inputs);
    // An argument that is also written to under another name keeps its old numbers for this run.
    if (written.length > 0)
      for (const i of readArguments)
        if (written.some((w) => externals[w] === externals[i]))
          externals[i] = this.copyOf(inputs[sources[i] as number]);
    return externals;
  }

  private memoryOf(slot: number, inputs: readonly Tensor[]): Memory {
    const { sources } = this.bindings;
    const source = sources[slot];
    if (typeof source === "number") {
      const value = leafValue(finishedLeaf(inputs[source].rawNode) as Node);
      return value.memory && value.executor === this.on ? value.memory : value.memoryFor(this.on);
    }
    if (source instanceof Tensor) return (source.rawGrad as Tensor).value.memoryFor(this.on);
    let value = source;
    if (value.successor) sources[slot] = value = value.newest();
    return value.memory && value.executor === this.on ? value.memory : value.memoryFor(this.on);
  }

  private copyOf(input: Tensor): Memory {
    return input.value.copy().memory as Memory;
  }

  /** Memory for the outputs, new but for gradients that nobody has seen. */
  private allocate(externals: Memory[]): Value[] {
    const { sources, outputs } = this.bindings;
    const made = new Array<Value>(outputs.length);
    for (let i = 0, slot = sources.length; i < outputs.length; i++, slot++) {
      const { dtype, shape, size, gradOf } = outputs[i];
      const value =
        (gradOf && this.reusedGradient(i, gradOf)) ?? new Value(dtype, shape, this.on.allocate(dtype, size), this.on);
      value.replayed = true;
      made[i] = value;
      externals[slot] = value.memory as Memory;
    }
    return made;
  }

  /** The memory of the last run's gradient serves again where nobody has looked at it: a `grad` that is seen is never written over. */
  private reusedGradient(index: number, owner: Tensor): Value | null {
    const last = this.last[index];
    // Only while it is still the owner's gradient: another function may have set a newer one after somebody took this one.
    const now = owner.rawGrad?.rawNode;
    const own = now?.op === "leaf" && leafValue(now) === last;
    return own && !owner.gradSeen && !last.touched && last.memory ? last : null;
  }

  /** Hands out what was computed. */
  private finish(made: readonly Value[], inputs: readonly Tensor[]): Tensor[] {
    const { results, cleared } = this.bindings;
    const returned: Tensor[] = [];
    for (let i = 0; i < results.length; i++) {
      const { from, gradOf } = results[i];
      const value = typeof from === "number" ? made[from] : from.newest();
      if (gradOf === null) returned.push(new Tensor(leafOf(value), false));
      else if (typeof gradOf === "number") addGradient(inputs[gradOf], new Tensor(leafOf(value), false));
      else if (typeof from !== "number" || value !== this.last[from] || gradOf.rawGrad === null) {
        gradOf.rawGrad = new Tensor(leafOf(value), false);
        gradOf.gradSeen = false;
      }
    }
    if (this.reuses) this.last = made;
    for (const tensor of cleared) tensor.rawGrad = null;
    return returned;
  }
}

/** The gradient of an argument goes to the tensor that was passed. */
function addGradient(tensor: Tensor, gradient: Tensor): void {
  const before = tensor.rawGrad;
  tensor.rawGrad = before ? before.add(gradient) : gradient;
}
