// Nodes: frozen, and hash-consed, so that two expressions with the same meaning are one object and are computed once. Node ids grow
// from inputs to users: ascending id is a topological order, and it is the order in which the author wrote things down.

import type { DType } from "../base/dtype.js";
import type { Shape } from "../base/shape.js";
import type { OpName, OpParams } from "./ops.js";

export interface Node<O extends OpName = OpName> {
  readonly id: number;
  readonly op: O;
  readonly inputs: readonly Node[];
  readonly params: OpParams[O];
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whose numbers a leaf stands for; null for every other op. The graph does not look inside. */
  readonly source: object | null;
  /** True where a gradient node is at or below this one: then compiling needs the graph behind finished values too. */
  readonly hasGradient: boolean;
}

let nextId = 1;
const interned = new Map<string, WeakRef<Node>>();
let sweepAt = 4096;

/** Forgets nodes that nobody holds any more, each time the table has doubled. */
function sweep(): void {
  for (const [key, reference] of interned) if (!reference.deref()) interned.delete(key);
  sweepAt = Math.max(4096, 2 * interned.size);
}

/** A leaf is always new: its identity is its source. */
export function makeLeaf(source: object, shape: Shape, dtype: DType): Node<"leaf"> {
  return Object.freeze({ id: nextId++, op: "leaf", inputs: [], params: {}, shape, dtype, source, hasGradient: false });
}

/** The node of this meaning: the one that is already there, or a new one. */
export function makeNode<O extends OpName>(
  op: O,
  inputs: readonly Node[],
  params: OpParams[O],
  shape: Shape,
  dtype: DType,
): Node<O> {
  let key = `${op} ${dtype} ${shape.join()} ${paramsKey(params)}`;
  for (const input of inputs) key += ` ${input.id}`;
  const known = interned.get(key)?.deref();
  if (known) return known as Node<O>;
  const node: Node<O> = Object.freeze({
    id: nextId++,
    op,
    inputs,
    params,
    shape,
    dtype,
    source: null,
    hasGradient: op === "gradient" || inputs.some((i) => i.hasGradient),
  });
  interned.set(key, new WeakRef(node));
  if (interned.size >= sweepAt) sweep();
  return node;
}

/** The same operation on other inputs of the same shapes and dtypes. */
export function withInputs(node: Node, inputs: readonly Node[]): Node {
  if (inputs.every((input, i) => input === node.inputs[i])) return node;
  return makeNode(node.op, inputs, node.params, node.shape, node.dtype);
}

/** Parameters as text; -0 and 0, NaN and Infinity stay apart, which JSON would confuse. */
export function paramsKey(params: object): string {
  let key = "";
  for (const name in params) {
    const value = (params as Record<string, unknown>)[name];
    key += `${name}=${Object.is(value, -0) ? "-0" : String(value)};`;
  }
  return key;
}

/** Every node that the roots need, in topological order (ascending id). `stop` says where not to look further. */
export function topological(roots: Iterable<Node>, stop?: (node: Node) => boolean): Node[] {
  const seen = new Set<Node>();
  const stack = [...roots];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    seen.add(node);
    if (stop?.(node)) continue;
    for (const input of node.inputs) if (!seen.has(input)) stack.push(input);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
