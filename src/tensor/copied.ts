// Numbers that are there already, in other places: rows of a data set, the tokens of a batch, one element of a result. Few of them are copied
// here and now. A program would copy them as well, but where a slice begins is part of a program, so that each needs one of its own; making
// it takes a thousand times as long as the copy.

import type { TypedArray } from "../base/dtype.js";
import { contiguousStrides, contiguousView, type Shape, sizeOf, type View } from "../base/shape.js";
import type { Executor } from "../executors/executor.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { viewThrough } from "../graph/views.js";
import { finishedLeaf } from "./finished.js";
import { leafValue, Value } from "./value.js";

/** Elements that one thread copies at once; more are left to a program. */
const MOST_COPIED = 2 ** 16;
/** Neighbours that are worth copying together. */
const LONG_RUN = 16;

interface Source {
  readonly data: TypedArray;
  readonly view: View;
}

/** The numbers of a node that are there already, in memory of their own; null where something must be computed, or much copied. */
export function copied(node: Node, on: Executor): Value | null {
  if (node.op === "leaf" || sizeOf(node.shape) > MOST_COPIED) return null;
  const under = onlyCopies(node);
  if (!under) return null;
  // Each node once, from the numbers on: a chain may be long, and may read its own middle twice at every link.
  const sources = new Map<Node, Source>();
  for (const n of under) {
    const source = sourceOf(n, sources, on);
    if (!source) return null;
    sources.set(n, source);
  }
  const memory = on.allocate(node.dtype, sizeOf(node.shape));
  copy(sources.get(node) as Source, memory.data, contiguousView(node.shape));
  return new Value(node.dtype, node.shape, memory, on);
}

/** What the node is copied from and by way of, in topological order; null where something is to be computed, or too much put together. */
function onlyCopies(node: Node): Node[] | null {
  let only = true;
  let joined = 0;
  const under = topological([node], (n) => {
    if (finishedLeaf(n)) return true;
    if (n.op === "cat") joined += sizeOf(n.shape);
    only &&= isCopy(n) && joined <= MOST_COPIED;
    return !only;
  });
  return only ? under : null;
}

const isCopy = (node: Node) => familyOf(node) === "view" || ["detach", "alias", "cat"].includes(node.op);

/** Where the numbers of a node lie, given where those of its inputs do; null where no view shows them. */
function sourceOf(node: Node, sources: ReadonlyMap<Node, Source>, on: Executor): Source | null {
  const leaf = finishedLeaf(node);
  if (leaf) return { data: leafValue(leaf).memoryFor(on).data, view: contiguousView(node.shape) };
  const from = node.inputs.map((input) => sources.get(input) as Source);
  if (node.op === "cat") return joined(node as Node<"cat">, from, on);
  if (familyOf(node) !== "view") return from[0];
  const view = viewThrough(node, from[0].view);
  return view && { data: from[0].data, view };
}

function joined({ shape, dtype, params }: Node<"cat">, sources: readonly Source[], on: Executor): Source {
  const { data } = on.allocate(dtype, sizeOf(shape));
  const strides = contiguousStrides(shape);
  const { dim } = params;
  let offset = 0;
  for (const source of sources) {
    copy(source, data, { shape: source.view.shape, strides, offset });
    offset += source.view.shape[dim] * strides[dim];
  }
  return { data, view: contiguousView(shape) };
}

/** Copies element by element, neighbours together, into a view of the same shape. */
function copy({ data: from, view }: Source, to: TypedArray, { strides, offset }: View): void {
  const { shape } = view;
  const walk = (axis: number, source: number, target: number): void => {
    if (axis === shape.length) {
      to[target] = from[source];
      return;
    }
    const n = shape[axis];
    if (n >= LONG_RUN && runs(shape, axis, view.strides) && runs(shape, axis, strides)) {
      to.set(from.subarray(source, source + sizeOf(shape.slice(axis))), target);
      return;
    }
    for (let i = 0; i < n; i++) walk(axis + 1, source + i * view.strides[axis], target + i * strides[axis]);
  };
  if (sizeOf(shape) > 0) walk(0, view.offset, offset);
}

/** Whether all elements from `axis` on are neighbours. */
function runs(shape: Shape, axis: number, strides: readonly number[]): boolean {
  let size = 1;
  for (let i = shape.length - 1; i >= axis; i--) {
    if (shape[i] !== 1 && strides[i] !== size) return false;
    size *= shape[i];
  }
  return true;
}
