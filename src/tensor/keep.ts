// What an evaluation keeps besides what was asked for. A program forgets what it computed on the way, so an expression that goes on from
// there computes it again: once, but not each time. A node that is about to be computed anew for a reader that is newer than itself becomes
// an output of that program, and a leaf from then on; a state that is carried through a loop is never computed from its beginning. Kept
// numbers live as long as their nodes do, and readers let go of the graph behind them.

import { sizeOf } from "../base/shape.js";
import { type Node, readInstead, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { ownerOf } from "./backward.js";
import { knownLeaf } from "./finished.js";
import { memoryOrder } from "./memory-order.js";

/** How often a node was computed without being kept. */
const computed = new WeakMap<Node, number>();

const times = (node: Node): number => computed.get(node) ?? 0;

/** The instructions for each element that are repeated rather than kept. */
const MOST_REPEATED = 8;
/** What a product, a reduction and the like count as. */
const MUCH = 1000;
/** The nodes that are looked at to find out what an array is computed from. */
const FARTHEST = 64;
/** Elements of an array that is kept although it is larger by far than what it is computed from. */
const MODEST = 2 ** 20;
const LARGER_BY_FAR = 4;

/** What the nodes need that has no numbers yet, and the finished nodes that it reads, in topological order. */
export function pendingUnder(nodes: readonly Node[]): Node[] {
  return topological(nodes, (n) => knownLeaf(n) !== undefined);
}

/** The nodes among `pending` to keep when they are computed: those computed before that a newer one reads, or what stands for them. */
export function worthKeeping(pending: readonly Node[], wanted: readonly Node[]): Node[] {
  const kept = new Set<Node>();
  const asked = new Set<Node>();
  for (const reader of pending) {
    if (knownLeaf(reader)) continue;
    const { op, inputs } = reader;
    for (let i = 0; i < inputs.length; i++) {
      // A gradient reads the seed alone; a part has its kernel run, whose own result is not an array.
      const reads = op === "gradient" ? i === 2 : op !== "part";
      const before = times(inputs[i]);
      if (reads && before > 0 && before > times(reader)) choose(inputs[i], asked, kept);
    }
  }
  for (const node of wanted) kept.delete(node);
  return [...kept];
}

/** Adds the node to `kept`, or in its place what it is quickly computed from again. */
function choose(node: Node, asked: Set<Node>, kept: Set<Node>): void {
  const stack = [node];
  for (let n = stack.pop(); n; n = stack.pop()) {
    if (asked.has(n) || n.op === "leaf" || knownLeaf(n)) continue;
    asked.add(n);
    const family = familyOf(n);
    if (family === "view" || family === "random" || n.op === "detach" || n.op === "alias") {
      stack.push(...n.inputs);
      continue;
    }
    const from = computedFrom(n);
    if (!from) kept.add(n);
    else if (from.pattern) stack.push(...from.bases);
    else if (from.work <= MOST_REPEATED && from.bases.every((b) => b.op === "leaf" || knownLeaf(b))) continue;
    else if (from.bases.length === 0 && from.work < MUCH) continue;
    else if (sizeOf(n.shape) > MODEST && sizeOf(n.shape) > LARGER_BY_FAR * total(from.bases)) stack.push(...from.bases);
    else kept.add(n);
  }
}

function total(nodes: Iterable<Node>): number {
  let sum = 0;
  for (const { shape } of nodes) sum += sizeOf(shape);
  return sum;
}

interface Origin {
  readonly bases: readonly Node[];
  readonly work: number;
  /** Whether a pattern is on the way: the bases are queries and keys then. */
  readonly pattern: boolean;
}

/** The arrays that a node is computed from element by element or row by row; null where that is the node itself, or far away. */
function computedFrom(node: Node): Origin | null {
  const bases: Node[] = [];
  let work = 0;
  let pattern = false;
  const seen = new Set<Node>([node]);
  const softened = new Set<Node>();
  for (const n of seen) {
    if (seen.size > FARTHEST) return null;
    const family = familyOf(n);
    const product = n.op === "matmul" && softened.has(n) && !n.inputs.some(isParameter);
    if (n.op === "leaf" || knownLeaf(n)) {
      bases.push(n);
      continue;
    }
    if (family === "scalar") work++;
    else if (family !== "view" && family !== "index" && family !== "random" && n.op !== "detach" && n.op !== "alias") {
      if (!product && !spreads(n)) {
        if (n === node) return null;
        bases.push(n);
        continue;
      }
      work += MUCH;
    }
    pattern ||= product;
    const soft = isSoftmax(n) || (softened.has(n) && n.op !== "matmul");
    for (const input of n.inputs) {
      seen.add(input);
      if (soft) softened.add(input);
    }
  }
  return { bases, work, pattern };
}

function isSoftmax({ op }: Node): boolean {
  return op === "softmax" || op === "logSoftmax";
}

/** Whether a node of much work is larger than what it reads, as scores are, or a softmax. */
function spreads(node: Node): boolean {
  return isSoftmax(node) || (node.op === "matmul" && sizeOf(node.shape) > total(node.inputs));
}

/** A parameter, or a view of one: a product with it is a layer, and its softmax is no pattern. */
function isParameter(node: Node): boolean {
  let n = node;
  while (familyOf(n) === "view" || n.op === "cast" || n.op === "detach") [n] = n.inputs;
  return n.op === "leaf" && ownerOf(n) !== undefined;
}

/** Notes what was computed without being kept. */
export function noteComputed(pending: readonly Node[]): void {
  for (const node of pending) if (node.op !== "leaf" && !knownLeaf(node)) computed.set(node, times(node) + 1);
}

/** Lets nodes that read finished ones read their leaves instead, so that the graph behind those can go: unless gradients may still walk it. */
export function letGoBehind(pending: readonly Node[]): void {
  const free = new Set<Node>();
  for (const reader of pending) {
    for (let i = 0; i < reader.inputs.length; i++) {
      const input = reader.inputs[i];
      const leaf = knownLeaf(input);
      // Gradients are asked of nodes, not of the leaves that hold their numbers; and a leaf is contiguous where noise is drawn.
      if (!leaf || reader.op === "gradient" || memoryOrder(input)) continue;
      if (reader.op === "detach" || !reachesTarget(input, free)) readInstead(reader, i, leaf);
    }
  }
}

/** Whether something that gradients may be asked of is behind the node; what is found to be free of it is added to `free`. */
function reachesTarget(node: Node, free: Set<Node>): boolean {
  const seen = new Set<Node>([node]);
  for (const n of seen) {
    if (n.op === "alias" || (n.op === "leaf" && ownerOf(n)?.requiresGrad)) return true;
    if (n.op !== "detach") for (const input of n.inputs) if (!free.has(input)) seen.add(input);
  }
  for (const n of seen) free.add(n);
  return false;
}
