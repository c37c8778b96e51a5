// Attention by name. The score of a query and a key is written out in plain operations, from the product of the two to the mask, and what
// follows is one node of the graph: keeping the scores out of memory is the compiler's affair.

import { isFloat, promote } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { attention as attentionNode } from "../graph/attention.js";
import { cast, iota, matmul, reshape, scalar, scale as scaled, transpose } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { type AttentionMask, type AttentionMasks, checkBroadcast, maskScores } from "./attention-mask.js";
import { checkDropout } from "./attention-options.js";
import { type AttentionAxes, attentionAxes, keyRows, queryRows } from "./attention-shapes.js";
import { ones } from "./create.js";
import { dropout as dropoutOf } from "./functions.js";
import { Tensor } from "./tensor.js";

/** Whose score it is: i32 tensors [B,1,1,1], [1,H,1,1], [1,1,T,1] and [1,1,1,S], which broadcast to the scores. */
export interface ScoreIndices {
  /** Batch entry. */
  readonly b: Tensor;
  /** Query head. */
  readonly h: Tensor;
  /** Query. */
  readonly t: Tensor;
  /** Key. */
  readonly s: Tensor;
}

/** What `attention` is told beside its tensors; what is left out changes nothing. */
export interface AttentionOptions {
  /** Which keys a query may see: one mask, several that must all hold, or null. */
  readonly mask?: AttentionMasks;
  /** What the products of query and key are multiplied by; 1/√D unless given. */
  readonly scale?: number | null;
  /** c > 0: scores become c tanh(score / c) (Gemma 2). */
  readonly softcap?: number | null;
  /** The probability with which a weight is dropped, from 0 to below 1; the others are multiplied by 1 / (1 - dropout). */
  readonly dropout?: number;
  /** The scores [B,H,T,S] (f32, after scale and softcap, before the mask) to scores of the same shape, by any operations on tensors. */
  readonly score?: ((scores: Tensor, indices: ScoreIndices) => Tensor) | null;
  /** A score for each head, [], [H] or [B,H], that takes part in the softmax and has no value (gpt-oss; Xiao et al. 2023). */
  readonly sink?: Tensor | null;
}

/**
 * softmax(mask(score(softcap(scale · query keyᵀ)))) value, in this order, which is that of FlexAttention and of the models of transformers.
 *
 * Query [B,H,T,D], key [B,Hk,S,D], value [B,Hk,S,E] give [B,H,T,E]; Hk divides H, and query head h reads key head ⌊h Hk / H⌋, which is not
 * copied. All of [B,T,D] or all of [T,D] are one head; then `score` still sees [B,H,T,S], with ones. Scores are f32 whatever the inputs; the
 * result has the inputs' dtype, promoted where they differ. A query that may see no key gives zeros, and gradients of zero.
 *
 * `score` may also hide keys, by `where(keep, scores, -Infinity)`. Dropout draws like `dropout` on weights [B,H,T,S].
 *
 * From Vaswani et al. 2017 (section 3.2.1), Shazeer 2019 and Ainslie et al. 2023 (shared keys), Dong et al. 2024 (FlexAttention).
 * @throws HeedError for tensors that are not float, ranks, batch sizes, lengths S, widths D or heads that do not fit; for a mask of another
 * dtype or one that does not broadcast, a negative window, a dropout outside [0,1), a scale that is not finite, a softcap that is not finite
 * and positive, a sink or the result of `score` of another shape, and names that are no options or fields of masks
 * @example
 * const x = randn(1, 2, 8, 16);                                                      // B=1 H=2 T=8 D=16
 * const mixed = attention(x, x, x, { mask: { kind: "causal" } });                    // f32[1,2,8,16]
 * const slopes = tensor([0.25, 0.0625]).view(2, 1, 1);
 * const biased = attention(x, x, x, {
 *   mask: [{ kind: "causal" }, { kind: "lengths", lengths: tensor([6]) }],
 *   score: (scores, { t, s }) => scores.add(slopes.mul(s.sub(t))),                   // Press et al. 2022
 * });
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  checkOptions("attention", options, ATTENTION, REMEDIES);
  return attend(attentionAxes("attention", query, key, value), query, key, value, options);
}

const ATTENTION: OptionTable<AttentionOptions> = {
  mask: CHECKED,
  scale: CHECKED,
  softcap: CHECKED,
  dropout: CHECKED,
  score: CHECKED,
  sink: CHECKED,
};

const REMEDIES = {
  isCausal: 'mask: { kind: "causal" }',
  causal: 'mask: { kind: "causal" }',
  attnMask: 'mask: { kind: "boolean", keep } or { kind: "additive", bias }',
  window: 'mask: { kind: "window", left }',
  lengths: 'mask: { kind: "lengths", lengths }',
  dropoutP: "dropout",
};

/** The arguments of torch's function behind its tensors, under their names. */
export interface ScaledDotProductAttentionOptions {
  /** Broadcasts to the scores [B,H,T,S]; bool: true where a key may be seen; float: added to the scores. */
  readonly attnMask?: Tensor | null;
  /** Probability with which weights are dropped; applied whenever it is above 0. */
  readonly dropoutP?: number;
  /** Query t sees the keys up to t, also where T and S differ (aligned at the first query and key, unlike `attention`). */
  readonly isCausal?: boolean;
  /** 1/√D unless given. */
  readonly scale?: number | null;
  /** Allows fewer heads of keys and values than of queries. */
  readonly enableGqa?: boolean;
}

/**
 * torch.nn.functional.scaled_dot_product_attention: softmax(scale · query keyᵀ + mask) value   (Vaswani et al. 2017, section 3.2.1).
 *
 * Query [B,H,T,D], key [B,H,S,D], value [B,H,S,E] give [B,H,T,E]; also without H, or without B and H. With a seed, dropout drops what
 * PyTorch drops on the CPU. A query that may see no key gives zeros.
 * @throws HeedError as `attention` does; for attnMask together with isCausal, for unequal heads without enableGqa, and for other names
 * @example
 * const [q, k, v] = [randn(2, 4, 5, 8), randn(2, 4, 7, 8), randn(2, 4, 7, 8)];
 * const mixed = scaledDotProductAttention(q, k, v, { attnMask: ones(5, 7, { dtype: "bool" }) });   // f32[2,4,5,8]
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: ScaledDotProductAttentionOptions = {},
): Tensor {
  const op = "scaledDotProductAttention";
  checkOptions(op, options, SCALED_DOT_PRODUCT, {
    mask: "attnMask, or isCausal: true",
    causal: "isCausal: true",
    dropout: "dropoutP",
  });
  const { attnMask = null, dropoutP = 0, isCausal = false, scale, enableGqa = false } = options;
  const axes = attentionAxes(op, query, key, value);
  if (axes.batch.length > 2 && !enableGqa) {
    const got = `query ${describe(query)} and key ${describe(key)}`;
    fail(op, "query and key with equally many heads", got, "pass enableGqa: true to let queries share keys");
  }
  const given = attnMask === null ? null : maskOf(axes, attnMask);
  if (attnMask && isCausal) {
    const remedy = "pass one of them, or both as masks of attention()";
    fail(op, "attnMask or isCausal", `both, attnMask ${describe(attnMask)}`, remedy);
  }
  return attend(axes, query, key, value, {
    mask: isCausal ? { kind: "causal", offset: 0 } : given,
    dropout: dropoutP,
    scale,
  });
}

const SCALED_DOT_PRODUCT: OptionTable<ScaledDotProductAttentionOptions> = {
  attnMask: CHECKED,
  dropoutP: CHECKED,
  isCausal: FLAG,
  scale: CHECKED,
  enableGqa: FLAG,
};

/** PyTorch's masks, which are told by their dtype. */
function maskOf(axes: AttentionAxes, attnMask: Tensor): AttentionMask {
  const wanted = "attnMask as a bool or float tensor";
  if (!(attnMask instanceof Tensor)) fail(axes.op, wanted, shown(attnMask));
  const remedy = "compare it, as in attnMask.ne(0), or convert it with .float() to add it to the scores";
  if (attnMask.dtype === "i32") fail(axes.op, wanted, describe(attnMask), remedy);
  checkBroadcast(axes, "attnMask", attnMask);
  return attnMask.dtype === "bool" ? { kind: "boolean", keep: attnMask } : { kind: "additive", bias: attnMask };
}

function attend(axes: AttentionAxes, query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions): Tensor {
  const { op, D, inner, result } = axes;
  const { dropout = 0, sink = null } = options;
  const scale = options.scale ?? 1 / Math.sqrt(Math.max(D, 1));
  const softcap = options.softcap ?? null;
  if (!isFinite32(scale)) fail(op, "a finite scale", shown(scale));
  if (softcap !== null && !(softcap > 0 && isFinite32(softcap) && isFinite32(1 / softcap)))
    fail(op, "a finite softcap above 0", shown(softcap), "leave it out for none");
  checkDropout(op, dropout);

  // [batch...,T,D] times [batch...,D,S]; in f32, as fused kernels have their scores.
  const products = matmul(
    cast(queryRows(axes, query.node), "f32"),
    cast(transpose(keyRows(axes, key.node), -2, -1), "f32"),
  );
  let scores = scaled(products, scale); // [batch...,T,S]
  if (softcap !== null) scores = scaled(scalar("tanh", scaled(scores, 1 / softcap)), softcap);
  const from = [query, key, value];
  if (options.score !== null && options.score !== undefined) {
    const changed = rescore(axes, Tensor.from(reshape(scores, seenByScore(axes)), query, key), options.score);
    scores = cast(reshape(changed.node, inner), "f32");
    from.push(changed);
  }
  const masked = maskScores(axes, scores, options.mask);
  from.push(...masked.biases);
  const sinks = sink === null ? null : sinkScores(axes, sink);
  if (sink) from.push(sink);

  const dtype = promote(promote(query.dtype, key.dtype), value.dtype);
  const mixed = attentionNode(masked.scores, cast(keyRows(axes, value.node), dtype), {
    factor: dropout > 0 ? dropoutOf(ones(inner), { p: dropout }).node : null,
    sink: sinks,
  });
  return Tensor.from(reshape(mixed, result), ...from);
}

/** Whether f32 can hold the number. */
const isFinite32 = (x: number): boolean => Number.isFinite(x) && Number.isFinite(Math.fround(x));

const seenByScore = ({ B, H, T, S }: AttentionAxes) => [B, H, T, S];

function rescore(axes: AttentionAxes, scores: Tensor, score: NonNullable<AttentionOptions["score"]>): Tensor {
  const shape = seenByScore(axes);
  const along = (dim: number) => shape.map((n, i) => (i === dim ? n : 1));
  const index = (dim: number) => Tensor.from(iota(along(dim), dim));
  if (typeof score !== "function") fail(axes.op, "score as a function of scores", shown(score));
  const changed = score(scores, { b: index(0), h: index(1), t: index(2), s: index(3) });
  const wanted = `score to return scores ${describe(scores)}`;
  if (!(changed instanceof Tensor)) fail(axes.op, wanted, shown(changed));
  if (!sameShape(changed.shape, shape)) fail(axes.op, wanted, describe(changed));
  if (!isFloat(changed.dtype)) fail(axes.op, wanted, describe(changed), "hide keys by where(keep, scores, -Infinity)");
  return changed;
}

/** [], [H] or [B,H] to what broadcasts to [batch...,T,1]. */
function sinkScores({ op, B, H, batch }: AttentionAxes, sink: Tensor): Node {
  const wanted = `a float sink [], [${H}] (one for each head) or [${B},${H}]`;
  if (!(sink instanceof Tensor)) fail(op, wanted, shown(sink));
  const full = [B, H].slice(2 - sink.ndim);
  if (!isFloat(sink.dtype) || sink.ndim > 2 || !sameShape(sink.shape, full)) fail(op, wanted, describe(sink));
  const heads = sink.ndim === 0 ? batch.slice(1).map(() => 1) : batch.slice(1);
  return reshape(sink.node, [sink.ndim === 2 ? B : 1, ...heads, 1, 1]);
}
