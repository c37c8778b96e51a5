// Every fused op spelled out in plain ops: its meaning. The compiler lowers by these texts where an executor has no kernel of that name,
// tests use them as oracle, and the inspector shows them.

import { extentOf, type WindowParams, windowCounts } from "../base/windows.js";
import { finite, logsumexpParts } from "./attention.js";
import {
  add,
  cast,
  cat,
  constant,
  div,
  expand,
  like,
  matmul,
  mean,
  mul,
  offset,
  permute,
  reduce,
  reshape,
  scalar,
  slice,
  sub,
  sum,
  where,
} from "./build.js";
import type { Node } from "./node.js";
import type { OpName, OpOf, OpParams } from "./ops.js";
import { uncut } from "./rewrite.js";
import { padded, windowMatrices, windows } from "./windows.js";

type Definition<O extends OpName> = (inputs: readonly Node[], params: OpParams[O]) => Node;

type FusedOp = OpOf<"fused">;

export const DEFINITIONS: { readonly [O in FusedOp]: Definition<O> } = {
  // exp(x - max) / sum exp(x - max)
  softmax: ([x], { dim }) => {
    const e = scalar("exp", sub(x, reduce("max", x, [dim])));
    return div(e, sum(e, [dim]));
  },

  // x - max - log sum exp(x - max)
  logSoftmax: ([x], { dim }) => {
    const shifted = sub(x, reduce("max", x, [dim]));
    return sub(shifted, scalar("log", sum(scalar("exp", shifted), [dim])));
  },

  // max + log sum exp(x - max), with a finite max so that a row of -inf gives -inf
  logsumexp: ([x], { dim }) => {
    const max = finiteMax(x, dim);
    return add(scalar("log", sum(scalar("exp", sub(x, max)), [dim])), max);
  },

  // (x - mean) / sqrt(var + eps) * weight + bias       (Ba, Kiros and Hinton 2016)
  layerNorm: ([x, weight, bias], { eps, axes }) => {
    const { normalized } = layerNormParts(x, axes, eps);
    const scaled = weight ? mul(normalized, weight) : normalized;
    return bias ? add(scaled, bias) : scaled;
  },

  // x / sqrt(mean(x²) + eps) * weight                   (Zhang and Sennrich 2019)
  rmsNorm: ([x, weight], { eps, axes }) => {
    const { normalized } = rmsNormParts(x, axes, eps);
    return weight ? mul(normalized, weight) : normalized;
  },

  // x Φ(x), exactly or by the tanh approximation        (Hendrycks and Gimpel 2016)
  gelu: ([x], { approximate }) => {
    // ½ (1 + tanh u) = σ(2u)
    return mul(x, scalar(approximate === "none" ? "geluGate" : "geluTanhGate", x));
  },

  // x sigmoid(x)
  silu: ([x]) => mul(x, scalar("sigmoid", x)),

  // W windows(x), group by group: every output is the product of a kernel with the window over it
  convolution: ([x, weight], params) => {
    const { groups } = params;
    const inner = windowMatrices(x, params, groups); // [B,G,K,N]
    const [b, g, k] = inner.shape;
    const o = weight.shape[0];
    const outer = expand(reshape(weight, [1, g, o / g, k]), [b, g, o / g, k]);
    return reshape(matmul(outer, inner), [b, o, ...windowCounts(x.shape.slice(2), params)]);
  },

  maxPool: ([x], params) => poolWindows("max", x, params),
  sumPool: ([x], params) => poolWindows("sum", x, params),

  // softmax(score) factor value                         (Vaswani et al. 2017, section 3.2.1)
  attention: ([score, value, ...rest], { factor, sink }) => {
    const { max, log } = rowLogsumexp(score, sink ? rest[rest.length - 1] : null);
    const weights = scalar("exp", sub(sub(score, finite(max)), log));
    return matmul(factor ? mul(weights, rest[0]) : weights, value);
  },

  attentionLogsumexp: ([score, sink]) => {
    const { max, log } = rowLogsumexp(score, sink ?? null);
    return cat([max, log], score.shape.length - 1);
  },
  attentionPattern: ([score, logsumexp]) => pattern(score, logsumexp),
  attentionScoreGradient: ([score, logsumexp, dweights, delta]) => {
    const weights = pattern(score, logsumexp);
    // Where a weight is 0 so is the gradient, even if the value there is not a number.
    return where(scalar("eq", weights, like(weights, 0)), like(weights, 0), mul(weights, sub(dweights, delta)));
  },
};

export function isFused(op: OpName): op is FusedOp {
  return op in DEFINITIONS;
}

/** The node's meaning in plain ops; 16-bit floats are computed in f32 and rounded once, as PyTorch does. */
export function define(node: Node): Node {
  // What mattered to gradients alone is its input.
  if (!isFused(node.op)) return uncut(node);
  const definition = DEFINITIONS[node.op] as Definition<FusedOp>;
  const params = node.params as OpParams[FusedOp];
  return cast(
    definition(
      node.inputs.map((input) => cast(input, "f32")),
      params,
    ),
    node.dtype,
  );
}

/** The pieces of layerNorm that its gradient needs again. */
export function layerNormParts(
  x: Node,
  axes: number,
  eps: number,
): { normalized: Node; inverse: Node; dims: number[] } {
  const dims = lastAxes(x, axes);
  const centered = sub(x, mean(x, dims));
  const inverse = scalar("rsqrt", offset(mean(mul(centered, centered), dims), eps));
  return { normalized: mul(centered, inverse), inverse, dims };
}

/** The pieces of rmsNorm that its gradient needs again. */
export function rmsNormParts(x: Node, axes: number, eps: number): { normalized: Node; inverse: Node; dims: number[] } {
  const dims = lastAxes(x, axes);
  const inverse = scalar("rsqrt", offset(mean(mul(x, x), dims), eps));
  return { normalized: mul(x, inverse), inverse, dims };
}

/** The largest or the sum of each window, one axis after the other: short windows are combined element by element, as slices. */
function poolWindows(op: "max" | "sum", x: Node, params: WindowParams): Node {
  const { size, stride, dilation } = params;
  const lead = x.shape.length - size.length;
  return size.reduce(
    (y, n, i) => (n <= LONGEST_SLICED ? poolSlices : poolLong)(op, y, lead + i, n, stride[i], dilation[i]),
    padded(x, params.padding, op === "max" ? Number.NEGATIVE_INFINITY : 0),
  );
}

const LONGEST_SLICED = 8;

function poolSlices(op: "max" | "sum", x: Node, dim: number, size: number, stride: number, dilation: number): Node {
  const count = Math.floor((x.shape[dim] - extentOf(size, dilation)) / stride) + 1;
  const along = (value: number, other: number) => x.shape.map((_, i) => (i === dim ? value : other));
  const part = (k: number) =>
    slice(
      x,
      along(k * dilation, 0),
      x.shape.map((n, i) => (i === dim ? count : n)),
      along(stride, 1),
    );
  const parts = Array.from({ length: size }, (_, k) => part(k));
  return parts.reduce((a, b) => scalar(op === "max" ? "maximum" : "add", a, b));
}

function poolLong(op: "max" | "sum", x: Node, dim: number, size: number, stride: number, dilation: number): Node {
  const view = windows(x, dim, size, stride, dilation);
  const last = view.shape.length - 1;
  // The elements of a window before the last axis, which then is walked along memory.
  const order = x.shape.map((_, i) => i).toSpliced(last - 1, 0, last);
  return reshape(reduce(op, permute(view, order), [last - 1]), view.shape.slice(0, last));
}

function lastAxes(x: Node, axes: number): number[] {
  return x.shape.map((_, i) => i).slice(x.shape.length - axes);
}

/** m and log(Σ exp(score - m) + exp(sink - m)) along the last axis; see attentionLogsumexp */
function rowLogsumexp(score: Node, sink: Node | null): { max: Node; log: Node } {
  const dim = score.shape.length - 1;
  const row = [...score.shape.slice(0, -1), 1];
  const lowest = constant(Number.NEGATIVE_INFINITY, row);
  if (score.shape[dim] === 0) return { max: sink ?? lowest, log: constant(0, row) };
  const largest = reduce("max", score, [dim]);
  const max = sink ? scalar("maximum", largest, sink) : largest;
  const shared = sum(scalar("exp", sub(score, finite(max))), [dim]);
  const total = sink ? add(shared, scalar("exp", sub(sink, finite(max)))) : shared;
  return { max, log: scalar("log", where(scalar("eq", total, like(total, 0)), like(total, 1), total)) };
}

function pattern(score: Node, logsumexp: Node): Node {
  const { max, log } = logsumexpParts(logsumexp);
  return scalar("exp", sub(sub(score, max), log));
}

function finiteMax(x: Node, dim: number): Node {
  return finite(reduce("max", x, [dim]));
}
