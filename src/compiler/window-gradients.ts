// What the gradients of convolution and pooling are made of, beside the windows themselves (graph/windows.ts).

import { type Shape, sizeOf } from "../base/shape.js";
import type { WindowParams } from "../base/windows.js";
import {
  add,
  cat,
  constant,
  expand,
  flip,
  iota,
  like,
  matmul,
  narrow,
  offset,
  permute,
  reduce,
  reshape,
  scalar,
  scale,
  slice,
  transpose,
  where,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { convolution, cutToFit, fold, padded, windowsInRows, windowsOf } from "../graph/windows.js";

/** A weight [O,C/G,size...] as the way back needs it: [C,O/G,size...], every kernel turned around. */
function turnedWeight(weight: Node, groups: number): Node {
  const [o, c, ...size] = weight.shape;
  const turned = flip(
    weight,
    size.map((_, i) => i + 2),
  );
  const apart = reshape(turned, [groups, o / groups, c, ...size]);
  return reshape(permute(apart, [0, 2, 1, ...size.map((_, i) => i + 3)]), [groups * c, o / groups, ...size]);
}

/** The gradient [B,O,count...] as one matrix for each group: [G, O/G, B count...]. */
export function groupRows(g: Node, groups: number): Node {
  const [b, o, ...counts] = g.shape;
  const n = sizeOf(counts);
  const apart = reshape(g, [b, groups, o / groups, n]);
  return reshape(permute(apart, [1, 2, 0, 3]), [groups, o / groups, b * n]);
}

/**
 * The gradient of a convolution by its input [B,C,spatial...]: products of the turned weight with windows over g. With a stride, inputs
 * fall into phases that meet different elements of the kernel: each is a convolution of its own, and none multiplies by zeros put in between.
 */
export function inputGradient(g: Node, weight: Node, spatial: Shape, params: WindowParams, groups: number): Node {
  const { size, stride, dilation } = params;
  const apart = size.every((n, i) => stride[i] >= n && dilation[i] === 1);
  if ((apart && stride.some((n) => n > 1)) || sizeOf(stride) > MOST_PHASES)
    return foldedGradient(g, weight, spatial, params, groups);
  const phases = spatial.map((n, axis) => phasesOf(n, axis, g.shape[2 + axis], params));
  const assemble = (chosen: readonly Phase[]): Node => {
    const axis = chosen.length;
    if (axis === spatial.length) return ofPhase(g, weight, spatial, chosen, groups);
    const parts = phases[axis].map((phase) => assemble([...chosen, phase]));
    if (parts.length === 1) return parts[0];
    const [head, tail] = [parts[0].shape.slice(0, 3 + axis), parts[0].shape.slice(3 + axis)];
    const whole = cat(
      parts.map((part) => reshape(part, [...head, 1, ...tail])),
      3 + axis,
    );
    const joined = reshape(whole, [...head.slice(0, -1), head[2 + axis] * parts.length, ...tail]);
    return narrow(joined, 2 + axis, 0, spatial[axis]);
  };
  return assemble([]);
}

const MOST_PHASES = 9;

/** The same by way of the gradient of every window, added where it came from: for windows that do not meet, no more than a product. */
function foldedGradient(g: Node, weight: Node, spatial: Shape, params: WindowParams, groups: number): Node {
  const { size, stride, dilation, padding } = params;
  const [o, c, ...kernel] = weight.shape;
  const [b, , ...counts] = g.shape;
  const outer = transpose(reshape(weight, [1, groups, o / groups, c * sizeOf(kernel)]));
  const all = matmul(expand(outer, [b, ...outer.shape.slice(1)]), reshape(g, [b, groups, o / groups, sizeOf(counts)]));
  const apart = reshape(all, [b, groups * c, ...kernel, ...counts]);
  const axes = kernel.map((_, i) => i);
  let windows = permute(apart, [0, 1, ...axes.map((i) => 2 + kernel.length + i), ...axes.map((i) => 2 + i)]);
  for (let i = kernel.length - 1; i >= 0; i--) {
    const n = spatial[i] + padding[2 * i] + padding[2 * i + 1];
    windows = fold(windows, 2 + i, n, size[i], stride[i], dilation[i]);
  }
  return slice(windows, [0, 0, ...axes.map((i) => padding[2 * i])], [b, groups * c, ...spatial]);
}

/** Inputs r, r + stride, ...: which elements of the kernel meet them, `first`, `first + step`, ..., and the windows over g that are theirs. */
interface Phase {
  readonly first: number;
  readonly step: number;
  readonly size: number;
  readonly dilation: number;
  readonly before: number;
  readonly behind: number;
  readonly count: number;
}

function phasesOf(n: number, axis: number, outputs: number, params: WindowParams): Phase[] {
  const stride = params.stride[axis];
  const dilation = params.dilation[axis];
  const [size, padding] = [params.size[axis], params.padding[2 * axis]];
  const count = Math.ceil(n / stride);
  return Array.from({ length: stride }, (_, r) => {
    const own = Array.from({ length: size }, (_, k) => k).filter((k) => (r + padding - k * dilation) % stride === 0);
    const first = own[0] ?? 0;
    const step = own.length > 1 ? own[1] - own[0] : 1;
    const apart = (step * dilation) / stride;
    // Input r + stride q meets window q + shift - j apart with element j.
    const shift = (r + padding - first * dilation) / stride;
    const reach = Math.max(own.length - 1, 0) * apart;
    const [before, behind] = [reach - shift, count + shift - outputs];
    return { first, step, size: own.length, dilation: Math.max(apart, 1), before, behind, count };
  });
}

/** One phase of each axis: [B,C,count...]. */
function ofPhase(g: Node, weight: Node, spatial: Shape, chosen: readonly Phase[], groups: number): Node {
  const channels = weight.shape[1] * groups;
  const counts = chosen.map((c) => c.count);
  if (chosen.some((c) => c.size === 0)) return constant(0, [g.shape[0], channels, ...counts], g.dtype);
  const part = slice(
    weight,
    [0, 0, ...chosen.map((c) => c.first)],
    [...weight.shape.slice(0, 2), ...chosen.map((c) => c.size)],
    [1, 1, ...chosen.map((c) => (c.size > 1 ? c.step : 1))],
  );
  const size = chosen.map((c) => c.size);
  const dilation = chosen.map((c) => (c.size > 1 ? c.dilation : 1));
  const { x, padding } = cutToFit(
    g,
    chosen.flatMap((c) => [c.before, c.behind]),
  );
  const stride = spatial.map(() => 1);
  return convolution(x, turnedWeight(part, groups), { size, stride, padding, dilation }, groups);
}

/** Windows of at most so many elements are searched one element after the other, in one step. */
const FEW = 16;

/**
 * Where the largest element of each window stands, the first of equals, and NaN before all: i32 [lines, windows], an index into the
 * spatial axes of each line taken as one. And the number of lines.
 */
export function firstLargest(x: Node, y: Node, params: WindowParams): [index: Node, lines: number] {
  const { size } = params;
  const lead = x.shape.length - size.length;
  const lines = sizeOf(x.shape.slice(0, lead));
  const first = sizeOf(size) <= FEW ? oneByOne(x, y, params) : amongAll(x, y, params);
  return [reshape(first, [lines, sizeOf(y.shape.slice(lead))]), lines];
}

const isLargest = (element: Node, largest: Node): Node =>
  scalar("or", scalar("eq", element, largest), scalar("isnan", element));

/** The index of an element whose place on each axis is given; places in the padding count as the nearest inside, which never come first. */
function indexOf(places: readonly Node[], spatial: Shape): Node {
  const along = places.map((at, i) => {
    const inside = scalar("minimum", scalar("maximum", at, like(at, 0)), like(at, spatial[i] - 1));
    return scale(inside, sizeOf(spatial.slice(i + 1)));
  });
  return along.reduce(add);
}

function oneByOne(x: Node, y: Node, { size, stride, padding, dilation }: WindowParams): Node {
  const lead = x.shape.length - size.length;
  const filled = padded(x, padding, Number.NEGATIVE_INFINITY);
  const lone = y.shape.slice(0, lead).map(() => 1);
  const counts = y.shape.slice(lead);
  let index: Node | null = null;
  for (let k = sizeOf(size) - 1; k >= 0; k--) {
    let rest = k;
    const at = size.map(() => 0);
    for (let i = size.length - 1; i >= 0; i--)
      [at[i], rest] = [(rest % size[i]) * dilation[i], Math.floor(rest / size[i])];
    const places = at.map((from, i) =>
      offset(scale(iota([...lone, ...counts], lead + i), stride[i]), from - padding[2 * i]),
    );
    const own = expand(indexOf(places, x.shape.slice(lead)), y.shape);
    if (index === null) {
      index = own;
      continue;
    }
    const element = slice(filled, [...lone.map(() => 0), ...at], y.shape, [...lone, ...stride]);
    index = where(isLargest(element, y), own, index);
  }
  return index as Node;
}

function amongAll(x: Node, y: Node, params: WindowParams): Node {
  const { size, stride, padding, dilation } = params;
  const lead = x.shape.length - size.length;
  const spatial = x.shape.slice(lead);
  const { rows, dims } = windowsInRows(windowsOf(x, params, Number.NEGATIVE_INFINITY), size.length);
  const { shape } = rows;
  // The axes of the counts are [lead, lead + d - 1) and the last one, those of the elements lie between.
  const places = size.map((_, i) => {
    const count = iota(shape, i === size.length - 1 ? shape.length - 1 : lead + i);
    return offset(add(scale(count, stride[i]), scale(iota(shape, dims[i]), dilation[i])), -padding[2 * i]);
  });
  const index = indexOf(places, spatial);
  const largest = reshape(y, [...y.shape.slice(0, -1), ...size.map(() => 1), y.shape[y.shape.length - 1]]);
  const last = like(index, sizeOf(spatial) - 1);
  return reduce("min", where(isLargest(rows, largest), index, last), dims);
}
