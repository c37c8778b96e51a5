// What is near attention, or made of it: it may run fused or as written, with the numbers and gradients of what is written.

import { arange, cat, causalMask, einsum, full, ones, stack, tril } from "../../src/index.js";
import { ANY, changed, keepdim, type Lookalike, row, scoresOf } from "./lookalike.js";
import { B, CROSS, D, E, given, H, held, N, S, SELF, T } from "./spelling.js";

export const EITHER: readonly Lookalike[] = [
  changed("a stopped gradient of the pattern", (p) => p.detach(), null),
  changed("exp(x) times the sum to the power -1", (_, s) => s.exp().mul(s.exp().sum(-1, keepdim).pow(-1)), null),
  row("pooling by one query vector", (q, k, v) => k.matmul(q).softmax(-1).unsqueeze(1).matmul(v).squeeze(1), {
    ...ANY,
    inputs: [`f32[${D}]`, `f32[${B},${S},${D}]`, `f32[${B},${S},${E}]`],
  }),
  row(
    "pooling by one query vector, padded",
    (q, x) => {
      const padding = held(
        arange(S)
          .view(1, S)
          .ge(given([4, S], "i32").view(B, 1)),
      );
      const pattern = x.matmul(q.unsqueeze(-1)).squeeze(-1).maskedFill(padding, -1e9).softmax(-1); // [B,S]
      return einsum("bs,bsd->bd", pattern, x);
    },
    { ...ANY, inputs: [`f32[${D}]`, `f32[${B},${S},${D}]`] },
  ),

  row(
    "divided by the sum after the product, which is with ones",
    (q, k, v) => {
      const e = scoresOf(q, k).exp();
      return e.matmul(v).div(e.matmul(ones(S, 1)));
    },
    ANY,
  ),
  changed("the pattern normalised again", (p) => p.div(p.sum(-1, keepdim).add(1e-9)), null),
  changed(
    "the pattern masked and normalised again",
    (p) => {
      const kept = p.mul(tril(ones(T, S), 2));
      return kept.div(kept.sum(-1, keepdim));
    },
    null,
  ),
  changed("a learned mix of heads after the softmax", (p) => einsum("bhts,hg->bgts", p, held(ones(H, H).tril())), null),
  changed(
    "a mix of heads before the softmax",
    (_, s) => einsum("bhts,hg->bgts", s, held(ones(H, H).triu())).softmax(-1),
    null,
  ),
  changed("the mean of the heads' patterns", (p) => p.mean(1, keepdim).expand(B, H, T, S), null),
  changed("the pattern plus the identity", (p) => p.add(held(ones(T, S).tril().triu())), null),
  changed("a convolution of the scores along the keys", (_, s) => s.add(s.roll(1, -1)).softmax(-1), null),
  changed(
    "scores normalised by their own deviation",
    (_, s) => s.sub(s.mean(-1, keepdim)).div(s.std(-1, keepdim).add(0.1)).softmax(-1),
    null,
  ),
  changed("scores above their mean only", (_, s) => s.maskedFill(s.lt(s.mean(-1, keepdim)), -1e9).softmax(-1), null),
  changed(
    "scores among the largest three only",
    (_, s) => {
      const threshold = s.topk(3, -1).values.at("...", "-1:");
      return s.maskedFill(s.lt(threshold), Number.NEGATIVE_INFINITY).softmax(-1);
    },
    null,
  ),
  changed("a gate that depends on the scores", (p, s) => p.mul(s.sigmoid()), null),
  row(
    "two patterns one after another",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return p.matmul(scoresOf(k, q).softmax(-1)).matmul(v);
    },
    { ...ANY, inputs: SELF },
  ),
  row(
    "two patterns one after another, the values first",
    (q, k, v) => scoresOf(q, k).softmax(-1).matmul(scoresOf(k, q).softmax(-1).matmul(v)),
    { steps: 2, inputs: SELF },
  ),
  row(
    "the difference of two patterns",
    (q, k, v) =>
      scoresOf(q, k)
        .softmax(-1)
        .sub(scoresOf(q.flip(-1), k.tanh()).softmax(-1).mul(0.5))
        .matmul(v),
    ANY,
  ),
  row(
    "two masks, two patterns added",
    (q, k, v) => {
      const s = scoresOf(q, k);
      return s
        .add(causalMask(N))
        .softmax(-1)
        .add(s.add(full([N, N], Number.NEGATIVE_INFINITY).tril(-3)).softmax(-1))
        .matmul(v);
    },
    { ...ANY, inputs: SELF },
  ),
  row(
    "one pattern for two values",
    (q, k, v, w) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v), p.matmul(w)] };
    },
    { ...ANY, inputs: [...CROSS, CROSS[2]] },
  ),
  row(
    "the values' gate is a learned number of each head, on the pattern",
    (q, k, v, gate) =>
      scoresOf(q, k)
        .softmax(-1)
        .mul(gate.view(H, 1, 1))
        .matmul(v),
    { ...ANY, inputs: [...CROSS, `f32[${H}]`] },
  ),
  row("learned weights on the pattern", (q, k, v, gate) => scoresOf(q, k).softmax(-1).mul(gate).matmul(v), {
    ...ANY,
    inputs: [...CROSS, `f32[${T},${S}]`],
  }),
  row(
    "the scores depend on the values' product",
    (q, k, v) => scoresOf(q, k).add(v.sum(-1).unsqueeze(-2)).softmax(-1).matmul(v),
    ANY,
  ),
  row(
    "the output of one is the query of the next",
    (q, k, v) => {
      const once = scoresOf(q, k).softmax(-1).matmul(v);
      return scoresOf(once, k).softmax(-1).matmul(v);
    },
    { steps: 2, inputs: [SELF[0], SELF[1], SELF[2]] },
  ),
  row(
    "each batch entry on its own, stacked",
    (q, k, v) => stack(Array.from({ length: B }, (_, b) => scoresOf(q.at(b), k.at(b)).softmax(-1).matmul(v.at(b)))),
    ANY,
  ),
  row(
    "heads of different masks, one after another",
    (q, k, v) =>
      cat(
        [0, 1, 2].map((h) => {
          const s = scoresOf(q.at(":", `${h}:${h + 1}`), k.at(":", `${h}:${h + 1}`));
          return s
            .maskedFill(
              arange(N)
                .view(N, 1)
                .sub(arange(N))
                .gt(h + 1),
              -1e9,
            )
            .softmax(-1)
            .matmul(v.at(":", `${h}:${h + 1}`));
        }),
        1,
      ),
    { ...ANY, inputs: SELF },
  ),
];
