// What shapes attention accepts, and the shapes it computes with: every layout becomes [B,H,T,D], and queries that share keys get an axis
// of their own beside them, along which keys and values are expanded and not copied.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape } from "../base/shape.js";
import { expand, reshape } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import type { ScoreAxes } from "./attention-mask.js";
import { checkTensor } from "./check.js";
import type { Tensor } from "./tensor.js";

/** @internal */
export interface AttentionAxes extends ScoreAxes {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  /** [B,H], or [B,Hk,G] where G = H / Hk queries share each key. */
  readonly batch: Shape;
  /** [B,H,T,E], without the axes that the query has not. */
  readonly result: Shape;
}

/**
 * @internal
 * @throws HeedError for anything but float tensors [B,H,T,D], [B,Hk,S,D] and [B,Hk,S,E] where Hk divides H, all without H, or without B and H
 */
export function attentionAxes(op: string, query: Tensor, key: Tensor, value: Tensor): AttentionAxes {
  const all = { query, key, value };
  const wrong = (expected: string, names: readonly (keyof typeof all)[], remedy?: string) =>
    fail(op, expected, listed(names.map((name) => `${name} ${describe(all[name])}`)), remedy);
  const three = ["query", "key", "value"] as const;
  checkFloats(op, all);
  if (query.ndim < 2 || query.ndim > 4 || key.ndim !== query.ndim || value.ndim !== query.ndim)
    wrong("query, key and value all as [B,H,T,D], all as [B,T,D] or all as [T,D]", three);
  if (!three.every((name) => query.ndim === 2 || all[name].shape[0] === query.shape[0]))
    wrong("query, key and value of equal batch size B", three);
  if (query.shape.at(-1) !== key.shape.at(-1)) wrong("query and key of equal head width D", ["query", "key"]);
  if (key.shape.at(-2) !== value.shape.at(-2)) wrong("key and value of equal length S", ["key", "value"]);
  const heads = (x: Tensor) => (x.ndim === 4 ? x.shape[1] : 1);
  const [H, Hk] = [heads(query), heads(key)];
  if (Hk !== heads(value)) wrong("key and value with equally many heads", ["key", "value"]);
  if (H !== Hk && (Hk === 0 || H % Hk !== 0))
    wrong("query heads that the key and value heads divide", ["query", "key"], "the layout is [B,H,T,D]");
  const B = query.ndim > 2 ? query.shape[0] : 1;
  const [T, D] = query.shape.slice(-2);
  const S = key.shape[key.ndim - 2];
  const batch = H === Hk ? [B, H] : [B, Hk, H / Hk];
  const outer = query.shape.slice(0, -2);
  const result = [...outer, T, value.shape[value.ndim - 1]];
  return { op, B, H, T, S, D, batch, seen: [...outer, T, S], inner: [...batch, T, S], result };
}

/** @internal Query [...,T,D] as [batch...,T,D]. */
export function queryRows({ batch }: AttentionAxes, query: Node): Node {
  return reshape(query, [...batch, ...query.shape.slice(-2)]);
}

/** @internal Key or value [...,S,D] as [batch...,S,D], the same rows for all queries of a group. */
export function keyRows({ batch }: AttentionAxes, rows: Node): Node {
  const last = rows.shape.slice(-2);
  return expand(reshape(rows, [...batch.slice(0, 2), ...(batch.length > 2 ? [1] : []), ...last]), [...batch, ...last]);
}

/** @internal @throws HeedError unless all of them, by name, are float tensors */
export function checkFloats(op: string, all: Readonly<Record<string, Tensor>>): void {
  for (const [name, x] of Object.entries(all)) checkTensor(op, name, x);
  if (Object.values(all).every((x) => isFloat(x.dtype))) return;
  const got = listed(Object.entries(all).map(([name, x]) => `${name} ${describe(x)}`));
  fail(op, `float ${listed(Object.keys(all))}`, got, "convert them with .float()");
}

function listed(items: readonly string[]): string {
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}
