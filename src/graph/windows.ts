// Windows that slide over spatial axes, and what is built on them: sums and maxima of windows (pooling) and products with them
// (convolution). Here are the builders and the geometry; definitions.ts says what the ops mean, compiler/gradients.ts their gradients.

import { isFloat, promote } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape, sizeOf } from "../base/shape.js";
import { extentOf, type WindowParams, windowCounts } from "../base/windows.js";
import { cast, narrow, permute, place, reshape, slice, sum } from "./build.js";
import { makeNode, type Node } from "./node.js";

/** A view: axis `dim` becomes the windows' own axis, and a last axis of `size` elements, `dilation` apart, goes through each. */
export function windows(x: Node, dim: number, size: number, step: number, dilation = 1): Node {
  const n = x.shape[dim];
  const extent = extentOf(size, dilation);
  if (!(size >= 1 && step >= 1 && dilation >= 1 && extent <= n))
    fail(
      "windows",
      `windows of at most ${n} elements on dimension ${dim} of ${describe(x)}`,
      `${extent}, with step ${step}`,
    );
  const count = Math.floor((n - extent) / step) + 1;
  const shape = [...x.shape.map((s, i) => (i === dim ? count : s)), size];
  return makeNode("windows", [x], { dim, size, step, dilation }, shape, x.dtype);
}

/** The adjoint of `windows`: every element of every window added where it came from, into axis `dim` of length n. */
export function fold(g: Node, dim: number, n: number, size: number, step: number, dilation: number): Node {
  const rank = g.shape.length - 1;
  const others = g.shape.slice(0, -1).filter((_, i) => i !== dim);
  const count = g.shape[dim];
  // [others..., count, size]
  const front = permute(g, [...g.shape.keys()].filter((i) => i !== dim && i !== rank).concat(dim, rank));
  const zeros = others.map(() => 0);
  let line: Node;
  if (step >= size && dilation === 1) {
    // Windows that do not meet: each lies in a stretch of its own.
    const apart = place(front, [...others, count, step], [...zeros, 0, 0]);
    const flat = reshape(apart, [...others, count * step]);
    line = place(narrow(flat, rank - 1, 0, Math.min(n, count * step)), [...others, n], [...zeros, 0]);
  } else {
    // dx[p] = Σ_k Z[p + (size-1) dilation - k dilation, k], Z being g spread out: in Z's memory these are windows, k backwards.
    const long = n + (size - 1) * dilation;
    const spread = place(
      front,
      [...others, long, size],
      [...zeros, (size - 1) * dilation, 0],
      [...zeros.map(() => 1), step, 1],
    );
    const flat = narrow(reshape(spread, [...others, long * size]), rank - 1, size - 1, long * size - size + 1);
    const diagonal = narrow(windows(flat, rank - 1, size, size, dilation * size - 1), rank - 1, 0, n);
    line = reshape(sum(diagonal, [rank]), [...others, n]);
  }
  return permute(line, [...others.keys()].toSpliced(dim, 0, rank - 1));
}

/** The spatial axes [..., n...] as windows [..., count..., size...], padded with `value`. */
export function windowsOf(x: Node, { size, stride, padding, dilation }: WindowParams, value: number): Node {
  const lead = x.shape.length - size.length;
  return size.reduce((w, s, i) => windows(w, lead + i, s, stride[i], dilation[i]), padded(x, padding, value));
}

export function padded(x: Node, padding: readonly number[], value: number): Node {
  const lead = x.shape.length - padding.length / 2;
  const before = (i: number) => (i < lead ? 0 : padding[2 * (i - lead)]);
  const behind = (i: number) => (i < lead ? 0 : padding[2 * (i - lead) + 1]);
  const shape = x.shape.map((n, i) => before(i) + n + behind(i));
  return place(
    x,
    shape,
    x.shape.map((_, i) => before(i)),
    x.shape.map(() => 1),
    value,
  );
}

/**
 * What the adjoint of windows with weights slides over: the gradient g of the windows, `stride` apart, cut and padded so that windows
 * with stride 1 over it give back the `spatial` axes.
 */
export function spreadOut(g: Node, spatial: Shape, params: WindowParams): { x: Node; params: WindowParams } {
  const { size, stride, dilation } = params;
  const lead = g.shape.length - size.length;
  const long = g.shape.map((n, i) => (i < lead || n === 0 ? n : (n - 1) * stride[i - lead] + 1));
  const step = long.map((_, i) => (i < lead ? 1 : stride[i - lead]));
  const apart = place(
    g,
    long,
    long.map(() => 0),
    step,
  );
  const padding = size.flatMap((s, i) => {
    const before = extentOf(s, dilation[i]) - 1 - params.padding[2 * i];
    return [before, spatial[i] + extentOf(s, dilation[i]) - 1 - long[lead + i] - before];
  });
  const fit = cutToFit(apart, padding);
  return { x: fit.x, params: { size, stride: size.map(() => 1), padding: fit.padding, dilation } };
}

/** Where a padding is less than nothing, that much is cut off instead: windows that lie in the padding altogether have no share. */
export function cutToFit(x: Node, padding: readonly number[]): { x: Node; padding: number[] } {
  const lead = x.shape.length - padding.length / 2;
  const cut = (i: number, side: 0 | 1) => (i < lead ? 0 : Math.max(0, -padding[2 * (i - lead) + side]));
  const part = slice(
    x,
    x.shape.map((_, i) => cut(i, 0)),
    x.shape.map((n, i) => n - cut(i, 0) - cut(i, 1)),
  );
  return { x: part, padding: padding.map((p) => Math.max(0, p)) };
}

function pooled(op: "sumPool" | "maxPool", x: Node, params: WindowParams): Node {
  if (!isFloat(x.dtype)) fail(op, "a float tensor", describe(x), "convert it with .float()");
  const lead = x.shape.length - params.size.length;
  return makeNode(op, [x], params, [...x.shape.slice(0, lead), ...windowCounts(x.shape.slice(lead), params)], x.dtype);
}

/** The largest element of each window; the padding counts as -Infinity, and gradients go to the first of equals. */
export const maxPool = (x: Node, params: WindowParams): Node => pooled("maxPool", x, params);
/** The sum of each window; the padding counts as 0. */
export const sumPool = (x: Node, params: WindowParams): Node => pooled("sumPool", x, params);

/** x [B,C,n...] with weight [O,C/groups,size...]: [B,O,count...]. Shapes are checked where users call. */
export function convolution(x: Node, weight: Node, params: WindowParams, groups: number): Node {
  const dtype = promote(x.dtype, weight.dtype);
  const shape = [x.shape[0], weight.shape[0], ...windowCounts(x.shape.slice(2), params)];
  return makeNode("convolution", [cast(x, dtype), cast(weight, dtype)], { ...params, groups }, shape, dtype);
}

/** The windows of x [B,C,n...] as matrices [B, G, C/G size..., count...]. */
export function windowMatrices(x: Node, params: WindowParams, groups: number): Node {
  const view = groupedWindows(x, params, groups);
  const d = params.size.length;
  const [b, g, c] = view.shape;
  const counts = view.shape.slice(3, 3 + d);
  const order = [0, 1, 2, ...axes(3 + d, d), ...axes(3, d)];
  return reshape(permute(view, order), [b, g, c * sizeOf(params.size), sizeOf(counts)]);
}

/** The same as seen from the weights: [G, B count..., C/G size...]. */
export function windowRows(x: Node, params: WindowParams, groups: number): Node {
  const view = groupedWindows(x, params, groups);
  const d = params.size.length;
  const [b, g, c] = view.shape;
  const counts = view.shape.slice(3, 3 + d);
  const order = [1, 0, ...axes(3, d), 2, ...axes(3 + d, d)];
  return reshape(permute(view, order), [g, b * sizeOf(counts), c * sizeOf(params.size)]);
}

/** [B, G, C/G, count..., size...] */
function groupedWindows(x: Node, params: WindowParams, groups: number): Node {
  const view = windowsOf(x, params, 0);
  const [b, c, ...rest] = view.shape;
  return reshape(view, [b, groups, c / groups, ...rest]);
}

const axes = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Windows [..., count..., size...] with the axes of their elements before the last of the counts: rows along memory, and which axes these are. */
export function windowsInRows(view: Node, spatial: number): { rows: Node; dims: number[] } {
  const rank = view.shape.length;
  const last = rank - spatial - 1;
  const elements = axes(last + 1, spatial);
  return { rows: permute(view, [...axes(0, last), ...elements, last]), dims: axes(last, spatial) };
}
