// Heads computed one after the other and put side by side by a cat are one attention with a head axis: the nodes of all heads are stacked,
// from the results down to what they have in common.

import { sameShape } from "../base/shape.js";
import { attention, attentionInputs } from "../graph/attention.js";
import { cast, cat, expand, permute, reshape, slice } from "../graph/build.js";
import { makeNode, type Node, paramsKey } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { conceals, productsIn } from "./scores.js";
import { simplifyNode } from "./simplify.js";
import { product } from "./sink.js";

/** A cat of attention nodes as one attention; null for any other cat, and where the heads are not alike. */
export function joinHeads(node: Node<"cat">, opaque: (node: Node) => boolean): Node | null {
  const heads = node.inputs;
  if (heads.length < 2 || !heads.every((h) => baseOf(h).op === "attention") || !alike(heads)) return null;
  if (heads.some((h) => keeps(h, opaque))) return null;
  const whole = stackResults(heads); // [heads, ...]
  if (!whole) return null;
  const { dim } = node.params;
  const moved = permute(
    whole,
    Array.from({ length: whole.shape.length }, (_, i) => (i < dim ? i + 1 : i === dim ? 0 : i)),
  );
  return simplifyNode(reshape(simplifyNode(moved), node.shape));
}

/** Whether a gradient is asked for something of a head that stacking would replace. */
function keeps(head: Node, opaque: (node: Node) => boolean): boolean {
  if (conceals(head, opaque)) return true;
  const base = baseOf(head);
  const { score, value, factor, sink } = attentionInputs(base);
  const operands = productsIn(score).flatMap((p) => p.inputs);
  return [base, score, value, factor, sink, ...operands].some((x) => x !== null && conceals(x, opaque));
}

function baseOf(node: Node): Node {
  return familyOf(node) === "view" || node.op === "cast" ? baseOf(node.inputs[0]) : node;
}

function alike(nodes: readonly Node[]): boolean {
  const [first] = nodes;
  const key = paramsKey(first.params);
  return nodes.every(
    (n) =>
      n.op === first.op &&
      n.dtype === first.dtype &&
      sameShape(n.shape, first.shape) &&
      paramsKey(n.params) === key &&
      n.inputs.length === first.inputs.length &&
      n.inputs.every((x, i) => x.dtype === first.inputs[i].dtype && sameShape(x.shape, first.inputs[i].shape)),
  );
}

const column = (nodes: readonly Node[], i: number) => nodes.map((n) => n.inputs[i]);

/** From the results to the attention nodes, through views that are the same for all heads. */
function stackResults(heads: readonly Node[]): Node | null {
  const [first] = heads;
  if (!alike(heads)) return null;
  if (first.op === "attention") return stackAttention(heads);
  const inner = stackResults(column(heads, 0));
  return inner && stackedView(first, inner);
}

/** The view of one head, of all heads at once. */
function stackedView(view: Node, stacked: Node): Node | null {
  const [n] = stacked.shape;
  switch (view.op) {
    case "cast":
      return cast(stacked, view.dtype);
    case "reshape":
      return simplifyNode(reshape(stacked, [n, ...view.shape]));
    case "expand":
      return simplifyNode(expand(alignLead(stacked, view.shape.length + 1), [n, ...view.shape]));
    case "permute":
      return simplifyNode(permute(stacked, [0, ...(view as Node<"permute">).params.dims.map((d) => d + 1)]));
    case "slice": {
      const { starts, steps } = (view as Node<"slice">).params;
      return simplifyNode(slice(stacked, [0, ...starts], [n, ...view.shape], [1, ...steps]));
    }
    default:
      return null;
  }
}

function alignLead(x: Node, rank: number): Node {
  const [n, ...rest] = x.shape;
  return x.shape.length === rank ? x : reshape(x, [n, ...new Array<number>(rank - x.shape.length).fill(1), ...rest]);
}

function stackAttention(heads: readonly Node[]): Node | null {
  const parts = heads.map((h) => attentionInputs(h));
  const score = stackScores(parts.map((p) => p.score));
  if (!score) return null;
  const optional = (list: (Node | null)[]) => (list[0] ? stackScores(list as Node[]) : null);
  const factor = optional(parts.map((p) => p.factor));
  if (parts[0].factor && !factor) return null;
  const sink = parts[0].sink && stack(parts.map((p) => p.sink as Node));
  return attention(score, stack(parts.map((p) => p.value)), { factor, sink });
}

/** Elementwise work of all heads at once; null where the heads compute different things on whole rows of scores. */
function stackScores(nodes: readonly Node[]): Node | null {
  const [first] = nodes;
  const n = nodes.length;
  if (nodes.every((x) => x === first)) return simplifyNode(expand(first, [n, ...first.shape]));
  if (!alike(nodes)) return null;
  const family = familyOf(first);
  if (first.op === "matmul") return product(stack(column(nodes, 0)), stack(column(nodes, 1)));
  if (family === "scalar") {
    const inputs = first.inputs.map((_, i) => stackScores(column(nodes, i)));
    return inputs.includes(null)
      ? null
      : makeNode(first.op, inputs as Node[], first.params, [n, ...first.shape], first.dtype);
  }
  if (family === "view") return stack(nodes);
  return family === "leaf" || family === "kernel" ? stack(nodes) : null;
}

/** Arrays of one shape along a new first axis: a view where they are slices of one array, else a cat. */
function stack(nodes: readonly Node[]): Node {
  const [first] = nodes;
  const n = nodes.length;
  if (nodes.every((x) => x === first)) return simplifyNode(expand(first, [n, ...first.shape]));
  const whole = sliced(nodes);
  if (whole) return whole;
  if (alike(nodes) && familyOf(first) === "view") {
    const inner = stackedView(first, stack(column(nodes, 0)));
    if (inner) return inner;
  }
  return cat(
    nodes.map((x) => reshape(x, [1, ...x.shape])),
    0,
  );
}

/** Slices of one array that follow on each other: the array with that axis in two, seen from outside. */
function sliced(nodes: readonly Node[]): Node | null {
  if (!nodes.every((x) => x.op === "slice" && x.inputs[0] === nodes[0].inputs[0])) return null;
  const slices = nodes as Node<"slice">[];
  const [first] = slices;
  const { starts } = first.params;
  const axis = starts.findIndex((at, i) => slices[1].params.starts[i] !== at);
  const size = first.shape[axis];
  const follow = slices.every(
    ({ params, shape }, k) =>
      sameShape(shape, first.shape) &&
      params.starts.every((at, i) => params.steps[i] === 1 && at === starts[i] + (i === axis ? k * size : 0)),
  );
  if (axis < 0 || !follow) return null;
  const n = nodes.length;
  const run = slice(
    first.inputs[0],
    starts,
    first.shape.map((m, i) => (i === axis ? n * m : m)),
  );
  const apart = reshape(run, [...first.shape.slice(0, axis), n, size, ...first.shape.slice(axis + 1)]);
  const order = [axis, ...Array.from({ length: apart.shape.length }, (_, i) => i).filter((i) => i !== axis)];
  return simplifyNode(permute(simplifyNode(apart), order));
}
