// Positions: ALiBi, T5's and Swin's relative biases with their gradients, and rotated, normalised queries and keys.

import {
  arange,
  cat,
  causalMask,
  embedding,
  full,
  layerNorm,
  rmsNorm,
  stack,
  type Tensor,
  tensor,
  where,
} from "../../src/index.js";
import { B, D, given, H, held, N, SELF, type Spelling, spelling } from "./spelling.js";

const root = Math.sqrt(D);
const LOWEST = -3.4028234663852886e38;
const slopes = () => given([0.5, 0.25, 0.125]).view(H, 1, 1);
const distance = () => arange(N).sub(arange(N).view(N, 1)); // s - t
const scores = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1)).div(root);
const causal = (s: Tensor) => s.add(causalMask(N));

/** T5's buckets of relative positions, one direction only halved (Raffel et al. 2020). */
function buckets(bidirectional: boolean, count = 8, furthest = 12): Tensor {
  let relative = distance();
  let bucket: Tensor = arange(N).mul(0);
  let half = count;
  if (bidirectional) {
    half = count / 2;
    bucket = relative.gt(0).to("i32").mul(half);
    relative = relative.abs();
  } else relative = relative.minimum(0).neg();
  const exact = half / 2;
  const large = relative
    .float()
    .maximum(1)
    .div(exact)
    .log()
    .div(Math.log(furthest / exact))
    .mul(half - exact)
    .to("i32")
    .add(exact)
    .minimum(half - 1);
  return held(bucket.add(where(relative.lt(exact), relative, large)));
}

const angles = () => {
  const frequency = tensor(1e4).pow(arange(0, D, 2).float().div(-D)); // [D/2]
  return arange(N).float().view(N, 1).mul(frequency); // [N,D/2]
};
/** Llama's: the second half turns with the first. */
function rotateHalves(x: Tensor): Tensor {
  const twice = cat([angles(), angles()], -1);
  const [a, b] = x.chunk(2, -1);
  return x.mul(held(twice.cos())).add(cat([b.neg(), a], -1).mul(held(twice.sin())));
}
/** The paper's (Su et al. 2021): neighbours turn together. */
function rotatePairs(x: Tensor): Tensor {
  const [cos, sin] = [held(angles().cos()), held(angles().sin())];
  const [even, odd] = [x.at("...", "::2"), x.at("...", "1::2")];
  return stack([even.mul(cos).sub(odd.mul(sin)), even.mul(sin).add(odd.mul(cos))], -1).flatten(-2);
}
/** On the first half of the width only, as GPT-J. */
const rotatePart = (x: Tensor) => {
  const [turning, staying] = x.split([D / 2, D / 2], -1);
  const angle = arange(N).float().view(N, 1);
  const [a, b] = turning.chunk(2, -1);
  return cat([a.mul(angle.cos()).sub(b.mul(angle.sin())), a.mul(angle.sin()).add(b.mul(angle.cos())), staying], -1);
};
const unit = (x: Tensor) => x.div(x.norm(-1, { keepdim: true }));

/** With queries and keys turned into others. */
const prepared = (name: string, turn: (x: Tensor) => Tensor, mask: (s: Tensor) => Tensor = (s) => s): Spelling =>
  spelling(name, SELF, (q, k, v) =>
    mask(scores(turn(q), turn(k)))
      .softmax(-1)
      .matmul(v),
  );

export const POSITIONS: readonly Spelling[] = [
  spelling("ALiBi: slope times distance, causal", SELF, (q, k, v) =>
    causal(scores(q, k).add(slopes().mul(distance())))
      .softmax(-1)
      .matmul(v),
  ),
  spelling("ALiBi: both directions, -|distance|", SELF, (q, k, v) =>
    scores(q, k).sub(distance().abs().float().mul(slopes())).softmax(-1).matmul(v),
  ),
  spelling("ALiBi: a buffer for all heads, sliced to T", SELF, (q, k, v) => {
    const line = arange(16).view(1, 1, 16).mul(slopes()); // [H,1,16]
    return causal(scores(q, k).add(held(line).at("...", `:${N}`)))
      .softmax(-1)
      .matmul(v);
  }),
  spelling("ALiBi: bias and causal mask in one buffer", SELF, (q, k, v) =>
    scores(q, k)
      .add(held(slopes().mul(distance()).add(causalMask(N))))
      .softmax(-1)
      .matmul(v),
  ),
  spelling("ALiBi: Bloom's, [B H,1,S] plus the scaled product, filled", SELF, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => x.reshape(B * H, N, D));
    const alibi = held(
      slopes()
        .mul(arange(N))
        .unsqueeze(0)
        .expand(B, H, 1, N)
        .reshape(B * H, 1, N),
    );
    const products = alibi.add(a.matmul(b.mT).mul(1 / root)).view(B, H, N, N);
    const mask = full([N, N], LOWEST).triu(1);
    const pattern = products
      .add(mask)
      .softmax(-1)
      .view(B * H, N, N);
    return pattern.matmul(c).view(B, H, N, D);
  }),
  spelling("ALiBi: learned slopes", [...SELF, `f32[${H},1,1]:positive`], (q, k, v, slope) =>
    causal(scores(q, k).add(slope.mul(distance())))
      .softmax(-1)
      .matmul(v),
  ),

  spelling("T5's relative bias, an encoder's, no scale", [...SELF, `f32[8,${H}]`], (q, k, v, table) => {
    const bias = embedding(buckets(true), table).permute(2, 0, 1).unsqueeze(0); // [1,H,N,N]
    return q.matmul(k.transpose(3, 2)).add(bias).softmax(-1).matmul(v);
  }),
  spelling("T5's relative bias, a decoder's with a mask", [...SELF, `f32[8,${H}]`], (q, k, v, table) => {
    const bias = embedding(buckets(false), table).permute(2, 0, 1).unsqueeze(0);
    const mask = held(full([N, N], LOWEST).triu(1)).at(null, null);
    return q.matmul(k.transpose(3, 2)).add(bias.add(mask)).softmax(-1).matmul(v);
  }),
  spelling(
    "T5's relative bias for one head, a table of numbers",
    [...SELF.map((i) => i.replace(`,${H},`, ",")), "f32[8]"],
    (q, k, v, table) =>
      q
        .matmul(k.mT)
        .add(table.indexSelect(0, buckets(true).flatten()).view(N, N))
        .softmax(-1)
        .matmul(v),
  ),
  spelling(
    "Swin's relative bias, windows 3x3 and their mask",
    [`f32[${4 * B},${H},${N},${D}]`, `f32[${4 * B},${H},${N},${D}]`, `f32[${4 * B},${H},${N},${D}]`, `f32[25,${H}]`],
    (q, k, v, table) => {
      const [y, x] = [arange(N).floorDivide(3), arange(N).remainder(3)];
      const [dy, dx] = [y, x].map((c) => c.view(N, 1).sub(c).add(2).to("i32"));
      const index = held(dy.mul(5).add(dx)).view(-1);
      const bias = embedding(index, table).view(N, N, H).permute(2, 0, 1).contiguous(); // [H,N,N]
      const region = held(arange(4).view(4, 1).mul(arange(N).ge(6).to("i32"))); // [windows,N]
      const mask = region.unsqueeze(1).sub(region.unsqueeze(2)).ne(0).to("f32").mul(-100); // [windows,N,N]
      const s = q
        .mul(D ** -0.5)
        .matmul(k.mT)
        .add(bias.unsqueeze(0));
      const shifted = s.view(B, 4, H, N, N).add(mask.unsqueeze(1).unsqueeze(0)).view(-1, H, N, N);
      return shifted
        .softmax(-1)
        .matmul(v)
        .transpose(1, 2)
        .reshape(4 * B, N, H * D);
    },
  ),

  prepared("RoPE by halves, causal", rotateHalves, causal),
  prepared("RoPE by pairs, causal", rotatePairs, causal),
  prepared("RoPE on a part of the width", rotatePart),
  prepared("QK-norm: rmsNorm", (x) => rmsNorm(x, [D], null, 1e-6)),
  prepared("QK-norm: layerNorm", (x) => layerNorm(x, [D])),
  prepared("QK-norm: unit length, cosine", unit),
  prepared("QK-norm, then RoPE, causal", (x) => rotateHalves(rmsNorm(x, [D], null, 1e-6)), causal),
  spelling("QK-norm with learned weights", [...SELF, `f32[${D}]`, `f32[${D}]`], (q, k, v, a, b) =>
    scores(rmsNorm(q, [D], a, 1e-6), rmsNorm(k, [D], b, 1e-6))
      .softmax(-1)
      .matmul(v),
  ),
  spelling(
    "cosine over a learned temperature, Swin's second",
    [...SELF, `f32[${H},1,1]`],
    (q, k, v, logitScale) =>
      unit(q)
        .matmul(unit(k).transpose(-2, -1))
        .mul(logitScale.clamp(null, Math.log(1 / 0.01)).exp())
        .softmax(-1)
        .matmul(v),
    { storesScores: "in gradients" },
  ),
  spelling("learned positions added to what the keys are made of", [...SELF, `f32[${N},${D}]`], (q, k, v, positions) =>
    scores(q.add(positions), k.add(positions)).softmax(-1).matmul(v),
  ),
];
