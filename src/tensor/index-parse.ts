// What the arguments of at and withAt mean, axis by axis: checked here against the shape, so that reading and writing need not.

import { fail } from "../base/errors.js";
import { describe, type Shape } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { type NestedNumbers, TensorCore } from "./core.js";
import { literal } from "./index-pick.js";
import { clipRange } from "./shapes.js";
import { tracing } from "./trace.js";

/** A whole number, a slice as "1:3" or "...", null for a new axis, an i32 or bool tensor, or a (nested) array of numbers or booleans. */
export type Index = number | string | null | TensorCore<unknown> | readonly NestedNumbers[];

/** How the axes from `dim` on are indexed; integers, slices and picks take one axis, masks `shape.length` of them, new axes none. */
export type Part =
  | { readonly kind: "integer"; readonly dim: number; readonly at: number }
  | {
      readonly kind: "slice";
      readonly dim: number;
      readonly start: number;
      readonly size: number;
      readonly step: number;
    }
  | { readonly kind: "axis" }
  | { readonly kind: "pick"; readonly dim: number; readonly index: Node }
  | {
      readonly kind: "mask";
      readonly dim: number;
      readonly shape: Shape;
      readonly node: Node;
      readonly data: () => ArrayLike<number>;
    };

type Token =
  | { readonly kind: "ellipsis"; readonly axes: 0 }
  | { readonly kind: "axis"; readonly axes: 0 }
  | { readonly kind: "one"; readonly axes: 1; readonly part: (dim: number, n: number) => Part }
  | { readonly kind: "mask"; readonly axes: number; readonly mask: Omit<Part & { kind: "mask" }, "dim"> };

/** One part for each index, and for each axis that no index names. @throws HeedError naming the op, the dimension, its size and the index */
export function parseIndices(op: string, x: Node, indices: readonly Index[]): Part[] {
  const tokens = indices.map((index) => tokenOf(op, x, index));
  const taken = tokens.reduce((sum, t) => sum + t.axes, 0);
  const ellipses = tokens.filter((t) => t.kind === "ellipsis").length;
  if (ellipses > 1) fail(op, 'at most one "..."', String(ellipses));
  if (taken > x.shape.length)
    fail(op, `indices for at most ${count(x.shape.length, "dimension")} of ${describe(x)}`, `indices for ${taken}`);
  if (ellipses === 0) tokens.push({ kind: "ellipsis", axes: 0 });
  const parts: Part[] = [];
  let dim = 0;
  for (const token of tokens) {
    if (token.kind === "axis") parts.push({ kind: "axis" });
    else if (token.kind === "ellipsis") {
      for (let left = x.shape.length - taken; left > 0; left--, dim++)
        parts.push({ kind: "slice", dim, start: 0, size: x.shape[dim], step: 1 });
    } else {
      parts.push(token.kind === "one" ? token.part(dim, x.shape[dim]) : covering(op, x, dim, token.mask));
      dim += token.axes;
    }
  }
  return parts;
}

function tokenOf(op: string, x: Node, index: Index): Token {
  const one = (part: (dim: number, n: number) => Part): Token => ({ kind: "one", axes: 1, part });
  if (index === null) return { kind: "axis", axes: 0 };
  if (typeof index === "number") return one((dim, n) => ({ kind: "integer", dim, at: inRange(op, x, dim, n, index) }));
  if (typeof index === "string") {
    if (index.trim() === "...") return { kind: "ellipsis", axes: 0 };
    const [start, end, step] = sliceBounds(op, index);
    return one((dim, n) => sliceOf(dim, n, start, end, step));
  }
  if (index instanceof TensorCore) return tensorToken(op, index);
  if (Array.isArray(index)) return arrayToken(op, x, index);
  return fail(
    op,
    'a whole number, a slice such as "1:3", null, a tensor or an array as index',
    String(index),
    typeof index === "boolean" ? "a mask is a bool tensor" : undefined,
  );
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** The index counted from the start. */
function inRange(op: string, x: Node, dim: number, n: number, index: number): number {
  if (!Number.isInteger(index) || index < -n || index >= n) {
    const expected =
      n === 0
        ? `no single index on dimension ${dim} of ${describe(x)}, which is empty`
        : `an index from ${-n} to ${n - 1} on dimension ${dim} of ${describe(x)}`;
    fail(op, expected, String(index));
  }
  return index < 0 ? index + n : index;
}

function sliceBounds(op: string, text: string): [number | null, number | null, number] {
  const match = /^\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*([+-]?\d+)?\s*)?$/.exec(text);
  if (!match) {
    const number = /^\s*[+-]?\d+\s*$/.test(text);
    fail(
      op,
      'a slice such as "1:3", "::2", ":" or "..."',
      `"${text}"`,
      number ? `a single index is a number: ${Number(text)}` : undefined,
    );
  }
  const [start, end, step] = match.slice(1).map((part) => (part === undefined ? null : Number(part)));
  if (step !== null && step < 1)
    fail(op, "a step of at least 1", `"${text}"`, step < 0 ? "reverse an axis with .flip(dim)" : undefined);
  return [start, end, step ?? 1];
}

function sliceOf(dim: number, n: number, from: number | null, to: number | null, step: number): Part {
  const [start, end] = clipRange(n, from, to);
  const size = Math.max(0, Math.ceil((end - start) / step));
  return { kind: "slice", dim, start: size === 0 ? 0 : start, size, step: size <= 1 ? 1 : step };
}

function tensorToken(op: string, index: TensorCore<unknown>): Token {
  if (index.dtype === "i32") return { kind: "one", axes: 1, part: (dim) => ({ kind: "pick", dim, index: index.node }) };
  if (index.dtype !== "bool")
    fail(op, "an i32 or bool tensor as index", describe(index), "convert indices with .int(), or a mask with .bool()");
  const data = () => {
    forbidTrace(op);
    return index.raw();
  };
  return maskToken(op, index.shape, index.node, data);
}

function maskToken(op: string, shape: Shape, node: Node, data: () => ArrayLike<number>): Token {
  if (shape.length === 0) fail(op, "a mask with at least one dimension", "bool[]");
  return { kind: "mask", axes: shape.length, mask: { kind: "mask", shape, node, data } };
}

/** How many places a mask marks is known only when it runs, and shapes must be known before. */
export function forbidTrace(op: string): void {
  if (tracing())
    fail(
      op,
      "a result whose shape is known inside compile",
      "a mask",
      "use where or maskedFill, which keep the shape, or leave this outside the compiled function",
    );
}

function covering(op: string, x: Node, dim: number, mask: Omit<Part & { kind: "mask" }, "dim">): Part {
  const covered = x.shape.slice(dim, dim + mask.shape.length);
  if (mask.shape.some((n, i) => n !== covered[i])) {
    fail(op, `a mask of shape [${covered}] from dimension ${dim} of ${describe(x)} on`, `bool[${mask.shape}]`);
  }
  return { ...mask, dim };
}

function arrayToken(op: string, x: Node, index: readonly NestedNumbers[]): Token {
  const shape: number[] = [];
  for (let level: NestedNumbers = index; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: (number | boolean)[] = [];
  collect(op, index, shape, 0, flat);
  if (flat.length > 0 && flat.every((v) => typeof v === "boolean")) {
    const data = Uint8Array.from(flat, Number);
    return maskToken(op, shape, literal(data, shape, "bool"), () => data);
  }
  return {
    kind: "one",
    axes: 1,
    part: (dim, n) => ({
      kind: "pick",
      dim,
      index: literal(
        flat.map((v) => inRange(op, x, dim, n, v as number)),
        shape,
        "i32",
      ),
    }),
  };
}

function collect(op: string, data: NestedNumbers, shape: Shape, depth: number, into: (number | boolean)[]): void {
  if (depth === shape.length && !Array.isArray(data)) into.push(data as number | boolean);
  else if (Array.isArray(data) && data.length === shape[depth])
    for (const item of data) collect(op, item, shape, depth + 1, into);
  else
    fail(op, "rows of equal length in an index array", Array.isArray(data) ? `a row of ${data.length}` : String(data));
}
