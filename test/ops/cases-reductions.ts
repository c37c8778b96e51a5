// Cases of methods that reduce axes or walk along one.

import type { Tensor } from "../../src/tensor/tensor.js";
import { type Case, cases } from "./case.js";

const ALONG_LAST = [
  "f32[1]",
  "f32[3,7]",
  "f32[17,33]@T",
  "f32[64,100]",
  "f32[5,64]@strided",
  "f32[2,3,17]",
  "f16[7,33]",
  "bf16[7,33]",
];

function overAxes(
  op: string,
  heed: (x: Tensor, dim?: number | number[], keepdim?: boolean) => Tensor,
  torch: (args: string) => string,
  extra: string[] = [],
): Case[] {
  return [
    ...cases(op, (x) => heed(x), torch(""), [
      "f32[]",
      "f32[7]",
      "f32[3,17]@T",
      "f32[7,0]",
      "f16[100]",
      "bf16[100]",
      ...extra,
    ]),
    ...cases(op, (x) => heed(x, -1), torch("-1"), [...ALONG_LAST, "f32[3,0]"]),
    ...cases(op, (x) => heed(x, 0), torch("0"), ["f32[17,3]", "f32[100,7]", "f32[7,64]@T", "f32[0,3]", "f32[0,0]"]),
    ...cases(op, (x) => heed(x, 1, true), torch("1, keepdim=True"), ["f32[3,7,5]", "f32[2,1,3]"]),
    ...cases(op, (x) => heed(x, [0, -1]), torch("(0, -1)"), ["f32[3,7,5]", "f32[3,5,7]@T"]),
  ];
}

const FOLDS: Case[] = [
  ...overAxes(
    "sum",
    (x, d, keepdim) => x.sum(d, { keepdim }),
    (a) => `a.sum(${a})`,
    ["i32[17]:whole", "bool[17]"],
  ),
  ...overAxes(
    "mean",
    (x, d, keepdim) => x.mean(d, { keepdim }),
    (a) => `a.mean(${a})`,
  ),
  ...overAxes(
    "var",
    (x, d, keepdim) => x.var(d, { keepdim }),
    (a) => `a.var(${a})`,
  ),
  ...overAxes(
    "std",
    (x, d, keepdim) => x.std(d, { keepdim }),
    (a) => `a.std(${a})`,
  ),
  ...overAxes(
    "norm",
    (x, d, keepdim) => x.norm(d, { keepdim }),
    (a) => `torch.linalg.vector_norm(a, 2${a && `, ${a}`})`,
    ["f32[3]:zero"],
  ),
  ...cases("prod", (x) => x.prod(), "a.prod()", [
    "f32[8]:distinct",
    "f32[]",
    "f32[3,17]@T",
    "f32[7,0]",
    "f32[2,3]:zero",
    "f16[11]",
    "bf16[11]",
    "i32[9]:digits",
    "i32[0]",
    "bool[17]",
    "bool[1]",
    "bool[0]",
  ]),
  // Whole numbers: lines without a zero, with one, and with several.
  ...cases("prod", (x) => x.prod(-1), "a.prod(-1)", [
    "f32[3,7]",
    "f32[24,7]:whole",
    "f32[5,12]:whole@T",
    "f32[5,8]@strided",
    "f32[2,3,17]:positive",
    "f32[1]",
    "f32[3,0]",
    "f32[0,3]",
    "f16[7,9]",
    "bf16[7,9]",
    "i32[5,9]:digits",
    "i32[24,7]:whole",
    "bool[7,3]",
  ]),
  // Torch divides the product by the element, which infinity takes to NaN: of ∞ · a it gives NaN for the derivative by ∞, which is a.
  ...cases("prod", (x) => x.prod(), "a.prod()", ["f32[24]:special"], { gradient: false }),
  ...cases("prod", (x) => x.prod(-1), "a.prod(-1)", ["f32[15,5]:masked"], { gradient: false }),
  ...cases("prod", (x) => x.prod(0), "a.prod(0)", ["f32[17,3]:positive", "f32[0,3]", "f32[7,24]:whole", "f32[]"]),
  ...cases("prod", (x) => x.prod(1, { keepdim: true }), "a.prod(1, keepdim=True)", ["f32[3,7,5]", "f32[2,1,3]"]),
  ...cases("prod", (x) => x.mul(0.01).add(1).prod(-1), "(a * 0.01 + 1).prod(-1)", [
    "f32[1000]",
    "f32[3,515]",
    "f32[64,100]@T",
    "f16[2,65]",
  ]),
  ...cases("var", (x) => x.var(-1, { correction: 0 }), "a.var(-1, correction=0)", ["f32[3,7]", "f32[3,1]"]),
  ...cases("std", (x) => x.std(0, { correction: 2 }), "a.std(0, correction=2)", ["f32[7,3]"]),
  ...cases("mean", (x) => x.mul(100).mean(), "(a * 100).mean()", ["f16[1000]:positive"]),
  ...cases("sum", (x) => x.sum(-1), "a.sum(-1)", ["f32[24]:special", "f32[3,7]:masked", "i32[3,7]:whole", "bool[3,7]"]),
];

function extreme(op: "amax" | "amin", heed: (x: Tensor, dim?: number | number[], keepdim?: boolean) => Tensor): Case[] {
  return [
    ...cases(
      op,
      (x) => heed(x),
      `a.${op}()`,
      ["f32[]", "f32[7]", "f32[3,17]@T", "f16[33]", "i32[17]:whole", "f32[24]:special"],
      { gradient: false },
    ),
    ...cases(op, (x) => heed(x), `a.${op}()`, ["f32[5,5]", "f32[5,5]:whole"]),
    ...cases(op, (x) => heed(x, -1), `a.${op}(-1)`, [
      "f32[3,7]",
      "f32[17,33]@T",
      "f32[15,5]:masked",
      "f32[7,33]:whole",
      "i32[3,7]:whole",
      "f32[0,3]",
    ]),
    ...cases(op, (x) => heed(x, [0, 2], true), `a.${op}((0, 2), keepdim=True)`, ["f32[3,7,5]"]),
  ];
}

const EXTREMES: Case[] = [
  ...extreme("amax", (x, d, keepdim) => x.amax(d, { keepdim })),
  ...extreme("amin", (x, d, keepdim) => x.amin(d, { keepdim })),
  ...cases("max", (x) => x.max(), "a.max()", ["f32[3,7]"]),
  ...cases("min", (x) => x.min(), "a.min()", ["f32[3,7]"]),
  ...cases("max", (x) => pair(x.max(-1)), "a.max(-1)", [
    "f32[3,7]",
    "f32[17,5]@T",
    "i32[3,7]:distinct",
    "f16[3,7]:distinct",
    "f32[24]:special",
  ]),
  ...cases("min", (x) => pair(x.min(0, { keepdim: true })), "a.min(0, keepdim=True)", [
    "f32[3,7]",
    "i32[7,3]:distinct",
  ]),
  ...cases("max", (x) => pair(x.max(0)), "a.max(0)", ["f32[]", "f32[1,3]"]),
  ...cases("argmax", (x) => x.argmax(), "a.argmax()", [
    "f32[3,7]",
    "f32[7,5]@T",
    "f32[]",
    "f32[24]:special",
    "i32[17]:distinct",
  ]),
  ...cases("argmax", (x) => x.argmax(-1), "a.argmax(-1)", [
    "f32[3,33]",
    "f32[7]",
    "f32[5,3,17]@T",
    "f16[3,7]:distinct",
  ]),
  ...cases("argmin", (x) => x.argmin(), "a.argmin()", ["f32[3,7]", "f32[24]:special"]),
  ...cases("argmin", (x) => x.argmin(0, { keepdim: true }), "a.argmin(0, keepdim=True)", ["f32[33,3]", "f32[3,7]@T"]),
  ...cases("any", (x) => x.any(), "a.any()", ["bool[3,7]", "f32[3]:zero", "bool[0]", "i32[7]:whole"]),
  ...cases("any", (x) => x.any(-1), "a.any(-1)", ["bool[9,3]", "bool[3,0]", "f32[3,7]", "bool[0,3]"]),
  ...cases("all", (x) => x.all(), "a.all()", ["bool[3,7]", "bool[0]", "f32[7]"]),
  ...cases("all", (x) => x.all(0, { keepdim: true }), "a.all(0, keepdim=True)", ["bool[2,17]", "bool[0,3]"]),
];

function pair(x: { values: Tensor; indices: Tensor }): Tensor[] {
  return [x.values, x.indices];
}

const along = (op: string, heed: (x: Tensor, dim: number) => Tensor, torch: (dim: number) => string): Case[] => [
  ...cases(op, (x) => heed(x, -1), torch(-1), [...ALONG_LAST, "f32[3,0]", "f32[0,3]", "f32[4,7]:wide", "f32[3,1000]"]),
  ...cases(op, (x) => heed(x, 0), torch(0), ["f32[17,3]", "f32[7]", "f32[33,7]@T", "f32[9,64]"]),
  ...cases(op, (x) => heed(x, 1), torch(1), ["f32[3,7,5]"]),
  ...cases(op, (x) => heed(x, -1), torch(-1), ["f32[15,5]:masked", "f32[24]:special", "f32[2,3]:zero"], {
    gradient: false,
  }),
];

const WALKS: Case[] = [
  ...along(
    "softmax",
    (x, d) => x.softmax(d),
    (d) => `a.softmax(${d})`,
  ),
  ...along(
    "logSoftmax",
    (x, d) => x.logSoftmax(d),
    (d) => `a.log_softmax(${d})`,
  ),
  ...along(
    "logsumexp",
    (x, d) => x.logsumexp(d),
    (d) => `a.logsumexp(${d})`,
  ),
  ...cases("logsumexp", (x) => x.logsumexp([0, 2], { keepdim: true }), "a.logsumexp((0, 2), keepdim=True)", [
    "f32[3,7,5]",
  ]),
  ...cases("cumsum", (x) => x.cumsum(-1), "a.cumsum(-1)", [
    "f32[7]",
    "f32[3,100]",
    "f32[7,17]@T",
    "i32[3,7]:whole",
    "bool[17]",
    "f32[3,0]",
    "f16[3,17]",
    "f32[24]:special",
  ]),
  ...cases("cumsum", (x) => x.cumsum(0), "a.cumsum(0)", ["f32[17,3]", "f32[5,3,7]", "f32[33,2]@T"]),
  ...cases("sort", (x) => pair(x.sort()), "a.sort(stable=True)", [
    "f32[7]",
    "f32[3,100]",
    "f32[7,17]@T",
    "f32[24]:special",
    "i32[3,17]:whole",
    "f16[33]:distinct",
    "f32[0]",
  ]),
  ...cases("sort", (x) => pair(x.sort(0, { descending: true })), "torch.sort(a, dim=0, descending=True, stable=True)", [
    "f32[17,3]",
    "f32[33]:whole",
    "f32[24]:special",
    "f32[5,3,2]@T",
  ]),
  ...cases("argsort", (x) => x.argsort(1), "torch.argsort(a, dim=1, stable=True)", ["f32[3,17,2]", "i32[2,33]:whole"]),
  ...cases("topk", (x) => pair(x.topk(3)), "a.topk(3)", [
    "f32[7]:distinct",
    "f32[3,100]:distinct",
    "i32[3,7]:distinct",
    "f32[3,3]:distinct",
  ]),
  ...cases("topk", (x) => pair(x.topk(2, 0, { largest: false })), "a.topk(2, 0, largest=False)", [
    "f32[7,3]:distinct",
    "f32[33,2]:distinct@T",
  ]),
  ...cases("kthvalue", (x) => pair(x.kthvalue(2)), "a.kthvalue(2)", ["f32[7]:distinct", "f32[3,17]:distinct"]),
];

/** Compositions that the compiler fuses into one step or several. */
const COMPOSED: Case[] = [
  ...cases(
    "softmax",
    (x) => x.mul(0.125).exp().sum(-1, { keepdim: true }).log().add(x),
    "(a * 0.125).exp().sum(-1, keepdim=True).log() + a",
    ["f32[3,7]", "f32[9,64]@T"],
  ),
  ...cases(
    "sum",
    (x) =>
      x
        .sub(x.mean(0, { keepdim: true }))
        .square()
        .sum(1)
        .sqrt(),
    "(a - a.mean(0, keepdim=True)).square().sum(1).sqrt()",
    ["f32[17,7]", "f32[64,3]@T"],
  ),
  ...cases("sum", (x) => x.relu().sum(-1).div(x.exp().sum(-1)), "a.relu().sum(-1) / a.exp().sum(-1)", [
    "f32[17,7]",
    "f32[3,2,5]",
  ]),
];

export const REDUCTIONS: readonly Case[] = [...FOLDS, ...EXTREMES, ...WALKS, ...COMPOSED];
