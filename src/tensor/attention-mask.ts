// Which keys a query may see, as a tagged union: masks made of indices alone stay comparisons of indices, so that the compiler knows which
// keys to skip; masks made of numbers are read where they lie. Attention itself is in attention.ts.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { add, cast, constant, iota, offset, reshape, scalar, where } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkNames } from "./attention-options.js";
import { Tensor } from "./tensor.js";

/**
 * Where the first query stands among the keys: a whole number, or i32 read when the program runs, [] or one for each batch entry [B]. A number
 * may be of any size, as may the sides of a window; what is read lies between -2^30 and 2^30.
 */
export type QueryOffset = number | Tensor;

/**
 * Which keys a query may see, or what is added to its scores. The query at t stands at position t + offset among the keys; without an
 * offset the last query stands at the last key (S - T), as after reading a cache.
 *
 * - `causal`: keys up to the query's own position.
 * - `window`: keys from position - left to position + right (0 unless given), whole numbers of at least 0; left = W - 1 where a model speaks
 *   of a window of W keys.
 * - `lengths`: keys s < lengths[b], i32 [B] or []: what lies behind is padding.
 * - `boolean`: keys where `keep` is true; bool, broadcasts to the scores [B,H,T,S].
 * - `additive`: `bias` is added to the scores; float, broadcasts to them, gets a gradient; -Infinity hides a key.
 */
export type AttentionMask =
  | { readonly kind: "none" }
  | { readonly kind: "causal"; readonly offset?: QueryOffset }
  | { readonly kind: "window"; readonly left: number; readonly right?: number; readonly offset?: QueryOffset }
  | { readonly kind: "lengths"; readonly lengths: Tensor }
  | { readonly kind: "boolean"; readonly keep: Tensor }
  | { readonly kind: "additive"; readonly bias: Tensor };

/** One mask, several that must all hold, or none. */
export type AttentionMasks = AttentionMask | readonly AttentionMask[] | null | undefined;

/** @internal The axes of scores: as the caller counts them, and as the graph has them. */
export interface ScoreAxes {
  /** The function whose name errors carry. */
  readonly op: string;
  /** [T,S], [B,T,S] or [B,H,T,S]. */
  readonly seen: Shape;
  /** The same, or [B,H,T,S] with ones, or [B,Hk,G,T,S] where G queries share each of Hk keys. */
  readonly inner: Shape;
}

/**
 * @internal Scores of shape `inner` under masks: first what is added, then -Infinity where a key may not be seen.
 * @returns the masked scores, and the tensors whose gradients they pass on
 */
export function maskScores(axes: ScoreAxes, scores: Node, masks: AttentionMasks): { scores: Node; biases: Tensor[] } {
  const list = masks === null || masks === undefined ? [] : Array.isArray(masks) ? masks : [masks as AttentionMask];
  for (const mask of list) checkKind(axes.op, mask);
  const biases = list.flatMap((mask: AttentionMask) => (mask.kind === "additive" ? [mask.bias] : []));
  const keeps = list.flatMap((mask: AttentionMask) => visible(axes, mask));
  let masked = scores;
  for (const bias of biases) masked = add(masked, additive(axes, bias));
  if (keeps.length > 0) {
    const keep = keeps.reduce((a, b) => scalar("and", a, b));
    masked = where(keep, masked, constant(Number.NEGATIVE_INFINITY));
  }
  return { scores: masked, biases };
}

/** The kinds, and what each is made of. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  none: [],
  causal: ["offset"],
  window: ["left", "right", "offset"],
  lengths: ["lengths"],
  boolean: ["keep"],
  additive: ["bias"],
};

function checkKind(op: string, mask: unknown): void {
  const kind = (mask as { kind?: unknown } | null)?.kind;
  if (typeof kind === "string" && Object.hasOwn(FIELDS, kind)) {
    checkNames(op, `a ${kind} mask with the fields`, ["kind", ...FIELDS[kind]], mask as object);
    return;
  }
  if (mask instanceof Tensor)
    fail(
      op,
      "a mask that says its kind",
      describe(mask),
      'write { kind: "boolean", keep } (true where a key may be seen) or { kind: "additive", bias }',
    );
  const got = typeof mask === "object" && mask !== null ? String(kind) : shown(mask);
  fail(op, `a mask whose kind is one of ${Object.keys(FIELDS).join(", ")}`, got, 'write mask: { kind: "causal" }');
}

/** What must be true for a key to be seen: conditions that broadcast to `inner`. */
function visible(axes: ScoreAxes, mask: AttentionMask): Node[] {
  const S = axes.inner[axes.inner.length - 1];
  const key = iota([1, S], 1);
  switch (mask.kind) {
    case "causal":
      return [scalar("le", key, positions(axes, mask.offset))];
    case "window": {
      const { left, right = 0 } = mask;
      for (const [name, n] of Object.entries({ left, right }))
        if (!(Number.isInteger(n) && n >= 0))
          fail(axes.op, `a window whose ${name} is a whole number of at least 0`, shown(n));
      return [
        scalar("ge", key, positions(axes, mask.offset, -left)),
        scalar("le", key, positions(axes, mask.offset, right)),
      ];
    }
    case "lengths":
      return [scalar("lt", key, perEntry(axes, "lengths", mask.lengths))];
    case "boolean":
      return [boolean(axes, mask.keep)];
    default:
      return [];
  }
}

/** Added to what lies within it on either side, still 32 bits; longer than any text. */
const FAR = 2 ** 30;

/**
 * The position of each query among the keys, and `shift` more: [T,1], or with as many axes as the scores. What lies before all keys or behind
 * them does so at any distance: distances are cut to what 32 bits hold.
 */
function positions(axes: ScoreAxes, from: QueryOffset | undefined, shift = 0): Node {
  const [T, S] = axes.inner.slice(-2);
  const query = iota([T, 1], 0);
  const start = from ?? S - T;
  if (typeof start !== "number") return offset(add(query, perEntry(axes, "offset", start)), within(shift, -FAR, FAR));
  if (!Number.isInteger(start)) fail(axes.op, "a whole number as offset", String(start));
  return offset(query, within(start + shift, 0 - T, S));
}

const within = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

/** Whole numbers read at run time, one for all or one for each batch entry. */
function perEntry(axes: ScoreAxes, name: string, x: unknown): Node {
  const batch = axes.seen.length > 2 ? axes.seen[0] : null;
  const wanted = `${name} as i32[]${batch === null ? "" : ` or i32[${batch}], one for each batch entry`}`;
  const fits = x instanceof Tensor && (x.ndim === 0 || (batch !== null && x.ndim === 1 && x.shape[0] === batch));
  if (!fits) fail(axes.op, wanted, shown(x));
  if (x.dtype !== "i32") fail(axes.op, wanted, describe(x), "convert it with .int()");
  return reshape(x.node, [x.numel, ...axes.inner.slice(1).map(() => 1)]);
}

function boolean(axes: ScoreAxes, keep: Tensor): Node {
  if (!(keep instanceof Tensor)) fail(axes.op, "keep as a bool tensor", shown(keep));
  const remedy = 'compare it, as in keep.ne(0), or pass { kind: "additive", bias } for what is added to the scores';
  if (keep.dtype !== "bool") fail(axes.op, "keep as a bool tensor", describe(keep), remedy);
  checkBroadcast(axes, "keep", keep);
  return lift(axes, keep.node);
}

function additive(axes: ScoreAxes, bias: Tensor): Node {
  if (!(bias instanceof Tensor)) fail(axes.op, "bias as a float tensor", shown(bias));
  const remedy = 'pass { kind: "boolean", keep } for truth values, or convert it with .float()';
  if (!isFloat(bias.dtype)) fail(axes.op, "bias as a float tensor", describe(bias), remedy);
  checkBroadcast(axes, "bias", bias);
  return cast(lift(axes, bias.node), "f32");
}

/** @internal @throws HeedError for a mask that does not broadcast to the scores, or would widen them */
export function checkBroadcast({ op, seen }: ScoreAxes, name: string, mask: Tensor): void {
  const lead = seen.length - mask.ndim;
  if (lead < 0 || mask.shape.some((n, i) => n !== 1 && n !== seen[lead + i]))
    fail(op, `${name} that broadcasts to the scores [${seen}]`, describe(mask));
}

/** From what broadcasts to `seen` to what broadcasts to `inner`; nothing is copied. */
function lift({ seen, inner }: ScoreAxes, x: Node): Node {
  if (inner.length === seen.length) return x;
  const full = [...new Array<number>(seen.length - x.shape.length).fill(1), ...x.shape];
  const [t, s] = full.slice(-2);
  const b = seen.length > 2 ? full[0] : 1;
  const h = seen.length > 3 ? full[1] : 1;
  const heads = inner.length === 4 ? [h] : h === 1 ? [1, 1] : inner.slice(1, 3);
  return reshape(x, [b, ...heads, t, s]);
}
