// Views pushed through elementwise work and products down to where numbers lie: a transposed sum is the sum of the transposed, a slice of
// A B is a slice of A times a slice of B. Attention is recognised on graphs whose scores are free of views.

import { type Shape, sameShape } from "../base/shape.js";
import { expand, permute, reshape, slice, transpose } from "../graph/build.js";
import { makeNode, type Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { regroup, reshapeOfExpand } from "./regroup.js";
import { simplifyNode } from "./simplify.js";

/** The view `view` of x, which has the shape of the view's own input. */
export function applyView(view: Node, x: Node): Node {
  return simplifyNode(makeNode(view.op, [x], view.params, view.shape, x.dtype));
}

/** The same with the view pushed inwards as far as it goes; null where it would have to cross a product in a way that products do not have. */
export function sink(view: Node, x: Node, done: Map<Node, Node | null> = new Map()): Node | null {
  const known = done.get(x);
  if (known !== undefined) return known;
  const result = pushed(view, x, done);
  done.set(x, result);
  return result;
}

function pushed(view: Node, x: Node, done: Map<Node, Node | null>): Node | null {
  // Windows read their elements several times over: below them work would be done as often.
  if (view.op === "windows") return applyView(view, x);
  switch (familyOf(x)) {
    case "scalar": {
      const inputs = x.inputs.map((input) => sink(view, input, done));
      return inputs.includes(null) ? null : makeNode(x.op, inputs as Node[], x.params, view.shape, x.dtype);
    }
    case "view":
      return x.op === "expand" ? throughExpand(view, x) : applyView(view, x);
    case "kernel":
      return x.op === "matmul" ? throughProduct(view, x) : applyView(view, x);
    case "reduce":
      return view.op === "slice"
        ? sliceOfRows(view as Node<"slice">, x, (x as Node<"sum">).params.dims)
        : applyView(view, x);
    case "fused":
      return view.op === "slice" && (x.op === "softmax" || x.op === "logSoftmax")
        ? sliceOfRows(view as Node<"slice">, x, [(x as Node<"softmax">).params.dim])
        : applyView(view, x);
    default:
      return applyView(view, x);
  }
}

/** A slice of what works along some axes: the same work on the rows that are left, and of those axes what is wanted afterwards. */
function sliceOfRows(view: Node<"slice">, x: Node, axes: readonly number[]): Node | null {
  const { starts, steps } = view.params;
  const [y] = x.inputs;
  const own = <N>(list: readonly N[], whole: (axis: number) => N) =>
    list.map((n, i) => (axes.includes(i) ? whole(i) : n));
  const begins = own(starts, () => 0);
  const strides = own(steps, () => 1);
  const rows = slice(
    y,
    begins,
    own(view.shape, (i) => y.shape[i]),
    strides,
  );
  const inner = rows === y ? y : sink(rows, y);
  if (!inner) return null;
  const shape = own(view.shape, (i) => x.shape[i]);
  const made = makeNode(x.op, [inner], x.params, shape, x.dtype);
  if (axes.every((d) => view.shape[d] === x.shape[d] && starts[d] === 0 && steps[d] === 1)) return made;
  const only = <N>(list: readonly N[], none: N) => list.map((n, i) => (axes.includes(i) ? n : none));
  return slice(made, only(starts, 0), view.shape, only(steps, 1));
}

/** Elementwise work under one view or several, with the views pushed below it; null where there is other work under them. */
export function surface(view: Node): Node | null {
  const [x] = view.inputs;
  const inner = familyOf(x) === "view" ? surface(x) : x;
  const under = inner && familyOf(inner) === "scalar" ? sink(view, inner) : null;
  return under && familyOf(under) === "scalar" ? under : null;
}

/** A product of matrices of equal batch shapes, as it stands: the builder would make one tall product of a shared right side. */
export function product(a: Node, b: Node): Node {
  return makeNode("matmul", [a, b], {}, [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]], a.dtype);
}

function throughProduct(view: Node, x: Node): Node | null {
  const [a, b] = x.inputs;
  const rank = x.shape.length;
  const [m, n] = x.shape.slice(-2);
  const k = a.shape[rank - 1];
  const target = view.shape;
  const batch = target.slice(0, -2);
  switch (view.op) {
    case "permute": {
      const { dims } = (view as Node<"permute">).params;
      const [i, j] = dims.slice(-2);
      const outer = dims.slice(0, -2);
      if (j === rank - 1 && i < rank - 2) return rowsAsBatch(a, b, dims, target);
      if (Math.min(i, j) !== rank - 2) return null;
      const [left, right] = [a, b].map((side) => simplifyNode(permute(side, [...outer, rank - 2, rank - 1])));
      return i < j ? product(left, right) : product(simplifyNode(transpose(right)), simplifyNode(transpose(left)));
    }
    case "reshape":
      return reshapeProduct(a, b, target);
    case "expand":
      if (target.length !== rank || target[rank - 2] !== m || target[rank - 1] !== n) return null;
      return product(simplifyNode(expand(a, [...batch, m, k])), simplifyNode(expand(b, [...batch, k, n])));
    default: {
      const { starts, steps } = (view as Node<"slice">).params;
      const rows = slice(a, [...starts.slice(0, -1), 0], [...target.slice(0, -1), k], [...steps.slice(0, -1), 1]);
      const last = rank - 1;
      const columns = slice(
        b,
        [...starts.slice(0, -2), 0, starts[last]],
        [...batch, k, target[last]],
        [...steps.slice(0, -2), 1, steps[last]],
      );
      return product(simplifyNode(rows), simplifyNode(columns));
    }
  }
}

/** Rows change places with a batch axis along which the right side is the same. */
function rowsAsBatch(a: Node, b: Node, dims: readonly number[], target: Shape): Node | null {
  const rank = dims.length;
  const axis = dims[rank - 2];
  const [shared] = b.inputs;
  if (b.op !== "expand" || shared.shape.length !== rank || shared.shape[axis] !== 1) return null;
  const [k, n] = b.shape.slice(-2);
  const turn = dims.map((d, i) => (i >= rank - 2 ? i : d === rank - 2 ? axis : d));
  const left = simplifyNode(permute(a, [...dims.slice(0, -1), rank - 1]));
  return product(left, simplifyNode(expand(simplifyNode(permute(shared, turn)), [...target.slice(0, -2), k, n])));
}

const tidyReshape = (x: Node, shape: Shape): Node => simplifyNode(reshape(x, shape));

/** A reshape of A B [batch..., M, N]: other batch axes, rows that become batches, or a single column that becomes a single row. */
function reshapeProduct(a: Node, b: Node, target: Shape): Node | null {
  const batch = target.slice(0, -2);
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  if (target.length < 2) return null;
  if (target.at(-1) === n && target.at(-2) === m)
    return product(tidyReshape(a, [...batch, m, k]), tidyReshape(b, [...batch, k, n]));
  const own = a.shape.slice(0, -2);
  const inner = target.slice(own.length);
  if (target.at(-1) === n && inner.length >= 2 && own.every((size, i) => size === target[i])) {
    const rows = tidyReshape(a, [...target.slice(0, -1), k]);
    const lone = new Array<number>(inner.length - 2).fill(1);
    return product(rows, simplifyNode(expand(tidyReshape(b, [...own, ...lone, k, n]), [...batch, k, n])));
  }
  if (n !== 1 || own.length > 0 || target.at(-2) !== 1) return null;
  const row = simplifyNode(expand(simplifyNode(transpose(b)), [...batch, 1, k]));
  return product(row, simplifyNode(transpose(tidyReshape(a, [...batch, target[target.length - 1], k]))));
}

/** A view of something repeated is the view of the thing, repeated. */
function throughExpand(view: Node, x: Node): Node | null {
  const [y] = x.inputs;
  switch (view.op) {
    case "permute": {
      const { dims } = (view as Node<"permute">).params;
      return repeat(sinkInto(permute(y, dims), y), view.shape);
    }
    case "expand":
      return repeat(y, view.shape);
    case "slice": {
      const { starts, steps } = (view as Node<"slice">).params;
      const own = (list: readonly number[], single: number) => list.map((n, i) => (y.shape[i] === 1 ? single : n));
      return repeat(sinkInto(slice(y, own(starts, 0), own(view.shape, 1), own(steps, 1)), y), view.shape);
    }
    default:
      return reshapeRepeated(x, y, view.shape);
  }
}

/** A view of y just made, pushed further. */
function sinkInto(view: Node, y: Node): Node | null {
  return view === y || familyOf(view) !== "view" ? view : sink(view, y);
}

function repeat(x: Node | null, shape: Shape): Node | null {
  if (x === null || sameShape(x.shape, shape)) return x;
  return simplifyNode(expand(x, shape));
}

/** Regrouping axes of which some are repeated: where a group holds both kinds, the repetition becomes real. */
function reshapeRepeated(x: Node, y: Node, shape: Shape): Node | null {
  const free = reshapeOfExpand(x, shape);
  if (free) return free;
  const groups = regroup(x.shape, shape);
  if (!groups) return applyView(reshape(x, shape), x);
  const mixed = groups.filter(
    (g) => g.old.some((i) => y.shape[i] !== x.shape[i]) && g.old.some((i) => y.shape[i] !== 1),
  );
  const inner = y.shape.map((n, i) => (mixed.some((g) => g.old.includes(i)) ? x.shape[i] : n));
  const spread = simplifyNode(expand(y, inner));
  const outer = shape.map((n, i) => {
    const group = groups.find((g) => g.now.includes(i));
    return group?.old.every((o) => inner[o] === 1) ? 1 : n;
  });
  return repeat(simplifyNode(reshape(spread, outer)), shape);
}
