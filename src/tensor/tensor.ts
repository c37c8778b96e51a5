/// <reference lib="esnext.disposable" preserve="true" />
// The class users hold. What it can do is in the classes it extends; here are gradients, assignment and memory.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { bf16FromF32, f16FromF32 } from "../base/half.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { cast, expand } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { backward, own as owner, retain } from "./backward.js";
import { checkOptionalTensor } from "./check.js";
import { evaluateWith, executor } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import { TensorIndexing } from "./indexing.js";
import { stored } from "./stored.js";
import { tracedRun, tracing } from "./trace.js";
import { leafOf, leafValue, Value } from "./value.js";

/**
 * A lazy, immutable n-dimensional array. Shapes and mistakes are known at once; numbers are computed when somebody asks.
 * Made by `tensor([...])`, `zeros(...)`, `randn(...)` and the like.
 */
export class Tensor extends TensorIndexing<Tensor> {
  private gradient: Tensor | null = null;

  protected override wrap(node: Node, requiresGrad: boolean): Tensor {
    return new Tensor(node, requiresGrad);
  }

  /** @internal A tensor for a node made elsewhere, recording gradients as any operation does. */
  static from(node: Node, ...inputs: readonly Tensor[]): Tensor {
    return inputs.length > 0 ? inputs[0].derive(node, ...inputs) : new Tensor(node, false);
  }

  /** @internal A tensor without gradient for a node made elsewhere. */
  plain(node: Node): Tensor {
    return new Tensor(node, false);
  }

  /** d loss / d this, after loss.backward(); null before. */
  get grad(): Tensor | null {
    const trace = tracing();
    if (trace) trace.readGrad(this);
    else this.gradSeen = true;
    return this.gradient;
  }

  set grad(value: Tensor | null) {
    if (value !== null && !(value instanceof Tensor))
      fail("grad", "a tensor, or null to forget the gradient", shown(value));
    if (value && !sameShape(value.shape, this.shape))
      fail("grad", `a gradient of shape [${this.shape}]`, describe(value));
    tracing()?.setGrad(this, this.gradient);
    this.gradient = value;
  }

  /** @internal True once somebody outside may hold the gradient: then its memory is not written again. */
  gradSeen = false;

  /** @internal The gradient, unseen by a trace. */
  get rawGrad(): Tensor | null {
    return this.gradient;
  }

  /** @internal */
  set rawGrad(value: Tensor | null) {
    this.gradient = value;
  }

  /** Asks for gradients of this leaf (or no longer). */
  requiresGrad_(requires = true): this {
    if (typeof requires !== "boolean") fail("requiresGrad_", "true or false", shown(requires));
    this.requiresGrad = requires;
    return this;
  }

  /** Gradients are kept for this intermediate result as well: `grad` is set by backward. */
  retainGrad(): this {
    if (this.current.op !== "leaf") retain(this);
    return this;
  }

  /** A tensor that starts to require gradients is a leaf of its own: numbers that are pending are computed first. */
  protected override startGradient(): void {
    if (!isFloat(this.dtype)) fail("requiresGrad", "a float tensor", describe(this), 'make it with dtype "f32"');
    this.ownNumbers();
    owner(this);
  }

  protected override use(): void {
    const trace = tracing();
    if (!trace) {
      leafValue(this.current).touched = true;
      return;
    }
    // What a trace captures may be assigned later: then it must be this tensor's alone.
    if (this.current.op === "leaf") this.ownNumbers();
    if (!this.isNew) trace.capture(this);
  }

  /** @internal Makes this a leaf whose numbers no other tensor shares; false if it was one already. */
  ownNumbers(): boolean {
    if (this.current.op !== "leaf") this.evaluate();
    const leaf = finishedLeaf(this.current) as Node;
    const value = leafValue(leaf);
    if (this.current === leaf && (value.exclusive || !value.memory)) return false;
    this.adopt(value.copy());
    return true;
  }

  /**
   * Computes the gradients of this tensor with respect to every leaf that requires them, and adds them to their `grad`. They are pending
   * like everything else: computed when asked for, all together.
   * @param gradient d something / d this, needed unless this tensor has one element
   */
  backward(gradient?: Tensor): void {
    checkOptionalTensor("backward", "gradient", gradient);
    backward(this, gradient);
  }

  /**
   * Gives this tensor new numbers, as parameters get from an optimizer. Inside `compile` they are written in place when the function runs.
   * Expressions already written on the old numbers keep them.
   */
  assign(value: Tensor | number): this {
    assignAll([[this, value]]);
    return this;
  }

  /** @internal True of what the function that is traced now has made itself: it begins anew with each run. */
  get isNew(): boolean {
    return this.madeIn !== null && this.madeIn === tracedRun();
  }

  /** @internal What this tensor is assigned stays from run to run, wherever it was made: the state of an optimizer. */
  asState(): this {
    this.madeIn = null;
    return this;
  }

  /** @internal The value as this tensor would hold it. */
  fitted(value: Tensor | number): Node {
    if (value instanceof Tensor && !sameShape(value.shape, this.shape))
      fail("assign", `a value of shape [${this.shape}]`, describe(value));
    const node = this.operand("assign", typeof value === "number" ? stored("assign", this.dtype, value) : value);
    return cast(sameShape(node.shape, this.shape) ? node : expand(node, this.shape), this.dtype);
  }

  /**
   * Sets every element at once, without a program: learning rates and other numbers that change between runs of a compiled function.
   * @throws HeedError for a number that i32 cannot hold, where the tensor is i32
   */
  fill(value: number): this {
    if (typeof value !== "number" && typeof value !== "boolean") fail("fill", "a number", shown(value));
    const element = stored("fill", this.dtype, Number(value));
    if (tracing()) return this.assign(element);
    const number = this.dtype === "f16" || this.dtype === "bf16" ? halfBits(this.dtype, element) : element;
    const own = this.current.op === "leaf" ? leafValue(this.current) : null;
    if (own?.exclusive && !own.touched && own.memory)
      own.memory.data.fill(own.memory.data instanceof Float64Array ? element : number);
    else {
      const on = executor();
      const memory = on.allocate(this.dtype, this.numel);
      memory.data.fill(memory.data instanceof Float64Array ? element : number);
      this.adopt(new Value(this.dtype, this.shape, memory, on));
    }
    return this;
  }

  /** @internal Takes new numbers of its own; the old value, if it was this tensor's own, remembers its successor. */
  adopt(value: Value): void {
    value.exclusive = true;
    if (this.current.op === "leaf") {
      const old = leafValue(this.current);
      if (old.exclusive) old.successor = value;
    }
    this.current = leafOf(value);
    if (this.requiresGrad) owner(this);
  }

  /** @internal The value of a finished tensor. */
  get value(): Value {
    this.evaluate();
    return leafValue(finishedLeaf(this.current) as Node);
  }

  /** @internal Replaces the node while a function is traced. */
  setNode(node: Node): void {
    this.current = node;
  }

  /** @internal The node, without marking it as used. */
  get rawNode(): Node {
    return this.current;
  }

  /** Lets go of the numbers now instead of when the garbage collector finds them; the tensor can no longer be used. */
  dispose(): void {
    const leaf = finishedLeaf(this.current);
    if (!leaf) return;
    const value = leafValue(leaf);
    // Nobody has read this tensor: what is kept in its place belongs to the expressions that go on from it.
    if (value.unasked) return;
    if (value.memory) value.executor?.release?.(value.memory);
    value.disposed = true;
    value.memory = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** A new tensor with the same numbers, part of the same gradients. */
  clone(): Tensor {
    return this.derive(this.node, this);
  }

  /** `${t}` prints; arithmetic operators, which JavaScript cannot give to objects, say what to write instead. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    return fail(
      "tensor",
      "a method such as .add(), .mul() or .item()",
      "an operator",
      "JavaScript has no operators for objects: write a.add(b), and String(a) for text",
    );
  }
}

/**
 * Assigns many tensors at once, in one program: every new value is computed from the old ones. `also` are tensors to compute in the same
 * program, such as the loss.
 */
export function assignAll(pairs: readonly (readonly [Tensor, Tensor | number])[], also: readonly Tensor[] = []): void {
  const nodes = pairs.map(([tensor, value]) => tensor.fitted(value));
  const trace = tracing();
  if (trace) {
    pairs.forEach(([tensor], i) => trace.assign(tensor, nodes[i]));
    return;
  }
  const values = evaluateWith(
    also.map((t) => t.rawNode),
    nodes,
  );
  for (const t of also) t.settle();
  pairs.forEach(([tensor], i) => tensor.adopt(values[i]));
}

function halfBits(dtype: "f16" | "bf16", value: number): number {
  return dtype === "f16" ? f16FromF32(Math.fround(value)) : bf16FromF32(Math.fround(value));
}
