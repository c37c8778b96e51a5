// Ops that only look at memory in another way, and how each does.

import { expandView, permuteView, reshapeView, sliceView, type View, windowsView } from "../base/shape.js";
import type { Node } from "./node.js";
import type { OpOf } from "./ops.js";

type ViewOp = OpOf<"view">;

const VIEWS: { readonly [O in ViewOp]: (node: Node<O>, inner: View) => View | null } = {
  reshape: ({ shape }, inner) => reshapeView(inner, shape),
  permute: ({ params }, inner) => permuteView(inner, params.dims),
  expand: ({ shape }, inner) => expandView(inner, shape),
  slice: ({ params, shape }, inner) => sliceView(inner, params.starts, shape, params.steps),
  windows: ({ params }, inner) => windowsView(inner, params.dim, params.size, params.step, params.dilation),
};

/** What a node of the view family shows of memory that its input sees through `inner`; null where no strides can say it. */
export function viewThrough(node: Node, inner: View): View | null {
  return (VIEWS[node.op as ViewOp] as (node: Node, inner: View) => View | null)(node, inner);
}
