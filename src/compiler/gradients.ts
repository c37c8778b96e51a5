// Every gradient on one page. A row gets the node y, and g = d loss / dy, and gives d loss / d input for each input, null where there
// is none. Rows are written with the graph's builders, so a gradient can be differentiated again.

import { GELU_CUBIC, GELU_LINEAR, NORMAL_PEAK } from "../base/scalar.js";
import { sizeOf } from "../base/shape.js";
import {
  attentionInputs,
  attentionLogsumexp,
  attentionPattern,
  attentionScoreGradient,
  logsumexpParts,
  part,
} from "../graph/attention.js";
import {
  add,
  cast,
  cat,
  constant,
  cumsum,
  div,
  expand,
  flip,
  gather,
  like,
  matmul,
  mean,
  mul,
  narrow,
  offset,
  permute,
  place,
  reshape,
  scalar,
  scale,
  scatter,
  scatterAdd,
  slice,
  sub,
  sum,
  sumTo,
  transpose,
  where,
} from "../graph/build.js";
import { layerNormParts, rmsNormParts } from "../graph/definitions.js";
import type { Node } from "../graph/node.js";
import type { OpName } from "../graph/ops.js";
import {
  gradientPart,
  HIDDEN_GRADIENT,
  MEMORIES,
  MEMORY_GRADIENT,
  PROJECTED_GRADIENT,
  recurrentGradient,
  recurrentInputs,
  STATES,
  SUMS_GRADIENT,
} from "../graph/recurrent.js";
import { fold, spreadOut, sumPool, windowRows } from "../graph/windows.js";
import { firstLargest, groupRows, inputGradient } from "./window-gradients.js";

/** `of` gives the gradient of a further result of a kernel, null where nothing depends on it. */
type Row<O extends OpName> = (
  y: Node<O>,
  g: Node,
  inputs: readonly Node[],
  of: (part: number) => Node | null,
) => (Node | null)[];

const none: Row<OpName> = (y) => y.inputs.map(() => null);
const neg = (x: Node) => scalar("neg", x);
const square = (x: Node) => mul(x, x);
const zero = (x: Node) => like(x, 0);
const is = (name: "eq" | "ne" | "gt" | "lt" | "ge" | "le", a: Node, b: Node) => scalar(name, a, b);

export const GRADIENTS: { readonly [O in OpName]: Row<O> } = {
  leaf: none,
  constant: none,
  iota: none,
  random: none,
  detach: none,
  argsort: none,
  gradient: none,

  alias: (_, g) => [g],
  cast: (_, g, [x]) => [cast(g, x.dtype)],
  reshape: (_, g, [x]) => [reshape(g, x.shape)],
  permute: (y, g) => [
    permute(
      g,
      y.params.dims.map((_, i) => y.params.dims.indexOf(i)),
    ),
  ],
  expand: (_, g, [x]) => [sumTo(g, x.shape)],
  slice: (y, g, [x]) => [place(g, x.shape, y.params.starts, y.params.steps)],
  windows: (y, g, [x]) => {
    const { dim, size, step, dilation } = y.params;
    return [fold(g, dim, x.shape[dim], size, step, dilation)];
  },
  place: (y, g, [x]) => [slice(g, y.params.starts, x.shape, y.params.steps)],
  cat: (y, g, parts) => {
    let start = 0;
    return parts.map((part) => {
      const { dim } = y.params;
      start += part.shape[dim];
      return narrow(g, dim, start - part.shape[dim], part.shape[dim]);
    });
  },

  // --- reductions
  sum: (_, g, [x]) => [expand(g, x.shape)],
  // d max(x) = mean of dx over the places that hold the maximum, as torch.amax
  max: extremum,
  min: extremum,
  cumsum: (y, g) => [flip(cumsum(flip(g, [y.params.dim]), y.params.dim), [y.params.dim])],

  // --- kernels
  // Y = A B:  dA = dY Bᵀ,  dB = Aᵀ dY
  matmul: (_, g, [a, b]) => [matmul(g, transpose(b)), matmul(transpose(a), g)],
  gather: (y, g, [x, index]) => [scatterAdd(zero(x), y.params.dim, index, g), null],
  scatterAdd: (y, g, [, index]) => [g, null, gather(g, y.params.dim, index)],
  scatter: (y, g, [, index]) => [
    scatter(g, y.params.dim, index, constant(0, index.shape, g.dtype)),
    null,
    gather(g, y.params.dim, index),
  ],

  // --- fused
  // y = softmax x:  dx = y (g - Σ g y)
  softmax: in32((y, g) => {
    const p = cast(y, "f32");
    return [mul(p, sub(g, sum(mul(g, p), [y.params.dim])))];
  }),
  // y = x - logsumexp x:  dx = g - exp(y) Σ g
  logSoftmax: in32((y, g) => [sub(g, mul(scalar("exp", cast(y, "f32")), sum(g, [y.params.dim])))]),
  // y = log Σ exp x:  dx = g exp(x - y)
  logsumexp: in32((y, g, [x]) => {
    const l = cast(y, "f32");
    return [mul(g, scalar("exp", sub(x, where(is("eq", l, like(l, Number.NEGATIVE_INFINITY)), zero(l), l))))];
  }),
  // x̂ = (x - mean) r:  dx = r (h - mean h - x̂ mean(h x̂)) with h = g w;  dw = Σ g x̂;  db = Σ g
  layerNorm: in32((y, g, [x, weight, bias]) => {
    const { normalized, inverse, dims } = layerNormParts(x, y.params.axes, y.params.eps);
    const h = weight ? mul(g, weight) : g;
    const dx = mul(inverse, sub(sub(h, mean(h, dims)), mul(normalized, mean(mul(h, normalized), dims))));
    return [dx, ...(weight ? [sumTo(mul(g, normalized), weight.shape)] : []), ...(bias ? [sumTo(g, bias.shape)] : [])];
  }),
  // x̂ = x r:  dx = r (h - x̂ mean(h x̂)) with h = g w;  dw = Σ g x̂
  rmsNorm: in32((y, g, [x, weight]) => {
    const { normalized, inverse, dims } = rmsNormParts(x, y.params.axes, y.params.eps);
    const h = weight ? mul(g, weight) : g;
    const dx = mul(inverse, sub(h, mul(normalized, mean(mul(h, normalized), dims))));
    return weight ? [dx, sumTo(mul(g, normalized), weight.shape)] : [dx];
  }),
  gelu: in32((y, g, [x]) => [
    y.params.approximate === "none"
      ? mul(g, scalar("geluSlope", x, scalar("geluGate", x)))
      : mul(g, scalar("geluTanhSlope", x, scalar("geluTanhGate", x))),
  ]),
  // d xσ(x) = σ (1 + x (1 - σ)) dx
  silu: in32((_, g, [x]) => {
    const s = scalar("sigmoid", x);
    return [mul(g, mul(s, offset(mul(x, sub(like(s, 1), s)), 1)))];
  }),

  // Y = W windows(X):  dX = the turned W over windows of dY,  dW = dY windows(X)ᵀ
  convolution: in32((y, g, [x, weight]) => {
    const { groups } = y.params;
    return [
      inputGradient(g, weight, x.shape.slice(2), y.params, groups),
      reshape(matmul(groupRows(g, groups), windowRows(x, y.params, groups)), weight.shape),
    ];
  }),
  // y = x[i], i the first place of the largest:  dx[i] = Σ dy
  maxPool: (y, g, [x]) => {
    const [index, lines] = firstLargest(x, y, y.params);
    const flat = constant(0, [lines, sizeOf(x.shape) / Math.max(lines, 1)], x.dtype);
    return [reshape(scatterAdd(flat, 1, index, reshape(g, index.shape)), x.shape)];
  },
  // y = Σ windows(x):  dx = Σ windows(dy spread out)
  sumPool: in32((y, g, [x]) => {
    const spread = spreadOut(g, x.shape.slice(x.shape.length - y.params.size.length), y.params);
    return [sumPool(spread.x, spread.params)];
  }),

  // Y = P F V:  dV = (P F)ᵀ dY,  dscore = P (F (dY Vᵀ) - δ) with δ = Σ dY Y,  dF = P (dY Vᵀ),  dsink = -exp(sink - l) δ
  attention: (y, g, inputs) => {
    const { score, value, factor, sink } = attentionInputs(y, inputs);
    const dy = cast(g, "f32");
    const logsumexp = attentionLogsumexp(score, sink);
    const pattern = attentionPattern(score, logsumexp);
    const delta = sum(mul(dy, cast(y, "f32")), [y.shape.length - 1]);
    const dweights = matmul(dy, transpose(cast(value, "f32")));
    const dscore = attentionScoreGradient(score, logsumexp, factor ? mul(dweights, factor) : dweights, delta);
    const weights = factor ? mul(pattern, factor) : pattern;
    return [
      dscore,
      cast(matmul(transpose(weights), dy), value.dtype),
      ...(factor ? [mul(pattern, dweights)] : []),
      ...(sink ? [neg(mul(besideWeight(sink, logsumexp), delta))] : []),
    ];
  },
  // Only (score - m) - log Σ is ever used, so m may count as fixed:  dlog Σ = Σ P dscore
  attentionLogsumexp: (y, g, [score, sink]) => {
    const glog = narrow(g, g.shape.length - 1, 1, 1);
    return [mul(glog, attentionPattern(score, y)), ...(sink ? [mul(glog, besideWeight(sink, y))] : [])];
  },
  // P = exp((score - m) - log Σ)
  attentionPattern: (y, g, [, logsumexp]) => [mul(g, y), ofLogarithm(mul(g, y), logsumexp)],
  attentionScoreGradient: (y, g, [score, logsumexp, , delta]) => {
    const gp = mul(g, attentionPattern(score, logsumexp));
    return [mul(g, y), ofLogarithm(mul(g, y), logsumexp), gp, neg(sumTo(gp, delta.shape))];
  },
  flashAttention: none,
  flashAttentionGradient: none,
  part: none, // differentiate hands it to the kernel's row

  // s = W h + b:  dW = Σ ds hᵀ over all steps, with the state before each,  db = Σ ds;  the rest comes out of the loop
  recurrent: (y, _, inputs, of) => {
    const { bias, hidden, memory, lengths } = recurrentInputs(y, inputs);
    const loop = recurrentGradient(y, of(STATES), of(MEMORIES)) as Node<"recurrentGradient">;
    const dsums = gradientPart(loop, y.params.cell === "gru" ? SUMS_GRADIENT : PROJECTED_GRADIENT);
    return [
      gradientPart(loop, PROJECTED_GRADIENT),
      stateProducts(y, dsums, hidden),
      ...(bias ? [sumTo(dsums, bias.shape)] : []),
      ...(hidden ? [gradientPart(loop, HIDDEN_GRADIENT)] : []),
      ...(memory ? [gradientPart(loop, MEMORY_GRADIENT)] : []),
      ...(lengths ? [null] : []),
    ];
  },
  // Never met: where a gradient of a gradient is asked for, the pass unroll has spelled the layer out.
  recurrentGradient: () => {
    throw new Error("recurrentGradient: a gradient of a gradient reached a layer that was not spelled out");
  },

  // --- scalar functions of one number
  neg: (_, g) => [neg(g)],
  abs: (_, g, [x]) => [mul(g, scalar("sign", x))],
  exp: (y, g) => [mul(g, y)],
  log: (_, g, [x]) => [div(g, x)],
  log1p: (_, g, [x]) => [div(g, offset(x, 1))],
  expm1: (y, g) => [mul(g, offset(y, 1))],
  sqrt: (y, g) => [div(g, scale(y, 2))],
  // d x^-½ = -½ x^-3/2 dx
  rsqrt: (y, g) => [mul(g, scale(mul(square(y), y), -0.5))],
  // d 1/x = -1/x² dx
  reciprocal: (y, g) => [neg(mul(g, square(y)))],
  sin: (_, g, [x]) => [mul(g, scalar("cos", x))],
  cos: (_, g, [x]) => [neg(mul(g, scalar("sin", x)))],
  // d tanh(x) = (1 - tanh²x) dx
  tanh: (y, g) => [mul(g, sub(like(y, 1), square(y)))],
  // d erf(x) = 2/√π exp(-x²) dx
  erf: (_, g, [x]) => [mul(g, scale(scalar("exp", neg(square(x))), 2 / Math.sqrt(Math.PI)))],
  // d σ(x) = σ (1 - σ) dx
  sigmoid: (y, g) => [mul(g, mul(y, sub(like(y, 1), y)))],
  relu: (y, g) => [scalar("reluGradient", y, g)],
  // d Φ(x) = φ(x) dx
  geluGate: (_, g, [x]) => [mul(g, normalDensity(x))],
  // d σ(v) = σ (1 - σ) v' dx, and v is odd: 1 - σ(v(x)) = σ(v(-x)), without cancellation
  geluTanhGate: (y, g, [x]) => [mul(g, mul(mul(y, scalar("geluTanhGate", neg(x))), geluInnerSlope(x)))],
  sign: none,
  floor: none,
  ceil: none,
  round: none,
  trunc: none,
  isnan: none,
  not: none,

  // --- of two
  add: (_, g) => [g, g],
  sub: (_, g) => [g, neg(g)],
  mul: (_, g, [a, b]) => [mul(g, b), mul(g, a)],
  // d a/b = da/b - (a/b)/b db
  div: (y, g, [, b]) => [div(g, b), neg(mul(g, div(y, b)))],
  // d a^b = b a^(b-1) da + a^b log a db; nothing where the factor is 0
  pow: (y, g, [a, b]) => [
    where(is("eq", b, zero(b)), zero(a), mul(g, mul(b, scalar("pow", a, offset(b, -1))))),
    where(is("eq", y, zero(y)), zero(b), mul(g, mul(y, scalar("log", a)))),
  ],
  // Where a = b each gets half, as in PyTorch.
  maximum: (_, g, [a, b]) => [mul(g, share("gt", a, b)), mul(g, share("gt", b, a))],
  minimum: (_, g, [a, b]) => [mul(g, share("lt", a, b)), mul(g, share("lt", b, a))],
  // a mod b = a - b floor(a/b)
  remainder: (_, g, [a, b]) => [g, neg(mul(g, scalar("floor", div(a, b))))],
  floorDivide: none,
  reluGradient: (_, g, [y]) => [null, scalar("reluGradient", y, g)],
  // d (Φ + xφ(x)) = dΦ + φ (1 - x²) dx
  geluSlope: (_, g, [x]) => [mul(g, mul(normalDensity(x), sub(like(x, 1), square(x)))), g],
  // d (σ + xσ(1-σ)v') = (1 + x (1-2σ) v') dσ + σ (1-σ) (v' + x v'') dx
  geluTanhSlope: (_, g, [x, s]) => {
    const slope = geluInnerSlope(x);
    const bend = scale(square(x), 6 * GELU_CUBIC); // x v''
    return [
      mul(g, mul(mul(s, scalar("geluTanhGate", neg(x))), add(slope, bend))),
      mul(g, offset(mul(mul(x, offset(scale(s, -2), 1)), slope), 1)),
    ];
  },
  eq: none,
  ne: none,
  lt: none,
  le: none,
  gt: none,
  ge: none,
  and: none,
  or: none,
  xor: none,
  where: (_, g, [condition]) => [null, where(condition, g, zero(g)), where(condition, zero(g), g)],
};

/** φ(x) */
function normalDensity(x: Node): Node {
  return scale(scalar("exp", scale(square(x), -0.5)), NORMAL_PEAK);
}

/** The derivative of v(x) = GELU_LINEAR x + GELU_CUBIC x³ */
function geluInnerSlope(x: Node): Node {
  return offset(scale(square(x), 3 * GELU_CUBIC), GELU_LINEAR);
}

/** The softmaxed weight of a sink. */
function besideWeight(sink: Node, logsumexp: Node): Node {
  const { max, log } = logsumexpParts(logsumexp);
  return scalar("exp", sub(sub(sink, max), log));
}

/** What falls to log Σ, the second column of the log-sum-exp, of which each entry of a row takes as much off. */
function ofLogarithm(g: Node, logsumexp: Node): Node {
  const last = logsumexp.shape.length - 1;
  const starts = logsumexp.shape.map((_, i) => (i === last ? 1 : 0));
  return place(neg(sum(g, [last])), logsumexp.shape, starts);
}

/** Σ ds hᵀ with the state h before each step: those of other steps, and the initial one. */
function stateProducts(y: Node<"recurrent">, dsums: Node, initial: Node | null): Node {
  const [T, B, H] = y.shape;
  const width = dsums.shape[2];
  const over = (from: Node, start: number, length: number) =>
    reshape(narrow(from, 0, start, length), [length * B, from.shape[2]]);
  const product = (ds: Node, h: Node) => matmul(transpose(ds), h);
  const later = y.params.reverse ? 0 : 1;
  const states = part(y, STATES, y.shape, "f32");
  const others =
    T > 1 ? product(over(dsums, later, T - 1), over(states, 1 - later, T - 1)) : constant(0, [width, H], "f32");
  if (!initial) return others;
  return add(others, product(over(dsums, y.params.reverse ? T - 1 : 0, 1), initial));
}

function share(name: "gt" | "lt", a: Node, b: Node): Node {
  return where(is(name, a, b), like(a, 1), where(is("eq", a, b), like(a, 0.5), zero(a)));
}

function extremum(y: Node<"max"> | Node<"min">, g: Node, [x]: readonly Node[]): Node[] {
  const holds = cast(is("eq", x, expand(y, x.shape)), x.dtype);
  return [mul(expand(div(g, sum(holds, y.params.dims)), x.shape), holds)];
}

/** Runs a row of a fused op in f32 whatever the dtype, as its definition does. */
function in32<O extends OpName>(row: Row<O>): Row<O> {
  return (y, g, inputs, of) => {
    if (y.dtype === "f32") return row(y, g, inputs, of);
    const wide = row(
      y,
      cast(g, "f32"),
      inputs.map((i) => cast(i, "f32")),
      of,
    );
    return wide.map((d, i) => d && cast(d, inputs[i].dtype));
  };
}

/** The sum of what several users of a node contribute; slices that tile it become one cat instead of a sum of padded arrays. */
export function sumContributions(node: Node, parts: readonly Node[]): Node {
  return tile(node, parts) ?? parts.reduce(add);
}

function tile(node: Node, parts: readonly Node[]): Node | null {
  if (parts.length < 2 || !parts.every((p) => p.op === "place")) return null;
  const places = parts as Node<"place">[];
  const dim = node.shape.findIndex((n, i) => places[0].inputs[0].shape[i] !== n);
  const fits = places.every(({ inputs: [x], params }) =>
    node.shape.every((n, i) => params.steps[i] === 1 && (i === dim || (x.shape[i] === n && params.starts[i] === 0))),
  );
  if (dim < 0 || !fits || places.some((p) => p.params.value !== 0)) return null;
  const sorted = [...places].sort((a, b) => a.params.starts[dim] - b.params.starts[dim]);
  let end = 0;
  for (const p of sorted) {
    if (p.params.starts[dim] !== end) return null;
    end += p.inputs[0].shape[dim];
  }
  return end === node.shape[dim]
    ? cat(
        sorted.map((p) => p.inputs[0]),
        dim,
      )
    : null;
}
