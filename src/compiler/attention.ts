// The pass that finds attention: a product of softmaxed scores with values, the scores made from a product of queries and keys. It looks
// outward from the softmax (weights.ts), so that the way things are spelled does not matter, and leaves one `attention` node. It runs before
// gradients are made plain, so that attention has one short gradient row. What it is unsure of it leaves as it is.

import { isFloat } from "../base/dtype.js";
import { attention, attentionInputs } from "../graph/attention.js";
import { cast, expand, reshape, transpose } from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import { rewrite, withoutCuts } from "../graph/rewrite.js";
import { groupQueries } from "./grouped.js";
import { joinHeads } from "./heads.js";
import { productsIn, settle } from "./scores.js";
import { simplifyNode } from "./simplify.js";
import { normalised } from "./softmaxes.js";
import { type Weights, weightsOf } from "./weights.js";

export function recogniseAttention(roots: readonly Node[]): readonly Node[] {
  const plain = topological(roots);
  if (!plain.some((n) => n.op === "softmax" || n.op === "exp" || n.op === "attention")) return roots;
  // Without gradients, what is cut off from its graph is like anything else.
  const uncut = plain.some((n) => n.op === "gradient") ? roots : withoutCuts(roots, plain);
  const before = uncut === roots ? plain : topological(uncut);
  // What gradients are asked for must stay a node of its own.
  const targets = new Set(before.flatMap((n) => (n.op === "gradient" ? [n.inputs[1]] : [])));
  const kept = new Set<Node>();
  const opaque = (node: Node) => kept.has(node);
  const rule = (node: Node, old: Node) => {
    const result = RULES[node.op]?.(node, opaque) ?? node;
    if (targets.has(old)) kept.add(result);
    return result;
  };
  return rewrite(uncut, rule, before);
}

type Parts = Pick<Weights, "score" | "factor" | "sink">;
type Rule = (node: Node, opaque: (node: Node) => boolean) => Node | null;

const RULES: Partial<Record<Node["op"], Rule>> = {
  matmul: attend,
  attention: tidied,
  div: dividedLate,
  cat: (node, opaque) => joinHeads(node as Node<"cat">, opaque),
};

/** Attention asked for by name: its scores without views. */
function tidied(node: Node, opaque: (node: Node) => boolean): Node | null {
  const { score, value, factor, sink } = attentionInputs(node);
  const settled = settle(score, opaque);
  return settled && groupQueries(attention(settled, value, { factor, sink }), opaque);
}

/** The product as attention: weights on the left, or transposed on the right. */
function attend(node: Node, opaque: (node: Node) => boolean): Node | null {
  const [a, b] = node.inputs;
  const left = weighted(a, b, opaque);
  if (left) return cast(left, node.dtype);
  const right = weighted(simplifyNode(transpose(b)), simplifyNode(transpose(a)), opaque);
  return right && cast(transpose(right), node.dtype);
}

function weighted(weights: Node, value: Node, opaque: (node: Node) => boolean): Node | null {
  const tall = tallWeights(weights, value, opaque);
  if (tall) return tall;
  const parts = weightsOf(weights, opaque);
  if (!parts || parts.axis !== weights.shape.length - 1) return null;
  return attended(parts, value, opaque);
}

/** Weights of several batch entries as rows of one matrix, before a value they share: batches again. */
function tallWeights(weights: Node, value: Node, opaque: (node: Node) => boolean): Node | null {
  if (weights.op !== "reshape" || opaque(weights)) return null;
  const [apart] = weights.inputs;
  const batch = apart.shape.slice(0, -2);
  const own = weights.shape.slice(0, -2);
  const [s, e] = value.shape.slice(-2);
  if (apart.shape.at(-1) !== s || batch.length <= own.length || !own.every((n, i) => n === batch[i])) return null;
  const lone = new Array<number>(batch.length - own.length).fill(1);
  const inner = weighted(apart, expand(reshape(value, [...own, ...lone, s, e]), [...batch, s, e]), opaque);
  return inner && reshape(inner, [...weights.shape.slice(0, -1), e]);
}

function attended(parts: Parts, value: Node, opaque: (node: Node) => boolean): Node | null {
  const score = isFloat(value.dtype) ? settle(parts.score, opaque) : null;
  if (!score) return null;
  // A factor made from the same product would need it stored.
  const products = productsIn(score);
  if (parts.factor && topological([parts.factor]).some((n) => products.includes(n))) return null;
  return groupQueries(attention(score, value, parts), opaque);
}

/** Exponentials times values, divided by the sum of the exponentials. */
function dividedLate(node: Node, opaque: (node: Node) => boolean): Node | null {
  const [mixed, total] = node.inputs;
  if (mixed.op !== "matmul" || opaque(mixed)) return null;
  const [e, value] = mixed.inputs;
  const found = opaque(e) ? null : normalised(e, total);
  if (!found || found.axis !== e.shape.length - 1) return null;
  const whole = attended({ ...found, factor: null }, value, opaque);
  return whole && cast(whole, node.dtype);
}
