// Methods that reduce axes or walk along one: sums, extremes, softmax, sorting.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG, NUMBER, type OptionTable } from "../base/options.js";
import { describe, normalizeDim, normalizeDims } from "../base/shape.js";
import {
  argsort,
  cast,
  constant,
  cumsum,
  div,
  gather,
  iota,
  like,
  logSoftmax,
  logsumexp,
  mul,
  narrow,
  offset,
  permute,
  reduce,
  reshape,
  scalar,
  scale,
  softmax,
  sub,
  sum,
  where,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { product } from "../graph/product.js";
import { TensorElementwise } from "./elementwise.js";

export type Dims = number | readonly number[];
export interface KeepDim {
  keepdim?: boolean;
}

const KEEP_DIM: OptionTable<KeepDim> = { keepdim: FLAG };
const VARIANCE = { ...KEEP_DIM, correction: NUMBER };

/** What sort, topk and max along a dimension return. */
export interface ValuesAndIndices<T> {
  readonly values: T;
  readonly indices: T;
}

export abstract class TensorReductions<T> extends TensorElementwise<T> {
  /** @param op the method's name, for errors */
  private reduced(
    op: string,
    kind: "sum" | "max" | "min",
    node: Node,
    dims: Dims | null | undefined,
    keepdim: boolean,
  ): Node {
    const axes = normalizeDims(op, dims, this.ndim);
    return dropDims(reduce(kind, node, axes), axes, keepdim);
  }

  /** Sum of all elements, or along `dim`; bool is counted. */
  sum(dim?: Dims | null, options: KeepDim = {}): T {
    const node = this.dtype === "bool" ? cast(this.node, "i32") : this.node;
    return this.derive(this.reduced("sum", "sum", node, dim, keeps("sum", options)), this);
  }

  /**
   * Product of all elements, or along one dimension; of none it is 1. Whole numbers and bool give i32, as in `sum`.
   * The gradient of an element is the product of all others, so zeros need no care.
   * @throws HeedError for a dimension that is not there, and for several: PyTorch's prod takes one
   * @example tensor([[1, 2], [3, 4]]).prod(1)   // [2, 12]
   */
  prod(dim?: number | null, options: KeepDim = {}): T {
    const keepdim = keeps("prod", options);
    if (Array.isArray(dim))
      fail("prod", "one dimension", `[${dim}]`, "write .prod(), or one .prod(dim) after the other");
    const all = dim === undefined || dim === null;
    const d = all ? 0 : normalizeDim("prod", dim, this.ndim);
    const x = all || this.ndim === 0 ? reshape(this.node, [this.numel]) : this.node;
    const gone = (i: number) => all || i === d;
    const shape = keepdim ? this.shape.map((n, i) => (gone(i) ? 1 : n)) : this.shape.filter((_, i) => !gone(i));
    return this.derive(reshape(product(x, d), shape), this);
  }

  /** Mean of all elements, or along `dim`. @throws HeedError for what is no float tensor */
  mean(dim?: Dims | null, options: KeepDim = {}): T {
    this.needsFloat("mean");
    const axes = normalizeDims("mean", dim, this.ndim);
    const count = axes.reduce((n, d) => n * this.shape[d], 1);
    return this.derive(
      cast(scale(this.reduced("mean", "sum", this.wide(), dim, keeps("mean", options)), 1 / count), this.dtype),
      this,
    );
  }

  /** Mean squared distance from the mean; `correction` 1 divides by N - 1, as PyTorch does by default. */
  var(dim?: Dims | null, options: KeepDim & { correction?: number } = {}): T {
    return this.derive(cast(this.variance("var", dim, options), this.dtype), this);
  }

  /** The square root of `var`. */
  std(dim?: Dims | null, options: KeepDim & { correction?: number } = {}): T {
    return this.derive(cast(scalar("sqrt", this.variance("std", dim, options)), this.dtype), this);
  }

  private variance(op: string, dim: Dims | null | undefined, options: KeepDim & { correction?: number }): Node {
    this.needsFloat(op);
    checkOptions(op, options, VARIANCE);
    const axes = normalizeDims(op, dim, this.ndim);
    const count = axes.reduce((n, d) => n * this.shape[d], 1);
    const x = this.wide();
    const centered = sub(x, scale(reduce("sum", x, axes), 1 / count));
    const total = reduce("sum", mul(centered, centered), axes);
    const divisor = Math.max(count - (options.correction ?? 1), 0);
    return dropDims(div(total, like(total, divisor)), axes, options.keepdim ?? false);
  }

  /** 16-bit floats as f32, in which their sums do not overflow. */
  private wide(): Node {
    return isFloat(this.dtype) ? cast(this.node, "f32") : this.node;
  }

  /** Largest element, or along several axes; ties share the gradient. */
  amax(dim?: Dims | null, options: KeepDim = {}): T {
    return this.derive(this.reduced("amax", "max", this.node, dim, keeps("amax", options)), this);
  }

  /** Smallest element, or along several axes; ties share the gradient. */
  amin(dim?: Dims | null, options: KeepDim = {}): T {
    return this.derive(this.reduced("amin", "min", this.node, dim, keeps("amin", options)), this);
  }

  /** The largest element; with a dimension, the largest along it and where it stands (the first of equals). */
  max(): T;
  max(dim: number, options?: KeepDim): ValuesAndIndices<T>;
  max(dim?: number, options: KeepDim = {}): T | ValuesAndIndices<T> {
    return dim === undefined ? this.amax() : this.extremeAlong("max", dim, options);
  }

  /** The smallest element; with a dimension, the smallest along it and where it stands (the first of equals). */
  min(): T;
  min(dim: number, options?: KeepDim): ValuesAndIndices<T>;
  min(dim?: number, options: KeepDim = {}): T | ValuesAndIndices<T> {
    return dim === undefined ? this.amin() : this.extremeAlong("min", dim, options);
  }

  private extremeAlong(op: "max" | "min", dim: number, options: KeepDim): ValuesAndIndices<T> {
    const d = normalizeDim(op, dim, this.ndim);
    const keepdim = keeps(op, options);
    if (this.ndim === 0)
      return { values: this.derive(this.node, this), indices: this.wrap(constant(0, [], "i32"), false) };
    const index = this.extremeIndex(op, d);
    // The gradient goes to the one element that was picked.
    const values = this.requiresGrad ? gather(this.node, d, index) : reduce(op, this.node, [d]);
    return {
      values: this.derive(dropDims(values, [d], keepdim), this),
      indices: this.wrap(dropDims(index, [d], keepdim), false),
    };
  }

  private extremeIndex(op: "max" | "min", dim: number): Node {
    const x = this.ndim === 0 ? reshape(this.node, [1]) : this.node;
    const best = reduce(op, x, [dim]);
    let holds = scalar("eq", x, best);
    if (isFloat(x.dtype)) holds = scalar("or", holds, scalar("isnan", x));
    const index = iota(x.shape, dim);
    return reduce("min", where(holds, index, like(index, x.shape[dim])), [dim]);
  }

  /** Index of the largest element, the first of equals; over the flattened tensor when `dim` is absent. */
  argmax(dim?: number | null, options: KeepDim = {}): T {
    return this.argExtreme("max", dim, options);
  }

  /** Index of the smallest element, as `argmax`. */
  argmin(dim?: number | null, options: KeepDim = {}): T {
    return this.argExtreme("min", dim, options);
  }

  private argExtreme(op: "max" | "min", dim: number | null | undefined, options: KeepDim): T {
    const keepdim = keeps(`arg${op}`, options);
    if (dim === undefined || dim === null) {
      const flat = this.wrap(reshape(this.node, [this.numel]), false) as unknown as TensorReductions<T>;
      return this.wrap(reshape(flat.extremeIndex(op, 0), []), false);
    }
    const d = normalizeDim(`arg${op}`, dim, this.ndim);
    return this.wrap(dropDims(this.extremeIndex(op, d), [d], keepdim), false);
  }

  /** True where any element is nonzero. */
  any(dim?: Dims | null, options: KeepDim = {}): T {
    const keepdim = keeps("any", options);
    const node = cast(this.node, "bool");
    if (this.numel === 0) return this.wrap(this.emptyTruth("any", node, dim, keepdim, 0), false);
    return this.wrap(this.reduced("any", "max", node, dim, keepdim), false);
  }

  /** True where all elements are nonzero. */
  all(dim?: Dims | null, options: KeepDim = {}): T {
    const keepdim = keeps("all", options);
    const node = cast(this.node, "bool");
    if (this.numel === 0) return this.wrap(this.emptyTruth("all", node, dim, keepdim, 1), false);
    return this.wrap(this.reduced("all", "min", node, dim, keepdim), false);
  }

  private emptyTruth(op: string, node: Node, dim: Dims | null | undefined, keepdim: boolean, value: number): Node {
    const axes = normalizeDims(op, dim, this.ndim);
    const kept = cast(reduce("sum", cast(node, "i32"), axes), "bool");
    return dropDims(like(kept, value), axes, keepdim);
  }

  /** Running sums along `dim`. */
  cumsum(dim: number): T {
    return this.derive(cumsum(this.node, normalizeDim("cumsum", dim, this.ndim)), this);
  }

  /** exp(x) / Σ exp(x) along `dim`, safe for large x. @throws HeedError for what is no float tensor */
  softmax(dim: number): T {
    const d = this.axis("softmax", dim);
    return this.derive(this.numel === 0 ? this.node : softmax(this.node, d), this);
  }

  /** log softmax(x) along `dim`, exact where the softmax is near 0. @throws HeedError for what is no float tensor */
  logSoftmax(dim: number): T {
    const d = this.axis("logSoftmax", dim);
    return this.derive(this.numel === 0 ? this.node : logSoftmax(this.node, d), this);
  }

  /** log Σ exp(x) along `dim`, safe for large x; -Infinity where there is nothing to add. */
  logsumexp(dim: Dims, options: KeepDim = {}): T {
    const keepdim = keeps("logsumexp", options);
    const axes = normalizeDims("logsumexp", dim, this.ndim);
    // The sum of nothing is 0, and its logarithm -Infinity.
    const empty = axes.some((d) => this.shape[d] === 0);
    const node = empty
      ? offset(sum(this.node, axes), Number.NEGATIVE_INFINITY)
      : axes.reduce((x, d) => logsumexp(x, d), this.node);
    return this.derive(dropDims(node, axes, keepdim), this);
  }

  /** Euclidean length of the flattened tensor, or along `dim`. */
  norm(dim?: Dims | null, options: KeepDim = {}): T {
    this.needsFloat("norm");
    const x = this.wide();
    const total = this.reduced("norm", "sum", mul(x, x), dim, keeps("norm", options));
    return this.derive(cast(this.requiresGrad ? smoothRoot(total) : scalar("sqrt", total), this.dtype), this);
  }

  /** Stable sort along `dim`; NaN counts as largest. */
  sort(dim = -1, options: { descending?: boolean } = {}): ValuesAndIndices<T> {
    return this.sorted("sort", dim, options);
  }

  /** The indices that sort along `dim`, i32; equal elements stay in their order. */
  argsort(dim = -1, options: { descending?: boolean } = {}): T {
    return this.sorted("argsort", dim, options).indices;
  }

  private sorted(op: string, dim: number, options: { descending?: boolean }): ValuesAndIndices<T> {
    const d = this.axis(op, dim);
    checkOptions(op, options, { descending: FLAG });
    return this.pick(d, options.descending ?? false, this.shape[d]);
  }

  /** The k largest (or smallest) along `dim`, in order. */
  topk(k: number, dim = -1, options: { largest?: boolean } = {}): ValuesAndIndices<T> {
    const d = this.axis("topk", dim);
    checkOptions("topk", options, { largest: FLAG });
    if (!Number.isInteger(k) || k < 0 || k > this.shape[d])
      fail("topk", `k from 0 to ${this.shape[d]}, the size of dimension ${d} of ${describe(this)}`, String(k));
    return this.pick(d, options.largest ?? true, k);
  }

  private pick(dim: number, descending: boolean, count: number): ValuesAndIndices<T> {
    const last = this.ndim - 1;
    const order = this.shape.map((_, i) => i);
    [order[dim], order[last]] = [order[last], order[dim]];
    const sorted = argsort(permute(this.node, order), descending, count);
    const indices = permute(sorted, order);
    return { values: this.derive(gather(this.node, dim, indices), this), indices: this.wrap(indices, false) };
  }

  /** The k-th smallest along `dim`, k from 1. */
  kthvalue(k: number, dim = -1): ValuesAndIndices<T> {
    const d = this.axis("kthvalue", dim);
    if (!Number.isInteger(k) || k < 1 || k > this.shape[d]) fail("kthvalue", `k from 1 to ${this.shape[d]}`, String(k));
    const { values, indices } = this.pick(d, false, k) as unknown as ValuesAndIndices<TensorReductions<T>>;
    const take = (t: TensorReductions<T>) => this.derive(dropDims(narrow(t.node, d, k - 1, 1), [d], false), t);
    return { values: take(values), indices: take(indices) };
  }

  private axis(op: string, dim: number): number {
    if (this.ndim === 0) fail(op, "a tensor with at least one dimension", describe(this));
    return normalizeDim(op, dim, this.ndim);
  }

  private needsFloat(op: string): void {
    if (!isFloat(this.dtype)) fail(op, "a float tensor", describe(this), "convert it with .float()");
  }
}

/** The square root, with gradient 0 at 0 as torch.linalg.vector_norm has it. */
function smoothRoot(x: Node): Node {
  const zero = scalar("eq", x, like(x, 0));
  return where(zero, like(x, 0), scalar("sqrt", where(zero, like(x, 1), x)));
}

function keeps(op: string, options: KeepDim): boolean {
  checkOptions(op, options, KEEP_DIM);
  return options.keepdim ?? false;
}

function dropDims(node: Node, dims: readonly number[], keepdim: boolean): Node {
  return keepdim
    ? node
    : reshape(
        node,
        node.shape.filter((_, i) => !dims.includes(i)),
      );
}
