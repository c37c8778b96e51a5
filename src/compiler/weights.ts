// What a matrix of attention weights is made of: the scores under the softmax, in whatever way the softmax is written, and what the
// weights are multiplied by afterwards. This file looks from the weights down to the scores; attention.ts looks on from there.

import { isFloat } from "../base/dtype.js";
import { cast, constantValue, detach, div, expand, like, mul, where } from "../graph/build.js";
import { makeNode, type Node, topological } from "../graph/node.js";
import { sameAxis } from "./regroup.js";
import { applyView, sink } from "./sink.js";
import { softmaxOf, withoutSink } from "./softmaxes.js";

export interface Weights {
  /** softmax along `axis` of this */
  readonly score: Node;
  readonly axis: number;
  /** times this */
  readonly factor: Node | null;
  /** a further score, of size 1 along the axis, that takes part in the softmax */
  readonly sink: Node | null;
  /** the node that holds the softmaxed numbers */
  readonly softmax: Node;
}

const MOST_STEPS = 200;

/** The parts of `node` as weights; null where it is something else. `opaque` says which nodes may not be looked through. */
export function weightsOf(
  node: Node,
  opaque: (node: Node) => boolean,
  done: Map<Node, Weights | null> = new Map(),
): Weights | null {
  const known = done.get(node);
  if (known !== undefined) return known;
  const result = partsOf(node, opaque, done);
  done.set(node, result);
  return result;
}

function partsOf(node: Node, opaque: (node: Node) => boolean, done: Map<Node, Weights | null>): Weights | null {
  // Work longer than that after a softmax is nobody's weights.
  if (opaque(node) || done.size > MOST_STEPS) return null;
  done.set(node, null);
  const plain = softmaxOf(node);
  if (plain && replaces(node, [plain.score, plain.sink], opaque)) return null;
  if (plain) return { ...plain, factor: null, softmax: node };
  const within = (x: Node) => weightsOf(x, opaque, done);
  const [a, b, c] = node.inputs;
  switch (node.op) {
    case "cast":
      return isFloat(node.dtype) && isFloat(a.dtype) ? within(a) : null;
    case "detach":
      return detached(within(a));
    case "mul":
      return times(within(a), b) ?? times(within(b), a);
    case "div":
      return times(within(a), div(like(b, 1), b));
    case "where":
      if (isZero(c)) return times(within(b), cast(a, "f32"));
      return isZero(b) ? times(within(c), where(a, like(c, 0), like(c, 1))) : null;
    case "slice":
      return besides(node, withoutSink(node as Node<"slice">, opaque), opaque) ?? viewed(node, within(a));
    case "permute":
    case "reshape":
    case "expand":
      return viewed(node, within(a));
    default:
      return null;
  }
}

/** The weights times a factor that does not come from the weights themselves. */
function times(weights: Weights | null, factor: Node): Weights | null {
  if (!weights || topological([factor]).includes(weights.softmax)) return null;
  return { ...weights, factor: weights.factor ? mul(weights.factor, factor) : factor };
}

/** Whether something that a gradient is asked for lies between the weights and the scores. */
function replaces(weights: Node, under: readonly (Node | null)[], opaque: (node: Node) => boolean): boolean {
  return topological([weights], (n) => under.includes(n)).some(
    (n) => !under.includes(n) && n.op !== "leaf" && n.op !== "alias" && opaque(n),
  );
}

function besides(node: Node, found: Omit<Weights, "factor"> | null, opaque: (node: Node) => boolean): Weights | null {
  return found && !replaces(node, [found.score, found.sink], opaque) ? { ...found, factor: null } : null;
}

function detached(weights: Weights | null): Weights | null {
  if (!weights) return null;
  const { score, factor, sink: beside } = weights;
  return { ...weights, score: detach(score), factor: factor && detach(factor), sink: beside && detach(beside) };
}

function isZero(node: Node): boolean {
  return constantValue(node) === 0;
}

function viewed(view: Node, weights: Weights | null): Weights | null {
  if (!weights) return null;
  const axis = axisThrough(view, weights.axis);
  if (axis < 0 || view.shape[axis] !== weights.score.shape[weights.axis]) return null;
  const score = sink(view, weights.score);
  const factor = weights.factor && (sink(view, weights.factor) ?? applyView(view, weights.factor));
  const beside = weights.sink && besideView(view, weights.sink, weights.score.shape, axis);
  return score && { ...weights, score, axis, factor, sink: beside };
}

/** Where an axis goes; -1 where the view takes it apart or leaves some of it out. */
function axisThrough(view: Node, axis: number): number {
  const [x] = view.inputs;
  const size = x.shape[axis];
  switch (view.op) {
    case "permute":
      return (view as Node<"permute">).params.dims.indexOf(axis);
    case "reshape":
      return sameAxis(x.shape, axis, view.shape);
    case "slice": {
      const { starts, steps } = (view as Node<"slice">).params;
      return view.shape[axis] === size && starts[axis] === 0 && steps[axis] === 1 ? axis : -1;
    }
    default:
      return axis + view.shape.length - x.shape.length;
  }
}

/** The view of something that has size 1 along the axis. */
function besideView(view: Node, x: Node, shape: readonly number[], axis: number): Node {
  const whole = applyView(view, expand(x, shape));
  const starts = whole.shape.map(() => 0);
  const sizes = whole.shape.map((n, i) => (i === axis ? 1 : n));
  return makeNode("slice", [whole], { starts, steps: starts.map(() => 1) }, sizes, whole.dtype);
}
