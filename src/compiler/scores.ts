// Scores: elementwise work on a product of queries and keys. Views in between are pushed away here, so that what remains can be computed
// element by element wherever a product lies, in memory or in a tile.

import { isFloat } from "../base/dtype.js";
import { define } from "../graph/definitions.js";
import { makeNode, type Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { sink } from "./sink.js";

/** The scores with every view between them and a product of queries and keys pushed away; null where there is no such product. */
export function settle(score: Node, opaque: (node: Node) => boolean): Node | null {
  const settling = new Settling(opaque);
  if (!settling.leads(score)) return null;
  const settled = settling.rebuild(score);
  return settling.lost || productsIn(settled).length === 0 ? null : settled;
}

class Settling {
  /** Something that a gradient is asked for would be gone. */
  lost = false;
  private readonly known = new Map<Node, boolean>();
  private readonly done = new Map<Node, Node>();

  constructor(private readonly opaque: (node: Node) => boolean) {}

  /** Whether elementwise work and views lead down to a product. */
  leads(node: Node, depth = 0): boolean {
    const known = this.known.get(node);
    if (known !== undefined) return known;
    const inner = depth < DEEPEST && (familyOf(node) === "view" || isElementwise(node));
    const result = isProduct(node) || (inner && node.inputs.map((x) => this.leads(x, depth + 1)).includes(true));
    this.known.set(node, result);
    return result;
  }

  rebuild(node: Node): Node {
    const known = this.done.get(node);
    if (known) return known;
    const result = this.make(node);
    this.done.set(node, result);
    return result;
  }

  private make(node: Node): Node {
    if (!this.leads(node) || isProduct(node)) return node;
    if (familyOf(node) === "view") return this.view(node);
    const inputs = node.inputs.map((x) => this.rebuild(x));
    const same = inputs.every((input, i) => input === node.inputs[i]);
    if (familyOf(node) !== "fused" && same) return node;
    this.lost ||= this.opaque(node);
    const made = makeNode(node.op, inputs, node.params, node.shape, node.dtype);
    return familyOf(node) === "fused" ? define(made) : made;
  }

  /** Views that follow on each other may cancel, so the outer one goes first; where that leads nowhere, the inner one. */
  private view(node: Node): Node {
    const [x] = node.inputs;
    const outer = sink(node, x);
    if (outer && familyOf(outer) !== "view") return this.replaced(node, this.rebuild(outer));
    const inner = this.rebuild(x);
    const pushed = inner === x ? null : sink(node, inner);
    return pushed && familyOf(pushed) !== "view" ? this.replaced(node, this.rebuild(pushed)) : node;
  }

  private replaced(view: Node, by: Node): Node {
    this.lost ||= conceals(view, this.opaque);
    return by;
  }
}

/** Work longer than this between a product and a softmax is nobody's attention. */
const DEEPEST = 300;

/** Whether something that a gradient is asked for lies between the node and the products under it, those included. */
export function conceals(node: Node, opaque: (node: Node) => boolean): boolean {
  const seen = new Set<Node>();
  const stack = [node];
  while (stack.length > 0) {
    const n = stack.pop() as Node;
    if (seen.has(n) || n.op === "leaf" || n.op === "alias") continue;
    seen.add(n);
    if (opaque(n)) return true;
    if (familyOf(n) === "view" || isElementwise(n)) stack.push(...n.inputs);
  }
  return false;
}

/** Fused ops of one number each: spelled out where they stand between product and softmax. */
const POINTWISE: ReadonlySet<Node["op"]> = new Set(["gelu", "silu"]);

function isElementwise(node: Node): boolean {
  return familyOf(node) === "scalar" || node.op === "detach" || POINTWISE.has(node.op);
}

function isProduct(node: Node): boolean {
  return node.op === "matmul" && isFloat(node.dtype);
}

/** The products of the scores' own shape, reached through elementwise work alone. */
export function productsIn(score: Node): Node[] {
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [score];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    seen.add(node);
    if (isProduct(node)) found.add(node);
    else if (isElementwise(node)) stack.push(...node.inputs);
  }
  return [...found].sort((a, b) => a.id - b.id);
}
