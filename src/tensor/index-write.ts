// withAt: a copy in which the indexed part is replaced. Every part says on its axis where the value goes, as a condition on indices, and
// how the value reaches there; one `where` does the rest, so that writing a row into a cache is a single pass over it.

import { fail } from "../base/errors.js";
import { describe, type Shape, sameShape, sizeOf } from "../base/shape.js";
import {
  add,
  argsort,
  cast,
  constant,
  expand,
  gather,
  iota,
  like,
  narrow,
  place,
  reshape,
  scalar,
  scatterAdd,
  where,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { type Index, type Part, parseIndices } from "./index-parse.js";
import { linearIndex, wrapIndex } from "./index-pick.js";

const OP = "withAt";
const whole = (value: number, shape: Shape = []): Node => constant(value, shape, "i32");

/** x with `value`, which broadcasts to the indexed part, in place of it. */
export function writeAt(x: Node, indices: readonly Index[], value: Node): Node {
  const parts = parseIndices(OP, x, indices);
  if (parts.some((p) => p.kind === "axis"))
    fail(OP, "indices of axes that are there", "null", "give the value that axis instead");
  const picks = parts.filter((p) => p.kind === "pick");
  const masks = parts.filter((p) => p.kind === "mask").length;
  if (masks + Math.min(picks.length, 1) > 1)
    fail(OP, "one mask, or index tensors", `${masks} masks and ${picks.length} index tensors`);
  if (picks.length > 1) return writeNeighbours(x, parts, picks, value);
  const wrapped = parts.map((p) => (p.kind === "pick" ? { ...p, index: wrapIndex(p.index, x.shape[p.dim]) } : p));
  return writeParts(x, wrapped, cast(value, x.dtype));
}

type Pick = Part & { kind: "pick" };

/** Several index tensors on neighbouring axes are one on the axes taken together. */
function writeNeighbours(x: Node, parts: readonly Part[], picks: readonly Pick[], value: Node): Node {
  const [{ dim: first }] = picks;
  const at = parts.indexOf(picks[0]);
  if (picks.some((p, i) => parts[at + i] !== p)) {
    const dims = `dimensions ${picks.map((p) => p.dim).join(", ")}`;
    fail(OP, "index tensors on neighbouring dimensions", dims, "permute the tensor first");
  }
  const sizes = x.shape.slice(first, first + picks.length);
  const merged = [...x.shape.slice(0, first), sizeOf(sizes), ...x.shape.slice(first + picks.length)];
  const indices = picks.map((p) => p.index);
  const together: Part = { kind: "pick", dim: first, index: linearIndex(indices, sizes) };
  const shifted = parts.slice(at + picks.length) as readonly Exclude<Part, { kind: "axis" }>[];
  const after = shifted.map((p) => ({ ...p, dim: p.dim - picks.length + 1 }));
  const written = writeParts(reshape(x, merged), [...parts.slice(0, at), together, ...after], cast(value, x.dtype));
  return reshape(written, x.shape);
}

/** Index tensors count from the start here: their values are from 0 on, or refused when they are used. */
function writeParts(x: Node, parts: readonly Part[], value: Node): Node {
  const region = parts.flatMap(regionOf);
  if (region.includes(0)) return x;
  let source = spread(x, parts, alignValue(x, parts, region, value));
  const conditions: Node[] = [];
  for (const part of parts) {
    if (part.kind === "integer") conditions.push(scalar("eq", indexAlong(x, part.dim), whole(part.at)));
    if (part.kind === "slice" && part.size !== x.shape[part.dim])
      conditions.push(within(indexAlong(x, part.dim), part));
    if (part.kind === "mask") conditions.push(reshape(part.node, axes(x, part.dim, part.shape.length)));
    if (part.kind === "pick") {
      const { dim } = part;
      const index = reshape(part.index, [sizeOf(part.index.shape)]);
      const same = source.shape[dim] === 1;
      const writers = same ? marks(x.shape[dim], index, like(index, 1)) : lastWriters(index, x.shape[dim]);
      const column = reshape(writers, axes(x, dim));
      conditions.push(scalar("gt", column, whole(0)));
      if (same) continue;
      const entry = scalar("maximum", add(column, whole(-1)), whole(0));
      const wanted = source.shape.map((n, i) => (i === dim ? x.shape[dim] : n));
      source = gather(source, dim, expand(entry, wanted));
    }
  }
  if (conditions.length === 0) return expand(source, x.shape);
  const condition = conditions.reduce((all, one) => scalar("and", all, one));
  return where(condition, source, x);
}

/** The sizes of some axes of x, 1 on all others. */
function axes(x: Node, from: number, count = 1): number[] {
  return x.shape.map((n, i) => (i >= from && i < from + count ? n : 1));
}

function indexAlong(x: Node, dim: number): Node {
  return iota(axes(x, dim), dim);
}

/** The axes of what is replaced; those of a mask count as one, of a size that is not known yet. */
function regionOf(part: Part): number[] {
  if (part.kind === "slice") return [part.size];
  if (part.kind === "pick") return [...part.index.shape];
  return part.kind === "mask" ? [1] : [];
}

/** The value with one axis for each axis of x: 1 where all places get the same, else one entry for each place. */
function alignValue(x: Node, parts: readonly Part[], region: readonly number[], value: Node): Node {
  let shape = [...value.shape];
  while (shape.length > region.length && shape[0] === 1) shape.shift();
  shape = [...new Array<number>(Math.max(0, region.length - shape.length)).fill(1), ...shape];
  if (shape.length !== region.length || shape.some((n, i) => n !== 1 && n !== region[i])) {
    const masked = parts.some((p) => p.kind === "mask");
    const remedy = masked ? "for a different value in each place, use where(mask, values, tensor)" : undefined;
    fail(OP, `a value that broadcasts to the indexed part [${region}] of ${describe(x)}`, describe(value), remedy);
  }
  // An index tensor of several axes is one axis here: where the value varies along any of them, it is repeated along the others.
  const full: number[] = [];
  const aligned: number[] = [];
  let axis = 0;
  for (const part of parts) {
    const own = shape.slice(axis, axis + regionOf(part).length);
    const varies = own.some((n) => n !== 1);
    full.push(...(part.kind === "pick" && varies ? part.index.shape : own));
    if (part.kind === "integer") aligned.push(1);
    else if (part.kind === "mask") aligned.push(...part.shape.map(() => 1));
    else aligned.push(varies ? sizeOf(part.kind === "pick" ? part.index.shape : own) : 1);
    axis += own.length;
  }
  return reshape(expand(reshape(value, shape), full), aligned);
}

/** Values that differ along a slice are placed where the slice lies. */
function spread(x: Node, parts: readonly Part[], source: Node): Node {
  const shape = [...source.shape];
  const starts = shape.map(() => 0);
  const steps = shape.map(() => 1);
  for (const part of parts) {
    if (part.kind !== "slice" || shape[part.dim] === 1) continue;
    shape[part.dim] = x.shape[part.dim];
    starts[part.dim] = part.start;
    steps[part.dim] = part.step;
  }
  return sameShape(shape, source.shape) ? source : place(source, shape, starts, steps);
}

/** start <= i < start + size * step, and (i - start) a multiple of step */
function within(i: Node, { start, size, step }: Part & { kind: "slice" }): Node {
  const bounds = scalar("and", scalar("ge", i, whole(start)), scalar("lt", i, whole(start + (size - 1) * step + 1)));
  return step === 1
    ? bounds
    : scalar("and", bounds, scalar("eq", scalar("remainder", add(i, whole(-start)), whole(step)), whole(0)));
}

/** An i32[n] with entries[k] added at index[k]. */
function marks(n: number, index: Node, entries: Node): Node {
  return scatterAdd(whole(0, [n]), 0, index, entries);
}

/**
 * For each of n places, 1 + the entry of `index` [m] that writes there, the last one that names it; 0 where none does. Sorting brings
 * equal indices together, the last of each run is added alone.
 */
function lastWriters(index: Node, n: number): Node {
  const [m] = index.shape;
  const order = argsort(index, false);
  const sorted = gather(index, 0, order);
  const differs = scalar("ne", narrow(sorted, 0, 0, m - 1), narrow(sorted, 0, 1, m - 1));
  const isLast = place(differs, [m], [0], [1], 1);
  return marks(n, sorted, where(isLast, add(order, whole(1)), whole(0)));
}
