// compile(fn): the function runs once per input signature on placeholders, while every tensor operation, assignment, gradient and random
// draw is noted; after that a call binds memory and runs one program. No JavaScript of the function runs again.

import { fail } from "../base/errors.js";
import { defaultGenerator } from "../base/random.js";
import { describe, sizeOf } from "../base/shape.js";
import { compile as compileProgram } from "../compiler/compile.js";
import type { Executable, Executor, Memory } from "../executors/executor.js";
import type { Node } from "../graph/node.js";
import type { Program } from "../program/program.js";
import { compileOptions, evaluate, executor, finishedLeaf, prepare } from "./evaluate.js";
import { isGradEnabled } from "./grad-mode.js";
import { Tensor } from "./tensor.js";
import { type Trace, tracing, withTrace } from "./trace.js";
import { flatten, type Structure, unflatten } from "./tree.js";
import { leafOf, Value, valueOf } from "./value.js";

/** A compiled function: called like the original; `explain` shows what a call with these arguments runs. */
export type CompiledFunction<A extends unknown[], R> = ((...args: A) => R) & { program(...args: A): Program };

/**
 * Traces `fn` once for each signature of its arguments (shapes, dtypes, plain values) and replays one program from then on. Arguments and
 * results may be tensors, or arrays and objects of tensors; other arguments count as constants. Parameters and other tensors the function
 * uses are read when it runs; `assign`, `backward` and optimizers inside it take effect at each run.
 * @example
 * const step = compile((x: Tensor, y: Tensor) => { const loss = model.loss(x, y); optimizer.zeroGrad(); loss.backward(); optimizer.step(); return loss; });
 */
export function compile<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<A, R> {
  const variants = new Map<string, Recording<R>[]>();
  const find = (args: A): { recording: Recording<R>; inputs: Tensor[] } => {
    const inputs: Tensor[] = [];
    const structure = flatten(args, inputs);
    const key = `${executor().name} ${isGradEnabled()} ${JSON.stringify(structure)} ${inputs.map((t) => `${describe(t)}${t.requiresGrad}`).join()}`;
    const list = variants.get(key) ?? [];
    variants.set(key, list);
    let recording = list.find((r) => r.holds());
    if (!recording) list.push((recording = new Recording(fn as unknown as (...args: never[]) => R, structure, inputs)));
    return { recording, inputs };
  };
  const call = (...args: A): R => {
    // Inside another trace the function is simply part of it.
    if (tracing()) return fn(...args);
    const { recording, inputs } = find(args);
    return recording.run(inputs);
  };
  return Object.assign(call, { program: (...args: A) => find(args).recording.program });
}

interface Assignment {
  readonly tensor: Tensor;
  readonly before: Node;
  node: Node;
}

class Recording<R> implements Trace {
  readonly program: Program;
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
  private readonly slots: ((inputs: readonly Tensor[]) => Memory)[];
  private readonly results: { readonly node: Node; readonly gradOf: Tensor | null }[];

  constructor(fn: (...args: never[]) => R, structure: Structure, inputs: readonly Tensor[]) {
    this.on = executor();
    const placeholders = inputs.map((t, i) => new Value(t.dtype, t.shape, null, null, `argument ${i}`));
    const stand = placeholders.map((v, i) => new Tensor(leafOf(v), inputs[i].requiresGrad));
    const outputs: Tensor[] = [];
    try {
      const result = withTrace(this, () => fn(...(unflatten(structure, stand) as never[])));
      if (result instanceof Promise) fail("compile", "a synchronous function", "an async one", "await outside the compiled function");
      this.structure = flatten(result, outputs);
      const grads = [...this.gradsBefore].flatMap(([tensor, before]) => (tensor.rawGrad && tensor.rawGrad !== before ? [{ node: tensor.rawGrad.node, gradOf: tensor }] : []));
      this.results = [...outputs.map((t) => ({ node: t.node, gradOf: null })), ...grads];
    } finally {
      this.restore();
    }
    const writes = [...this.assignments.values()].map((a) => ({ leaf: a.before, value: a.node }));
    // A result that is finished already, or one that comes twice, is not computed again.
    const wanted = [...new Set(this.results.map((r) => r.node))].filter((n) => !isConstantLeaf(n));
    const compiled = compileProgram({ outputs: wanted, writes }, compileOptions());
    this.program = compiled.program;
    this.executable = prepare(compiled.program, this.on);
    this.wanted = wanted;
    this.slots = compiled.leaves.map((leaf) => this.binding(valueOf(leaf), placeholders));
  }

  private readonly wanted: readonly Node[];

  // --- while tracing

  assign(tensor: Tensor, node: Node): void {
    const known = this.assignments.get(tensor);
    if (known) known.node = node;
    else {
      const leaf = finishedLeaf(tensor.node);
      if (!leaf) fail("assign", "a tensor whose numbers are known", `${describe(tensor)}, which is pending inside compile`, "assign to tensors made outside the function");
      this.assignments.set(tensor, { tensor, before: leaf, node });
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
    if (rawGrad) rawGrad.evaluate();
    this.guards.push(() => (tensor.rawGrad === null) === (rawGrad === null));
  }

  randomStream(): { seed: Node; stream: number } {
    this.seedLeaf ??= leafOf(this.seed);
    return { seed: this.seedLeaf, stream: this.streams++ };
  }

  private seedLeaf: Node | null = null;

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

  private readonly tracedGrads = new Map<Tensor, Tensor | null>();

  // --- when running

  holds(): boolean {
    return this.on === executor() && this.guards.every((g) => g());
  }

  private binding(value: Value, placeholders: readonly Value[]): (inputs: readonly Tensor[]) => Memory {
    const argument = placeholders.indexOf(value);
    if (argument >= 0) return (inputs) => inputs[argument].value.memoryFor(this.on);
    if (value === this.seed) {
      value.memory = this.on.allocate("i32", 1);
      value.executor = this.on;
      return () => value.memory as Memory;
    }
    let newest = value;
    return () => {
      while (newest.successor) newest = newest.successor;
      return newest.memoryFor(this.on);
    };
  }

  run(inputs: readonly Tensor[]): R {
    const pending = inputs.filter((t) => !finishedLeaf(t.rawNode)).map((t) => t.rawNode);
    if (pending.length > 0) evaluate(pending);
    if (this.streams > 0) (this.seed.memory as { data: Int32Array }).data[0] = defaultGenerator.word() | 0;
    const externals = this.slots.map((bind) => bind(inputs));
    const made = this.wanted.map((node) => new Value(node.dtype, node.shape, this.on.allocate(node.dtype, sizeOf(node.shape)), this.on));
    for (const value of made) externals.push(value.memory as Memory);
    this.executable.run(externals);
    for (const { tensor } of this.assignments.values()) overwritten(tensor);
    const tensorOf = (node: Node) => new Tensor(isConstantLeaf(node) ? node : leafOf(made[this.wanted.indexOf(node)]), false);
    const returned: Tensor[] = [];
    for (const { node, gradOf } of this.results) {
      if (gradOf) gradOf.rawGrad = tensorOf(node);
      else returned.push(tensorOf(node));
    }
    for (const [tensor, after] of this.tracedGrads) if (after === null) tensor.rawGrad = null;
    return unflatten(this.structure, returned) as R;
  }
}

function isConstantLeaf(node: Node): boolean {
  return node.op === "leaf" && valueOf(node).memory !== null;
}

/** The tensor's numbers changed in place: expressions on the old ones must not be computed any more. */
function overwritten(tensor: Tensor): void {
  const old = valueOf(tensor.rawNode);
  if (!old.touched) return;
  const fresh = new Value(old.dtype, old.shape, old.memory, old.executor, old.name);
  old.stale = true;
  tensor.adopt(fresh);
}
