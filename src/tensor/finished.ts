// Which op nodes have numbers already, and the leaves that hold them.

import { makeLeafFor, type Node } from "../graph/node.js";
import type { Value } from "./value.js";

const finished = new WeakMap<Node, Node>();

/** The leaf with the numbers of a node; undefined while they are pending. */
export function finishedLeaf(node: Node): Node | undefined {
  return node.op === "leaf" ? node : finished.get(node);
}

/** The same for op nodes alone: a leaf needs no other. */
export function knownLeaf(node: Node): Node | undefined {
  return finished.get(node);
}

/** From now on the numbers of `node` are those of `value`. */
export function finish(node: Node, value: Value): void {
  finished.set(node, makeLeafFor(node, value));
}
