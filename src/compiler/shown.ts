// Attention whose whole pattern is asked for: that is stored anyway, and the output is then a plain product of it with the values rather
// than a step that makes every weight once more in its tiles. Not with masks, of which a step leaves out what is hidden, and not in training:
// the backward begins from a step.

import { type AttentionInputs, attentionInputs } from "../graph/attention.js";
import { div, like, matmul, mul, reduce, scalar, sub, sum, where } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { readMasks } from "./masks.js";
import { productsIn } from "./scores.js";

type Users = ReadonlyMap<Node, readonly Node[]>;

/** Scores of a head up to which it is done: a million, the longest text of GPT-2. */
const MOST_SCORES = 1 << 20;

/** The softmax of the attention's scores, if all of it is a result; else null. */
export function shownPattern(attention: Node, users: Users, wanted: ReadonlySet<Node>): Node | null {
  const { score, value, sink } = attentionInputs(attention);
  const [t, s] = score.shape.slice(-2);
  const beside = users.get(score) ?? [];
  const plain = [attention, value, ...productsIn(score)].every((n) => n.dtype === "f32");
  if (sink || !plain || t * s === 0 || t * s > MOST_SCORES || beside.some((n) => n.op === "attentionLogsumexp"))
    return null;
  const shown = beside.find((n) => isSoftmax(n, score) && isStored(n, users, wanted));
  return shown && readMasks(score).conditions.length === 0 ? shown : null;
}

const isSoftmax = (node: Node, score: Node): boolean =>
  node.op === "softmax" && (node as Node<"softmax">).params.dim === score.shape.length - 1;

/** Whether the node is a result, as it is or seen in another way. */
function isStored(node: Node, users: Users, wanted: ReadonlySet<Node>): boolean {
  const views = (users.get(node) ?? []).filter((n) => n.op === "reshape" || n.op === "permute");
  return wanted.has(node) || views.some((n) => isStored(n, users, wanted));
}

/** exp(score - max) / Σ exp(score - max), and zeros in a row whose scores are all -Infinity, as an attention step has them; NaN after Infinity. */
export function shownWeights(score: Node): Node {
  const last = score.shape.length - 1;
  const max = reduce("max", score, [last]);
  const lowest = scalar("eq", max, like(max, Number.NEGATIVE_INFINITY));
  const e = scalar("exp", sub(score, where(lowest, like(max, 0), max)));
  const total = sum(e, [last]);
  return div(e, where(scalar("eq", total, like(total, 0)), like(total, 1), total));
}

/** The attention's output from its weights. */
export function mixedBy(weights: Node, { value, factor }: AttentionInputs): Node {
  return matmul(factor ? mul(weights, factor) : weights, value);
}
