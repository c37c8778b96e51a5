// Cases of methods that change the shape or pick parts, and of the products.

import { einsum } from "../../src/tensor/einsum.js";
import { cat, stack } from "../../src/tensor/functions.js";
import { hstack, meshgrid, vstack } from "../../src/tensor/joining.js";
import { type Case, cases } from "./case.js";

const VIEWS: Case[] = [
  ...cases("reshape", (x) => x.reshape(-1, 6), "a.reshape(-1, 6)", [
    "f32[3,4]",
    "f32[4,3]@T",
    "f32[2,3,2]@strided",
    "i32[12]:whole",
    "bf16[12]",
  ]),
  ...cases("reshape", (x) => x.transpose(0, 1).reshape(3, 8), "a.transpose(0, 1).reshape(3, 8)", [
    "f32[2,3,4]",
    "f32[4,6]",
  ]),
  ...cases("view", (x) => x.view([2, -1]), "a.reshape(2, -1)", ["f32[4,3]@T", "f32[2,5]"]),
  ...cases("flatten", (x) => x.flatten(1), "a.flatten(1)", ["f32[2,3,4]", "f32[2,4,3]@T"]),
  ...cases("flatten", (x) => x.flatten(), "a.flatten()", ["f32[]", "f32[3,2]@T"]),
  ...cases("unflatten", (x) => x.unflatten(-1, [2, 3]), "a.unflatten(-1, (2, 3))", ["f32[4,6]", "f32[4,6]@T"]),
  ...cases("squeeze", (x) => x.squeeze(), "a.squeeze()", ["f32[1,3,1,2]", "f32[1]"]),
  ...cases("squeeze", (x) => x.squeeze(0).squeeze(1), "a.squeeze(0).squeeze(1)", ["f32[1,3,2]"]),
  ...cases("unsqueeze", (x) => x.unsqueeze(-1).unsqueeze(0), "a.unsqueeze(-1).unsqueeze(0)", [
    "f32[3]",
    "f32[]",
    "f32[2,3]@T",
  ]),
  ...cases("transpose", (x) => x.transpose(0, -1), "a.transpose(0, -1)", [
    "f32[3,7]",
    "f32[2,3,4]",
    "f32[7,17]@T",
    "bool[3,2]",
    "f32[0,3]",
  ]),
  ...cases("transpose", (x) => x.T.mul(2).t(), "(a.T * 2).t()", ["f32[3,7]"]),
  ...cases("transpose", (x) => x.mT.exp(), "a.mT.exp()", ["f32[2,3,7]"]),
  ...cases("permute", (x) => x.permute(2, 0, 1), "a.permute(2, 0, 1)", ["f32[2,3,4]", "f32[2,4,3]@T"]),
  ...cases("permute", (x) => x.permute([1, -1, 0]).add(1), "a.permute(1, -1, 0) + 1", ["f32[7,3,17]"]),
  ...cases("expand", (x) => x.expand(2, -1, 5), "a.expand(2, -1, 5)", ["f32[3,1]", "f32[2,3,1]", "f32[1,3,5]@T"]),
  ...cases("expand", (x) => x.expand(0, 3), "a.expand(0, 3)", ["f32[1,3]"]),
  ...cases("expandAs", (x, y) => x.expandAs(y).mul(y), "a.expand_as(b) * b", [["f32[3,1]", "f32[2,3,5]"]]),
  ...cases("repeat", (x) => x.repeat(2, 3), "a.repeat(2, 3)", ["f32[3]", "f32[2,5]@T", "i32[2]:whole"]),
  ...cases("repeatInterleave", (x) => x.repeatInterleave(3), "a.repeat_interleave(3)", ["f32[3,2]", "f32[2,3]@T"]),
  ...cases("repeatInterleave", (x) => x.repeatInterleave(2, 1), "a.repeat_interleave(2, 1)", ["f32[2,3,4]"]),
  ...cases("contiguous", (x) => x.contiguous(), "a.contiguous()", ["f32[3,7]@T"]),
];

const PARTS: Case[] = [
  ...cases("narrow", (x) => x.narrow(1, 2, 3), "a.narrow(1, 2, 3)", ["f32[3,7]", "f32[2,7,3]", "f32[7,7]@T"]),
  ...cases("slice", (x) => x.slice(0, 1, -1), "a[1:-1]", ["f32[7]", "f32[5,3]@T", "f32[1,3]"]),
  ...cases("slice", (x) => x.slice(-1, null, null, 3), "a[..., ::3]", [
    "f32[100]",
    "f32[3,7]",
    "f32[17,5]@T",
    "f32[64]@flipped",
  ]),
  ...cases("slice", (x) => x.slice(0, 5, 2), "a[5:2]", ["f32[7,3]"]),
  ...cases("select", (x) => x.select(1, -2), "a.select(1, -2)", ["f32[3,7]", "f32[3,7,2]@T"]),
  ...cases("split", (x) => x.split(3, -1), "a.split(3, -1)", ["f32[2,7]", "f32[9]", "f32[7,5]@T"]),
  ...cases("split", (x) => x.split([1, 4, 2], 0), "a.split((1, 4, 2), 0)", ["f32[7,3]"]),
  ...cases("split", (x) => cat(x.split(2, 0).reverse(), 0), "torch.cat(a.split(2, 0)[::-1], 0)", [
    "f32[6,3]",
    "f32[5]",
  ]),
  ...cases("chunk", (x) => x.chunk(3, 1), "a.chunk(3, 1)", ["f32[2,7]", "f32[2,2]"]),
  ...cases("unbind", (x) => x.unbind(1), "a.unbind(1)", ["f32[2,3]", "f32[3,2,4]@T"]),
  ...cases("flip", (x) => x.flip(0, -1), "a.flip(0, -1)", ["f32[3,7]", "f32[2,3,5]@T", "i32[3,4]:whole"]),
  ...cases("flip", (x) => x.flip(0).flip(0).add(x), "a.flip(0).flip(0) + a", ["f32[7]"]),
  ...cases("roll", (x) => x.roll(2, -1), "a.roll(2, -1)", ["f32[3,7]", "f32[1]", "f32[17,3]@T"]),
  ...cases("roll", (x) => x.roll(-9, 0), "a.roll(-9, 0)", ["f32[7,3]"]),
  ...cases("tril", (x) => x.tril(), "a.tril()", ["f32[7,7]", "f32[2,3,5]", "f32[5,3]@T", "i32[3,3]:whole"]),
  ...cases("tril", (x) => x.tril(-2), "a.tril(-2)", ["f32[7,5]"]),
  ...cases("triu", (x) => x.triu(1), "a.triu(1)", ["f32[7,7]", "f32[2,5,3]@T"]),
  ...cases("diagonal", (x) => x.diagonal(), "a.diagonal(0, -2, -1)", ["f32[7,7]", "f32[2,3,5]", "f32[5,3]@T"]),
  ...cases("diagonal", (x) => x.diagonal(-1), "a.diagonal(-1, -2, -1)", ["f32[5,3]"]),
  ...cases("diagonal", (x) => x.diagonal(2), "a.diagonal(2, -2, -1)", ["f32[3,5]", "f32[2,2]"]),
  ...cases("pad", (x) => x.pad([1, 2], 0.5), "F.pad(a, (1, 2), value=0.5)", ["f32[7]", "f32[3,5]@T", "f16[5]"]),
  ...cases("pad", (x) => x.pad([1, 0, 0, 2]), "F.pad(a, (1, 0, 0, 2))", ["f32[3,5]", "f32[2,3,5]", "f32[0,3]"]),
  ...cases("pad", (x) => x.pad([-1, 2, 1, -1]), "F.pad(a, (-1, 2, 1, -1))", ["f32[3,5]"]),
];

const PICKS: Case[] = [
  ...cases("indexSelect", (x, i) => x.indexSelect(0, i), "a.index_select(0, b)", [
    ["f32[7,3]", "i32[9]:index"],
    ["f32[5,7]@T", "i32[3]:index"],
    ["f16[5]", "i32[7]:index"],
    ["f32[5,3]", "i32[0]:index"],
  ]),
  ...cases("indexSelect", (x, i) => x.indexSelect(-1, i), "a.index_select(-1, b)", [
    ["f32[3,5]", "i32[7]:index"],
    ["f32[2,3,17]@strided", "i32[4]:index"],
  ]),
  ...cases("gather", (x, i) => x.gather(1, i), "a.gather(1, b)", [
    ["f32[3,5]", "i32[3,7]:index"],
    ["f32[7,5]@T", "i32[3,2]:index@T"],
    ["i32[3,5]:whole", "i32[3,1]:index"],
    ["bf16[3,5]", "i32[3,3]:index"],
  ]),
  ...cases("gather", (x, i) => x.gather(0, i), "a.gather(0, b)", [
    ["f32[5,3,2]", "i32[2,3,1]:index"],
    ["f32[5]", "i32[33]:index"],
  ]),
  ...cases("scatterAdd", (x, i, s) => x.scatterAdd(0, i, s), "a.scatter_add(0, b, c)", [
    ["f32[5,3]", "i32[7,3]:index", "f32[7,3]"],
    ["f32[5,3]@T", "i32[2,2]:index", "f32[2,2]@T"],
    ["i32[5]:whole", "i32[17]:index", "i32[17]:whole"],
    ["f32[5]", "i32[1]:index", "f32[1]"],
  ]),
  ...cases("scatterAdd", (x, i, s) => x.scatterAdd(1, i, s), "a.scatter_add(1, b, c)", [
    ["f32[3,5]", "i32[3,9]:index", "f32[3,9]"],
    ["f16[3,5]", "i32[3,4]:index", "f16[3,4]"],
  ]),
  // One place at most once: which of several torch keeps is not said.
  ...cases("scatter", (x, i, s) => x.scatter(0, i.mul(0).add(2), s), "a.scatter(0, b * 0 + 2, c)", [
    ["f32[5,3]", "i32[1,3]:index", "f32[1,3]"],
    ["f32[5,3]@T", "i32[1,2]:index", "f32[1,2]@T"],
    ["i32[5]:whole", "i32[1]:index", "i32[1]:whole"],
    ["bf16[5,4]", "i32[1,4]:index", "bf16[1,4]"],
  ]),
  ...cases("scatter", (x, i) => x.scatter(1, i, 7), "a.scatter(1, b, 7)", [
    ["f32[3,5]", "i32[3,9]:index"],
    ["f16[3,5]", "i32[2,4]:index"],
  ]),
];

const JOINS: Case[] = [
  ...cases("cat", (a, b) => cat([a, b], 0), "torch.cat((a, b), 0)", [
    ["f32[3,5]", "f32[2,5]"],
    ["f32[3]", "f32[0]"],
    ["i32[3]:whole", "f32[2]"],
    ["f16[3]", "bf16[2]"],
    ["f32[3,5]@T", "f32[1,5]@strided"],
  ]),
  ...cases("cat", (a, b, c) => cat([a.exp(), b.mul(2), c], -1), "torch.cat((a.exp(), b * 2, c), -1)", [
    ["f32[3,5]", "f32[3,1]", "f32[3,7]@T"],
    ["f32[2,3,1]", "f32[2,3,2]", "f32[2,3,3]"],
  ]),
  ...cases("cat", (a) => cat([a, a, a.neg()], 1), "torch.cat((a, a, -a), 1)", ["f32[3,2]", "f32[2,3,2]@T"]),
  ...cases(
    "cat",
    (a) => cat([cat([a, a.exp()], 0), cat([a.sin(), a], 0)], 1),
    "torch.cat((torch.cat((a, a.exp())), torch.cat((a.sin(), a))), 1)",
    ["f32[3,2]"],
  ),
  ...cases("hstack", (a, b) => hstack([a, b]), "torch.hstack((a, b))", [
    ["f32[3,2]", "f32[3,5]@T"],
    ["f32[3]", "f32[]"],
    ["f32[2,1,3]", "f32[2,4,3]"],
    ["f32[2,0]", "f32[2,3]"],
  ]),
  ...cases("vstack", (a, b) => vstack([a, b]), "torch.vstack((a, b))", [
    ["f32[3]", "f32[2,3]@T"],
    ["f32[]", "f32[1]"],
  ]),
  ...cases("meshgrid", (a, b) => meshgrid([a, b]), "torch.meshgrid(a, b, indexing='ij')", [
    ["f32[3]", "f32[5]"],
    ["i32[2]:whole", "i32[]:whole"],
    ["f32[0]", "f32[2]"],
  ]),
  ...cases("meshgrid", (a, b, c) => meshgrid([a, b, c], { indexing: "xy" }), "torch.meshgrid(a, b, c, indexing='xy')", [
    ["f32[2]", "f32[3]", "f32[4]"],
  ]),
  ...cases("meshgrid", (a) => meshgrid([a], { indexing: "xy" }), "torch.meshgrid(a, indexing='xy')", ["f32[3]"]),
  ...cases("stack", (a, b) => stack([a, b], 1), "torch.stack((a, b), 1)", [
    ["f32[3,5]", "f32[3,5]@T"],
    ["i32[3]:whole", "i32[3]:whole"],
  ]),
  ...cases("stack", (a, b) => stack([a.add(b), b], -1), "torch.stack((a + b, b), -1)", [
    ["f32[]", "f32[]"],
    ["f32[7]", "f32[7]"],
  ]),
];

const PRODUCTS: Case[] = [
  ...cases("matmul", (a, b) => a.matmul(b), "a @ b", [
    ["f32[3]", "f32[3]"],
    ["f32[7,3]", "f32[3]"],
    ["f32[3]", "f32[3,7]"],
    ["f32[1,1]", "f32[1,1]"],
    ["f32[3,7]", "f32[7,5]"],
    ["f32[17,33]", "f32[33,17]"],
    ["f32[64,100]@T", "f32[100,3]"],
    ["f32[3,64]", "f32[64,33]@T"],
    ["f32[33,17]@T", "f32[17,64]@T"],
    ["f32[7,5]@strided", "f32[5,7]@flipped"],
    ["f32[2,3,7]", "f32[7,5]"],
    ["f32[2,3,7]", "f32[2,7,5]"],
    ["f32[2,1,3,7]", "f32[5,7,2]"],
    ["f32[2,3,7]", "f32[7]"],
    ["f32[3,7]", "f32[2,7,5]@T"],
    ["f32[0,3]", "f32[3,2]"],
    ["f32[2,0]", "f32[0,3]"],
    ["f32[2,3,0]", "f32[2,0,1]"],
    ["f16[7,33]", "f16[33,5]"],
    ["bf16[7,33]", "bf16[33,5]@T"],
  ]),
  ...cases("matmul", (a, b) => a.matmul(b), "(a.double() @ b.double()).long()", [["i32[3,7]:whole", "i32[7,2]:whole"]]),
  ...cases(
    "matmul",
    (a, b) => a.matmul(b.transpose(-2, -1)).mul(0.5).relu(),
    "((a @ b.transpose(-2, -1)) * 0.5).relu()",
    [["f32[2,7,33]", "f32[2,5,33]"]],
  ),
  ...cases("matmul", (a, b, c) => a.matmul(b).add(c).sum(), "(a @ b + c).sum()", [
    ["f32[7,3]", "f32[3,17]", "f32[17]"],
  ]),
  ...cases("einsum", (a, b) => einsum("bhtd,bhsd->bhts", a, b), "torch.einsum('bhtd,bhsd->bhts', a, b)", [
    ["f32[2,3,7,5]", "f32[2,3,4,5]"],
  ]),
  ...cases("einsum", (a, b) => einsum("ij,kj->ik", a, b), "torch.einsum('ij,kj->ik', a, b)", [
    ["f32[3,7]@T", "f32[5,7]"],
  ]),
  ...cases("einsum", (a) => einsum("iij->ji", a), "torch.einsum('iij->ji', a)", ["f32[3,3,2]"]),
];

export const SHAPES: readonly Case[] = [...VIEWS, ...PARTS, ...PICKS, ...JOINS, ...PRODUCTS];
