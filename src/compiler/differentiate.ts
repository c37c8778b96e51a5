// The pass that makes gradient nodes plain: reverse mode over the graph of each loss, with the rows of gradients.ts. It runs after
// attention is recognised and before fused ops are spelled out, so that each fused op has one short row.

import { isFloat } from "../base/dtype.js";
import { like, sumTo } from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import { rewrite, substitute } from "../graph/rewrite.js";
import { GRADIENTS, sumContributions } from "./gradients.js";

type Row = (y: Node, g: Node, inputs: readonly Node[], part: (index: number) => Node | null) => (Node | null)[];

export function differentiate(roots: readonly Node[]): Node[] {
  let current = [...roots];
  // Innermost first: a gradient of a gradient waits until the inner one is plain.
  while (current.some((root) => root.hasGradient)) {
    const ready = topological(current, (n) => !n.hasGradient).filter(
      (n) => n.op === "gradient" && !n.inputs.some((i) => i.hasGradient),
    );
    const groups = new Map<string, Node[]>();
    for (const node of ready) {
      const key = `${node.inputs[0].id} ${node.inputs[2].id}`;
      const group = groups.get(key);
      if (group) group.push(node);
      else groups.set(key, [node]);
    }
    const plain = new Map<Node, Node>();
    for (const nodes of groups.values()) {
      const [loss, , seed] = nodes[0].inputs;
      const adjoints = reverse(
        loss,
        seed,
        nodes.map((n) => n.inputs[1]),
      );
      nodes.forEach((node, i) => plain.set(node, adjoints[i]));
    }
    current = substitute(current, (n) => plain.get(n));
  }
  return uniteParts(current);
}

/** What a row asks of a kernel is the result that was there: nodes made long after another are not the same by themselves. */
function uniteParts(roots: readonly Node[]): Node[] {
  const order = topological(roots);
  if (!order.some((n) => n.op === "part")) return [...roots];
  const first = new Map<string, Node>();
  const united = (node: Node) => {
    if (node.op !== "part") return node;
    const key = `${node.inputs[0].id} ${(node as Node<"part">).params.index}`;
    const known = first.get(key);
    if (!known) first.set(key, node);
    return known ?? node;
  };
  return rewrite(roots, united, order);
}

/** d loss / d target for each target, contracted with the seed. */
export function reverse(loss: Node, seed: Node, targets: readonly Node[]): Node[] {
  const order = topological([loss]);
  const leads = new Set<Node>(targets);
  for (const node of order)
    if (isFloat(node.dtype) && node.op !== "detach" && node.inputs.some((i) => leads.has(i))) leads.add(node);
  const contributions = new Map<Node, Node[]>([[loss, [seed]]]);
  const adjoint = new Map<Node, Node>();
  // Of kernels with several results: the gradient of each by its number.
  const ofParts = new Map<Node, Map<number, Node>>();
  for (const node of order.reverse()) {
    const parts = contributions.get(node);
    if (!leads.has(node) || !parts) continue;
    const g = parts.length > 0 ? sumContributions(node, parts) : like(node, 0);
    adjoint.set(node, g);
    if (!node.inputs.some((i) => leads.has(i))) continue;
    if (node.op === "part") {
      const [kernel] = node.inputs;
      ofParts.set(kernel, (ofParts.get(kernel) ?? new Map()).set((node as Node<"part">).params.index, g));
      contributions.set(kernel, contributions.get(kernel) ?? []);
      continue;
    }
    const part = (index: number) => ofParts.get(node)?.get(index) ?? null;
    const row = (GRADIENTS[node.op] as Row)(node, g, node.inputs, part);
    node.inputs.forEach((input, i) => {
      const share = row[i];
      if (!share || !leads.has(input) || !isFloat(input.dtype)) return;
      const list = contributions.get(input);
      const fitted = sumTo(share, input.shape);
      if (list) list.push(fitted);
      else contributions.set(input, [fitted]);
    });
  }
  return targets.map((target) => adjoint.get(target) ?? like(target, 0));
}
