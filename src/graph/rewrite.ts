// The one engine of graph-to-graph passes: walk the nodes from inputs to users, give each its new inputs, and let a rule replace it.

import { type Node, topological, withInputs } from "./node.js";

/** Maps old nodes to new ones, in topological order; a rule sees a node whose inputs are already rewritten and returns it or its replacement. */
export function rewrite(
  roots: readonly Node[],
  rule: (node: Node, before: Node) => Node,
  order: readonly Node[] = topological(roots),
): Node[] {
  const done = new Map<Node, Node>();
  for (const node of order) {
    done.set(node, rule(mapped(node, done), node));
  }
  return roots.map((root) => done.get(root) as Node);
}

/** The node on what its inputs have become; most stay as they are. */
function mapped(node: Node, done: ReadonlyMap<Node, Node>): Node {
  for (const input of node.inputs) {
    if (done.get(input) === input) continue;
    return withInputs(
      node,
      node.inputs.map((i) => done.get(i) as Node),
    );
  }
  return node;
}

/** The graph without the nodes that matter to gradients alone: each is its input. */
export function withoutCuts(roots: readonly Node[], order: readonly Node[] = topological(roots)): readonly Node[] {
  return order.some((n) => uncut(n) !== n) ? rewrite(roots, uncut, order) : roots;
}

/** What a detach or an alias stands for; any other node itself. */
export function uncut(node: Node): Node {
  return node.op === "detach" || node.op === "alias" ? node.inputs[0] : node;
}

/** Replaces certain nodes by others; what only the replaced ones needed is gone. */
export function substitute(roots: readonly Node[], replacement: (node: Node) => Node | undefined): Node[] {
  const done = new Map<Node, Node>();
  for (const node of topological(roots, (n) => replacement(n) !== undefined)) {
    done.set(node, replacement(node) ?? mapped(node, done));
  }
  return roots.map((root) => done.get(root) as Node);
}
