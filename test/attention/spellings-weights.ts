// What happens to the weights: dropout inside and outside of `compile`, gates for heads; and sinks, scores that take part in the softmax
// and have no value.

import {
  arange,
  bernoulli,
  cat,
  causalMask,
  dropout,
  manualSeed,
  ones,
  rand,
  type Tensor,
  where,
  zeros,
} from "../../src/index.js";
import {
  B,
  CROSS,
  D,
  E,
  given,
  H,
  held,
  N,
  products,
  S,
  SELF,
  type Spelling,
  type SpellingOptions,
  spelling,
  T,
} from "./spelling.js";

const keepdim = { keepdim: true };
const inside: SpellingOptions = { traced: true };

/** With this done to the pattern [B,H,T,S]. */
const weighted = (name: string, change: (pattern: Tensor) => Tensor, options: SpellingOptions = {}): Spelling =>
  spelling(name, CROSS, (q, k, v) => change(products(q, k).softmax(-1)).matmul(v), options);

const kept = () => {
  manualSeed(11);
  return held(bernoulli(0.8, [B, H, T, S]));
};

/** Softmax over keys and one more score for each head, dropped again: gpt-oss. */
const withSink = (scores: Tensor, sink: Tensor, first = false): Tensor => {
  const [b, h, t] = scores.shape;
  const column = sink.reshape(1, -1, 1, 1).expand(b, h, t, 1);
  const combined = cat(first ? [column, scores] : [scores, column], -1);
  const pattern = combined.sub(combined.amax(-1, keepdim)).softmax(-1);
  return first ? pattern.at("...", "1:") : pattern.at("...", ":-1");
};

const HEAD = `f32[${H}]`;

export const WEIGHTS: readonly Spelling[] = [
  weighted("dropout outside compile", (p) => {
    manualSeed(3);
    return dropout(p, { p: 0.2 });
  }),
  weighted("dropout inside compile", (p) => dropout(p, { p: 0.2 }), inside),
  spelling(
    "dropout inside compile, causal",
    SELF,
    (q, k, v) => dropout(products(q, k).add(causalMask(N)).softmax(-1), { p: 0.1 }).matmul(v),
    inside,
  ),
  weighted("dropout when not training", (p) => dropout(p, { p: 0.2, training: false })),
  weighted("dropout: a given mask times 1 / (1 - p)", (p) => p.mul(kept()).mul(1 / 0.8)),
  weighted("dropout: a given mask, divided by 1 - p", (p) => p.mul(kept().div(0.8))),
  weighted("dropout: where a truth value keeps it", (p) => where(kept().bool(), p.div(0.8), 0)),
  weighted("dropout: filled with 0", (p) => p.maskedFill(kept().eq(0), 0).mul(1.25)),
  weighted(
    "dropout by hand inside compile: rand() > p",
    (p) => p.mul(rand(B, H, T, S).gt(0.2).to("f32")).div(0.8),
    inside,
  ),
  weighted("dropout of whole heads", (p) => p.mul(held(given([1, 0, 1.5]).view(1, H, 1, 1)))),
  weighted("a head mask, as Hugging Face's", (p) => p.mul(held(given([1, 0, 1, 0, 1, 1]).view(B, H, 1, 1)))),
  weighted("the pattern scaled by a number", (p) => p.mul(0.5)),
  spelling(
    "dropout of the output inside compile",
    CROSS,
    (q, k, v) => dropout(products(q, k).softmax(-1).matmul(v), { p: 0.2 }),
    inside,
  ),
  spelling(
    "dropout of the weights and of the output inside compile",
    CROSS,
    (q, k, v) => dropout(dropout(products(q, k).softmax(-1), { p: 0.2 }).matmul(v), { p: 0.3 }),
    inside,
  ),
  spelling(
    "exp(x - max) / sum with dropout inside compile",
    CROSS,
    (q, k, v) => {
      const s = products(q, k);
      const e = s.sub(s.amax(-1, keepdim)).exp();
      return dropout(e.div(e.sum(-1, keepdim)), { p: 0.25 }).matmul(v);
    },
    inside,
  ),

  spelling("a sink for each head, as gpt-oss", [...SELF, HEAD], (q, k, v, sink) =>
    withSink(products(q, k).add(causalMask(N)), sink).matmul(v),
  ),
  spelling("a sink for each head, in front", [...CROSS, HEAD], (q, k, v, sink) =>
    withSink(products(q, k), sink, true).matmul(v),
  ),
  spelling(
    "a sink and dropout inside compile",
    [...CROSS, HEAD],
    (q, k, v, sink) => dropout(withSink(products(q, k), sink), { p: 0.1 }).matmul(v),
    inside,
  ),
  spelling("a sink for all heads", [...CROSS, "f32[1]"], (q, k, v, sink) =>
    withSink(products(q, k), sink.expand(H)).matmul(v),
  ),
  spelling("a sink for each query", [...CROSS, `f32[${B},${H},${T},1]`], (q, k, v, sink) =>
    cat([products(q, k), sink], -1)
      .softmax(-1)
      .narrow(-1, 0, S)
      .matmul(v),
  ),
  spelling("a sink of the score 0: softmax of one more", CROSS, (q, k, v) =>
    cat([products(q, k), zeros(B, H, T, 1)], -1)
      .softmax(-1)
      .slice(-1, 0, -1)
      .matmul(v),
  ),
  spelling("exp(x) / (1 + sum)", CROSS, (q, k, v) => {
    const e = products(q, k).exp();
    return e.div(e.sum(-1, keepdim).add(1)).matmul(v);
  }),
  spelling("exp(x - max) / (exp(-max) + sum)", CROSS, (q, k, v) => {
    const s = products(q, k);
    const most = s.amax(-1, keepdim);
    const e = s.sub(most).exp();
    return e.div(most.neg().exp().add(e.sum(-1, keepdim))).matmul(v);
  }),
  spelling("a sink with a value: one more key of zeros", CROSS, (q, k, v) => {
    const [longerK, longerV] = [cat([k, zeros(B, H, 1, D)], 2), cat([v, zeros(B, H, 1, E)], 2)];
    return products(q, longerK).softmax(-1).matmul(longerV);
  }),
  spelling(
    "null keys and values that are learned",
    [...CROSS, `f32[${H},1,${D}]`, `f32[${H},1,${E}]`],
    (q, k, v, nullKey, nullValue) => {
      const keys = cat([nullKey.expand(B, H, 1, D), k], 2);
      const values = cat([nullValue.expand(B, H, 1, E), v], 2);
      const padding = cat([zeros(B, 1).bool(), held(arange(S).ge(given([4, S], "i32").view(B, 1)))], 1);
      return products(q, keys)
        .maskedFill(padding.view(B, 1, 1, S + 1), -1e9)
        .softmax(-1)
        .matmul(values);
    },
  ),
  weighted("ones in the place of dropout", (p) => p.mul(ones(T, S))),
];
