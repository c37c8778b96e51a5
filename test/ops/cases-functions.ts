// Cases of the functions that layers are made of, and of tensors made from nothing.

import { attention } from "../../src/tensor/attention.js";
import { arange, causalMask, eye, full, linspace, ones, zeros } from "../../src/tensor/create.js";
import * as f from "../../src/tensor/functions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { type Case, cases } from "./case.js";

const LAYERS: Case[] = [
  ...cases("linear", (x, w, b) => f.linear(x, w, b), "F.linear(a, b, c)", [
    ["f32[7,3]", "f32[5,3]", "f32[5]"],
    ["f32[2,3,17]", "f32[33,17]", "f32[33]"],
    ["f32[3]", "f32[2,3]", "f32[2]"],
    ["bf16[7,33]", "bf16[5,33]", "bf16[5]"],
  ]),
  ...cases("linear", (x, w) => f.linear(x, w), "F.linear(a, b)", [["f32[2,7]@T", "f32[3,7]@T"]]),
  ...cases("embedding", (i, w) => f.embedding(i, w), "F.embedding(a, b)", [
    ["i32[7]:index", "f32[5,3]"],
    ["i32[2,17]:index", "f32[5,7]@T"],
    ["i32[]:index", "f32[5,2]"],
    ["i32[0]:index", "f32[5,2]"],
    ["i32[4]:index", "bf16[5,3]"],
  ]),
  ...cases(
    "embedding",
    (i, w) => f.embedding(i, w, { paddingIdx: 2 }),
    "F.embedding(a, b, padding_idx=2)",
    [["i32[3,17]:index", "f32[5,3]"]],
    { smooth: false },
  ),
  ...cases("layerNorm", (x) => f.layerNorm(x, [x.shape[x.ndim - 1]]), "F.layer_norm(a, a.shape[-1:])", [
    "f32[3,7]",
    "f32[7,17]@T",
    "f32[2,3,100]",
    "f16[3,33]",
    "bf16[3,33]",
    "f32[2,3]:zero",
    "f32[64,1]",
  ]),
  ...cases("layerNorm", (x, w, b) => f.layerNorm(x, w.shape, w, b), "F.layer_norm(a, b.shape, b, c)", [
    ["f32[7,33]", "f32[33]", "f32[33]"],
    ["f32[2,9,64]@strided", "f32[64]", "f32[64]"],
    ["f32[5,3,7]", "f32[3,7]", "f32[3,7]"],
    ["f16[4,33]", "f16[33]", "f16[33]"],
  ]),
  ...cases("layerNorm", (x, w) => f.layerNorm(x, w.shape, w, null, 0.1), "F.layer_norm(a, b.shape, b, None, 0.1)", [
    ["f32[7,33]", "f32[33]"],
  ]),
  ...cases("layerNorm", (x, b) => f.layerNorm(x, b.shape, null, b), "F.layer_norm(a, b.shape, None, b)", [
    ["f32[7,33]", "f32[33]"],
  ]),
  ...cases("rmsNorm", (x) => f.rmsNorm(x, [x.shape[x.ndim - 1]]), "F.rms_norm(a, a.shape[-1:])", [
    "f32[3,7]",
    "f32[7,17]@T",
  ]),
  ...cases("rmsNorm", (x, w) => f.rmsNorm(x, w.shape, w, 1e-5), "F.rms_norm(a, b.shape, b, 1e-5)", [
    ["f32[7,33]", "f32[33]"],
    ["f32[2,3,64]", "f32[3,64]"],
    ["bf16[4,33]", "bf16[33]"],
  ]),
  ...cases("attentionSpelled", attend, "F.scaled_dot_product_attention(a, b, c, is_causal=True)", [
    ["f32[2,3,7,8]", "f32[2,3,7,8]", "f32[2,3,7,8]"],
    ["f32[1,1,17,5]", "f32[1,1,17,5]", "f32[1,1,17,3]"],
  ]),
  ...cases("mlp", (x, w, v) => x.add(x.matmul(w).gelu().matmul(v)), "a + F.gelu(a @ b) @ c", [
    ["f32[2,7,5]", "f32[5,17]", "f32[17,5]"],
  ]),
  ...cases(
    "detach",
    (x, y) => x.detach().mul(x).add(y.detach()),
    "a.detach() * a + b.detach()",
    [["f32[7]", "f32[7]"]],
    { smooth: false },
  ),
];

function attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(q.shape[3]));
  return scores.add(causalMask(q.shape[2])).softmax(-1).matmul(v);
}

const PRODUCTS: Case[] = [
  ...cases("bmm", (a, b) => f.bmm(a, b), "torch.bmm(a, b)", [["f32[2,3,7]", "f32[2,7,5]"]]),
  ...cases("outer", (a, b) => f.outer(a, b), "torch.outer(a, b)", [["f32[7]", "f32[5]"]]),
  ...cases("oneHot", (i) => [f.oneHot(i, 5), f.oneHot(i)], "F.one_hot(a, 5), F.one_hot(a)", ["i32[2,3]:index"]),
];

const MADE: Case[] = [
  ...cases(
    "arange",
    () => [arange(7), arange(2, 9), arange(9, 2, -3), arange(0, 1, 0.3), arange(0)],
    "torch.arange(7), torch.arange(2, 9), torch.arange(9, 2, -3), torch.arange(0, 1, 0.3), torch.arange(0)",
    [[]],
  ),
  ...cases(
    "linspace",
    () => [linspace(-1, 2, 7), linspace(3, 3, 1), linspace(0, 1, 0)],
    "torch.linspace(-1, 2, 7), torch.linspace(3, 3, 1), torch.linspace(0, 1, 0)",
    [[]],
  ),
  ...cases(
    "eye",
    () => [eye(3), eye(2, 4), eye(3, { dtype: "bool" })],
    "torch.eye(3), torch.eye(2, 4), torch.eye(3, dtype=torch.bool)",
    [[]],
  ),
  ...cases(
    "full",
    () => [full([2, 3], 0.1), full([2], 7), full([], true), zeros(2, 2), ones([3], { dtype: "i32" })],
    "torch.full((2, 3), 0.1), torch.full((2,), 7), torch.full((), True), torch.zeros(2, 2), torch.ones(3, dtype=torch.long)",
    [[]],
  ),
  ...cases(
    "full",
    () => [full([17], 0.1).mul(3).add(0.7).exp().sum()],
    "(torch.full((17,), 0.1) * 3 + 0.7).exp().sum()",
    [[]],
  ),
  ...cases(
    "causalMask",
    () => [
      causalMask(4),
      causalMask(2, 5),
      causalMask(3).transpose(0, 1).reshape(9),
      causalMask(7).slice(0, 2, 5).flip(1),
    ],
    "M(4, 4), M(2, 5), M(3, 3).T.reshape(9), M(7, 7)[2:5].flip(1)",
    [[]],
  ),
  ...cases(
    "arange",
    () => [arange(12).reshape(3, 4).transpose(0, 1).slice(0, 1, null, 2).flip(1), arange(5).expand(2, 5).reshape(10)],
    "torch.arange(12).reshape(3, 4).T[1::2].flip(1), torch.arange(5).expand(2, 5).reshape(10)",
    [[]],
  ),
];

const ATTENTION: Case[] = [
  ...cases("attention", (q, k, v) => attention(q, k, v), "F.scaled_dot_product_attention(a, b, c)", [
    ["f32[2,3,5,4]", "f32[2,3,7,4]", "f32[2,3,7,6]"],
    ["f32[1,1,1,8]", "f32[1,1,3,8]", "f32[1,1,3,8]"],
    ["f32[3,4]", "f32[5,4]", "f32[5,2]"],
  ]),
  ...cases(
    "attention",
    (q, k, v) => attention(q, k, v, { mask: { kind: "causal" } }),
    "F.scaled_dot_product_attention(a, b, c, is_causal=True)",
    [["f32[2,2,6,4]", "f32[2,2,6,4]", "f32[2,2,6,4]"]],
  ),
];

export const FUNCTIONS: readonly Case[] = [...LAYERS, ...PRODUCTS, ...MADE, ...ATTENTION];
