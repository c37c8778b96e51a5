// What has one value a row: how it is told, and algebra that does for a row once what would be done for each of its elements.

import { sameShape } from "../base/shape.js";
import { add, constantValue, div, expand, where } from "../graph/build.js";
import type { Node } from "../graph/node.js";

/** The row value behind `expand` along the last axis only; null for any other node. */
export function rowBehind(node: Node): Node | null {
  if (node.op !== "expand") return null;
  const [x] = node.inputs;
  const last = node.shape.length - 1;
  return x.shape[last] === 1 && node.shape[last] !== 1 && sameShape(x.shape.slice(0, -1), node.shape.slice(0, -1))
    ? x
    : null;
}

/** where(c, x, 0) + y as where(c, x + y, y) for one x and one y a row, which are added up once; null for anything else. */
export function chosenOfRows(chosen: Node, y: Node): Node | null {
  if (chosen.op !== "where") return null;
  const [condition, x, other] = chosen.inputs;
  const [a, b] = [rowBehind(x), rowBehind(y)];
  return a && b && constantValue(other) === 0 ? where(condition, expand(add(a, b), y.shape), y) : null;
}

/**
 * Of y = x - log Σ exp x where the largest x is 0: exp y as exp x / Σ exp x, for those exponentials are there; null for any other y.
 */
export function normalizedExponential(y: Node): Node | null {
  const total = subtracted(y, "log")?.inputs[0];
  if (total?.op !== "sum" || total.inputs[0].op !== "exp") return null;
  const [e] = total.inputs;
  const [x] = e.inputs;
  const largest = subtracted(x, "max");
  const fits = y.inputs[0] === x && largest?.inputs[0] === x.inputs[0] && sameShape(largest.shape, total.shape);
  return fits ? div(e, expand(total, y.shape)) : null;
}

/** What is taken from each row of x, where it is made by that op. */
function subtracted(x: Node, op: Node["op"]): Node | null {
  const behind = x.op === "sub" && x.inputs[1].op === "expand" ? x.inputs[1].inputs[0] : null;
  return behind?.op === op ? behind : null;
}
