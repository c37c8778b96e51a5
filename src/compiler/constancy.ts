// Along which axes an array is the same everywhere.

import { constant, expand, iota, permute } from "../graph/build.js";
import { makeNode, type Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";

const MOST_NODES = 200;

/** The node with size 1 along an axis along which it does not vary, as far as its making tells; null where it may. */
export function once(node: Node, axis: number, done: Map<string, Node | null> = new Map()): Node | null {
  if (node.shape[axis] === 1) return node;
  const key = `${node.id} ${axis}`;
  const known = done.get(key);
  if (known !== undefined || done.size > MOST_NODES) return known ?? null;
  done.set(key, null);
  const result = made(node, axis, done);
  done.set(key, result);
  return result;
}

function made(node: Node, axis: number, done: Map<string, Node | null>): Node | null {
  const shape = node.shape.map((n, i) => (i === axis ? 1 : n));
  switch (node.op) {
    case "constant":
      return constant((node as Node<"constant">).params.value, shape, node.dtype);
    case "iota": {
      const { dim } = (node as Node<"iota">).params;
      return dim === axis ? null : iota(shape, dim);
    }
    case "expand": {
      const inner = once(node.inputs[0], axis, done);
      return inner && expand(inner, shape);
    }
    case "permute": {
      const { dims } = (node as Node<"permute">).params;
      const inner = once(node.inputs[0], dims[axis], done);
      return inner && permute(inner, dims);
    }
  }
  if (familyOf(node) !== "scalar") return null;
  const inputs: Node[] = [];
  for (const input of node.inputs) {
    const inner = once(input, axis, done);
    if (!inner) return null;
    inputs.push(inner);
  }
  return makeNode(node.op, inputs, node.params, shape, node.dtype);
}
