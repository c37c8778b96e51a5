// Algebra that never changes a number: constants are folded, views of views merge, and what is made of indices alone swallows its
// views, so that a causal mask is two comparisons in a register and never an array in memory.

import { roundTo } from "../base/round.js";
import { SCALARS } from "../base/scalar.js";
import { sameShape, swapsLastTwo } from "../base/shape.js";
import { add, constant, iota, matmul, mul, offset, permute, reshape, scale, transpose } from "../graph/build.js";
import { makeNode, type Node, topological } from "../graph/node.js";
import { isScalar, OPS } from "../graph/ops.js";
import { rewrite } from "../graph/rewrite.js";
import { reshapeOfExpand } from "./regroup.js";
import { chosenOfRows, normalizedExponential } from "./row-values.js";

export function simplify(roots: readonly Node[]): Node[] {
  const order = topological(roots);
  const users = countUsers(order, roots);
  return rewrite(roots, (node, before) => transposedProduct(simplifyNode(node), before, users), order);
}

/** How many inputs of other nodes, and roots, each node is. */
export function countUsers(order: readonly Node[], roots: readonly Node[]): Map<Node, number> {
  const users = new Map<Node, number>();
  for (const node of order) for (const input of node.inputs) users.set(input, (users.get(input) ?? 0) + 1);
  for (const root of roots) users.set(root, (users.get(root) ?? 0) + 1);
  return users;
}

/** (A B)ᵀ = Bᵀ Aᵀ where nothing else needs A B: the gradient of a weight comes out in the weight's own layout. */
function transposedProduct(node: Node, before: Node, users: ReadonlyMap<Node, number>): Node {
  if (node.op !== "permute" || node.inputs[0].op !== "matmul" || users.get(before.inputs[0]) !== 1) return node;
  const swaps = swapsLastTwo((node as Node<"permute">).params.dims);
  const [a, b] = node.inputs[0].inputs;
  return swaps ? matmul(simplifyNode(transpose(b)), simplifyNode(transpose(a))) : node;
}

export function simplifyNode(node: Node): Node {
  let current = node;
  for (let i = 0; i < 16; i++) {
    const next = step(current);
    if (next === current) return current;
    current = next;
  }
  return current;
}

function step(node: Node): Node {
  if (OPS[node.op].family === "view") return simplifyView(node);
  if (node.op === "cast") return simplifyCast(node);
  if (isScalar(node.op)) return simplifyScalar(node);
  if (OPS[node.op].family === "reduce") return simplifyReduce(node as Node<"sum" | "max" | "min">);
  return node;
}

function constantOf(node: Node): number | null {
  return node.op === "constant" ? (node as Node<"constant">).params.value : null;
}

function simplifyCast(node: Node): Node {
  const [x] = node.inputs;
  if (x.dtype === node.dtype) return x;
  const value = constantOf(x);
  if (value !== null) return constant(roundTo(node.dtype, value), node.shape, node.dtype);
  return node;
}

function simplifyScalar(node: Node): Node {
  const name = node.op as keyof typeof SCALARS;
  const values = node.inputs.map(constantOf);
  if (values.every((v) => v !== null)) {
    const [a, b, c] = values as number[];
    return constant(roundTo(node.dtype, SCALARS[name].js(a, b, c)), node.shape, node.dtype);
  }
  const [x, y] = node.inputs;
  const [a, b] = values;
  switch (name) {
    case "add":
      // x + 0 is x but for -0, which nobody can see in a sum.
      return b === 0
        ? x
        : a === 0
          ? y
          : (scatterOnto(x, y) ?? scatterOnto(y, x) ?? chosenOfRows(x, y) ?? chosenOfRows(y, x) ?? node);
    case "exp":
      return normalizedExponential(x) ?? node;
    case "sub":
      return b === 0 ? x : node;
    case "mul":
      return b === 1 ? x : a === 1 ? y : node;
    case "div":
      if (b === 1) return x;
      // Division by a power of two is multiplication, to the bit.
      return b !== null && isPowerOfTwo(b) ? scale(x, 1 / b) : node;
    case "pow":
      return b === 1 ? x : b === 2 ? mul(x, x) : node;
    case "where":
      return a !== null ? node.inputs[a ? 1 : 2] : y === node.inputs[2] ? y : node;
    case "neg":
      return x.op === "neg" ? x.inputs[0] : node;
    default:
      return node;
  }
}

/** zeros with rows added, plus x, is x with the rows added: the gradient of a tied embedding. */
function scatterOnto(scattered: Node, x: Node): Node | null {
  if (scattered.op !== "scatterAdd" || constantOf(scattered.inputs[0]) !== 0) return null;
  const [, index, updates] = scattered.inputs;
  return makeNode(
    "scatterAdd",
    [x, index, updates],
    (scattered as Node<"scatterAdd">).params,
    scattered.shape,
    scattered.dtype,
  );
}

function isPowerOfTwo(x: number): boolean {
  const exponent = Math.log2(Math.abs(x));
  return Number.isInteger(exponent) && Math.abs(exponent) < 120;
}

function simplifyReduce(node: Node<"sum" | "max" | "min">): Node {
  const [x] = node.inputs;
  const dims = node.params.dims.filter((d) => x.shape[d] !== 1);
  if (dims.length === 0) return x;
  return dims.length < node.params.dims.length ? makeNode(node.op, [x], { dims }, node.shape, node.dtype) : node;
}

function simplifyView(node: Node): Node {
  const [x] = node.inputs;
  if (sameShape(node.shape, x.shape) && (node.op === "reshape" || node.op === "expand")) return x;
  if (x.op === "constant") return constant((x as Node<"constant">).params.value, node.shape, node.dtype);
  if (node.op === "reshape" && x.op === "reshape") return reshape(x.inputs[0], node.shape);
  if (node.op === "reshape" && x.op === "expand") return reshapeOfExpand(x, node.shape) ?? node;
  if (node.op === "expand" && x.op === "expand") return makeNode("expand", [x.inputs[0]], {}, node.shape, node.dtype);
  if (node.op === "permute" && x.op === "permute") {
    const inner = (x as Node<"permute">).params.dims;
    return permute(
      x.inputs[0],
      (node as Node<"permute">).params.dims.map((d) => inner[d]),
    );
  }
  if (x.op === "iota") return viewOfIota(node, x as Node<"iota">) ?? node;
  if (isScalar(x.op) && isFree(x)) return pushDown(node, x);
  return node;
}

/** True for what is made of constants and indices alone, and is small enough to be computed again wherever it is needed. */
export function isFree(node: Node, budget = 12): boolean {
  let left = budget;
  const visit = (n: Node): boolean => {
    if (OPS[n.op].family === "index") return true;
    return (isScalar(n.op) || n.op === "cast") && --left >= 0 && n.inputs.every(visit);
  };
  return visit(node);
}

/** A view of an elementwise function of indices is the function of the views. */
function pushDown(view: Node, x: Node): Node {
  const inputs = x.inputs.map((input) =>
    simplifyNode(makeNode(view.op, [input], view.params, view.shape, input.dtype)),
  );
  return simplifyNode(makeNode(x.op, inputs, x.params, view.shape, x.dtype));
}

function viewOfIota(view: Node, x: Node<"iota">): Node | null {
  const { dim } = x.params;
  if (x.shape[dim] === 1) return constant(0, view.shape, "i32");
  switch (view.op) {
    case "expand":
      return iota(view.shape, dim);
    case "permute":
      return iota(view.shape, (view as Node<"permute">).params.dims.indexOf(dim));
    case "slice": {
      const { starts, steps } = (view as Node<"slice">).params;
      const along = iota(view.shape, dim);
      return offset(steps[dim] === 1 ? along : scale(along, steps[dim]), starts[dim]);
    }
    case "windows": {
      const { dim: through, step, dilation } = (view as Node<"windows">).params;
      const along = iota(view.shape, dim);
      if (through !== dim) return along;
      return add(scale(along, step), scale(iota(view.shape, view.shape.length - 1), dilation));
    }
    default:
      return reshapeOfIota(view, x);
  }
}

/** A reshape that keeps the axis whole or takes it apart, and regroups what stands before and after it. */
function reshapeOfIota(view: Node, x: Node<"iota">): Node | null {
  const product = (list: readonly number[]) => list.reduce((p, n) => p * n, 1);
  const before = product(x.shape.slice(0, x.params.dim));
  const size = x.shape[x.params.dim];
  for (let i = 0; i < view.shape.length; i++) {
    if (product(view.shape.slice(0, i)) !== before || view.shape[i] === 1) continue;
    let end = i + 1;
    while (end < view.shape.length && product(view.shape.slice(i, end)) < size) end++;
    if (product(view.shape.slice(i, end)) !== size) return null;
    // The index is that of the pieces, each times what follows it.
    return Array.from({ length: end - i }, (_, k) => {
      const step = product(view.shape.slice(i + k + 1, end));
      return step === 1 ? iota(view.shape, i + k) : scale(iota(view.shape, i + k), step);
    }).reduce(add);
  }
  return null;
}
