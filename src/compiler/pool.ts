// The pass that moves sums inwards: of a product, the rows of its left side are summed before it is taken, sum_t (A B)_t = (sum_t A_t) B;
// where B is a product itself, the few rows that are left meet its left side first (reassociate.ts). So the mean over the tokens of a Linear
// layer costs one row of it, and attention that is pooled needs no values: its pattern's columns are summed, and weigh the tokens. Only what
// nothing else needs is moved. The pass runs before attention is recognised and gradients are made plain, so that those are short as well.

import { sizeOf } from "../base/shape.js";
import {
  add,
  constantValue,
  div,
  expand,
  like,
  matmul,
  mul,
  permute,
  reshape,
  scale,
  sub,
  sum,
  where,
} from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import { rewrite } from "../graph/rewrite.js";
import { once } from "./constancy.js";
import { fewRows } from "./reassociate.js";
import { sameAxis } from "./regroup.js";
import { countUsers, simplifyNode } from "./simplify.js";
import { product } from "./sink.js";
import { weightsOf } from "./weights.js";

const LEAST_COLUMNS = 8; // of a product worth moving a sum for
const MOST_NODES = 200; // between a sum and what is below it

export function poolEarly(roots: readonly Node[]): readonly Node[] {
  const order = topological(roots);
  if (!order.some((n) => n.op === "sum") || !order.some((n) => n.op === "matmul")) return roots;
  const users = countUsers(order, roots);
  const rule = (node: Node, before: Node) => {
    let left = MOST_NODES;
    const lone = (n: Node) => users.get(n) === 1 && --left >= 0;
    const result = (node.op === "sum" && pooled(node as Node<"sum">, lone)) || node;
    users.set(result, users.get(before) as number);
    return result;
  };
  return rewrite(roots, rule, order);
}

/** Work on each row of a product that sums may be moved across: what it does to rows, and with what. */
interface OfRows {
  readonly apply: (rows: Node, other: Node) => Node;
  readonly other: Node;
}

function pooled(node: Node<"sum">, lone: (node: Node) => boolean): Node | null {
  const { dims } = node.params;
  const [x] = node.inputs;
  return dims.length === 1 && sizeOf(x.shape) > 0 ? summed(x, dims[0], [], lone) : null;
}

/** The sum along `axis` of x after `work`, without x; null where x is needed whole, or nothing would be saved. */
function summed(x: Node, axis: number, work: readonly OfRows[], lone: (node: Node) => boolean): Node | null {
  if (x.dtype !== "f32" || !lone(x)) return null;
  const [a, b, c] = x.inputs;
  const onward = (y: Node, more: readonly OfRows[] = work, along = axis) => summed(y, along, more, lone);
  const moved = (view: (other: Node) => Node) => work.map((w) => ({ ...w, other: simplifyNode(view(w.other)) }));
  switch (x.op) {
    case "matmul":
      return ofProduct(x, axis, work, lone);
    case "permute": {
      const { dims } = (x as Node<"permute">).params;
      const back = dims.map((_, d) => dims.indexOf(d));
      const inner = onward(
        a,
        moved((other) => permute(other, back)),
        dims[axis],
      );
      return inner && simplifyNode(permute(inner, dims));
    }
    case "reshape": {
      const at = sameAxis(x.shape, axis, a.shape);
      if (at < 0) return a.op === "matmul" && lone(a) ? ofTallProduct(x, axis, work, lone) : null;
      const inner = onward(
        a,
        moved((other) => reshape(other, a.shape)),
        at,
      );
      return inner && simplifyNode(reshape(inner, x.shape.with(axis, 1)));
    }
    case "add":
    case "sub": {
      const [left, right] = [onward(a), onward(b)];
      if (!left && !right) return null;
      const both = [left ?? plainSum(a, axis, work), right ?? plainSum(b, axis, work)] as const;
      return x.op === "add" ? add(...both) : sub(...both);
    }
    case "mul":
      return times(a, b, mul) ?? times(b, a, mul);
    case "div":
      return times(a, b, div);
    case "where":
      if (constantValue(b) === 0) return onward(c, [...work, { other: a, apply: (y, m) => where(m, like(y, 0), y) }]);
      return constantValue(c) === 0
        ? onward(b, [...work, { other: a, apply: (y, m) => where(m, y, like(y, 0)) }])
        : null;
    default:
      return null;
  }

  function times(y: Node, factor: Node, apply: OfRows["apply"]): Node | null {
    const same = once(factor, axis);
    const inner = same ? onward(y) : onward(y, [...work, { other: factor, apply }]);
    return inner && same ? apply(inner, same) : inner;
  }
}

const worked = (x: Node, work: readonly OfRows[]): Node => work.reduceRight((y, w) => w.apply(y, w.other), x);

function plainSum(x: Node, axis: number, work: readonly OfRows[]): Node {
  const same = work.length === 0 && once(x, axis);
  return same ? scale(same, x.shape[axis]) : sum(worked(x, work), [axis]);
}

function ofProduct(x: Node, axis: number, work: readonly OfRows[], lone: (node: Node) => boolean): Node | null {
  const last = x.shape.length - 1;
  if (axis < last - 1) return null;
  const [a, b] = x.inputs;
  if (axis === last) {
    const right = ofSide(b, x, last - 1, axis, work, lone);
    return right && product(a, right);
  }
  const left = ofSide(a, x, last, axis, work, lone);
  return left && (fewRows(left, b, lone) ?? product(left, b));
}

/** A reshape [n..., N] of a product of all rows [R, K] · [K, N] at once: the sum along one of the axes that the rows are seen as. */
function ofTallProduct(x: Node, axis: number, work: readonly OfRows[], lone: (node: Node) => boolean): Node | null {
  const last = x.shape.length - 1;
  const [a, b] = x.inputs[0].inputs;
  if (x.inputs[0].shape.length !== 2 || axis === last || x.shape[last] !== b.shape[1]) return null;
  const rows = simplifyNode(reshape(a, [...x.shape.slice(0, -1), a.shape[1]]));
  const left = ofSide(rows, x, last, axis, work, (n) => lone(n) && lone(a));
  return left && matmul(left, b);
}

/** The sum along `axis` of one side of the product x, the work done on it there; `across` is the axis of x that the other side gives. */
function ofSide(
  side: Node,
  x: Node,
  across: number,
  axis: number,
  work: readonly OfRows[],
  lone: (node: Node) => boolean,
): Node | null {
  // A pattern that attention would not store is no larger here than what it mixes.
  const stored = sizeOf(side.shape) > sizeOf(x.shape) && weightsOf(side, () => false) !== null;
  if (x.shape[across] < LEAST_COLUMNS || stored) return null;
  const own: OfRows[] = [];
  for (const w of work) {
    const same = once(w.other, across);
    if (!same) return null;
    own.push({ ...w, other: expand(same, side.shape) });
  }
  return summed(side, axis, own, lone) ?? plainSum(side, axis, own);
}
