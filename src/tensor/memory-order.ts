// The order in which PyTorch would keep the elements of a result. Heed stores results where its plans put them, but PyTorch draws the noise
// of dropout in the order of memory, and there a transposed tensor, and what is computed from it element by element, stays transposed.
// What was asked for before (printed, read) counts as contiguous. (torch: c10/core/TensorImpl, ATen/ExpandUtils.cpp, ATen/TensorIterator.cpp)

import { contiguousStrides, expandView, permuteView, reshapeView, type Shape, sliceView } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";

type Strides = readonly number[];
const known = new WeakMap<Node, Strides>();

/** The axes of a result from the outermost in PyTorch's memory to the innermost; null where that is their own order. */
export function memoryOrder(node: Node): number[] | null {
  const axes = outermostFirst(node.shape, [stridesOf(node)]);
  const wide = axes.filter((axis) => node.shape[axis] !== 1);
  return wide.every((axis, i) => i === 0 || axis > wide[i - 1]) ? null : axes;
}

/** The strides PyTorch's tensor would have. Not recursive: a chain of operations may be longer than the stack is deep. */
function stridesOf(node: Node): Strides {
  const path = [node];
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const missing = known.has(top) ? [] : followed(top).filter((input) => !known.has(input));
    if (missing.length > 0) path.push(...missing);
    else {
      path.pop();
      if (!known.has(top)) known.set(top, strides(top));
    }
  }
  return known.get(node) as Strides;
}

/** The inputs whose layout decides that of the result; none where it is contiguous in any case. */
function followed(node: Node): readonly Node[] {
  const elementwise = familyOf(node) === "scalar" || ["gelu", "silu", "detach", "alias"].includes(node.op);
  return elementwise || familyOf(node) === "view" ? node.inputs : [];
}

function strides(node: Node): Strides {
  const inputs = followed(node).map((input) => known.get(input) as Strides);
  if (inputs.length === 0) return contiguousStrides(node.shape);
  if (familyOf(node) === "view") return viewed(node, { shape: node.inputs[0].shape, strides: inputs[0], offset: 0 });
  const axes = outermostFirst(node.shape, inputs);
  const result = new Array<number>(axes.length);
  let stride = 1;
  for (const axis of axes.reverse()) {
    result[axis] = stride;
    stride *= node.shape[axis];
  }
  return result;
}

function viewed(node: Node, input: Parameters<typeof permuteView>[0]): Strides {
  const { op, params, shape } = node as Node<"permute" | "expand" | "slice" | "reshape">;
  switch (op) {
    case "permute":
      return permuteView(input, (params as Node<"permute">["params"]).dims).strides;
    case "expand":
      return expandView(input, shape).strides;
    case "slice": {
      const { starts, steps } = params as Node<"slice">["params"];
      return sliceView(input, starts, shape, steps.map(Math.abs)).strides; // torch has no negative steps: flip copies
    }
    default:
      return reshapeView(input, shape)?.strides ?? contiguousStrides(shape);
  }
}

/**
 * Axes by falling stride, as TensorIterator sorts them: an insertion sort that leaves axes where the inputs, asked one after another, do not
 * say otherwise; a stride of 0 says nothing.
 */
function outermostFirst(shape: Shape, inputs: readonly Strides[]): number[] {
  const axes = shape.map((_, i) => shape.length - 1 - i); // innermost first
  for (let i = 1; i < axes.length; i++) {
    for (let at = i, before = i - 1; before >= 0; before--) {
      const order = compare(axes[before], axes[at], shape, inputs);
      if (order < 0) break;
      if (order === 0) continue;
      [axes[before], axes[at]] = [axes[at], axes[before]];
      at = before;
    }
  }
  return axes.reverse();
}

function compare(a: number, b: number, shape: Shape, inputs: readonly Strides[]): number {
  for (const strides of inputs) {
    if (strides[a] === 0 || strides[b] === 0) continue;
    if (strides[a] !== strides[b]) return strides[a] - strides[b];
    if (shape[a] > shape[b]) return 1;
  }
  return 0;
}
