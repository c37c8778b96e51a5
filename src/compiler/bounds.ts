// Conditions on indices as bounds on keys: `s <= t + offset` says more than a mask of truth values, it tells which tiles to skip. A side of
// a comparison is an affine function of t and s, plus at most one number that is only known when the program runs (a cache's length).

import { isFloat } from "../base/dtype.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { KeyBound } from "../program/program.js";
import { surface } from "./sink.js";

/** s <= slope t + constant + sign at (upper), or s >= that (lower); `at` is an i32 node that is the same for all t and s. */
export type Bound = Omit<KeyBound, "at"> & { readonly at: Node | null };

interface Affine {
  readonly t: number;
  readonly s: number;
  readonly constant: number;
  readonly sign: number;
  readonly at: Node | null;
}

const MOST_TERMS = 100;

const COMPARISONS: Partial<Record<Node["op"], { readonly flip: boolean; readonly strict: boolean }>> = {
  le: { flip: false, strict: false },
  lt: { flip: false, strict: true },
  ge: { flip: true, strict: false },
  gt: { flip: true, strict: true },
};
/** What a comparison is where it does not hold; of integers, which are never NaN. */
export const NEGATED: Partial<Record<Node["op"], "le" | "lt" | "ge" | "gt">> = {
  le: "gt",
  lt: "ge",
  ge: "lt",
  gt: "le",
};

/** The comparison [batch..., T, S], or its negation, as a bound; null where it is none. */
export function boundOf(condition: Node, holds: boolean): Bound | null {
  const op = holds ? condition.op : NEGATED[condition.op];
  const comparison = op && COMPARISONS[op];
  if (!comparison) return null;
  const reader: Reader = { domain: condition.shape, done: new Map() };
  const [a, b] = condition.inputs.map((x) => affine(x, reader));
  const difference = a && b && combine(a, b, -1);
  if (!difference) return null;
  // difference <= 0, with integers on both sides
  const d = comparison.flip ? scaled(difference, -1) : difference;
  const constant = d.constant + (comparison.strict ? 1 : 0);
  const sign = (d.sign === 0 ? 1 : d.sign) as 1 | -1;
  if (d.s === 1 && (d.t === 0 || d.t === -1))
    return { side: "upper", slope: d.t === 0 ? 0 : 1, constant: -constant || 0, sign: -sign as 1 | -1, at: d.at };
  if (d.s === -1 && (d.t === 0 || d.t === 1))
    return { side: "lower", slope: d.t === 0 ? 0 : 1, constant, sign, at: d.at };
  return null;
}

interface Reader {
  readonly domain: readonly number[];
  readonly done: Map<Node, Affine | null>;
}

function affine(node: Node, reader: Reader): Affine | null {
  const known = reader.done.get(node);
  if (known !== undefined) return known;
  // Longer sums of indices are left to the mask.
  const result = reader.done.size > MOST_TERMS ? null : read(node, reader);
  reader.done.set(node, result);
  return result;
}

function read(node: Node, reader: Reader): Affine | null {
  const rank = reader.domain.length;
  const still = { t: 0, s: 0, constant: 0, sign: 0, at: null };
  switch (familyOf(node)) {
    case "index": {
      if (node.op === "constant") {
        const { value } = (node as Node<"constant">).params;
        return Number.isInteger(value) && Math.abs(value) < 2 ** 30 ? { ...still, constant: value } : null;
      }
      const { dim } = (node as Node<"iota">).params;
      return dim === rank - 1 ? { ...still, s: 1 } : dim === rank - 2 ? { ...still, t: 1 } : null;
    }
    case "scalar":
      return arithmetic(node, reader);
    case "view": {
      const [x] = node.inputs;
      if (node.op === "expand" && node.dtype === "i32" && !movesAlong(x, rank)) return { ...still, sign: 1, at: node };
      const inner = surface(node);
      return inner && affine(inner, reader);
    }
    default:
      return null;
  }
}

/** Whether an operand differs from query to query or from key to key. */
function movesAlong(x: Node, rank: number): boolean {
  return x.shape.some((n, i) => n !== 1 && i + rank - x.shape.length >= rank - 2);
}

function arithmetic(node: Node, reader: Reader): Affine | null {
  const [x, y] = node.inputs;
  const a = affine(x, reader);
  if (!a) return null;
  const b = y ? affine(y, reader) : null;
  switch (node.op) {
    case "cast":
      // f32 holds the indices exactly; 16 bits do not.
      return node.dtype === "i32" || node.dtype === "f32" ? a : null;
    case "neg":
      return scaled(a, -1);
    case "add":
      return b && combine(a, b, 1);
    case "sub":
      return b && combine(a, b, -1);
    default:
      return null;
  }
}

function scaled(a: Affine, by: -1): Affine {
  return { t: by * a.t, s: by * a.s, constant: by * a.constant, sign: by * a.sign, at: a.at };
}

function combine(a: Affine, b: Affine, by: 1 | -1): Affine | null {
  if (a.at && b.at) return null;
  return {
    t: a.t + by * b.t,
    s: a.s + by * b.s,
    constant: a.constant + by * b.constant,
    sign: a.at ? a.sign : by * b.sign,
    at: a.at ?? b.at,
  };
}

/** Of bounds that differ in their constant alone, the tighter. */
export function tightest(bounds: readonly Bound[]): Bound[] {
  const kept = new Map<string, Bound>();
  for (const bound of bounds) {
    const key = `${bound.side} ${bound.slope} ${bound.sign} ${bound.at?.id ?? ""}`;
    const other = kept.get(key);
    const tighter =
      !other || (bound.side === "upper" ? bound.constant < other.constant : bound.constant > other.constant);
    if (tighter) kept.set(key, bound);
  }
  return [...kept.values()];
}

/** Floats that stand for a truth value or a mask: where(c, ...) under casts. */
export function throughCasts(node: Node): Node {
  return node.op === "cast" && (isFloat(node.dtype) || node.dtype === "i32") ? throughCasts(node.inputs[0]) : node;
}
