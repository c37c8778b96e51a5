// What the gradients of convolution and pooling are made of, beside the windows themselves (graph/windows.ts).

import { sizeOf } from "../base/shape.js";
import type { WindowParams } from "../base/windows.js";
import {
  add,
  constant,
  flip,
  iota,
  like,
  offset,
  permute,
  reduce,
  reshape,
  scalar,
  scale,
  where,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { windowsInRows, windowsOf } from "../graph/windows.js";

/** A weight [O,C/G,size...] as the way back needs it: [C,O/G,size...], every kernel turned around. */
export function turnedWeight(weight: Node, groups: number): Node {
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
 * Where the largest element of each window stands, the first of equals, and NaN before all: i32 [lines, windows], an index into the
 * spatial axes of each line taken as one. And the number of lines.
 */
export function firstLargest(x: Node, y: Node, params: WindowParams): [index: Node, lines: number] {
  const { size, stride, padding, dilation } = params;
  const d = size.length;
  const lead = x.shape.length - d;
  const spatial = x.shape.slice(lead);
  const { rows, dims } = windowsInRows(windowsOf(x, params, Number.NEGATIVE_INFINITY), d);
  const shape = rows.shape;
  // The axes of the counts are [lead, lead + d - 1) and the last one, those of the elements lie between.
  let index: Node = constant(0, shape, "i32");
  let inside: Node = constant(1, shape, "bool");
  for (let i = 0; i < d; i++) {
    const count = iota(shape, i === d - 1 ? shape.length - 1 : lead + i);
    const at = offset(add(scale(count, stride[i]), scale(iota(shape, dims[i]), dilation[i])), -padding[2 * i]);
    if (padding[2 * i] > 0) inside = scalar("and", inside, scalar("ge", at, like(at, 0)));
    if (padding[2 * i + 1] > 0) inside = scalar("and", inside, scalar("lt", at, like(at, spatial[i])));
    index = add(index, scale(at, sizeOf(spatial.slice(i + 1))));
  }
  const largest = reshape(y, [...y.shape.slice(0, -1), ...size.map(() => 1), y.shape[y.shape.length - 1]]);
  const holds = scalar("and", inside, scalar("or", scalar("eq", rows, largest), scalar("isnan", rows)));
  const first = reduce("min", where(holds, index, like(index, sizeOf(spatial) - 1)), dims);
  const lines = sizeOf(x.shape.slice(0, lead));
  return [reshape(first, [lines, sizeOf(y.shape.slice(lead))]), lines];
}
