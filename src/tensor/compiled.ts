// compile(fn): the function runs once per input signature on placeholders, while every tensor operation, assignment, gradient and random
// draw is noted; after that a call binds memory and runs one program. No JavaScript of the function runs again.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { defaultGenerator } from "../base/random.js";
import { describe, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { compile as compileProgram } from "../compiler/compile.js";
import type { Executable, Executor, Memory } from "../executors/executor.js";
import { forgetNodes, type Node } from "../graph/node.js";
import type { Program } from "../program/program.js";
import { own } from "./backward.js";
import { compileOptions, evaluate, executor, finishedLeaf, prepare } from "./evaluate.js";
import { isGradEnabled } from "./grad-mode.js";
import { Tensor } from "./tensor.js";
import { type Trace, tracing, withTrace } from "./trace.js";
import { flatten, type Structure, unflatten } from "./tree.js";
import { leafOf, leafValue, Value } from "./value.js";

/** Signatures of one function whose traces are kept. */
const MOST_VARIANTS = 256;

/** A compiled function: called like the original; `explain` shows what a call with these arguments runs. */
export type CompiledFunction<A extends unknown[], R> = ((...args: A) => R) & {
  program(...args: A): Program;
  /** Runs the steps of one call one by one, for real, and returns the milliseconds of each. */
  timeSteps(...args: A): number[];
};

/**
 * Traces `fn` once for each signature of its arguments (shapes, dtypes, plain values) and replays one program from then on. Arguments and
 * results may be tensors, or arrays and objects of tensors; other arguments count as constants. Parameters and other tensors the function
 * uses are read when it runs; `assign`, `backward` and optimizers inside it take effect at each run.
 * @example
 * const step = compile((x: Tensor, y: Tensor) => { const loss = model.loss(x, y); optimizer.zeroGrad(); loss.backward(); optimizer.step(); return loss; });
 */
export function compile<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<A, R> {
  const variants = new Map<string, Recording<R>[]>();
  let latest: { recording: Recording<R>; inputs: readonly Signature[] } | null = null;
  const find = (args: A): { recording: Recording<R>; inputs: Tensor[] } => {
    // The same shapes as last time, the common case, need no key.
    if (
      latest &&
      args.length === latest.inputs.length &&
      args.every((x, i) => x instanceof Tensor && agrees(x, (latest as { inputs: readonly Signature[] }).inputs[i]))
    ) {
      if (latest.recording.grad === isGradEnabled() && latest.recording.holds())
        return { recording: latest.recording, inputs: args as unknown as Tensor[] };
    }
    const inputs: Tensor[] = [];
    const structure = flatten(args, inputs);
    const key = `${executor().name} ${isGradEnabled()} ${JSON.stringify(structure)} ${inputs.map((t) => `${describe(t)}${t.requiresGrad}`).join()}`;
    const list = variants.get(key) ?? [];
    // The most recently used come last; a number that is another one at each call must not fill the memory with traces.
    variants.delete(key);
    variants.set(key, list);
    if (variants.size > MOST_VARIANTS) variants.delete(variants.keys().next().value as string);
    let recording = list.find((r) => r.holds());
    if (!recording) list.push((recording = new Recording(fn as unknown as (...args: never[]) => R, structure, inputs)));
    const plain = args.length === inputs.length && args.every((x) => x instanceof Tensor);
    latest = plain
      ? { recording, inputs: inputs.map(({ dtype, shape, requiresGrad }) => ({ dtype, shape, requiresGrad })) }
      : null;
    return { recording, inputs };
  };
  const call = (...args: A): R => {
    // Inside another trace the function is simply part of it.
    if (tracing()) return fn(...args);
    const { recording, inputs } = find(args);
    return recording.run(inputs);
  };
  return Object.assign(call, {
    program: (...args: A) => find(args).recording.program,
    timeSteps: (...args: A) => {
      const { recording, inputs } = find(args);
      return recording.timeSteps(inputs);
    },
  });
}

interface Signature {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly requiresGrad: boolean;
}

function agrees(x: Tensor, s: Signature): boolean {
  return (
    x.dtype === s.dtype && x.requiresGrad === s.requiresGrad && (x.shape === s.shape || sameShape(x.shape, s.shape))
  );
}

/** The gradient of an argument goes to the tensor that was passed. */
function addGradient(tensor: Tensor, gradient: Tensor): void {
  const before = tensor.rawGrad;
  tensor.rawGrad = before ? before.add(gradient) : gradient;
}

interface Assignment {
  readonly tensor: Tensor;
  readonly before: Node;
  node: Node;
}

interface Result {
  readonly node: Node;
  /** The tensor whose `grad` this is; null for what the function returns. */
  readonly gradOf: Tensor | null;
}

/** Thrown while tracing to begin the trace anew. */
const again = Symbol("again");

class Recording<R> implements Trace {
  readonly program: Program;
  readonly grad = isGradEnabled();
  private readonly on: Executor;
  private readonly executable: Executable;
  private readonly structure: Structure;
  private readonly assignments = new Map<Tensor, Assignment>();
  /** Gradients as they were before the function touched them. */
  private readonly gradsBefore = new Map<Tensor, Tensor | null>();
  private readonly guards: (() => boolean)[] = [];
  private readonly seed = new Value("i32", [], null, null, "seed");
  private streams = 0;
  /** How each external slot gets its memory. */
  private readonly slots: (Value | ((inputs: readonly Tensor[]) => Memory))[];
  private readonly results: readonly Result[];

  private readonly wanted: readonly Node[];
  /** What stood for the arguments while the function was traced. */
  private readonly stand: readonly Tensor[];
  private seedLeaf: Node | null = null;
  private readonly tracedGrads = new Map<Tensor, Tensor | null>();
  /** Whose gradient a value was when the function was traced. */
  private readonly gradSources = new Map<Value, Tensor>();
  /** Arguments that the function assigns to. */
  private readonly assignedArguments: readonly number[];
  /** Slots that are written in place, and slots of arguments that are only read. */
  private readonly written: readonly number[];
  private readonly readArguments: readonly number[];
  private readonly dtypes: readonly DType[];

  constructor(fn: (...args: never[]) => R, structure: Structure, inputs: readonly Tensor[]) {
    this.on = executor();
    const placeholders = inputs.map((t, i) => new Value(t.dtype, t.shape, null, null, `argument ${i}`));
    const stand = placeholders.map((v, i) => {
      const tensor = new Tensor(leafOf(v), inputs[i].requiresGrad);
      if (tensor.requiresGrad) own(tensor);
      return tensor;
    });
    this.stand = stand;
    const { result, outputs, grads } = this.trace(() => fn(...(unflatten(structure, stand) as never[])));
    this.structure = result;
    this.results = [...outputs, ...grads];
    const writes = [...this.assignments.values()].map((a) => ({ leaf: a.before, value: a.node }));
    // A result that is finished already, or one that comes twice, is not computed again.
    const wanted = [...new Set(this.results.map((r) => r.node))].filter((n) => !this.isConstantLeaf(n));
    const compiled = compileProgram({ outputs: wanted, writes }, compileOptions());
    this.program = compiled.program;
    this.executable = prepare(compiled.program, this.on);
    forgetNodes();
    this.wanted = wanted;
    this.slots = compiled.leaves.map((leaf) => this.binding(leafValue(leaf), placeholders));
    this.dtypes = compiled.leaves.map((leaf) => leaf.dtype);
    const changed = new Set(writes.map((w) => w.leaf));
    const slotsWhere = (test: (leaf: Node) => boolean) => compiled.leaves.flatMap((leaf, i) => (test(leaf) ? [i] : []));
    this.written = slotsWhere((leaf) => changed.has(leaf));
    this.readArguments = slotsWhere((leaf) => !changed.has(leaf) && placeholders.includes(leafValue(leaf)));
    this.assignedArguments = stand.flatMap((tensor, i) => (this.assignments.has(tensor) ? [i] : []));
  }

  // --- while tracing

  private trace(body: () => R): { result: Structure; outputs: Result[]; grads: Result[] } {
    for (;;) {
      try {
        const returned = withTrace(this, body);
        if (returned instanceof Promise)
          fail("compile", "a synchronous function", "an async one", "await outside the compiled function");
        const tensors: Tensor[] = [];
        const result = flatten(returned, tensors);
        const outputs = tensors.map((t) => ({ node: t.rawNode, gradOf: null }));
        const grads = [...this.gradsBefore].flatMap(([tensor, before]) =>
          tensor.rawGrad && tensor.rawGrad !== before ? [{ node: tensor.rawGrad.rawNode, gradOf: tensor }] : [],
        );
        return { result, outputs, grads };
      } catch (error) {
        if (error !== again) throw error;
      } finally {
        this.restore();
      }
      this.assignments.clear();
      this.gradsBefore.clear();
      this.gradSources.clear();
      this.tracedGrads.clear();
      this.guards.length = 0;
      this.streams = 0;
    }
  }

  assign(tensor: Tensor, node: Node): void {
    const known = this.assignments.get(tensor);
    if (known) known.node = node;
    else {
      // The function may have read the tensor as a pending expression, such as zeros(...): now that it turns out to be a variable, it
      // becomes one, and the trace begins anew.
      if (tensor.ownNumbers()) throw again;
      this.assignments.set(tensor, { tensor, before: tensor.rawNode, node });
    }
    tensor.setNode(node);
  }

  setGrad(tensor: Tensor, before: Tensor | null): void {
    if (!this.gradsBefore.has(tensor)) this.gradsBefore.set(tensor, before);
  }

  readGrad(tensor: Tensor): void {
    if (this.gradsBefore.has(tensor)) return;
    const { rawGrad } = tensor;
    this.gradsBefore.set(tensor, rawGrad);
    if (rawGrad) {
      // Each run may find another gradient there: it is looked up through the tensor.
      rawGrad.ownNumbers();
      this.gradSources.set(leafValue(rawGrad.rawNode), tensor);
    }
    const { dtype } = rawGrad ?? tensor;
    this.guards.push(
      () => (tensor.rawGrad === null) === (rawGrad === null) && (tensor.rawGrad ?? tensor).dtype === dtype,
    );
  }

  randomStream(): { seed: Node; stream: number } {
    this.seedLeaf ??= leafOf(this.seed);
    return { seed: this.seedLeaf, stream: this.streams++ };
  }

  guard(holds: () => boolean): void {
    this.guards.push(holds);
  }

  /** Nothing of the trace stays behind in the tensors it touched. */
  private restore(): void {
    for (const { tensor, before } of this.assignments.values()) tensor.setNode(before);
    for (const [tensor, before] of this.gradsBefore) {
      this.tracedGrads.set(tensor, tensor.rawGrad);
      tensor.rawGrad = before;
    }
  }

  // --- when running

  holds(): boolean {
    return this.on === executor() && this.guards.every((g) => g());
  }

  private binding(value: Value, placeholders: readonly Value[]): Value | ((inputs: readonly Tensor[]) => Memory) {
    const argument = placeholders.indexOf(value);
    if (argument >= 0) return (inputs) => inputs[argument].value.memoryFor(this.on);
    if (value === this.seed) {
      value.memory = this.on.allocate("i32", 1);
      value.executor = this.on;
      return () => value.memory as Memory;
    }
    const owner = this.gradSources.get(value);
    if (owner) return () => (owner.rawGrad as Tensor).value.memoryFor(this.on);
    return value;
  }

  /** The memory of one slot: of an argument, or of what a captured tensor holds now. */
  private memoryOf(slot: number, inputs: readonly Tensor[]): Memory {
    const bound = this.slots[slot];
    if (!(bound instanceof Value)) return bound(inputs);
    let value = bound;
    if (value.successor) this.slots[slot] = value = value.newest();
    return value.memory && value.executor === this.on ? value.memory : value.memoryFor(this.on);
  }

  run(inputs: readonly Tensor[]): R {
    const { externals, made } = this.bind(inputs);
    this.executable.run(externals);
    return this.finish(made, inputs);
  }

  /** As run, step by step. */
  timeSteps(inputs: readonly Tensor[]): number[] {
    const { externals, made } = this.bind(inputs);
    this.single ??= this.program.steps.map((step) => this.on.prepare({ ...this.program, steps: [step] }));
    const times = this.single.map((executable) => {
      const start = performance.now();
      executable.run(externals);
      return performance.now() - start;
    });
    this.finish(made, inputs);
    return times;
  }

  private single: Executable[] | null = null;

  /** The memory of every slot; results get new memory. */
  private bind(inputs: readonly Tensor[]): { externals: Memory[]; made: Value[] } {
    const pending = inputs.filter((t) => !finishedLeaf(t.rawNode)).map((t) => t.rawNode);
    if (pending.length > 0) evaluate(pending);
    if (this.streams > 0) (this.seed.memory as { data: Int32Array }).data[0] = defaultGenerator.word() | 0;
    // Numbers that pending expressions still need are not written over: the tensor moves on to a copy.
    this.assigned ??= [...this.assignments.keys()];
    for (const tensor of this.assigned) {
      const value = leafValue(tensor.rawNode);
      if (value.touched) tensor.adopt(value.copy());
    }
    for (const i of this.assignedArguments) {
      inputs[i].ownNumbers();
      if (inputs[i].value.touched) inputs[i].adopt(inputs[i].value.copy());
    }
    const externals: Memory[] = [];
    for (let slot = 0; slot < this.slots.length; slot++) externals.push(this.memoryOf(slot, inputs));
    // An argument that is also written to under another name keeps its old numbers for this run.
    for (const i of this.readArguments) {
      const shared = this.written.some((w) => externals[w] === externals[i]);
      if (shared) externals[i] = this.copyOf(externals[i], this.dtypes[i]);
    }
    const made = this.wanted.map(
      (node, i) =>
        this.reusedGradient(i) ??
        new Value(node.dtype, node.shape, this.on.allocate(node.dtype, sizeOf(node.shape)), this.on),
    );
    for (const value of made) externals.push(value.memory as Memory);
    return { externals, made };
  }

  private assigned: readonly Tensor[] | null = null;
  private lastMade: readonly Value[] = [];
  private gradientOwners: (Tensor | null)[] | null = null;

  /** The memory of the last run's gradient serves again where nobody has looked at it: a `grad` that is seen is never written over. */
  private reusedGradient(index: number): Value | null {
    this.gradientOwners ??= this.wanted.map((node) => {
      const of = this.results.filter((r) => r.node === node);
      return this.gradSources.size === 0 && of.length === 1 && !this.stand.includes(of[0].gradOf as Tensor)
        ? of[0].gradOf
        : null;
    });
    const owner = this.gradientOwners[index];
    const last = this.lastMade[index];
    // Only while it is still the owner's gradient: another function may have set a newer one after somebody took this one.
    const now = owner?.rawGrad?.rawNode;
    const own = now?.op === "leaf" && leafValue(now) === last;
    return owner && own && !owner.gradSeen && !last.touched && last.memory ? last : null;
  }

  /** Hands out what was computed. */
  private finish(made: readonly Value[], inputs: readonly Tensor[]): R {
    this.places ??= this.results.map((r) => (this.isConstantLeaf(r.node) ? -1 : this.wanted.indexOf(r.node)));
    const returned: Tensor[] = [];
    this.results.forEach(({ node, gradOf }, i) => {
      const value = this.places?.[i] === -1 ? leafValue(node).newest() : made[this.places?.[i] as number];
      const argument = gradOf ? this.stand.indexOf(gradOf) : -1;
      if (!gradOf) returned.push(new Tensor(leafOf(value), false));
      else if (argument >= 0) addGradient(inputs[argument], new Tensor(leafOf(value), false));
      else if (value !== this.lastMade[this.places?.[i] as number] || gradOf.rawGrad === null) {
        gradOf.rawGrad = new Tensor(leafOf(value), false);
        gradOf.gradSeen = false;
      }
    });
    this.lastMade = made;
    for (const [tensor, after] of this.tracedGrads) if (after === null) tensor.rawGrad = null;
    return unflatten(this.structure, returned) as R;
  }

  /** Of each result, its number among the computed nodes; -1 for numbers that were there before. */
  private places: readonly number[] | null = null;

  private copyOf(memory: Memory, dtype: DType): Memory {
    const copy = this.on.allocate(dtype, memory.data.length);
    copy.data.set(memory.data);
    return copy;
  }

  /** Numbers that are there before the function runs, the same for every run unless they are assigned. */
  private isConstantLeaf(node: Node): boolean {
    return node.op === "leaf" && leafValue(node).memory !== null && !this.gradSources.has(leafValue(node));
  }
}
