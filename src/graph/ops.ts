// THE op table: what each operation is, which parameters it has, and what its result looks like. Shared passes ask this table; the
// builders (build.ts) check and make; the fused ops' meaning is in definitions.ts, every gradient in compiler/gradients.ts.

import type { RecurrentCell } from "../base/cell.js";
import type { DType } from "../base/dtype.js";
import { SCALARS, type ScalarName, scalarResult } from "../base/scalar.js";
import type { Shape } from "../base/shape.js";
import { type WindowParams, windowCounts } from "../base/windows.js";
import type { Node } from "./node.js";

/** What passes need to know of an op: how it may be fused and where its numbers lie. */
export type Family =
  | "leaf" // numbers that are there
  | "index" // made of constants and indices alone: never stored unless asked for
  | "random" // counter-based numbers: recomputed, never stored
  | "view" // the same numbers under another shape: never moved unless asked for
  | "scalar" // a scalar function of each element
  | "reduce" // sum, max or min along axes, kept as size 1
  | "kernel" // a kernel of its own
  | "part" // a further result of a kernel
  | "fused" // spelled out in definitions.ts
  | "meta"; // gone before lowering: gradients, detach, alias

interface PlainParams {
  leaf: object;
  constant: { readonly value: number };
  /** The index along axis `dim`, i32. */
  iota: { readonly dim: number };
  /** Uniform numbers in [0,1); input: a seed, i32[]. */
  random: { readonly stream: number };
  cast: object;
  reshape: object;
  permute: { readonly dims: readonly number[] };
  expand: object;
  slice: { readonly starts: readonly number[]; readonly steps: readonly number[] };
  /** The inverse of slice: its input placed at starts + i * steps in an array otherwise `value`. */
  place: { readonly starts: readonly number[]; readonly steps: readonly number[]; readonly value: number };
  /** Windows that slide along axis `dim`, overlapping or not: element k of window i is i * step + k * dilation. */
  windows: { readonly dim: number; readonly size: number; readonly step: number; readonly dilation: number };
  sum: { readonly dims: readonly number[] };
  max: { readonly dims: readonly number[] };
  min: { readonly dims: readonly number[] };
  matmul: object;
  gather: { readonly dim: number };
  scatterAdd: { readonly dim: number };
  scatter: { readonly dim: number };
  cumsum: { readonly dim: number };
  /** Along the last axis, the first `count` indices of the stable order. */
  argsort: { readonly descending: boolean; readonly count: number };
  cat: { readonly dim: number };
  softmax: { readonly dim: number };
  logSoftmax: { readonly dim: number };
  logsumexp: { readonly dim: number };
  /** inputs: x, and weight and bias where there are any; normalises the last `axes` axes */
  layerNorm: { readonly eps: number; readonly axes: number };
  rmsNorm: { readonly eps: number; readonly axes: number };
  gelu: { readonly approximate: "none" | "tanh" };
  silu: object;
  /** inputs: x [B,C,n...], weight [O,C/groups,size...]: [B,O,count...] */
  convolution: WindowParams & { readonly groups: number };
  /** Of each window over the last axes, the padding being -Infinity. */
  maxPool: WindowParams;
  /** Of each window over the last axes, the padding being 0. */
  sumPool: WindowParams;
  /** inputs: scores [batch..., T, S] (f32), value [batch..., S, E], then a factor of the weights [batch..., T, S] and a sink [batch..., T, 1] */
  attention: { readonly factor: boolean; readonly sink: boolean };
  /** inputs: scores, and the sink where there is one: what normalises each row of weights, [batch..., T, 2] */
  attentionLogsumexp: object;
  /** inputs: scores, logsumexp: the weights */
  attentionPattern: object;
  /** inputs: scores, logsumexp, gradient of the weights (times the factor), delta [batch..., T, 1]: gradient of the scores */
  attentionScoreGradient: object;
  /** Attention whose scores live in tiles only (compiler/flash.ts). inputs: query, key, value, then what mask, score, factor and sink read */
  flashAttention: { readonly form: FlashForm };
  flashAttentionGradient: { readonly form: FlashForm };
  /** A recurrent layer over all time steps, and its gradient; their results are parts alone (recurrent.ts) */
  recurrent: RecurrentForm & { readonly bias: boolean };
  recurrentGradient: RecurrentForm & { readonly states: boolean; readonly memories: boolean };
  /** The result number `index` of a kernel that has several; the kernel's own node is number 0. */
  part: { readonly index: number };
  /** d loss / d target, times the seed: inputs loss, target, seed. */
  gradient: object;
  detach: object;
  /** Its input under an identity of its own: what a function is differentiated by is not what else it reads. */
  alias: { readonly id: number };
}

/** The cell of a recurrent layer, its direction, and which of its inputs there are. */
interface RecurrentForm {
  readonly cell: RecurrentCell;
  readonly reverse: boolean;
  readonly initial: boolean;
  readonly lengths: boolean;
}

/** How a flash step gets its scores, for the compiler alone; as text it is told from all others. */
export interface FlashForm {
  toString(): string;
}

export type OpParams = PlainParams & { [S in ScalarName]: object };
export type OpName = keyof OpParams;

export interface OpEntry<O extends OpName> {
  readonly family: Family;
  /** Shape and dtype of the result, as a check on the builders. Undefined where the node's own shape is a parameter. */
  readonly infer?: (inputs: readonly Node[], params: OpParams[O]) => { shape: Shape; dtype: DType };
}

const likeFirst = (inputs: readonly Node[]) => ({ shape: inputs[0].shape, dtype: inputs[0].dtype });
const reduced = (inputs: readonly Node[], params: { readonly dims: readonly number[] }) => ({
  shape: inputs[0].shape.map((n, i) => (params.dims.includes(i) ? 1 : n)),
  dtype: inputs[0].dtype,
});
const pooled = ([x]: readonly Node[], params: WindowParams) => {
  const lead = x.shape.length - params.size.length;
  return { shape: [...x.shape.slice(0, lead), ...windowCounts(x.shape.slice(lead), params)], dtype: x.dtype };
};
const given = <F extends Family>(family: F) => ({ family });

const PLAIN = {
  leaf: given("leaf"),
  constant: given("index"),
  iota: given("index"),
  random: given("random"),
  cast: given("scalar"),
  reshape: given("view"),
  permute: {
    family: "view",
    infer: ([x], { dims }) => ({ shape: dims.map((d) => x.shape[d]), dtype: x.dtype }),
  },
  expand: given("view"),
  slice: given("view"),
  place: given("kernel"),
  windows: {
    family: "view",
    infer: ([x], { dim, size, step, dilation }) => {
      const count = Math.floor((x.shape[dim] - (size - 1) * dilation - 1) / step) + 1;
      return { shape: [...x.shape.map((n, i) => (i === dim ? count : n)), size], dtype: x.dtype };
    },
  },
  sum: { family: "reduce", infer: reduced },
  max: { family: "reduce", infer: reduced },
  min: { family: "reduce", infer: reduced },
  matmul: {
    family: "kernel",
    infer: ([a, b]) => ({ shape: [...a.shape.slice(0, -1), b.shape[b.shape.length - 1]], dtype: a.dtype }),
  },
  gather: { family: "kernel", infer: ([x, index]) => ({ shape: index.shape, dtype: x.dtype }) },
  scatterAdd: { family: "kernel", infer: likeFirst },
  scatter: { family: "kernel", infer: likeFirst },
  cumsum: { family: "kernel", infer: likeFirst },
  argsort: {
    family: "kernel",
    infer: ([x], { count }) => ({ shape: [...x.shape.slice(0, -1), count], dtype: "i32" }),
  },
  cat: {
    family: "kernel",
    infer: (inputs, { dim }) => ({
      shape: inputs[0].shape.map((n, i) => (i === dim ? inputs.reduce((sum, x) => sum + x.shape[dim], 0) : n)),
      dtype: inputs[0].dtype,
    }),
  },
  softmax: { family: "fused", infer: likeFirst },
  logSoftmax: { family: "fused", infer: likeFirst },
  logsumexp: {
    family: "fused",
    infer: ([x], { dim }) => ({ shape: x.shape.map((n, i) => (i === dim ? 1 : n)), dtype: x.dtype }),
  },
  layerNorm: { family: "fused", infer: likeFirst },
  rmsNorm: { family: "fused", infer: likeFirst },
  gelu: { family: "fused", infer: likeFirst },
  silu: { family: "fused", infer: likeFirst },
  convolution: {
    family: "fused",
    infer: ([x, weight], params) => ({
      shape: [x.shape[0], weight.shape[0], ...windowCounts(x.shape.slice(2), params)],
      dtype: x.dtype,
    }),
  },
  maxPool: { family: "fused", infer: pooled },
  sumPool: { family: "fused", infer: pooled },
  attention: {
    family: "fused",
    infer: ([score, value]) => ({
      shape: [...score.shape.slice(0, -1), value.shape.at(-1) as number],
      dtype: value.dtype,
    }),
  },
  attentionLogsumexp: {
    family: "fused",
    infer: ([score]) => ({ shape: [...score.shape.slice(0, -1), 2], dtype: "f32" }),
  },
  attentionPattern: { family: "fused", infer: likeFirst },
  attentionScoreGradient: { family: "fused", infer: likeFirst },
  flashAttention: given("kernel"),
  flashAttentionGradient: given("kernel"),
  recurrent: given("kernel"),
  recurrentGradient: given("kernel"),
  part: given("part"),
  gradient: { family: "meta", infer: ([, target]) => ({ shape: target.shape, dtype: target.dtype }) },
  detach: { family: "meta", infer: likeFirst },
  alias: { family: "meta", infer: likeFirst },
} as const satisfies { readonly [O in keyof PlainParams]: OpEntry<O> };

/** The ops of a family: a table over them lacks no row. */
export type OpOf<F extends Family> = {
  [O in keyof typeof PLAIN]: (typeof PLAIN)[O]["family"] extends F ? O : never;
}[keyof typeof PLAIN];

function scalarEntry(name: ScalarName): OpEntry<ScalarName> {
  return {
    family: "scalar",
    infer: (inputs) => {
      const operand = inputs[name === "where" ? 1 : 0];
      return { shape: operand.shape, dtype: scalarResult(name, operand.dtype) };
    },
  };
}

export const OPS = {
  ...PLAIN,
  ...(Object.fromEntries((Object.keys(SCALARS) as ScalarName[]).map((name) => [name, scalarEntry(name)])) as {
    [S in ScalarName]: OpEntry<S>;
  }),
} as { readonly [O in OpName]: OpEntry<O> };

export function familyOf(node: Node): Family {
  return OPS[node.op].family;
}

export function isScalar(op: OpName): op is ScalarName {
  return op in SCALARS;
}
