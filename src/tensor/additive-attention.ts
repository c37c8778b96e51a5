// Attention before the Transformer: scores that a small network computes (Bahdanau, Cho and Bengio 2014), or products through a matrix
// (Luong, Pham and Manning 2015), and what follows from any scores. The modules with the weights are in nn/additive-attention.ts and
// nn/luong-attention.ts; scaled dot products, which need not have their scores in memory, are in attention.ts.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { describe, type Shape, sameShape } from "../base/shape.js";
import { attentionLogsumexp, attention as attentionNode, attentionPattern } from "../graph/attention.js";
import { cast, reshape } from "../graph/build.js";
import { type AttentionMasks, maskScores } from "./attention-mask.js";
import { checkDropout } from "./attention-options.js";
import { checkFloats } from "./attention-shapes.js";
import { ones } from "./create.js";
import { dropout as dropoutOf } from "./functions.js";
import { Tensor } from "./tensor.js";

/** What additive and multiplicative attention are told beside their tensors. */
export interface MixOptions {
  /** Which keys a query may see, as for `attention`: one mask, several that must all hold, or null. */
  readonly mask?: AttentionMasks;
  /** The probability with which a weight is dropped, from 0 to below 1; the others are multiplied by 1 / (1 - dropout). */
  readonly dropout?: number;
}

/** What `multiplicativeAttention` is told beside its tensors. */
export interface MultiplicativeAttentionOptions extends MixOptions {
  /** [Q,K], from queries to keys: Luong's "general"; "dot" without it. */
  readonly weight?: Tensor | null;
}

/**
 * v · tanh(query + key) for every query and key: query [...,T,A] and key [...,S,A], both projected already, and v [A] give [...,T,S]
 * (Bahdanau, Cho and Bengio 2014, appendix A.1.2).
 *
 * The sums [...,T,S,A] are never in memory, neither here nor for the gradients.
 * @throws HeedError for what is no float tensor, and for widths A or leading axes that differ
 * @example
 * const [query, key, v] = [randn(2, 3, 8), randn(2, 5, 8), randn(8)];   // T=3 S=5 A=8
 * const scores = additiveScores(query, key, v);                         // f32[2,3,5]
 */
export function additiveScores(query: Tensor, key: Tensor, v: Tensor): Tensor {
  checkFloats("additiveScores", { query, key, v });
  checkAdditive("additiveScores", query, key, v);
  return sumsScored(query, key, v);
}

/**
 * Additive attention of projected queries and keys: softmax(mask(v · tanh(query + key))) value and its pattern, the softmax before dropout
 * (Bahdanau, Cho and Bengio 2014, appendix A.1.2).
 *
 * Query [...,T,A], key [...,S,A], value [...,S,E] and v [A] give [...,T,E] and the pattern [...,T,S]; the leading axes are none, B, or B
 * and H. A query that may see no key has a pattern of zeros and mixes nothing. What is not asked for is not computed.
 * @throws HeedError for what is no float tensor, shapes that do not fit, a mask of another dtype or one that does not broadcast, a dropout
 * outside [0,1), and names that are no options
 * @example
 * const [states, encoded] = [randn(2, 3, 8), randn(2, 5, 16)];      // B=2 T=3 S=5
 * const [W, U, v] = [randn(8, 32), randn(16, 32), randn(32)];       // A=32
 * const mask = { kind: "lengths", lengths: tensor([5, 4]) } as const;
 * const [mixed, pattern] = additiveAttention(states.matmul(W), encoded.matmul(U), encoded, v, { mask });   // f32[2,3,16], f32[2,3,5]
 */
export function additiveAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  v: Tensor,
  options: MixOptions = {},
): [mixed: Tensor, pattern: Tensor] {
  const op = "additiveAttention";
  checkFloats(op, { query, key, value, v });
  checkOptions(op, options, MIX, REMEDIES);
  checkAdditive(op, query, key, v);
  checkValue(op, key, value);
  return mix(op, sumsScored(query, key, v), value, options);
}

/**
 * Multiplicative attention, not scaled: softmax(mask(query · key)) value, or softmax(mask(query · weight key)) value, and its pattern, the
 * softmax before dropout (Luong, Pham and Manning 2015, section 3.1: "dot" and "general").
 *
 * Query [...,T,Q], key [...,S,K], value [...,S,E] and weight [Q,K] give [...,T,E] and the pattern [...,T,S]; without a weight Q = K. The
 * leading axes are none, B, or B and H. A query that may see no key has a pattern of zeros and mixes nothing.
 * @throws HeedError for what is no float tensor, shapes that do not fit, a mask of another dtype or one that does not broadcast, a dropout
 * outside [0,1), and names that are no options
 * @example
 * const [states, encoded] = [randn(2, 3, 8), randn(2, 5, 16)];                    // B=2 T=3 S=5 Q=8 K=16
 * const [mixed, pattern] = multiplicativeAttention(states, encoded, encoded, { weight: randn(8, 16) });   // f32[2,3,16], f32[2,3,5]
 */
export function multiplicativeAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: MultiplicativeAttentionOptions = {},
): [mixed: Tensor, pattern: Tensor] {
  const op = "multiplicativeAttention";
  checkFloats(op, { query, key, value });
  checkOptions(op, options, MULTIPLICATIVE, REMEDIES);
  const weight = options.weight ?? null;
  if (weight === null) checkPair(op, query, key, "query [...,T,D] and key [...,S,D]", query.shape.at(-1));
  else {
    checkFloats(op, { query, key, weight });
    checkPair(op, query, key, "query [...,T,Q] and key [...,S,K]", key.shape.at(-1));
    const full = [query.shape.at(-1) ?? 0, key.shape.at(-1) ?? 0];
    if (!sameShape(weight.shape, full)) fail(op, `a weight [${full}], from queries to keys`, describe(weight));
  }
  checkValue(op, key, value);
  // The queries are fewer, where a decoder asks step by step: they are the ones to go through the matrix.
  const asked = weight ? query.matmul(weight) : query; // [...,T,K]
  return mix(op, asked.matmul(key.transpose(-2, -1)), value, options);
}

const REMEDIES = { isCausal: 'mask: { kind: "causal" }', causal: 'mask: { kind: "causal" }', dropoutP: "dropout" };
const MIX: OptionTable<MixOptions> = { mask: CHECKED, dropout: CHECKED };
const MULTIPLICATIVE: OptionTable<MultiplicativeAttentionOptions> = { ...MIX, weight: CHECKED };

/** [...,T,1,A] + [...,1,S,A], through v to [...,T,S]. */
function sumsScored(query: Tensor, key: Tensor, v: Tensor): Tensor {
  return query.unsqueeze(-2).add(key.unsqueeze(-3)).tanh().mul(v).sum(-1);
}

/** What follows from scores [...,T,S], however they came about, and value [...,S,E]. */
function mix(
  op: string,
  scores: Tensor,
  value: Tensor,
  { mask, dropout = 0 }: MixOptions,
): [mixed: Tensor, pattern: Tensor] {
  checkDropout(op, dropout);
  const { shape } = scores;
  const outer = shape.slice(0, -2);
  const inner = withHeads(shape);
  const masked = maskScores({ op, seen: shape, inner }, reshape(cast(scores.node, "f32"), inner), mask);
  const from = [scores, ...masked.biases];
  const mixed = attentionNode(masked.scores, reshape(value.node, withHeads(value.shape)), {
    factor: dropout > 0 ? dropoutOf(ones(inner), { p: dropout }).node : null,
  });
  const pattern = attentionPattern(masked.scores, attentionLogsumexp(masked.scores, null));
  return [
    Tensor.from(reshape(mixed, [...outer, ...mixed.shape.slice(-2)]), value, ...from),
    Tensor.from(cast(reshape(pattern, shape), scores.dtype), ...from),
  ];
}

/** [B,H,.,.], with ones for the axes that are not there. */
function withHeads(shape: Shape): Shape {
  const [b, h] = [shape.length > 2 ? shape[0] : 1, shape.length > 3 ? shape[1] : 1];
  return [b, h, ...shape.slice(-2)];
}

function checkAdditive(op: string, query: Tensor, key: Tensor, v: Tensor): void {
  const width = query.shape.at(-1);
  checkPair(op, query, key, "query [...,T,A] and key [...,S,A]", width);
  if (v.ndim !== 1 || v.numel !== width) fail(op, `v [${width}]`, describe(v));
}

/** Equal leading axes, and keys of this width. */
function checkPair(op: string, query: Tensor, key: Tensor, wanted: string, width: number | undefined): void {
  const fits =
    query.ndim >= 2 &&
    query.ndim === key.ndim &&
    sameShape(query.shape.slice(0, -2), key.shape.slice(0, -2)) &&
    key.shape.at(-1) === width;
  if (!fits) fail(op, wanted, `query ${describe(query)} and key ${describe(key)}`);
}

function checkValue(op: string, key: Tensor, value: Tensor): void {
  const got = `key ${describe(key)} and value ${describe(value)}`;
  if (key.ndim > 4) fail(op, "query, key and value of 2 to 4 axes", got);
  if (value.ndim !== key.ndim || !sameShape(value.shape.slice(0, -2), key.shape.slice(0, -2)))
    fail(op, "key [...,S,K] and value [...,S,E] with equal leading axes", got);
  if (value.shape.at(-2) !== key.shape.at(-2)) fail(op, "key and value of equal length S", got);
}
