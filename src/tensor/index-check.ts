// Index numbers that are there already are checked at once, at the caller's line. Those that are still to be computed are checked by the
// kernel that reads them.

import { fail } from "../base/errors.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { TensorCore } from "./core.js";
import { knownLeaf } from "./finished.js";
import { tracing } from "./trace.js";

/**
 * Whether the indices could be checked now.
 * @param except a value outside the range that is allowed as well
 * @throws HeedError for an index that is not from 0 to count - 1
 */
export function checkIndices(
  op: string,
  expected: string,
  indices: TensorCore<unknown>,
  count: number,
  except?: number,
): boolean {
  if (tracing() || indices.node.op !== "leaf") return false;
  const data = indices.raw();
  for (let i = 0; i < data.length; i++) {
    if ((data[i] < 0 || data[i] >= count) && data[i] !== except) fail(op, expected, `${data[i]} at position ${i}`);
  }
  return true;
}

/**
 * Computes indices that are cut out of numbers that are there, as the tokens of a batch are out of a text. Where they are cut out is part of a
 * program: as in `text.at(`${i}:${i + T}`)`, a model that reads such a batch would be compiled anew for each.
 */
export function cutOut(indices: TensorCore<unknown>): void {
  if (!tracing() && indices.dtype === "i32" && isCutOut(indices.node)) indices.evaluate();
}

function isCutOut(node: Node): boolean {
  const there = (n: Node) => n.op === "leaf" || knownLeaf(n) !== undefined;
  const under = topological([node], there);
  const pending = under.filter((n) => !there(n));
  const cut = pending.length < under.length && pending.some((n) => n.op === "slice");
  return cut && pending.every((n) => CHEAP_FAMILIES.has(familyOf(n)) || CHEAP_OPS.has(n.op));
}

const CHEAP_FAMILIES: ReadonlySet<string> = new Set(["view", "index", "scalar"]);
const CHEAP_OPS: ReadonlySet<string> = new Set(["cat", "place", "gather", "scatter"]);
