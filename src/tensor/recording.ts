// Recording a function: it runs once on placeholders while every tensor operation, assignment, gradient and random draw is noted; what was
// noted becomes one program and the bindings to run it with (replay.ts).

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { defaultGenerator } from "../base/random.js";
import { sizeOf } from "../base/shape.js";
import { compile as compileProgram } from "../compiler/compile.js";
import type { Executable, Executor } from "../executors/executor.js";
import { forgetNodes, type Node, topological } from "../graph/node.js";
import type { Program } from "../program/program.js";
import { own } from "./backward.js";
import { compileOptions, executor, prepare } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import { isGradEnabled } from "./grad-mode.js";
import { type Output, Replay, type Result, type Source } from "./replay.js";
import { Tensor } from "./tensor.js";
import { type Trace, withTrace } from "./trace.js";
import { flatten, type Structure, unflatten } from "./tree.js";
import { leafOf, leafValue, Value } from "./value.js";

interface Assignment {
  readonly tensor: Tensor;
  readonly before: Node;
  node: Node;
}

/** A tensor from outside as the function found it. */
interface Captured {
  readonly node: Node;
  readonly dtype: DType;
  readonly requiresGrad: boolean;
}

interface Noted {
  readonly node: Node;
  /** The tensor whose `grad` this is; null for what the function returns. */
  readonly gradOf: Tensor | null;
}

/** Thrown while tracing to begin the trace anew. */
const again = Symbol("again");

export class Recording<R> implements Trace {
  readonly program: Program;
  readonly grad = isGradEnabled();
  private readonly on: Executor;
  private readonly replay: Replay;
  private readonly structure: Structure;
  private readonly guards: (() => boolean)[] = [];
  private single: Executable[] | null = null;

  // What is noted while tracing:
  private readonly assignments = new Map<Tensor, Assignment>();
  private readonly captured = new Map<Tensor, Captured>();
  /** Tensors that the function made and assigned, as they were before. */
  private readonly made = new Map<Tensor, Node>();
  /** True once a whole trace has shown them: what is made and assigned anew then is not kept. */
  private knowsMade = false;
  /** Gradients as they were before the function touched them, and as it left them. */
  private readonly gradsBefore = new Map<Tensor, Tensor | null>();
  private readonly gradsAfter = new Map<Tensor, Tensor | null>();
  /** Whose gradient a value was when the function was traced. */
  private readonly gradSources = new Map<Value, Tensor>();
  private readonly seed = new Value("i32", [], null, null, "seed");
  private seedLeaf: Node | null = null;
  private streams = 0;

  constructor(fn: (...args: never[]) => R, structure: Structure, inputs: readonly Tensor[]) {
    this.on = executor();
    const placeholders = inputs.map((t, i) => new Value(t.dtype, t.shape, null, null, `argument ${i}`));
    // What stands for the arguments while the function is traced.
    const stand = placeholders.map((v, i) => {
      const tensor = new Tensor(leafOf(v), inputs[i].requiresGrad);
      if (tensor.requiresGrad) own(tensor);
      return tensor;
    });
    const { result, noted } = this.trace(() => fn(...(unflatten(structure, stand) as never[])));
    this.structure = result;
    const writes = [...this.assignments.values()].map((a) => ({ leaf: a.before, value: a.node }));
    // A result that is finished already, or one that comes twice, is not computed again.
    const wanted = [...new Set(noted.map((r) => r.node))].filter((n) => !this.isConstantLeaf(n));
    const compiled = compileProgram({ outputs: wanted, writes }, compileOptions());
    this.program = compiled.program;
    const executable = prepare(compiled.program, this.on);
    forgetNodes();
    if (this.streams > 0) {
      this.seed.memory = this.on.allocate("i32", 1);
      this.seed.executor = this.on;
    }
    const changed = new Set(writes.map((w) => w.leaf));
    const slotsWhere = (test: (leaf: Node) => boolean) => compiled.leaves.flatMap((leaf, i) => (test(leaf) ? [i] : []));
    this.replay = new Replay(this.on, executable, {
      sources: compiled.leaves.map((leaf) => this.sourceOf(leafValue(leaf), placeholders)),
      outputs: wanted.map((node) => this.outputOf(node, noted, stand)),
      results: noted.map((r) => this.resultOf(r, wanted, stand)),
      assigned: [...this.assignments.keys()].filter((tensor) => !stand.includes(tensor)),
      assignedArguments: stand.flatMap((tensor, i) => (this.assignments.has(tensor) ? [i] : [])),
      written: slotsWhere((leaf) => changed.has(leaf)),
      readArguments: slotsWhere((leaf) => !changed.has(leaf) && placeholders.includes(leafValue(leaf))),
      cleared: [...this.gradsAfter].flatMap(([tensor, after]) => (after === null ? [tensor] : [])),
      seed: this.streams > 0 ? this.seed : null,
    });
  }

  // --- while tracing

  private trace(body: () => R): { result: Structure; noted: Noted[] } {
    for (;;) {
      try {
        const { beginnings } = defaultGenerator;
        const returned = withTrace(this, body);
        if (returned instanceof Promise) {
          returned.catch(() => {}); // whatever comes of it, the error is this one
          fail("compile", "a synchronous function", "an async one", "await outside the compiled function");
        }
        if (defaultGenerator.beginnings !== beginnings) {
          const remedy =
            "seed it before the call: what is drawn inside differs from run to run, and a seed there would act at the first alone";
          fail("compile", "a function that leaves the random numbers' seed alone", "one that sets it", remedy);
        }
        if (this.made.size > 0 && !this.knowsMade) {
          this.knowsMade = true;
          throw again;
        }
        const tensors: Tensor[] = [];
        const result = flatten(returned, tensors);
        const outputs = tensors.map((t) => ({ node: t.rawNode, gradOf: null }));
        const grads = [...this.gradsBefore].flatMap(([tensor, before]) =>
          tensor.rawGrad && tensor.rawGrad !== before ? [{ node: tensor.rawGrad.rawNode, gradOf: tensor }] : [],
        );
        return { result, noted: [...outputs, ...grads] };
      } catch (error) {
        if (error !== again) throw error;
      } finally {
        this.restore();
      }
      this.keepMade();
      this.assignments.clear();
      this.captured.clear();
      this.gradsBefore.clear();
      this.gradSources.clear();
      this.gradsAfter.clear();
      this.guards.length = 0;
      this.streams = 0;
    }
  }

  capture(tensor: Tensor): void {
    if (this.captured.has(tensor) || this.assignments.has(tensor)) return;
    const { rawNode: node, dtype, requiresGrad } = tensor;
    // Arguments are in the signature, and gradients are looked up anew.
    if (node.op === "leaf" && (!leafValue(node).memory || this.gradSources.has(leafValue(node)))) return;
    this.captured.set(tensor, { node, dtype, requiresGrad });
  }

  assign(tensor: Tensor, node: Node): void {
    // What the function makes begins anew with each run, unless it is kept: the next trace, which finds it then, will tell.
    if (tensor.isNew) {
      if (!this.made.has(tensor)) this.made.set(tensor, tensor.rawNode);
      tensor.setNode(node);
      return;
    }
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
    for (const [tensor, before] of this.made) tensor.setNode(before);
    for (const [tensor, before] of this.gradsBefore) {
      this.gradsAfter.set(tensor, tensor.rawGrad);
      tensor.rawGrad = before;
    }
  }

  /** What may be kept gets numbers of its own, as state that is made at the first step has. */
  private keepMade(): void {
    const known = (n: Node) => n.op !== "leaf" || leafValue(n).memory !== null;
    for (const tensor of this.made.keys()) if (topological([tensor.rawNode]).every(known)) tensor.ownNumbers();
    this.made.clear();
  }

  // --- what becomes of it

  private sourceOf(value: Value, placeholders: readonly Value[]): Source {
    const argument = placeholders.indexOf(value);
    return argument >= 0 ? argument : (this.gradSources.get(value) ?? value);
  }

  private outputOf(node: Node, noted: readonly Noted[], stand: readonly Tensor[]): Output {
    const of = noted.filter((r) => r.node === node);
    const { gradOf } = of[0];
    const alone = of.length === 1 && this.gradSources.size === 0 && !stand.includes(gradOf as Tensor);
    return { dtype: node.dtype, shape: node.shape, size: sizeOf(node.shape), gradOf: alone ? gradOf : null };
  }

  private resultOf({ node, gradOf }: Noted, wanted: readonly Node[], stand: readonly Tensor[]): Result {
    const argument = gradOf ? stand.indexOf(gradOf) : -1;
    return {
      from: this.isConstantLeaf(node) ? leafValue(node) : wanted.indexOf(node),
      gradOf: argument >= 0 ? argument : gradOf,
    };
  }

  /** Numbers that are there before the function runs, the same for every run unless they are assigned. */
  private isConstantLeaf(node: Node): boolean {
    return node.op === "leaf" && leafValue(node).memory !== null && !this.gradSources.has(leafValue(node));
  }

  // --- when running

  /** Whether a call today would be traced as the recorded one was. */
  holds(): boolean {
    if (this.on !== executor()) return false;
    for (const holds of this.guards) if (!holds()) return false;
    for (const [tensor, { node, dtype, requiresGrad }] of this.captured)
      if (tensor.dtype !== dtype || tensor.requiresGrad !== requiresGrad || !standsFor(tensor, node)) return false;
    return true;
  }

  run(inputs: readonly Tensor[]): R {
    const returned = this.replay.run(inputs);
    return ("tensor" in this.structure ? returned[0] : unflatten(this.structure, returned)) as R;
  }

  /** Runs the steps one by one and returns the milliseconds of each. */
  timeSteps(inputs: readonly Tensor[]): number[] {
    this.single ??= this.program.steps.map((step) => this.on.prepare({ ...this.program, steps: [step] }));
    return this.replay.time(inputs, this.single);
  }
}

/** Whether the tensor is the expression still that it was, finished or not; numbers that were there are followed through assignments. */
function standsFor(tensor: Tensor, node: Node): boolean {
  const now = tensor.rawNode;
  return now === node || node.op === "leaf" || now === finishedLeaf(node);
}
