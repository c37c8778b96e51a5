// Masks that come as data: padding of keys, documents packed into one row, masks of two, three and four dimensions; alone and with causal.

import { arange, causalMask, full, ones, type Tensor, tensor, tril, where } from "../../src/index.js";
import { B, CROSS, D, given, H, held, masked, N, S, type Spelling, spelling, T } from "./spelling.js";

const INFINITE = Number.NEGATIVE_INFINITY;
const LOWEST = -3.4028234663852886e38;

const lengths = () => given([6, N], "i32");
/** True for keys that are there, bool[B,N]. */
const keep = () => held(arange(N).lt(lengths().unsqueeze(1)));
/** 1 for keys that are there, f32[B,N], as tokenizers give it. */
const attentionMask = () => held(keep().float());
const future = () => arange(N).gt(arange(N).view(N, 1));
/** Truth values of which each row of the last axis has some. */
const scattered = (...shape: number[]) => {
  const count = shape.reduce((a, b) => a * b, 1);
  const n = shape[shape.length - 1];
  return held(
    given(
      Array.from({ length: count }, (_, i) => ((i * 7 + Math.floor(i / n) * 3) % 5 < 2 ? 0 : 1)),
      "i32",
    )
      .view(shape)
      .bool(),
  );
};
const documents = () => given([0, 0, 0, 0, 1, 1, 1, 2, 2, 0, 0, 1, 1, 1, 1, 1, 1, 2], "i32").view(B, N);

/** HF BERT's get_extended_attention_mask. */
const extended = (least: number) => attentionMask().at(":", null, null, ":").neg().add(1).mul(least);

export const PADDINGS: readonly Spelling[] = [
  masked("key padding: filled with -inf", (s) => s.maskedFill(keep().logicalNot().view(B, 1, 1, N), INFINITE)),
  masked("key padding: filled with -1e9 where mask == 0", (s) =>
    s.maskedFill(attentionMask().eq(0).unsqueeze(1).unsqueeze(2), -1e9),
  ),
  masked("key padding: where", (s) => where(keep().at(":", null, null), s, INFINITE)),
  masked("key padding: computed from lengths", (s) => s.maskedFill(arange(N).ge(lengths().view(B, 1, 1, 1)), INFINITE)),
  masked("key padding: (1 - mask) * -10000", (s) => s.add(extended(-10000))),
  masked("key padding: (1 - mask) * the lowest float", (s) => s.add(extended(LOWEST))),
  masked("key padding: the extended mask is a buffer", (s) => s.add(held(extended(-10000)))),
  masked("key padding: -inf in a float buffer", (s) =>
    s.add(held(where(keep(), 0, INFINITE).to("f32")).view(B, 1, 1, N)),
  ),
  masked("key padding: mask by 0/1 arithmetic on the scores", (s) => {
    const m = attentionMask().view(B, 1, 1, N);
    return s.mul(m).sub(m.neg().add(1).mul(1e9));
  }),
  masked("key padding: token ids compared with the padding", (s) => {
    const ids = given([5, 3, 8, 2, 9, 4, 0, 0, 0, 7, 7, 1, 2, 3, 5, 6, 4, 2], "i32").view(B, N);
    return s.maskedFill(ids.eq(0).unsqueeze(1).unsqueeze(1), INFINITE);
  }),
  spelling(
    "key padding: D2L's masked softmax by valid lengths, a row for each head",
    [`f32[${B * H},${T},${D}]`, `f32[${B * H},${S},${D}]`, `f32[${B * H},${S},${D}]`],
    (q, k, v) => {
      const scores = q.matmul(k.transpose(1, 2)).div(Math.sqrt(D));
      const valid = given([3, S], "i32").repeatInterleave(H, 0).repeatInterleave(T); // [B H T]
      const flat = scores.reshape(-1, S);
      const seen = arange(S).at(null, ":").lt(valid.at(":", null));
      return where(seen, flat, -1e6).reshape(scores.shape).softmax(-1).matmul(v);
    },
  ),
  spelling("key padding of the source, cross attention", CROSS, (q, k, v) => {
    const padding = held(
      arange(S)
        .view(1, S)
        .ge(given([4, S], "i32").view(B, 1)),
    );
    return q
      .matmul(k.mT)
      .div(Math.sqrt(D))
      .maskedFill(padding.at(":", null, null, ":"), INFINITE)
      .softmax(-1)
      .matmul(v);
  }),
  masked("a whole sequence is padding: all keys weigh the same under -1e9", (s) => {
    const seen = arange(N).lt(given([0, 5], "i32").view(B, 1, 1, 1));
    return s.maskedFill(seen.logicalNot(), -1e9);
  }),
  masked("queries that are padding are zeroed afterwards too", (s) =>
    s.maskedFill(keep().logicalNot().view(B, 1, 1, N), -1e9),
  ),

  masked("causal and padding: one bool mask", (s) => {
    const m = keep()
      .view(B, 1, 1, N)
      .logicalAnd(tril(ones(N, N)).bool());
    return s.maskedFill(m.logicalNot(), INFINITE);
  }),
  masked("causal and padding: or of what is hidden", (s) =>
    s.maskedFill(future().logicalOr(keep().logicalNot().view(B, 1, 1, N)), INFINITE),
  ),
  masked("causal and padding: two fills", (s) =>
    s.maskedFill(future(), INFINITE).maskedFill(keep().logicalNot().view(B, 1, 1, N), INFINITE),
  ),
  masked("causal and padding: the sum of two floats", (s) =>
    s.add(causalMask(N)).add(where(keep(), 0, -1e9).to("f32").view(B, 1, 1, N)),
  ),
  masked("causal and padding: one added, one filled", (s) =>
    s.add(causalMask(N)).maskedFill(keep().logicalNot().view(B, 1, 1, N), -1e4),
  ),
  masked("causal and padding: the product of 0/1 masks, (1 - m) * -1e9", (s) =>
    s.add(
      tril(ones(N, N))
        .mul(attentionMask().view(B, 1, N))
        .unsqueeze(1)
        .neg()
        .add(1)
        .mul(-1e9),
    ),
  ),
  masked("causal and padding: Hugging Face's four-dimensional mask, max of two floats", (s) => {
    const causal = full([N, N], LOWEST).triu(1).at(null, null);
    const padding = extended(LOWEST);
    return s.add(held(causal.minimum(padding)));
  }),
  masked("causal and padding: the Annotated Transformer's target mask", (s) => {
    const target = keep()
      .unsqueeze(-2)
      .logicalAnd(ones(1, N, N).triu(1).eq(0)); // [B,N,N]
    return s.maskedFill(target.unsqueeze(1).eq(false), -1e9);
  }),
  masked("documents packed into one row", (s) => {
    const ids = documents();
    return s.maskedFill(
      ids
        .at(":", null, ":", null)
        .ne(ids.at(":", null, null, ":"))
        .logicalOr(future()),
      INFINITE,
    );
  }),
  masked("a window, causal and padding", (s) => {
    const near = arange(N).view(N, 1).sub(arange(N)).lt(4);
    const m = near.logicalAnd(future().logicalNot()).logicalAnd(keep().view(B, 1, 1, N));
    return where(m.logicalOr(arange(N).eq(arange(N).view(N, 1))), s, INFINITE);
  }),

  masked("a mask of two dimensions", (s) => s.maskedFill(scattered(N, N).logicalNot(), INFINITE)),
  masked("a mask of two dimensions, floats", (s) => s.add(held(where(scattered(N, N), 0, INFINITE).to("f32")))),
  masked("a mask of three dimensions, by batch", (s) =>
    s.maskedFill(scattered(B, N, N).unsqueeze(1).logicalNot(), INFINITE),
  ),
  masked("a mask of three dimensions, by head", (s) => s.maskedFill(scattered(H, N, N).logicalNot(), INFINITE)),
  masked("a mask of four dimensions", (s) => s.maskedFill(scattered(B, H, N, N).logicalNot(), INFINITE)),
  masked("a mask of four dimensions, repeated for the heads", (s) =>
    s.maskedFill(scattered(B, N, N).unsqueeze(1).repeat(1, H, 1, 1).logicalNot(), INFINITE),
  ),
  masked("a mask as an input, truth values", (s, m) => s.maskedFill(m.logicalOr(arange(N).eq(0)).logicalNot(), -1e9), {
    inputs: [`bool[${B},1,${N},${N}]`],
  }),
  masked("a mask as whole numbers", (s) => s.maskedFill(scattered(N, N).to("i32").eq(0), -1e20)),
  spelling(
    "scores [B H,T,S] and a mask of three dimensions",
    [`f32[${B * H},${T},${D}]`, `f32[${B * H},${S},${D}]`, `f32[${B * H},${S},${D}]`],
    (q, k, v) =>
      q
        .matmul(k.mT)
        .mul(D ** -0.5)
        .add(held(where(scattered(B * H, T, S), 0, INFINITE).to("f32")))
        .softmax(-1)
        .matmul(v),
  ),
  spelling(
    "scores [B H,T,S] seen as [B,H,T,S] while the mask is added, as fairseq",
    [`f32[${B * H},${T},${D}]`, `f32[${B * H},${S},${D}]`, `f32[${B * H},${S},${D}]`],
    (q, k, v) => {
      const scores = q
        .matmul(k.mT)
        .mul(D ** -0.5)
        .view(B, H, T, S);
      const padding = held(arange(S).ge(given([4, S], "i32").unsqueeze(1)));
      return scores
        .maskedFill(padding.unsqueeze(1).unsqueeze(2), INFINITE)
        .view(B * H, T, S)
        .softmax(-1)
        .matmul(v);
    },
  ),
  spelling("the softmax over rows of one flat matrix", CROSS, (q, k, v) => {
    const scores: Tensor = q.matmul(k.mT).div(Math.sqrt(D));
    return scores.view(-1, S).softmax(1).view(B, H, T, S).matmul(v);
  }),
  masked("a mask of one number that changes nothing", (s) => s.add(held(tensor(0)))),
];
