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
  /** All but the inputs, as text: nodes of the same text and inputs are one. */
  readonly text: string;
}

let lastId = 0;
/** Every other number: the one behind a node's is for the leaf that will hold its numbers. */
function nextId(): number {
  lastId += 2;
  return lastId;
}

const NO_INPUTS: readonly Node[] = Object.freeze([]);
const NO_PARAMS: OpParams["leaf"] = Object.freeze({});

// The table holds its nodes for a while and no longer. Weak references would be the natural choice, but each keeps what it points at until
// the running JavaScript returns to the event loop: a loop without `await` would never let go of a single result.
const GENERATION = 16384;
let young = new Map<string, Node>();
let old = new Map<string, Node>();

/** Nodes made from now on are shared among themselves only. Called when numbers have been computed, so that nobody holds them in vain. */
export function forgetNodes(): void {
  young.clear();
  old.clear();
}

function remember(key: string, node: Node): void {
  if (young.size >= GENERATION) [young, old] = [new Map(), young];
  young.set(key, node);
}

/** Freezing takes longer than the rest of making a leaf, and every result of a compiled function is one: here the types must do. */
class Leaf implements Node<"leaf"> {
  readonly op = "leaf";
  readonly inputs = NO_INPUTS;
  readonly params = NO_PARAMS;
  readonly hasGradient = false;
  readonly text = "";

  constructor(
    readonly id: number,
    readonly source: object,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
}

/** A leaf is always new: its identity is its source. */
export function makeLeaf(source: object, shape: Shape, dtype: DType): Node<"leaf"> {
  return new Leaf(nextId(), source, shape, dtype);
}

/** The leaf with the numbers of `node`. Its id is between those of the node and of all that reads it, so that these may read the leaf instead. */
export function makeLeafFor(node: Node, source: object): Node<"leaf"> {
  return new Leaf(node.id + 1, source, node.shape, node.dtype);
}

/** The node of this meaning: the one that was made already, if it is remembered, or a new one. `text` is the meaning without the inputs. */
export function makeNode<O extends OpName>(
  op: O,
  inputs: readonly Node[],
  params: OpParams[O],
  shape: Shape,
  dtype: DType,
  text = `${op} ${dtype} ${shape.join()} ${paramsKey(params)}`,
): Node<O> {
  let key = text;
  for (const input of inputs) key += ` ${input.id}`;
  const before = young.get(key) ?? old.get(key);
  if (before) return before as Node<O>;
  const node: Node<O> = Object.freeze({
    id: nextId(),
    op,
    inputs,
    params,
    shape,
    dtype,
    source: null,
    hasGradient: op === "gradient" || inputs.some((i) => i.hasGradient),
    text,
  });
  remember(key, node);
  return node;
}

/** The same operation on other inputs of the same shapes and dtypes. */
export function withInputs(node: Node, inputs: readonly Node[]): Node {
  const before = node.inputs;
  let same = true;
  for (let i = 0; i < inputs.length; i++) if (inputs[i] !== before[i]) same = false;
  if (same) return node;
  return makeNode(node.op, inputs, node.params, node.shape, node.dtype, node.text);
}

/** Lets a node that is not remembered any more read other numbers of the same meaning: those of the leaf that holds them. */
export function readInstead(node: Node, at: number, leaf: Node): void {
  (node.inputs as Node[])[at] = leaf;
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
  return ascending(seen);
}

/** Sorted as numbers, which takes a third of the time of comparing nodes; each number also says which node it is of. */
function ascending(seen: ReadonlySet<Node>): Node[] {
  const nodes = [...seen];
  const count = nodes.length;
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = nodes[i].id * count + i;
  keys.sort();
  const sorted = new Array<Node>(count);
  for (let i = 0; i < count; i++) sorted[i] = nodes[keys[i] - Math.floor(keys[i] / count) * count];
  return sorted;
}
