// Attention before the Transformer: scores that a small network computes (Bahdanau, Cho and Bengio 2014), or products through a matrix
// (Luong, Pham and Manning 2015), and what follows from any scores. The modules with the weights are in nn/additive-attention.ts and
// nn/luong-attention.ts; scaled dot products, which need not have their scores in memory, are in attention.ts.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape, sameShape } from "../base/shape.js";
import { attentionLogsumexp, attention as attentionNode, attentionPattern } from "../graph/attention.js";
import { cast, reshape } from "../graph/build.js";
import { type AttentionMasks, maskScores } from "./attention-mask.js";
import { ones } from "./create.js";
import { dropout as dropoutOf } from "./functions.js";
import { Tensor } from "./tensor.js";

export interface MixOptions {
  /** Which keys a query may see, as for `attention`: one mask, several that must all hold, or null. */
  readonly mask?: AttentionMasks;
  /** The probability with which a weight is dropped, from 0 to below 1; the others are multiplied by 1 / (1 - dropout). */
  readonly dropout?: number;
}

/**
 * v · tanh(query + key) for every query and key: query [...,T,A], key [...,S,A], both projected already, and v [A] give [...,T,S]. The sums
 * [...,T,S,A] are never in memory, neither here nor for the gradients   (Bahdanau, Cho and Bengio 2014, appendix A.1.2).
 * @throws HeedError for widths A or leading axes that differ
 */
export function additiveScores(query: Tensor, key: Tensor, v: Tensor): Tensor {
  checkPair("additiveScores", query, key, "query [...,T,A] and key [...,S,A]");
  const width = query.shape[query.ndim - 1];
  if (v.ndim !== 1 || v.numel !== width) fail("additiveScores", `v [${width}]`, describe(v));
  return query.unsqueeze(-2).add(key.unsqueeze(-3)).tanh().mul(v).sum(-1); // [...,T,1,A] + [...,1,S,A]
}

/**
 * Additive attention of projected queries and keys: softmax(mask(v · tanh(query + key))) value.
 *
 * Query [...,T,A], key [...,S,A], value [...,S,E] and v [A] give [...,T,E] and the pattern [...,T,S]; the leading axes are none, B, or B
 * and H.
 * @throws HeedError for shapes that do not fit, a mask of another dtype or one that does not broadcast, a dropout outside [0,1)
 * @example
 * const [mixed, pattern] = additiveAttention(query.matmul(W), keys.matmul(U), keys, v, { mask: { kind: "lengths", lengths } });
 */
export function additiveAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  v: Tensor,
  options: MixOptions = {},
): [mixed: Tensor, pattern: Tensor] {
  return mixByScores("additiveAttention", additiveScores(query, key, v), value, options);
}

/**
 * Multiplicative attention, not scaled: softmax(mask(query · key)) value, or softmax(mask(query · weight key)) value (Luong's "dot" and
 * "general").
 *
 * Query [...,T,Q], key [...,S,K], value [...,S,E] and weight [Q,K] give [...,T,E] and the pattern [...,T,S]; without a weight Q = K.
 * @throws HeedError for shapes that do not fit, a mask of another dtype or one that does not broadcast, a dropout outside [0,1)
 */
export function multiplicativeAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: MixOptions & { weight?: Tensor | null } = {},
): [mixed: Tensor, pattern: Tensor] {
  const op = "multiplicativeAttention";
  const { weight = null, ...rest } = options;
  if (weight && !sameShape(weight.shape, [query.shape.at(-1) ?? 0, key.shape.at(-1) ?? 0])) {
    fail(op, `a weight [${query.shape.at(-1)},${key.shape.at(-1)}], from queries to keys`, describe(weight));
  }
  // The queries are fewer, where a decoder asks step by step: they are the ones to go through the matrix.
  const asked = weight ? query.matmul(weight) : query; // [...,T,K]
  checkPair(op, asked, key, "query [...,T,D] and key [...,S,D]");
  return mixByScores(op, asked.matmul(key.transpose(-2, -1)), value, rest);
}

/**
 * What follows from scores, however they came about: softmax(mask(scores)) value and softmax(mask(scores)), the pattern, before dropout.
 * Scores [...,T,S] and value [...,S,E] give [...,T,E]. A query that may see no key has a pattern of zeros and mixes nothing. What is not
 * asked for is not computed.
 * @param op the name that errors carry
 */
export function mixByScores(
  op: string,
  scores: Tensor,
  value: Tensor,
  { mask, dropout = 0 }: MixOptions = {},
): [mixed: Tensor, pattern: Tensor] {
  const { shape, ndim } = scores;
  const outer = shape.slice(0, -2);
  const fits =
    ndim >= 2 && ndim <= 4 && value.ndim === ndim && sameShape(value.shape.slice(0, -1), [...outer, shape[ndim - 1]]);
  if (!fits)
    fail(
      op,
      `value [${[...outer, "S", "E"]}] for scores [...,T,S]`,
      `scores ${describe(scores)} and value ${describe(value)}`,
    );
  for (const x of [scores, value])
    if (!isFloat(x.dtype)) fail(op, "float tensors", describe(x), "convert them with .float()");
  if (!(dropout >= 0 && dropout < 1)) fail(op, "a dropout from 0 to below 1", String(dropout));
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

function checkPair(op: string, query: Tensor, key: Tensor, wanted: string): void {
  const fits =
    query.ndim >= 2 &&
    query.ndim === key.ndim &&
    sameShape(query.shape.slice(0, -2), key.shape.slice(0, -2)) &&
    query.shape.at(-1) === key.shape.at(-1);
  if (!fits) fail(op, wanted, `query ${describe(query)} and key ${describe(key)}`);
}
