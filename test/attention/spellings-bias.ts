// What is done to the scores before the softmax besides scale and mask: learned biases and temperatures, soft caps, any function.

import { arange, causalMask, einsum, type Tensor, where } from "../../src/index.js";
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

const root = Math.sqrt(D);

/** With this done to the scaled scores [B,H,T,S], which may depend on parameters. */
const biased = (
  name: string,
  parameters: readonly string[],
  change: (scores: Tensor, ...parameters: Tensor[]) => Tensor,
  options: SpellingOptions = {},
): Spelling =>
  spelling(
    name,
    [...CROSS, ...parameters],
    (q, k, v, ...p) =>
      change(products(q, k), ...p)
        .softmax(-1)
        .matmul(v),
    options,
  );

/** The gradient of what scores are multiplied by is made of the products. */
const RECOMPUTED: SpellingOptions = { storesScores: "in gradients" };

const future = () => arange(N).gt(arange(N).view(N, 1));

export const BIASES: readonly Spelling[] = [
  biased("a learned bias [H,T,S]", [`f32[${H},${T},${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias [1,H,T,S]", [`f32[1,${H},${T},${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias [B,H,T,S]", [`f32[${B},${H},${T},${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias [T,S]", [`f32[${T},${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias of keys [H,1,S]", [`f32[${H},1,${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias of keys [S]", [`f32[${S}]`], (s, bias) => s.add(bias)),
  biased("a learned bias of heads [H,1,1], which changes nothing", [`f32[${H},1,1]`], (s, bias) => s.add(bias)),
  biased("a learned bias of queries [H,T,1], which changes nothing", [`f32[${H},${T},1]`], (s, bias) => s.add(bias)),
  biased("a learned bias taken off", [`f32[${H},${T},${S}]`], (s, bias) => s.sub(bias)),
  biased("a learned bias with a learned scale", [`f32[${H},${T},${S}]`, "f32[]"], (s, bias, scale) =>
    s.add(bias.mul(scale)),
  ),
  biased("two learned biases", [`f32[${H},1,${S}]`, `f32[${T},${S}]`], (s, a, b) => s.add(a).add(b)),
  biased("a learned bias in front of the scores", [`f32[${H},${T},${S}]`], (s, bias) => bias.add(s)),
  biased("a learned bias before the scale", [`f32[${H},${T},${S}]`], (s, bias) => s.mul(root).add(bias).div(root)),
  biased("a bias of features of pairs, AlphaFold's", [`f32[${B},${T},${S},${E}]`, `f32[${E},${H}]`], (s, pairs, w) =>
    s.add(pairs.matmul(w).permute(0, 3, 1, 2)),
  ),
  biased("a bias of a function of learned numbers", [`f32[${H},${T},${S}]`], (s, bias) =>
    s.add(bias.sigmoid().mul(16)),
  ),
  biased("the logarithm of learned gates added", [`f32[${B},1,1,${S}]`], (s, gate) => s.add(gate.sigmoid().log())),
  biased("a gate of each key times the scores", [`f32[${B},1,1,${S}]`], (s, gate) => s.mul(gate.sigmoid()), RECOMPUTED),
  spelling("a learned bias and causal", [...SELF, `f32[${H},${N},${N}]`], (q, k, v, bias) =>
    products(q, k).add(bias).maskedFill(future(), Number.NEGATIVE_INFINITY).softmax(-1).matmul(v),
  ),
  spelling("a learned bias inside where, causal", [...SELF, `f32[${H},${N},${N}]`], (q, k, v, bias) =>
    where(future(), Number.NEGATIVE_INFINITY, products(q, k).add(bias)).softmax(-1).matmul(v),
  ),
  spelling("a learned bias of distances, picked by index", [...SELF, `f32[${H},${2 * N - 1}]`], (q, k, v, table) => {
    const distance = arange(N)
      .view(N, 1)
      .sub(arange(N))
      .add(N - 1); // [N,N]
    const bias = table.indexSelect(1, distance.flatten()).view(H, N, N);
    return products(q, k).add(bias).softmax(-1).matmul(v);
  }),
  spelling(
    "a bias of embeddings of relations, Shaw's",
    [...CROSS, `f32[${T},${S},${D}]`],
    (q, k, v, relations) => {
      const content = q.matmul(k.mT);
      return content
        .add(einsum("bhtd,tsd->bhts", q, relations))
        .div(root)
        .softmax(-1)
        .matmul(v);
    },
    { storesScores: "always" },
  ),
  spelling("biases of query and key, Transformer-XL's u", [...CROSS, `f32[${H},1,${D}]`], (q, k, v, u) =>
    q.add(u).matmul(k.mT).div(root).softmax(-1).matmul(v),
  ),

  biased("a learned temperature", ["f32[]:positive"], (s, temperature) => s.div(temperature), RECOMPUTED),
  biased("a learned temperature times the scores", ["f32[]"], (s, temperature) => s.mul(temperature), RECOMPUTED),
  biased(
    "a learned temperature, its exponential",
    ["f32[1]"],
    (s, temperature) => s.mul(temperature.exp()),
    RECOMPUTED,
  ),
  biased("a learned temperature of each head", [`f32[${H},1,1]`], (s, temperature) => s.mul(temperature), RECOMPUTED),
  biased(
    "a learned temperature of each query",
    [`f32[${B},${H},${T},1]:positive`],
    (s, temperature) => s.div(temperature),
    RECOMPUTED,
  ),
  biased(
    "a learned temperature of each head, clamped, Swin's",
    [`f32[${H},1,1]`],
    (s, temperature) => s.mul(temperature.clamp(null, Math.log(100)).exp()),
    RECOMPUTED,
  ),
  spelling("a learned temperature on the query", [...CROSS, "f32[]:positive"], (q, k, v, temperature) =>
    q.div(temperature).matmul(k.mT).softmax(-1).matmul(v),
  ),
  spelling("a scale that grows with the length, log(S) / log(512)", CROSS, (q, k, v) =>
    products(q, k)
      .mul(Math.log(S) / Math.log(512))
      .softmax(-1)
      .matmul(v),
  ),
  spelling("a scale of each query that grows with its position", SELF, (q, k, v) => {
    const scale = arange(N).add(1).float().log().add(1).view(N, 1);
    return products(q, k).mul(scale).add(causalMask(N)).softmax(-1).matmul(v);
  }),

  biased("soft cap", [], (s) => s.div(5).tanh().mul(5)),
  biased("soft cap, multiplied and divided", [], (s) =>
    s
      .mul(1 / 5)
      .tanh()
      .mul(5),
  ),
  spelling("soft cap, then causal, Gemma's", SELF, (q, k, v) =>
    products(q, k).div(3).tanh().mul(3).add(causalMask(N)).softmax(-1).matmul(v),
  ),
  spelling("soft cap, then a fill with a large negative number", SELF, (q, k, v) =>
    products(q, k).div(3).tanh().mul(3).maskedFill(future(), -2.3819763e38).softmax(-1).matmul(v),
  ),
  // The slope of the cap at the bias is made from the products.
  biased("soft cap of the scores and a bias", [`f32[${H},${T},${S}]`], (s, bias) => s.add(bias).div(4).tanh().mul(4), {
    storesScores: "in gradients",
  }),
  biased("scores clamped", [], (s) => s.clamp(-1.5, 1.5)),
  biased("relu of the scores", [], (s) => s.relu()),
  biased("leakyRelu of the scores, as graph attention", [], (s) => s.leakyRelu(0.2)),
  biased("the square of the scores", [], (s) => s.square()),
  biased("gelu of the scores", [], (s) => s.gelu()),
  biased("scores and their sine", [], (s) => s.add(s.sin())),
  biased("scores that decay with distance, multiplied", [], (s) =>
    s.mul(arange(T).view(T, 1).sub(arange(S)).abs().float().mul(-0.1).exp()),
  ),
  biased("scores on even heads only sharpened", [], (s) => s.mul(held(given([2, 1, 2])).view(H, 1, 1))),
];
