// The softmax written out: exponentials over their sum, through the logarithm, and stable or not.

import { arange, causalMask, ones, softmax, type Tensor, tril } from "../../src/index.js";
import { CROSS, masked, N, products, SELF, type Spelling, type SpellingOptions, spelling } from "./spelling.js";

const keepdim = { keepdim: true };

/** With the pattern computed like this from the scores. */
const weighted = (name: string, pattern: (scores: Tensor) => Tensor, options: SpellingOptions = {}): Spelling =>
  spelling(name, CROSS, (q, k, v) => pattern(products(q, k)).matmul(v), options);
/** The same, causal by -inf. */
const causal = (name: string, pattern: (scores: Tensor) => Tensor): Spelling =>
  spelling(name, SELF, (q, k, v) => pattern(products(q, k).add(causalMask(N))).matmul(v));

const stable = (s: Tensor) => {
  const e = s.sub(s.amax(-1, keepdim)).exp();
  return e.div(e.sum(-1, keepdim));
};

export const EXPONENTIALS: readonly Spelling[] = [
  weighted("exp(x - max) / sum", stable),
  weighted("exp(x - max) / sum, the maximum by max(dim).values", (s) => {
    const e = s.sub(s.max(-1, keepdim).values).exp();
    return e.div(e.sum(-1, keepdim));
  }),
  weighted("exp(x - max) / sum, the maximum detached", (s) => {
    const e = s.sub(s.amax(-1, keepdim).detach()).exp();
    return e.div(e.sum(-1, keepdim));
  }),
  weighted("exp(x - max) / sum, the maximum of everything", (s) => {
    const e = s.sub(s.max()).exp();
    return e.div(e.sum(-1, keepdim));
  }),
  weighted("exp(x) / sum", (s) => s.exp().div(s.exp().sum(-1, keepdim))),
  weighted("exp(x) / sum, axes put back by unsqueeze", (s) => {
    const e = s.exp();
    return e.div(e.sum(-1).unsqueeze(-1));
  }),
  weighted("exp(x) times the reciprocal of the sum", (s) => {
    const e = s.sub(s.amax(-1, keepdim)).exp();
    return e.mul(e.sum(-1, keepdim).reciprocal());
  }),
  weighted("exp(x - logsumexp)", (s) => s.sub(s.logsumexp(-1, keepdim)).exp()),
  weighted("exp(x - max - log of the sum)", (s) => {
    const shifted = s.sub(s.amax(-1, keepdim));
    return shifted.sub(shifted.exp().sum(-1, keepdim).log()).exp();
  }),
  weighted("logSoftmax().exp()", (s) => s.logSoftmax(-1).exp()),
  weighted("softmax over dim 3", (s) => s.softmax(3)),
  weighted("the maximum taken off before the softmax, as lucidrains does", (s) =>
    s.sub(s.amax(-1, keepdim).detach()).softmax(-1),
  ),
  weighted("a constant taken off before the softmax", (s) => s.sub(5).softmax(-1)),
  weighted("the mean taken off before the softmax", (s) => s.sub(s.mean(-1, keepdim)).softmax(-1)),
  weighted(
    "CogView's: scaled down, the maximum off, scaled up",
    (s) => {
      const small = s.div(32);
      return small.sub(small.amax(-1, keepdim)).mul(32).softmax(-1);
    },
    { storesScores: "always" },
  ),
  weighted("the softmax over the transposed scores' rows", (s) => s.transpose(-2, -1).softmax(-2).transpose(-2, -1)),
  weighted("a softmax of permuted axes", (s) => s.permute(0, 2, 1, 3).softmax(-1).permute(0, 2, 1, 3)),

  causal("causal: exp(x - max) / sum", stable),
  causal("causal: exp(x) / sum", (s) => s.exp().div(s.exp().sum(-1, keepdim))),
  causal("causal: logSoftmax().exp()", (s) => s.logSoftmax(-1).exp()),
  causal("causal: exp(x - logsumexp)", (s) => s.sub(s.logsumexp(-1, keepdim)).exp()),
  causal("causal: softmax as a function", (s) => softmax(s, -1)),
  spelling("causal: exponentials multiplied by the mask", SELF, (q, k, v) => {
    const s = products(q, k);
    const e = s
      .sub(s.amax(-1, keepdim))
      .exp()
      .mul(tril(ones(N, N)));
    return e.div(e.sum(-1, keepdim)).matmul(v);
  }),
  spelling("causal: exponentials filled with 0", SELF, (q, k, v) => {
    const e = products(q, k)
      .exp()
      .maskedFill(arange(N).gt(arange(N).view(N, 1)), 0);
    return e.div(e.sum(-1, keepdim)).matmul(v);
  }),
  spelling("divided by the sum after the product with the values", CROSS, (q, k, v) => {
    const s = products(q, k);
    const e = s.sub(s.amax(-1, keepdim)).exp();
    return e.matmul(v).div(e.sum(-1, keepdim));
  }),
  masked("the softmax of a softmax's input twice negated", (s) => s.neg().neg().add(causalMask(N))),
];
