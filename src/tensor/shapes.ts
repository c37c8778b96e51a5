// Methods that change the shape or pick parts: views where PyTorch makes views. And the products.

import { fail } from "../base/errors.js";
import { describe, normalizeDim, normalizeDims, type Shape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import {
  constant,
  expand,
  flip,
  gather,
  iota,
  like,
  matmul,
  narrow,
  permute,
  place,
  reshape,
  scalar,
  scatter,
  scatterAdd,
  slice,
  transpose,
  where,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { windows } from "../graph/windows.js";
import { checkTensor, nodeOf } from "./check.js";
import type { TensorCore } from "./core.js";
import { checkIndices } from "./index-check.js";
import { TensorReductions } from "./reductions.js";
import { stored } from "./stored.js";

export abstract class TensorShapes<T> extends TensorReductions<T> {
  /** Matrix product; batches broadcast, vectors are promoted, as in PyTorch. */
  matmul(other: TensorCore<unknown>): T {
    return this.derive(matmul(this.node, nodeOf("matmul", "other", other)), this, other);
  }

  /** The same elements under another shape; one size may be -1. */
  reshape(...shape: number[] | [Shape]): T {
    return this.derive(reshape(this.node, this.completed("reshape", sizes("reshape", shape))), this);
  }

  /** As reshape: layouts are the compiler's affair, so a view is always possible. */
  view(...shape: number[] | [Shape]): T {
    return this.derive(reshape(this.node, this.completed("view", sizes("view", shape))), this);
  }

  private completed(op: string, shape: Shape): Shape {
    if (!shape.every(Number.isInteger)) fail(op, "whole sizes with at most one -1", `[${shape.map(shown)}]`);
    const unknown = shape.indexOf(-1);
    const known = shape.reduce((p, n) => (n === -1 ? p : p * n), 1);
    if (shape.some((n) => !Number.isInteger(n) || n < -1) || shape.lastIndexOf(-1) !== unknown)
      fail(op, "whole sizes with at most one -1", `[${shape}]`);
    if (unknown < 0) {
      if (known !== this.numel)
        fail(op, `a shape of ${this.numel} elements for ${describe(this)}`, `[${shape}], which has ${known}`);
      return shape;
    }
    if (known === 0 || this.numel % known !== 0)
      fail(op, `sizes that divide the ${this.numel} elements of ${describe(this)}`, `[${shape}]`);
    return shape.map((n) => (n === -1 ? this.numel / known : n));
  }

  /** The axes from `start` to `end`, that one included, as one. */
  flatten(start = 0, end = -1): T {
    if (this.ndim === 0) return this.reshape(1);
    const a = normalizeDim("flatten", start, this.ndim);
    const b = normalizeDim("flatten", end, this.ndim);
    if (a > b) fail("flatten", "start before end", `${start} and ${end}`);
    return this.reshape([...this.shape.slice(0, a), sizeOf(this.shape.slice(a, b + 1)), ...this.shape.slice(b + 1)]);
  }

  /** One axis as several: sizes whose product is its size; one may be -1. */
  unflatten(dim: number, shape: Shape): T {
    const d = normalizeDim("unflatten", dim, this.ndim);
    if (!Array.isArray(shape)) fail("unflatten", "an array of sizes", shown(shape));
    return this.reshape([...this.shape.slice(0, d), ...shape, ...this.shape.slice(d + 1)]);
  }

  /** Without the axes of size 1, or without this one if its size is 1. */
  squeeze(dim?: number): T {
    const d = dim === undefined ? -1 : normalizeDim("squeeze", dim, this.ndim);
    return this.reshape(this.shape.filter((n, i) => n !== 1 || (dim !== undefined && i !== d)));
  }

  /** With an axis of size 1 before `dim`. */
  unsqueeze(dim: number): T {
    const d = normalizeDim("unsqueeze", dim, this.ndim + 1);
    return this.reshape([...this.shape.slice(0, d), 1, ...this.shape.slice(d)]);
  }

  /** Two axes exchanged. @throws HeedError for one alone, and axes that are not there */
  transpose(a: number, b: number): T {
    if (a === undefined || b === undefined)
      fail("transpose", "two dimensions to swap", `${shown(a)} and ${shown(b)}`, "write .transpose(-2, -1), or .T");
    return this.derive(transpose(this.node, a, b), this);
  }

  /** All axes in reverse order. */
  get T(): T {
    return this.permute(this.shape.map((_, i) => this.ndim - 1 - i));
  }

  /** The last two axes exchanged. */
  get mT(): T {
    return this.transpose(-2, -1);
  }

  /** A matrix transposed; a vector as it is. @throws HeedError for more than 2 axes */
  t(): T {
    if (this.ndim > 2) fail("t", "at most 2 dimensions", describe(this), "use .transpose(-2, -1)");
    return this.T;
  }

  /** The axes in another order, each of them once. */
  permute(...dims: number[] | [Shape]): T {
    const list = sizes("permute", dims).map((d) => normalizeDim("permute", d, this.ndim));
    return this.derive(permute(this.node, list), this);
  }

  /** Axes of size 1 repeated without copying; -1 keeps a size. */
  expand(...shape: number[] | [Shape]): T {
    const wanted = sizes("expand", shape);
    const lead = wanted.length - this.ndim;
    if (!wanted.every((n) => Number.isInteger(n) && n >= -1))
      fail("expand", "whole sizes, -1 to keep one", `[${wanted.map(shown)}]`);
    const full = wanted.map((n, i) => (n === -1 && i >= lead ? this.shape[i - lead] : n));
    return this.derive(expand(this.node, full), this);
  }

  /** Expanded to the shape of another tensor. */
  expandAs(other: TensorCore<unknown>): T {
    checkTensor("expandAs", "other", other);
    return this.expand(other.shape);
  }

  /** The tensor repeated this many times along each axis. */
  repeat(...times: number[] | [Shape]): T {
    const counts = sizes("repeat", times);
    if (counts.length < this.ndim) fail("repeat", `at least ${this.ndim} counts for ${describe(this)}`, `[${counts}]`);
    if (!counts.every(isCount)) fail("repeat", "whole, non-negative counts", `[${counts.map(shown)}]`);
    const shape = [...new Array<number>(counts.length - this.ndim).fill(1), ...this.shape];
    checkCount("repeat", sizeOf(shape) * sizeOf(counts));
    const spread = shape.flatMap((n) => [1, n]);
    const repeated = expand(
      reshape(this.node, spread),
      shape.flatMap((n, i) => [counts[i], n]),
    );
    return this.derive(
      reshape(
        repeated,
        shape.map((n, i) => n * counts[i]),
      ),
      this,
    );
  }

  /** Each element (or each slice along dim) repeated in a row. */
  repeatInterleave(times: number, dim?: number): T {
    if (dim === undefined) return (this.flatten() as unknown as TensorShapes<T>).repeatInterleave(times, 0);
    if (!isCount(times)) fail("repeatInterleave", "a whole, non-negative count", shown(times));
    checkCount("repeatInterleave", this.numel * times);
    const d = normalizeDim("repeatInterleave", dim, this.ndim);
    const head = this.shape.slice(0, d + 1);
    const tail = this.shape.slice(d + 1);
    const repeated = expand(reshape(this.node, [...head, 1, ...tail]), [...head, times, ...tail]);
    return this.derive(reshape(repeated, [...this.shape.slice(0, d), this.shape[d] * times, ...tail]), this);
  }

  /** The same tensor, for code that calls it: layouts are the compiler's affair. */
  contiguous(): T {
    return this.derive(this.node, this);
  }

  /** `length` elements of one axis from `start` on. */
  narrow(dim: number, start: number, length: number): T {
    const d = normalizeDim("narrow", dim, this.ndim);
    const from = start < 0 ? start + this.shape[d] : start;
    if (
      !Number.isInteger(from) ||
      !Number.isInteger(length) ||
      from < 0 ||
      length < 0 ||
      from + length > this.shape[d]
    ) {
      fail(
        "narrow",
        `a range within 0 and ${this.shape[d]} on dimension ${d} of ${describe(this)}`,
        `start ${start}, length ${length}`,
      );
    }
    return this.derive(narrow(this.node, d, from, length), this);
  }

  /** From `start` up to but without `end` on one axis, every `step`-th; bounds are clipped and count from the end when negative, as in Python. */
  slice(dim: number, start?: number | null, end?: number | null, step = 1): T {
    const d = normalizeDim("slice", dim, this.ndim);
    if (!Number.isInteger(step) || step < 1)
      fail("slice", "a step of at least 1", String(step), "use .flip(dim) to reverse");
    for (const bound of [start, end])
      if ((bound ?? null) !== null && !Number.isInteger(bound)) fail("slice", "whole bounds, or null", shown(bound));
    const [from, to] = clipRange(this.shape[d], start, end);
    const count = Math.max(0, Math.ceil((to - from) / step));
    const starts = this.shape.map((_, i) => (i === d ? from : 0));
    return this.derive(
      slice(
        this.node,
        starts,
        this.shape.map((n, i) => (i === d ? count : n)),
        starts.map((_, i) => (i === d ? step : 1)),
      ),
      this,
    );
  }

  /** One slice of an axis, which goes away. */
  select(dim: number, index: number): T {
    const d = normalizeDim("select", dim, this.ndim);
    const n = this.shape[d];
    const at = index < 0 ? index + n : index;
    if (!Number.isInteger(index) || at < 0 || at >= n)
      fail("select", `an index from ${-n} to ${n - 1} on dimension ${d} of ${describe(this)}`, String(index));
    return this.derive(
      reshape(
        narrow(this.node, d, at, 1),
        this.shape.filter((_, i) => i !== d),
      ),
      this,
    );
  }

  /** Parts of `size` (the last may be smaller), or of the listed sizes, along `dim`. */
  split(size: number | Shape, dim = 0): T[] {
    const d = normalizeDim("split", dim, this.ndim);
    const n = this.shape[d];
    if (typeof size === "number" && (!Number.isInteger(size) || size < 1))
      fail("split", "a size of at least 1", String(size));
    if (typeof size !== "number" && !(Array.isArray(size) && size.every(isCount)))
      fail("split", "a size, or an array of them", Array.isArray(size) ? `[${size.map(shown)}]` : shown(size));
    const parts =
      typeof size === "number"
        ? Array.from({ length: Math.max(1, Math.ceil(n / size)) }, (_, i) => Math.min(size, n - i * size))
        : size;
    if (parts.reduce((a, b) => a + b, 0) !== n)
      fail("split", `sizes that sum to ${n}, dimension ${d} of ${describe(this)}`, `[${parts}]`);
    let start = 0;
    return parts.map((length) => {
      start += length;
      return this.derive(narrow(this.node, d, start - length, length), this);
    });
  }

  /** At most `chunks` parts of equal size, the last one smaller where it does not divide. */
  chunk(chunks: number, dim = 0): T[] {
    const d = normalizeDim("chunk", dim, this.ndim);
    if (!Number.isInteger(chunks) || chunks < 1) fail("chunk", "at least 1 chunk", String(chunks));
    return this.split(Math.max(1, Math.ceil(this.shape[d] / chunks)), d);
  }

  /** The slices along `dim`, without it. */
  unbind(dim = 0): T[] {
    if (this.ndim === 0) fail("unbind", "a tensor with at least one dimension", describe(this));
    const d = normalizeDim("unbind", dim, this.ndim);
    return Array.from({ length: this.shape[d] }, (_, i) => this.select(d, i));
  }

  /** Turned round along these axes. */
  flip(...dims: number[] | [Shape]): T {
    return this.derive(flip(this.node, normalizeDims("flip", sizes("flip", dims), this.ndim)), this);
  }

  /** Elements moved along an axis, those that fall off come in on the other side. */
  roll(shift: number, dim: number): T {
    if (!Number.isInteger(shift)) fail("roll", "a whole shift", String(shift));
    const d = normalizeDim("roll", dim, this.ndim);
    const n = this.shape[d];
    const by = n === 0 ? 0 : ((shift % n) + n) % n;
    const index = scalar(
      "remainder",
      scalar("add", iota([n], 0), constant(n - by, [], "i32")),
      constant(Math.max(n, 1), [], "i32"),
    );
    return this.takeAlong(d, index);
  }

  /** Pads the last axes: [left, right] of the last, then of the one before, and so on, as torch.nn.functional.pad. */
  pad(pads: readonly number[], value = 0): T {
    if (!Array.isArray(pads) || !pads.every(Number.isInteger))
      fail("pad", "an array of whole numbers", Array.isArray(pads) ? `[${pads.map(shown)}]` : shown(pads));
    if (typeof value !== "number") fail("pad", "a number to pad with", shown(value));
    if (pads.length % 2 !== 0 || pads.length / 2 > this.ndim)
      fail("pad", `pairs for at most ${this.ndim} dimensions`, `[${pads}]`);
    const before = this.shape.map((_, i) => pads[2 * (this.ndim - 1 - i)] ?? 0);
    const after = this.shape.map((_, i) => pads[2 * (this.ndim - 1 - i) + 1] ?? 0);
    // Negative padding crops.
    const cropped = slice(
      this.node,
      before.map((b) => Math.max(0, -b)),
      this.shape.map((n, i) => {
        const left = n + Math.min(0, before[i]) + Math.min(0, after[i]);
        return left >= 0 ? left : fail("pad", `padding that leaves something of ${describe(this)}`, `[${pads}]`);
      }),
    );
    const shape = cropped.shape.map((n, i) => n + Math.max(0, before[i]) + Math.max(0, after[i]));
    checkCount("pad", sizeOf(shape));
    return this.derive(
      place(
        cropped,
        shape,
        before.map((b) => Math.max(0, b)),
        before.map(() => 1),
        stored("pad", this.dtype, value),
      ),
      this,
    );
  }

  /** Windows along `dim`, `step` apart: their number takes the axis's place, their elements are a last axis. A view, as in PyTorch. */
  unfold(dim: number, size: number, step: number): T {
    const d = normalizeDim("unfold", dim, this.ndim);
    const n = this.ndim === 0 ? 1 : this.shape[d];
    if (!Number.isInteger(size) || size < 1 || size > n)
      fail("unfold", `a size from 1 to ${n} on dimension ${d} of ${describe(this)}`, String(size));
    if (!Number.isInteger(step) || step < 1) fail("unfold", "a step of at least 1", String(step));
    if (this.ndim === 0) return this.reshape(1);
    return this.derive(windows(this.node, d, size, step), this);
  }

  /** The lower triangle of the last two axes, zero above the diagonal `diagonal`. */
  tril(diagonal = 0): T {
    return this.triangle("tril", "le", diagonal);
  }

  /** The upper triangle of the last two axes, zero below the diagonal `diagonal`. */
  triu(diagonal = 0): T {
    return this.triangle("triu", "ge", diagonal);
  }

  private triangle(op: string, keep: "le" | "ge", diagonal: number): T {
    if (this.ndim < 2) fail(op, "at least 2 dimensions", describe(this));
    if (!Number.isInteger(diagonal)) fail(op, "a whole number as diagonal", shown(diagonal));
    const shape = this.shape.slice(-2);
    const row = scalar("add", iota(shape, 0), constant(diagonal, [], "i32"));
    const kept = scalar(keep, iota(shape, 1), row);
    return this.derive(where(kept, this.node, like(this.node, 0)), this);
  }

  /** The diagonal of the last two axes. */
  diagonal(offset = 0): T {
    if (this.ndim < 2) fail("diagonal", "at least 2 dimensions", describe(this));
    if (!Number.isInteger(offset)) fail("diagonal", "a whole number as offset", shown(offset));
    const [m, n] = this.shape.slice(-2);
    const length = Math.max(0, Math.min(m + Math.min(offset, 0), n - Math.max(offset, 0)));
    const rows = narrow(this.node, this.ndim - 2, Math.max(0, -offset), length);
    const index = scalar(
      "add",
      iota([...this.shape.slice(0, -2), length, 1], this.ndim - 2),
      constant(Math.max(0, offset), [], "i32"),
    );
    return this.derive(reshape(gather(rows, this.ndim - 1, index), [...this.shape.slice(0, -2), length]), this);
  }

  /** Slices along `dim` in the order of a 1-D index tensor. */
  indexSelect(dim: number, index: TensorCore<unknown>): T {
    const d = normalizeDim("indexSelect", dim, this.ndim);
    checkTensor("indexSelect", "index", index);
    if (index.ndim !== 1) fail("indexSelect", "a 1-D index", describe(index));
    const slices = this.takeAlong(d, index.node);
    this.checkAlong("indexSelect", d, index);
    return slices;
  }

  private takeAlong(dim: number, index: Node): T {
    const shape = this.shape.map((n, i) => (i === dim ? index.shape[0] : n));
    const column = reshape(
      index,
      shape.map((n, i) => (i === dim ? n : 1)),
    );
    return this.derive(gather(this.node, dim, expand(column, shape)), this);
  }

  /** out[i...] = this[i... with axis dim replaced by index[i...]]. */
  gather(dim: number, index: TensorCore<unknown>): T {
    const d = normalizeDim("gather", dim, this.ndim);
    const node = gather(this.node, d, nodeOf("gather", "index", index));
    this.checkAlong("gather", d, index);
    return this.derive(node, this);
  }

  /** A copy with source[i...] added at [i... with axis dim replaced by index[i...]]. */
  scatterAdd(dim: number, index: TensorCore<unknown>, source: TensorCore<unknown>): T {
    const d = normalizeDim("scatterAdd", dim, this.ndim);
    const node = scatterAdd(this.node, d, nodeOf("scatterAdd", "index", index), nodeOf("scatterAdd", "source", source));
    this.checkAlong("scatterAdd", d, index);
    return this.derive(node, this, source);
  }

  /** A copy with source[i...], or one number, written at [i... with axis dim replaced by index[i...]]; of several at one place the last. */
  scatter(dim: number, index: TensorCore<unknown>, source: TensorCore<unknown> | number): T {
    const d = normalizeDim("scatter", dim, this.ndim);
    checkTensor("scatter", "index", index);
    const updates =
      typeof source === "number"
        ? constant(stored("scatter", this.dtype, source), index.shape, this.dtype)
        : nodeOf("scatter", "source", source);
    const node = scatter(this.node, d, index.node, updates);
    this.checkAlong("scatter", d, index);
    return typeof source === "number" ? this.derive(node, this) : this.derive(node, this, source);
  }

  private checkAlong(op: string, dim: number, index: TensorCore<unknown>): void {
    const n = this.shape[dim];
    checkIndices(op, `indices from 0 to ${n - 1}`, index, n);
  }
}

function checkCount(op: string, elements: number): void {
  if (elements > 2 ** 31 - 1) fail(op, "fewer than 2^31 elements", String(elements));
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0;

/** Sizes given one by one or as one list. */
function sizes(op: string, list: number[] | [Shape]): readonly number[] {
  const given = list.length === 1 && typeof list[0] !== "number" ? list[0] : (list as number[]);
  if (!Array.isArray(given)) fail(op, "whole numbers, one by one or as an array", shown(given));
  return given;
}

/** Python's clipping of slice bounds. */
export function clipRange(n: number, start?: number | null, end?: number | null): [number, number] {
  const clip = (x: number) => Math.min(Math.max(x < 0 ? x + n : x, 0), n);
  return [clip(start ?? 0), clip(end ?? n)];
}
