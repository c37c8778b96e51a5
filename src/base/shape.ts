// Shapes, strides and broadcasting: the arithmetic of layouts, without any numbers in them.

import type { DType } from "./dtype.js";
import { fail } from "./errors.js";
import { shown } from "./show.js";

/** The size of each axis; [] for a single number. */
export type Shape = readonly number[];

/** A window on a flat buffer: element (i0, i1, ...) stands at offset + sum of index * stride, in elements. */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Number of elements; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** `f32[2,8,16,64]`, the one notation of errors, prints, tests and docs. */
export function describe(x: { readonly dtype: DType; readonly shape: Shape }): string {
  return `${x.dtype}[${x.shape.join(",")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

export function contiguousView(shape: Shape): View {
  return { shape, strides: contiguousStrides(shape), offset: 0 };
}

/** Negative axes count from the end. @throws HeedError when out of range */
export function normalizeDim(op: string, dim: number, rank: number): number {
  const axes = Math.max(rank, 1); // a number takes 0 and -1, as in PyTorch
  const d = Number.isInteger(dim) && dim < 0 ? dim + axes : dim;
  if (!Number.isInteger(dim) || d < 0 || d >= axes)
    fail(op, `a dimension from ${-axes} to ${axes - 1}`, shown(dim), advice(op, dim));
  return d;
}

/** What to write instead of what is no dimension at all. */
function advice(op: string, dim: unknown): string | undefined {
  if (typeof dim !== "object" || dim === null) return undefined;
  if ("dtype" in dim) return op === "max" || op === "min" ? `of two tensors take .${op}imum(other)` : undefined;
  return "dim" in dim || "axis" in dim ? `the dimension comes first, as a number: ${op}(dim)` : undefined;
}

/** Sorted, distinct, non-negative axes; every axis when `dims` is absent. */
export function normalizeDims(op: string, dims: number | readonly number[] | undefined | null, rank: number): number[] {
  if (dims === undefined || dims === null) return Array.from({ length: rank }, (_, i) => i);
  if (typeof dims !== "number" && !Array.isArray(dims))
    fail(op, "a dimension, or an array of them", shown(dims), advice(op, dims));
  const list = (typeof dims === "number" ? [dims] : [...dims]).map((d) => normalizeDim(op, d, rank));
  const distinct = [...new Set(list)].sort((a, b) => a - b);
  if (distinct.length !== list.length) fail(op, "distinct dimensions", `[${list.join(",")}]`);
  return rank === 0 ? [] : distinct;
}

/** The common shape of operands that broadcast as in PyTorch. @throws HeedError naming both shapes */
export function broadcastShapes(op: string, ...operands: { readonly dtype: DType; readonly shape: Shape }[]): number[] {
  const rank = Math.max(...operands.map((o) => o.shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const { shape } of operands) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      if (shape[i] === 1 || shape[i] === result[at]) continue;
      if (result[at] !== 1) {
        fail(op, "shapes that broadcast (equal, or 1, from the last axis on)", operands.map(describe).join(" and "));
      }
      result[at] = shape[i];
    }
  }
  return result;
}

/** Whether a permutation does nothing but swap the last two axes. */
export function swapsLastTwo(dims: readonly number[]): boolean {
  const last = dims.length - 1;
  return dims.every((d, i) => d === (i === last ? last - 1 : i === last - 1 ? last : i));
}

export function permuteView(view: View, dims: readonly number[]): View {
  return { shape: dims.map((d) => view.shape[d]), strides: dims.map((d) => view.strides[d]), offset: view.offset };
}

export function expandView(view: View, shape: Shape): View {
  const lead = shape.length - view.shape.length;
  const strides = shape.map((n, i) =>
    i < lead || (view.shape[i - lead] === 1 && n !== 1) ? 0 : view.strides[i - lead],
  );
  return { shape, strides, offset: view.offset };
}

export function sliceView(view: View, starts: readonly number[], sizes: Shape, steps: readonly number[]): View {
  let offset = view.offset;
  for (let i = 0; i < sizes.length; i++) if (sizes[i] > 0) offset += starts[i] * view.strides[i];
  return { shape: sizes, strides: view.strides.map((s, i) => s * steps[i]), offset };
}

/** Axis `dim` as windows `step` apart, whose elements, `dilation` apart, are a last axis of their own. */
export function windowsView(view: View, dim: number, size: number, step: number, dilation: number): View {
  const count = Math.floor((view.shape[dim] - (size - 1) * dilation - 1) / step) + 1;
  const stride = view.strides[dim];
  return {
    shape: [...view.shape.map((n, i) => (i === dim ? count : n)), size],
    strides: [...view.strides.map((s, i) => (i === dim ? s * step : s)), stride * dilation],
    offset: view.offset,
  };
}

/** The same elements under another shape without moving them, or null where the layout does not allow it. */
export function reshapeView(view: View, shape: Shape): View | null {
  if (sizeOf(shape) === 0) return { ...contiguousView(shape), offset: view.offset };
  // Runs of old axes that merge into one stride are matched with runs of new axes of the same size.
  const old = view.shape.map((n, i) => [n, view.strides[i]]).filter(([n]) => n !== 1);
  const strides = new Array<number>(shape.length).fill(0);
  let next = 0;
  for (let i = 0; i < old.length; ) {
    let size = old[i][0];
    let end = i + 1;
    const first = next;
    let wanted = 1;
    while (next < shape.length && wanted < size) wanted *= shape[next++];
    while (wanted !== size) {
      if (wanted < size) {
        if (next >= shape.length) return null;
        wanted *= shape[next++];
      } else {
        if (end >= old.length) return null;
        size *= old[end++][0];
      }
    }
    for (let j = i; j + 1 < end; j++) if (old[j][1] !== old[j + 1][1] * old[j + 1][0]) return null;
    let stride = old[end - 1][1];
    for (let j = next - 1; j >= first; j--) {
      strides[j] = stride;
      stride *= shape[j];
    }
    i = end;
  }
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) strides[i] = stride;
    stride = strides[i] * shape[i];
  }
  return { shape, strides, offset: view.offset };
}

/** Merges neighbouring axes that every operand walks evenly; keeps the order of elements. The last `keep` axes stay apart. */
export function collapse(
  shape: Shape,
  strides: readonly (readonly number[])[],
  keep = 0,
): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const out: number[][] = strides.map(() => []);
  const barrier = shape.length - keep;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1 && i < barrier) continue;
    const last = outShape.length - 1;
    const merges = last >= 0 && i < barrier && strides.every((s, k) => out[k][last] === s[i] * shape[i]);
    if (merges) {
      outShape[last] *= shape[i];
      for (let k = 0; k < strides.length; k++) out[k][last] = strides[k][i];
    } else {
      outShape.push(shape[i]);
      for (let k = 0; k < strides.length; k++) out[k].push(strides[k][i]);
    }
  }
  if (outShape.length === 0) {
    outShape.push(1);
    for (const s of out) s.push(0);
  }
  return { shape: outShape, strides: out };
}
