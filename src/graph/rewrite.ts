// The one engine of graph-to-graph passes: walk the nodes from inputs to users, give each its new inputs, and let a rule replace it.

import { type Node, topological, withInputs } from "./node.js";

/** Maps old nodes to new ones; a rule sees a node whose inputs are already rewritten and returns it or its replacement. */
export function rewrite(roots: readonly Node[], rule: (node: Node, before: Node) => Node): Node[] {
  const done = new Map<Node, Node>();
  for (const node of topological(roots)) {
    done.set(
      node,
      rule(
        withInputs(
          node,
          node.inputs.map((i) => done.get(i) as Node),
        ),
        node,
      ),
    );
  }
  return roots.map((root) => done.get(root) as Node);
}

/** The graph without the nodes that matter to gradients alone: each is its input. */
export function withoutCuts(roots: readonly Node[]): Node[] {
  return rewrite(roots, uncut);
}

/** What a detach or an alias stands for; any other node itself. */
export function uncut(node: Node): Node {
  return node.op === "detach" || node.op === "alias" ? node.inputs[0] : node;
}

/** Replaces certain nodes by others; what only the replaced ones needed is gone. */
export function substitute(roots: readonly Node[], replacement: (node: Node) => Node | undefined): Node[] {
  const done = new Map<Node, Node>();
  for (const node of topological(roots, (n) => replacement(n) !== undefined)) {
    const other = replacement(node);
    done.set(
      node,
      other ??
        withInputs(
          node,
          node.inputs.map((i) => done.get(i) as Node),
        ),
    );
  }
  return roots.map((root) => done.get(root) as Node);
}
