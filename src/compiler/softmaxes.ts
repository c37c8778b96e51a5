// The ways to write a softmax: the op itself, exp(x - max) / sum, by logarithms, with a mask on the exponentials, with one more score
// beside the others that has no value (an attention sink).

import { isFloat } from "../base/dtype.js";
import { constant, constantValue, like, where } from "../graph/build.js";
import { makeNode, type Node } from "../graph/node.js";
import { throughCasts } from "./bounds.js";

export interface Softmax {
  readonly score: Node;
  readonly axis: number;
  /** A further score, of size 1 along the axis. */
  readonly sink: Node | null;
}

export function softmaxOf(node: Node): Softmax | null {
  if (node.op === "softmax") return shifted(node.inputs[0], (node as Node<"softmax">).params.dim).softmax;
  if (node.op === "exp") return ofLogarithm(node.inputs[0]);
  if (node.op === "div") return normalised(node.inputs[0], node.inputs[1]);
  if (node.op === "mul") {
    for (const [e, inverse] of [node.inputs, [...node.inputs].reverse()]) {
      const total = reciprocalOf(spread(inverse));
      const found = total && normalised(e, total);
      if (found) return found;
    }
  }
  return null;
}

/** softmax of [scores, one more column], without that column. */
export function withoutSink(
  node: Node<"slice">,
  opaque: (node: Node) => boolean,
): (Softmax & { softmax: Node }) | null {
  let [inner] = node.inputs;
  if (inner.op === "cast" && isFloat(inner.dtype)) [inner] = inner.inputs;
  const whole = opaque(inner) ? null : softmaxOf(inner);
  let joined = whole?.score;
  if (joined?.op === "cast" && isFloat(joined.inputs[0].dtype)) [joined] = joined.inputs;
  if (!whole || joined?.op !== "cat" || joined.inputs.length !== 2 || opaque(joined)) return null;
  const { dim } = (joined as Node<"cat">).params;
  const [first, second] = joined.inputs;
  const { starts, steps } = node.params;
  const keepsFirst = second.shape[dim] === 1 && starts[dim] === 0 && node.shape[dim] === first.shape[dim];
  const keepsSecond = first.shape[dim] === 1 && starts[dim] === 1 && node.shape[dim] === second.shape[dim];
  const rest = node.shape.every((n, i) => i === dim || (starts[i] === 0 && n === inner.shape[i]));
  if (dim !== whole.axis || !rest || steps.some((s) => s !== 1) || !(keepsFirst || keepsSecond)) return null;
  const [score, sink] = keepsFirst ? [first, second] : [second, first];
  return { score, axis: dim, sink, softmax: inner };
}

/** exp(score) / Σ exp(score) as exponentials and their sum; for a product that is divided afterwards. */
export function normalised(e: Node, total: Node): Softmax | null {
  const sum = totalOf(spread(total));
  if (!sum || sum.of !== e) return null;
  const found = exponent(e, sum.axis);
  if (!found) return null;
  if (!sum.beside) return found.softmax;
  const sink = besideOf(sum.beside, found.shift);
  return sink && { ...found.softmax, sink };
}

interface Shifted {
  readonly softmax: Softmax;
  /** What was taken off. */
  readonly shift: Node | null;
}

/** Softmax does not see what is the same along its axis: x - max x is as good as x. */
function shifted(x: Node, axis: number): Shifted {
  const [y, r] = x.inputs;
  const flat =
    x.op === "sub" && r.op === "expand" && r.inputs[0].shape[axis - r.shape.length + r.inputs[0].shape.length] === 1;
  if (flat && x.shape[axis] !== 1) return { softmax: { score: y, axis, sink: null }, shift: beneath(r) };
  const scaled = (x.op === "mul" || x.op === "div") && r.op === "constant" ? shifted(y, axis) : null;
  if (scaled?.shift) {
    const score = makeNode(x.op, [scaled.softmax.score, r], {}, x.shape, x.dtype);
    return {
      softmax: { score, axis, sink: null },
      shift: makeNode(x.op, [scaled.shift, like(scaled.shift, constantValue(r))], {}, scaled.shift.shape, x.dtype),
    };
  }
  return { softmax: { score: x, axis, sink: null }, shift: null };
}

/** The score under exponentials, of which some may have been set to zero. */
function exponent(e: Node, axis: number): Shifted | null {
  if (e.op === "exp") return shifted(e.inputs[0], axis);
  const hidden = zeroed(e);
  const inner = hidden && exponent(hidden.of, axis);
  if (!inner) return null;
  const { score } = inner.softmax;
  const barred = like(score, Number.NEGATIVE_INFINITY);
  return {
    ...inner,
    softmax: {
      ...inner.softmax,
      score: hidden.holds ? where(hidden.keep, score, barred) : where(hidden.keep, barred, score),
    },
  };
}

/** e where a condition holds and 0 elsewhere, written as where or as a product with 0 and 1. */
function zeroed(e: Node): { of: Node; keep: Node; holds: boolean } | null {
  const [a, b, c] = e.inputs;
  if (e.op === "where") {
    if (constantValue(c) === 0) return { of: b, keep: a, holds: true };
    return constantValue(b) === 0 ? { of: c, keep: a, holds: false } : null;
  }
  if (e.op !== "mul") return null;
  for (const [of, mask] of [
    [a, b],
    [b, a],
  ]) {
    const truth = throughCasts(mask);
    if (truth.dtype === "bool") return { of, keep: truth, holds: true };
    if (truth.op !== "where") continue;
    const [yes, no] = truth.inputs.slice(1).map(constantValue);
    if (yes === 1 && no === 0) return { of, keep: truth.inputs[0], holds: true };
    if (yes === 0 && no === 1) return { of, keep: truth.inputs[0], holds: false };
  }
  return null;
}

/** exp(logSoftmax x), exp(x - logsumexp x) */
function ofLogarithm(x: Node): Softmax | null {
  if (x.op === "logSoftmax") return shifted(x.inputs[0], (x as Node<"logSoftmax">).params.dim).softmax;
  if (x.op !== "sub") return null;
  const total = spread(x.inputs[1]);
  if (total.op === "logsumexp" && total.inputs[0] === x.inputs[0])
    return { score: x.inputs[0], axis: (total as Node<"logsumexp">).params.dim, sink: null };
  const sum = total.op === "log" ? sumOf(total.inputs[0]) : null;
  return sum?.of.op === "exp" && sum.of.inputs[0] === x.inputs[0] ? shifted(x.inputs[0], sum.axis).softmax : null;
}

/** Σ e, or Σ e and one term more */
function totalOf(node: Node): { of: Node; axis: number; beside: Node | null } | null {
  const plain = sumOf(node);
  if (plain) return { ...plain, beside: null };
  if (node.op !== "add") return null;
  const [a, b] = node.inputs;
  const [left, right] = [sumOf(a), sumOf(b)];
  if (left) return { ...left, beside: b };
  return right && { ...right, beside: a };
}

/** The score whose exponential, less the shift, is `term`. */
function besideOf(term: Node, shift: Node | null): Node | null {
  const bare = spread(term);
  if (!shift) {
    const value = constantValue(bare);
    if (value > 0) return constant(Math.log(value), term.shape, term.dtype);
    return term.op === "exp" ? term.inputs[0] : null;
  }
  const inner = bare.op === "exp" ? bare.inputs[0] : null;
  if (inner?.op === "sub" && beneath(inner.inputs[1]) === shift) return inner.inputs[0];
  return inner?.op === "neg" && beneath(inner.inputs[0]) === shift ? constant(0, term.shape, term.dtype) : null;
}

function sumOf(node: Node): { of: Node; axis: number } | null {
  if (node.op !== "sum") return null;
  const { dims } = (node as Node<"sum">).params;
  return dims.length === 1 ? { of: node.inputs[0], axis: dims[0] } : null;
}

function reciprocalOf(node: Node): Node | null {
  if (node.op === "reciprocal") return node.inputs[0];
  if (node.op === "div" && constantValue(node.inputs[0]) === 1) return node.inputs[1];
  return node.op === "pow" && constantValue(node.inputs[1]) === -1 ? node.inputs[0] : null;
}

/** What is repeated by an expand. A total that is cut off from its graph has another gradient than a softmax. */
function spread(node: Node): Node {
  return node.op === "expand" ? spread(node.inputs[0]) : node;
}

/** What is repeated by an expand, or cut off from its graph by a detach. */
function beneath(node: Node): Node {
  return node.op === "expand" || node.op === "detach" ? beneath(node.inputs[0]) : node;
}
