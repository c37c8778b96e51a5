// What looks like attention and is not: it must not be mistaken for it. Where `steps` is null, a part may be attention nonetheless, and
// the numbers are what counts.

import { cat, causalMask, where } from "../../src/index.js";
import { ANY, changed, keepdim, type Lookalike, row, SQUARE, scoresOf } from "./lookalike.js";
import { B, C, CROSS, D, E, H, N, S, SELF, T } from "./spelling.js";

export const MISTAKES: readonly Lookalike[] = [
  changed("relu(pattern - 0.1)", (p) => p.sub(0.1).relu()),
  changed("the pattern squared", (p) => p.square()),
  changed("the pattern to the power 1.5", (p) => p.pow(1.5)),
  changed("the pattern where it is above a threshold", (p) => where(p.gt(0.1), p, 0)),
  changed("the pattern with small weights filled with 0", (p) => p.maskedFill(p.lt(0.05), 0)),
  changed("the exponential of the pattern", (p) => p.exp()),
  changed("the softmax of the pattern", (p) => p.softmax(-1)),
  changed("logSoftmax without exp", (_, s) => s.logSoftmax(-1)),
  changed("one minus the pattern", (p) => p.neg().add(1)),
  changed("the pattern and a number", (p) => p.add(0.1)),
  changed("the pattern times its scores", (p, s) => p.mul(s), null),
  changed("the pattern's largest weights only", (p) => {
    const threshold = p.topk(3, -1).values.at("...", "-1:");
    return where(p.ge(threshold), p, 0);
  }),
  changed("the pattern less its mean", (p) => p.sub(p.mean(-1, keepdim))),
  changed("the pattern normalised by its largest weight", (p) => p.div(p.amax(-1, keepdim)), null),
  changed("the pattern summed up along the keys", (p) => p.cumsum(-1)),
  changed("the pattern rolled by one key", (p) => p.roll(1, -1), null),
  changed("the pattern flipped", (p) => p.flip(-1), null),
  changed("softmax over the queries", (_, s) => s.softmax(-2)),
  changed("softmax over the heads", (_, s) => s.softmax(1)),
  changed("softmax over the batch", (_, s) => s.softmax(0)),
  changed("softmax over all positions at once", (_, s) => s.flatten(-2).softmax(-1).view(B, H, T, S)),
  changed("softmax over keys and heads", (_, s) =>
    s
      .transpose(1, 2)
      .reshape(B, T, H * S)
      .softmax(-1)
      .view(B, T, H, S)
      .transpose(1, 2),
  ),
  changed(
    "softmax over halves of the keys",
    (_, s) => cat([s.narrow(-1, 0, 4).softmax(-1), s.narrow(-1, 4, 3).softmax(-1)], -1),
    null,
  ),
  changed("softmax over queries, then over keys", (_, s) => s.softmax(-2).softmax(-1)),
  changed("sigmoid instead of softmax", (_, s) => s.sigmoid()),
  changed("relu over its sum instead of softmax", (_, s) => s.relu().div(s.relu().sum(-1, keepdim).add(1e-3))),
  changed("linear attention: products over their sum", (_, s) => s.square().div(s.square().sum(-1, keepdim))),
  changed("softmax without the exponentials' sum: exp alone", (_, s) => s.exp()),
  changed("exponentials over the sum along the queries", (_, s) => s.exp().div(s.exp().sum(-2, keepdim))),
  changed("exponentials over the sum of others", (_, s) => s.exp().div(s.mul(2).exp().sum(-1, keepdim)), null),
  changed("exponentials over the sum of their squares", (_, s) => s.exp().div(s.exp().square().sum(-1, keepdim)), null),
  changed(
    "the maximum taken off below only",
    (_, s) => s.exp().div(s.sub(s.amax(-1, keepdim)).exp().sum(-1, keepdim)),
    null,
  ),
  changed(
    "2 to the power of the scores over their sum",
    (_, s) => s.exp().pow(2).div(s.exp().pow(2).sum(-1, keepdim)),
    null,
  ),

  row("the pattern times the keys' values on the wrong side", (q, k, v) => v.mT.matmul(scoresOf(q, k).softmax(-1)), {
    inputs: [SELF[0], SELF[1], SELF[2]],
  }),
  row("the values multiplied with the transposed pattern", (q, k, v) => scoresOf(q, k).softmax(-1).mT.matmul(v), {
    inputs: SELF,
  }),
  row("scores that are parameters", (s, v) => s.softmax(-1).matmul(v), { inputs: [SQUARE, SELF[2]] }),
  row("scores that are parameters, causal", (s, v) => s.add(causalMask(N)).softmax(-1).matmul(v), {
    inputs: [SQUARE, SELF[2]],
  }),
  row(
    "scores that are distances, as kernel regression",
    (q, k, v) =>
      q.unsqueeze(-1).sub(k.unsqueeze(-2)).square().mul(-0.5).softmax(-1).matmul(v.unsqueeze(-1)).squeeze(-1),
    {
      inputs: [`f32[${T}]`, `f32[${S}]`, `f32[${S}]`],
    },
  ),
  row(
    "scores of a network of pairs, Bahdanau's",
    (q, k, v, w) => q.unsqueeze(3).add(k.unsqueeze(2)).tanh().matmul(w).squeeze(-1).softmax(-1).matmul(v),
    {
      ...ANY,
      inputs: [...CROSS, `f32[${D},1]`],
    },
  ),
  row(
    "a classifier: a softmax of a product, times a matrix of as many rows",
    (x, w, table) => x.matmul(w).softmax(-1).matmul(table),
    {
      ...ANY,
      inputs: [`f32[${N},${C}]`, `f32[${C},${S}]`, `f32[${S},${E}]`],
    },
  ),
  row("no values: the pattern alone", (q, k) => scoresOf(q, k).softmax(-1), { inputs: CROSS.slice(0, 2) }),
  row("no values: the pattern's mean over the queries", (q, k) => scoresOf(q, k).softmax(-1).mean(-2), {
    inputs: CROSS.slice(0, 2),
  }),
  row("the pattern times the values, element by element", (s, v) => s.matmul(s.mT).softmax(-1).mul(v), {
    inputs: [SELF[0], SQUARE],
  }),
];
