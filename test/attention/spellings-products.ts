// Where the scale stands, and how the two products are written.

import { einsum, matmul, softmax, type Tensor, tensor } from "../../src/index.js";
import { B, CROSS, D, E, H, held, S, type Spelling, spelling, T } from "./spelling.js";

const scale = D ** -0.5;
const root = Math.sqrt(D);

/** With the scores [B,H,T,S] written like this. */
const scored = (name: string, scores: (q: Tensor, k: Tensor) => Tensor, inputs: readonly string[] = CROSS): Spelling =>
  spelling(name, inputs, (q, k, v) => scores(q, k).softmax(-1).matmul(v));

const VALUE = CROSS[2];

export const PRODUCTS: readonly Spelling[] = [
  scored("no scale", (q, k) => q.matmul(k.transpose(-2, -1))),
  scored("scale as division", (q, k) => q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D))),
  scored("scale as multiplication", (q, k) => q.matmul(k.transpose(-2, -1)).mul(1 / Math.sqrt(D))),
  scored("scale on the query, as division", (q, k) => q.div(root).matmul(k.transpose(-2, -1))),
  scored("scale on the query, as multiplication", (q, k) => q.mul(scale).matmul(k.mT)),
  scored("scale on the key", (q, k) => q.matmul(k.div(root).transpose(-2, -1))),
  scored("scale on the transposed key", (q, k) => q.matmul(k.transpose(-2, -1).mul(scale))),
  scored("scale split between query and key", (q, k) => q.mul(D ** -0.25).matmul(k.mul(D ** -0.25).transpose(-2, -1))),
  scored("scale on the query and on the scores", (q, k) =>
    q
      .mul(0.5)
      .matmul(k.mT)
      .div(root / 2),
  ),
  scored("scale by a tensor of one number", (q, k) =>
    q.matmul(k.transpose(-2, -1)).div(tensor(D, { dtype: "f32" }).sqrt()),
  ),
  scored("scale by a held tensor of one number", (q, k) => q.matmul(k.mT).mul(held(tensor(scale)))),
  scored("scale by a layer's number too", (q, k) => q.matmul(k.mT).div(root).div(3).mul(3)),
  spelling("scale inside the softmax's argument", CROSS, (q, k, v) =>
    matmul(softmax(matmul(q, k.mT).div(k.shape[k.ndim - 1] ** 0.5), -1), v),
  ),
  scored("a negative scale", (q, k) => q.neg().matmul(k.mT).mul(-scale)),

  scored("transpose(2, 3)", (q, k) => q.matmul(k.transpose(2, 3)).div(root)),
  scored("permute(0, 1, 3, 2)", (q, k) => q.matmul(k.permute(0, 1, 3, 2)).div(root)),
  scored("mT", (q, k) => q.matmul(k.mT).div(root)),
  scored("keys kept as [B,H,D,S]", (q, k) => q.matmul(k).div(root), [CROSS[0], `f32[${B},${H},${D},${S}]`, VALUE]),
  scored("keys made as [B,D,S,H] and permuted", (q, k) => q.matmul(k.permute(0, 3, 1, 2)).div(root), [
    CROSS[0],
    `f32[${B},${D},${S},${H}]`,
    VALUE,
  ]),
  scored("the product the other way round", (q, k) => k.matmul(q.transpose(-2, -1)).transpose(-2, -1).mul(scale)),
  scored("the scale before the product is turned round", (q, k) => k.matmul(q.mT).mul(scale).mT),
  spelling("columns as positions: V softmax(KᵀQ), softmax over dim -2", CROSS, (q, k, v) => {
    const scores = k.matmul(q.transpose(-2, -1)).div(root); // [B,H,S,T]
    return v.transpose(-2, -1).matmul(scores.softmax(-2)).transpose(-2, -1);
  }),
  spelling("the second product turned round", CROSS, (q, k, v) => {
    const pattern = q.matmul(k.mT).div(root).softmax(3);
    return v.mT.matmul(pattern.mT).mT;
  }),

  scored("einsum bhtd,bhsd->bhts", (q, k) => einsum("bhtd,bhsd->bhts", q, k).div(root)),
  spelling("einsum for both products", CROSS, (q, k, v) => {
    const pattern = einsum("bhtd,bhsd->bhts", q, k).mul(scale).softmax(-1);
    return einsum("bhts,bhse->bhte", pattern, v);
  }),
  spelling(
    "einsum, heads behind positions, as Keras and Flax",
    [`f32[${B},${T},${H},${D}]`, `f32[${B},${S},${H},${D}]`, `f32[${B},${S},${H},${E}]`],
    (q, k, v) => einsum("bhts,bshe->bthe", einsum("bthd,bshd->bhts", q.mul(scale), k).softmax(-1), v),
  ),
  spelling(
    "einsum nqhd,nkhd->nhqk with the scale of the whole width",
    [`f32[${B},${T},${H},${D}]`, `f32[${B},${S},${H},${D}]`, `f32[${B},${S},${H},${D}]`],
    (q, k, v) => {
      const energy = einsum("nqhd,nkhd->nhqk", q, k);
      const attention = energy.div((H * D) ** 0.5).softmax(3);
      return einsum("nhql,nlhd->nqhd", attention, v).reshape(B, T, H * D);
    },
  ),
  spelling("einsum, no batch", [`f32[${T},${H},${D}]`, `f32[${S},${H},${D}]`, `f32[${S},${H},${E}]`], (q, k, v) =>
    einsum("hts,she->the", einsum("thd,shd->hts", q, k).mul(scale).softmax(-1), v),
  ),
  spelling("einsum, one head", [`f32[${B},${T},${D}]`, `f32[${B},${S},${D}]`, `f32[${B},${S},${E}]`], (q, k, v) =>
    einsum("bij,bjd->bid", einsum("bid,bjd->bij", q, k).mul(scale).softmax(-1), v),
  ),
  spelling("einsum with axes named by dots", CROSS, (q, k, v) =>
    einsum("...ts,...se->...te", einsum("...td,...sd->...ts", q, k).div(root).softmax(-1), v),
  ),

  spelling("one query", [`f32[${B},${H},1,${D}]`, CROSS[1], CROSS[2]], (q, k, v) =>
    q.matmul(k.mT).div(root).softmax(-1).matmul(v),
  ),
  spelling("one key", [CROSS[0], `f32[${B},${H},1,${D}]`, `f32[${B},${H},1,${E}]`], (q, k, v) =>
    q.matmul(k.mT).div(root).softmax(-1).matmul(v),
  ),
  spelling(
    "inputs that are transposed in memory",
    CROSS.map((i) => `${i}@T`),
    (q, k, v) => q.matmul(k.mT).div(root).softmax(-1).matmul(v),
  ),
  spelling(
    "inputs that are every second number",
    CROSS.map((i) => `${i}@strided`),
    (q, k, v) => q.matmul(k.mT).div(root).softmax(-1).matmul(v),
  ),
  spelling(
    "large scores",
    CROSS.map((i) => `${i}:wide`),
    (q, k, v) => q.div(200).matmul(k.mT).softmax(-1).matmul(v),
  ),
  spelling("the output scaled and shifted", CROSS, (q, k, v) =>
    q.matmul(k.mT).div(root).softmax(-1).matmul(v).mul(2).add(1).relu(),
  ),
  spelling("query, key and value are one", [`f32[${B},${T},${D}]`], (x) =>
    x.matmul(x.mT).div(root).softmax(-1).matmul(x),
  ),
  spelling("one matrix and .T", [`f32[${T},${D}]`], (x) => x.matmul(x.T).softmax(-1).matmul(x)),
  spelling("matrices and .t()", [`f32[${T},${D}]`, `f32[${S},${D}]`, `f32[${S},${E}]`], (q, k, v) =>
    q.matmul(k.t()).div(root).softmax(1).matmul(v),
  ),
  spelling("contiguous, clone and squeeze on the way", CROSS, (q, k, v) => {
    const scores = q.contiguous().matmul(k.transpose(-2, -1).contiguous()).unsqueeze(0).squeeze(0).div(root);
    return scores.clone().softmax(-1).contiguous().matmul(v);
  }),
  spelling("a stopped gradient of the key", CROSS, (q, k, v) =>
    q.matmul(k.detach().mT).div(root).softmax(-1).matmul(v),
  ),
  spelling("the gradient of the query alone", CROSS, (q, k, v) => q.matmul(k.mT).div(root).softmax(-1).matmul(v), {
    by: [0],
  }),
  spelling("the gradient of the key alone", CROSS, (q, k, v) => q.matmul(k.mT).div(root).softmax(-1).matmul(v), {
    by: [1],
  }),
  spelling("the gradient of the value alone", CROSS, (q, k, v) => q.matmul(k.mT).div(root).softmax(-1).matmul(v), {
    by: [2],
  }),
];
