// The handle: a tensor is a node of the graph, whether it takes part in gradients, and ways to get at the numbers. The operations are in
// the classes that extend this one (elementwise, reductions, shapes, indexing); T is the final class, so that none of them imports it.

import { DTYPES, type DType, dtypeRemedy, isFloat, promoteNumber } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { f32ArrayFromBf16, f32ArrayFromF16 } from "../base/half.js";
import { roundTo } from "../base/round.js";
import { describe, type Shape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import type { Executor } from "../executors/executor.js";
import { cast, constant, detach } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { evaluate } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import { formatTensor, nested } from "./format.js";
import { isGradEnabled } from "./grad-mode.js";
import { tracedRun } from "./trace.js";
import { leafValue } from "./value.js";

/** Numbers or truth values in arrays of arrays, as deep as there are axes. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[];

/** Tensors that are best computed together: the gradients of one backward call and its loss. */
export interface Together {
  members: TensorCore<unknown>[];
}

export abstract class TensorCore<T> {
  private wantsGrad: boolean;
  protected current: Node;
  /** @internal */
  together: Together | null = null;
  /** @internal The traced run that made this tensor; null outside, and for state. */
  protected madeIn: object | null = tracedRun();

  constructor(node: Node, requiresGrad: boolean) {
    this.current = node;
    this.wantsGrad = requiresGrad;
  }

  protected abstract wrap(node: Node, requiresGrad: boolean): T;

  /** True when gradients flow to this tensor. Set on a leaf, it asks for them. */
  get requiresGrad(): boolean {
    return this.wantsGrad;
  }

  set requiresGrad(requires: boolean) {
    if (requires && !this.wantsGrad) this.startGradient();
    this.wantsGrad = requires;
  }

  protected abstract startGradient(): void;

  /** The leaf, or while a function is traced any tensor, is about to become part of an expression. */
  protected abstract use(): void;

  /** The node this tensor stands for now. */
  get node(): Node {
    if (this.current.op === "leaf" || tracedRun()) this.use();
    return this.current;
  }

  /** The size of each axis. */
  get shape(): Shape {
    return this.current.shape;
  }

  /** The type of the elements. */
  get dtype(): DType {
    return this.current.dtype;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get numel(): number {
    return sizeOf(this.shape);
  }

  /** The size of one axis, or the shape. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    if (dim === undefined) return this.shape;
    const n = Number.isInteger(dim) ? this.shape.at(dim) : undefined;
    return n ?? fail("size", `a dimension from ${-this.ndim} to ${this.ndim - 1}`, shown(dim));
  }

  /** True for tensors that were not computed from others, as parameters and data. */
  get isLeaf(): boolean {
    return this.current.op === "leaf" || !this.requiresGrad;
  }

  /** A result computed from tensors: it requires gradients when one of them does. */
  protected derive(node: Node, ...from: readonly TensorCore<unknown>[]): T {
    const wants = from.some((t) => t.requiresGrad);
    if (!wants || !isFloat(node.dtype)) return this.wrap(node, false);
    // Without gradients the path is cut, so that a later backward does not walk it.
    return isGradEnabled() ? this.wrap(node, true) : this.wrap(detach(node), false);
  }

  /** The other operand of a binary operation as a node: a number takes this tensor's dtype unless it is of a higher kind. */
  protected operand(op: string, other: TensorCore<unknown> | number | boolean): Node {
    if (other instanceof TensorCore) return other.node;
    if (typeof other === "boolean") return constant(other ? 1 : 0, [], "bool");
    if (typeof other !== "number")
      fail(op, "a tensor or a number", shown(other), isList(other) ? "make it a tensor with tensor(...)" : undefined);
    if (isFloat(this.dtype)) return constant(this.dtype === "f32" ? other : roundTo(this.dtype, other), [], this.dtype);
    return constant(other, [], promoteNumber(this.dtype, other));
  }

  // --- the numbers

  /** Computes this tensor now, if it is still pending, on an executor that answers at once. */
  evaluate(): this {
    if (!finishedLeaf(this.current)) {
      const members = this.together?.members ?? [];
      evaluate([this.current, ...members.map((m) => m.current)]);
      for (const member of members) member.settle();
    }
    this.settle();
    return this;
  }

  /** @internal Lets go of the graph behind finished numbers, unless gradients may still walk it. */
  settle(): void {
    const leaf = finishedLeaf(this.current);
    if (!leaf) return;
    this.together = null;
    leafValue(leaf).unasked = false;
    if (!this.requiresGrad) this.current = leaf;
  }

  /** @internal The raw memory: f16 and bf16 as 16-bit patterns. */
  raw(): ArrayLike<number> & { slice(): ArrayLike<number> } {
    this.evaluate();
    const value = leafValue(finishedLeaf(this.current) as Node);
    return value.memoryFor(value.executor as Executor).data as Float32Array;
  }

  /** A copy of the numbers: Float32Array for floats, Int32Array for i32, Uint8Array (0 or 1) for bool. */
  dataSync(): Float32Array | Int32Array | Uint8Array {
    const raw = this.raw();
    if (this.dtype === "f16" && raw instanceof Uint16Array) return f32ArrayFromF16(raw);
    if (this.dtype === "bf16" && raw instanceof Uint16Array) return f32ArrayFromBf16(raw);
    if (raw instanceof Float64Array) return Float32Array.from(raw);
    return raw.slice() as Float32Array | Int32Array | Uint8Array;
  }

  /** As dataSync, on every executor. */
  async data(): Promise<Float32Array | Int32Array | Uint8Array> {
    return this.dataSync();
  }

  /** The one number of a tensor with one element. @throws HeedError for any other size */
  item(): number {
    if (this.numel !== 1) fail("item", "a tensor with one element", describe(this));
    return this.numbers()[0];
  }

  /** Nested JavaScript arrays; a plain number for a 0-d tensor, booleans for bool. */
  toArray(): NestedNumbers {
    return nested(this.numbers(), this.shape, this.dtype);
  }

  /** What JSON.stringify writes: the numbers, nested. */
  toJSON(): NestedNumbers {
    return this.toArray();
  }

  /** The numbers without rounding to f32 where the executor has more. */
  protected numbers(): ArrayLike<number> {
    const raw = this.raw();
    return raw instanceof Uint16Array ? this.dataSync() : raw;
  }

  /** Prints as PyTorch does. */
  toString(): string {
    return formatTensor(this.numbers(), this.shape, this.dtype, { requiresGrad: this.requiresGrad });
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** The same numbers outside any gradient. */
  detach(): T {
    return this.wrap(this.requiresGrad ? detach(this.node) : this.node, false);
  }

  /** The same numbers as another dtype. */
  to(dtype: DType): T {
    if (!Object.hasOwn(DTYPES, dtype))
      fail("to", `one of ${Object.keys(DTYPES).join(", ")}`, shown(dtype), dtypeRemedy(dtype));
    return this.derive(cast(this.node, dtype), this);
  }

  /** As f32. */
  float(): T {
    return this.to("f32");
  }

  /** As f16, rounded. */
  half(): T {
    return this.to("f16");
  }

  /** As bf16, rounded. */
  bfloat16(): T {
    return this.to("bf16");
  }

  /** As i32; floats drop what follows the point. */
  int(): T {
    return this.to("i32");
  }

  /** PyTorch's name for whole numbers; ours are 32 bits wide. */
  long(): T {
    return this.to("i32");
  }

  /** As truth values: what is not 0 is true. */
  bool(): T {
    return this.to("bool");
  }
}

/** Numbers that tensor() would take. */
export function isList(x: unknown): boolean {
  return Array.isArray(x) || ArrayBuffer.isView(x);
}
