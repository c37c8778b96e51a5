// Cases of methods that work on each element.

import { where } from "../../src/tensor/functions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { type Case, cases } from "./case.js";

const RAGGED = ["f32[]", "f32[1]", "f32[3]", "f32[7,17]@T", "f32[100]@strided", "f32[2,0,3]", "f32[33,3]"];
const HALVES = ["f16[33]", "bf16[33]@flipped"];

type Unary = (x: Tensor) => Tensor;

/** `kind` keeps the numbers where the function is defined; special values are without gradients: conventions differ at infinities. */
function unary(op: string, heed: Unary, torch: string, kind = "", extreme = "f32[24]:special"): Case[] {
  const of = (text: string) => (kind === "" ? text : text.replace("]", `]:${kind}`));
  return [
    ...cases(op, heed, torch, [...RAGGED, ...HALVES].map(of)),
    ...cases(op, heed, torch, [extreme], { gradient: false }),
  ];
}

/** The functions that integers have too. */
const whole = (op: string, heed: Unary, torch: string): Case[] => cases(op, heed, torch, ["i32[7,3]:whole", "i32[0]"]);

const UNARY: Case[] = [
  ...unary("neg", (x) => x.neg(), "-a"),
  ...unary("abs", (x) => x.abs(), "a.abs()"),
  ...unary("sign", (x) => x.sign(), "a.sign()"),
  ...unary("exp", (x) => x.exp(), "a.exp()"),
  ...unary("expm1", (x) => x.expm1(), "a.expm1()"),
  ...unary("log", (x) => x.log(), "a.log()", "positive"),
  ...unary("log1p", (x) => x.log1p(), "a.log1p()", "unit"),
  ...unary("log2", (x) => x.log2(), "a.log2()", "positive"),
  ...unary("log10", (x) => x.log10(), "a.log10()", "positive"),
  ...unary("sqrt", (x) => x.sqrt(), "a.sqrt()", "positive"),
  ...unary("rsqrt", (x) => x.rsqrt(), "a.rsqrt()", "positive"),
  ...unary("square", (x) => x.square(), "a.square()"),
  ...unary("reciprocal", (x) => x.reciprocal(), "a.reciprocal()", "positive"),
  ...unary("sin", (x) => x.sin(), "a.sin()"),
  ...unary("cos", (x) => x.cos(), "a.cos()"),
  ...unary("erf", (x) => x.erf(), "a.erf()"),
  ...unary("floor", (x) => x.floor(), "a.floor()"),
  ...unary("ceil", (x) => x.ceil(), "a.ceil()"),
  ...unary("round", (x) => x.round(), "a.round()"),
  ...unary("trunc", (x) => x.trunc(), "a.trunc()"),
  ...unary("isnan", (x) => x.isnan(), "a.isnan()"),
  ...unary("isinf", (x) => x.isinf(), "a.isinf()"),
  ...unary("isfinite", (x) => x.isfinite(), "a.isfinite()"),
  ...unary("sigmoid", (x) => x.sigmoid(), "a.sigmoid()"),
  ...unary("tanh", (x) => x.tanh(), "a.tanh()"),
  ...unary("relu", (x) => x.relu(), "a.relu()"),
  ...unary("gelu", (x) => x.gelu(), "F.gelu(a)", "", "f32[64]:wide"), // torch gives NaN at infinity
  ...unary("geluTanh", (x) => x.gelu({ approximate: "tanh" }), "F.gelu(a, approximate='tanh')"),
  ...unary("silu", (x) => x.silu(), "F.silu(a)"),
  ...unary("softplus", (x) => x.softplus(), "F.softplus(a)"),
  ...unary("leakyRelu", (x) => x.leakyRelu(0.2), "F.leaky_relu(a, 0.2)"),
  ...unary("logicalNot", (x) => x.logicalNot(), "a.logical_not()"),
  ...cases("sin", (x) => x.sin(), "a.sin()", ["f32[64]:wide"]),
  ...cases("cos", (x) => x.cos(), "a.cos()", ["f32[64]:wide"]),
  ...cases("exp", (x) => x.exp(), "a.exp()", ["f32[64]:wide"]),
  ...cases("tanh", (x) => x.tanh(), "a.tanh()", ["f32[64]:wide"]),
  ...cases("sigmoid", (x) => x.sigmoid(), "a.sigmoid()", ["f32[64]:wide"]),
  ...whole("neg", (x) => x.neg(), "-a"),
  ...whole("abs", (x) => x.abs(), "a.abs()"),
  ...whole("sign", (x) => x.sign(), "a.sign()"),
  ...whole("exp", (x) => x.exp(), "a.exp()"),
  ...whole("sqrt", (x) => x.square().sqrt(), "a.square().sqrt()"),
  ...whole("relu", (x) => x.relu(), "a.relu()"),
  ...whole("isnan", (x) => x.isnan(), "a.isnan()"),
  ...whole("logicalNot", (x) => x.logicalNot(), "a.logical_not()"),
  ...cases("logicalNot", (x) => x.logicalNot(), "a.logical_not()", ["bool[3,7]"]),
  ...cases("sigmoid", (x) => x.sigmoid(), "a.sigmoid()", ["bool[3,7]"]),
];

const PAIRS = [
  ["f32[]", "f32[3]"],
  ["f32[17]", "f32[17]"],
  ["f32[3,7]", "f32[7]"],
  ["f32[3,1]@T", "f32[1,5]"],
  ["f32[4,1,3]", "f32[2,1]"],
  ["f32[7,5]@T", "f32[7,5]@strided"],
  ["f32[0,3]", "f32[1,3]"],
  ["f16[33]", "f16[33]"],
  ["bf16[33]", "f32[33]"],
];
const SPECIAL_PAIRS = [["f32[576]:special", "f32[576]:pairs"]];
const MIXED = [
  ["i32[7]:whole", "f32[7]"],
  ["i32[7]:whole", "f16[7]"],
  ["f16[7]", "f32[]"],
  ["bool[7]", "f32[7]"],
];
const WHOLE = [
  ["i32[3,7]:whole", "i32[7]:digits"],
  ["i32[7]:whole", "bool[7]"],
];

type Binary = (a: Tensor, b: Tensor) => Tensor;

function binary(
  op: string,
  heed: Binary,
  torch: string,
  options: { kind?: string; gradient?: boolean; bool?: boolean; special?: boolean } = {},
): Case[] {
  const { kind = "", gradient = true, bool = true, special = true } = options;
  const of = (list: string[]) =>
    list.map((text) => (kind === "" || /:|bool/.test(text) ? text : text.replace("]", `]:${kind}`)));
  const two = heed as Case["heed"];
  return [
    ...cases(op, two, torch, [...PAIRS, ...MIXED].map(of), { gradient }),
    ...cases(op, two, torch, [...(special ? SPECIAL_PAIRS : []), ...WHOLE.slice(0, bool ? 2 : 1)], { gradient: false }),
  ];
}

const BINARY: Case[] = [
  ...binary("add", (a, b) => a.add(b), "a + b"),
  ...binary(
    "sub",
    (a, b) => a.sub(b),
    "a - b.to(torch.int64) if b.dtype == torch.bool else a.to(torch.float32) - b if a.dtype == torch.bool else a - b",
  ),
  ...binary("mul", (a, b) => a.mul(b), "a * b"),
  ...binary("div", (a, b) => a.div(b), "a / b", { kind: "positive" }),
  ...binary("pow", (a, b) => a.pow(b), "a ** b", { kind: "positive", bool: false }),
  ...binary("remainder", (a, b) => a.remainder(b), "a % b", { kind: "positive", bool: false }),
  ...binary("floorDivide", (a, b) => a.floorDivide(b), "a // b", {
    kind: "positive",
    gradient: false,
    bool: false,
    special: false,
  }),
  ...binary("maximum", (a, b) => a.maximum(b), "torch.maximum(a, b)"),
  ...binary("minimum", (a, b) => a.minimum(b), "torch.minimum(a, b)"),
  ...binary("eq", (a, b) => a.eq(b), "a == b"),
  ...binary("ne", (a, b) => a.ne(b), "a != b"),
  ...binary("lt", (a, b) => a.lt(b), "a < b"),
  ...binary("le", (a, b) => a.le(b), "a <= b"),
  ...binary("gt", (a, b) => a.gt(b), "a > b"),
  ...binary("ge", (a, b) => a.ge(b), "a >= b"),
  ...binary("logicalAnd", (a, b) => a.logicalAnd(b), "a.logical_and(b)"),
  ...binary("logicalOr", (a, b) => a.logicalOr(b), "a.logical_or(b)"),
  ...binary("logicalXor", (a, b) => a.logicalXor(b), "a.logical_xor(b)"),
  ...cases("add", (a, b) => a.add(b), "a + b", [["bool[7]", "i32[7]:whole"]]),
  ...cases("mul", (a) => a.mul(a), "a * a", ["f32[17]"]),
  ...cases("pow", (a) => a.pow(2), "a ** 2", ["f32[17]", "f16[17]", "i32[7]:whole"]),
  ...cases("pow", (a) => a.pow(3), "a ** 3", ["f32[17]", "i32[7]:whole"]),
  ...cases("pow", (a) => a.pow(0), "a ** 0", ["f32[17]", "f32[3]:zero"]),
  ...cases("pow", (a) => a.pow(1), "a ** 1", ["f32[3]:zero"]),
  ...cases("pow", (a) => a.pow(0.5), "a ** 0.5", ["f32[17]:positive", "i32[7]:digits"]),
  ...cases("pow", (a) => a.pow(-1.5), "a ** -1.5", ["f32[17]:positive"]),
  ...cases("remainder", (a) => a.remainder(3), "a % 3", ["f32[17]:wide", "i32[17]:whole"]),
  ...cases("remainder", (a) => a.remainder(-3), "a % -3", ["f32[17]:wide", "i32[17]:whole"]),
  ...cases("floorDivide", (a) => a.floorDivide(-3), "a // -3", ["f32[17]:wide", "i32[17]:whole"], { gradient: false }),
  ...cases("add", (a) => a.add(0.1).mul(3), "(a + 0.1) * 3", [
    "f32[17]",
    "f16[17]",
    "bf16[17]",
    "i32[7]:whole",
    "bool[7]",
  ]),
  ...cases("div", (a) => a.div(8), "a / 8", ["f32[17]", "f16[17]", "i32[7]:whole", "bool[7]"]),
  ...cases("sub", (a) => a.sub(1).neg(), "1 - a", ["f32[17]", "i32[7]:whole"]),
  ...cases("lt", (a) => a.lt(0.5), "a < 0.5", ["f32[17]", "i32[7]:whole"]),
  ...cases("add", (a) => a.add(true), "a + True", ["f32[3]", "i32[3]:whole"]),
];

const CHOICES: Case[] = [
  ...cases("clamp", (a) => a.clamp(-0.5, 1), "a.clamp(-0.5, 1)", ["f32[3,17]", "f16[33]", "i32[7]:whole"]),
  ...cases("clamp", (a) => a.clamp(-0.5, 1), "a.clamp(-0.5, 1)", ["f32[24]:special"], { gradient: false }),
  ...cases("clamp", (a) => a.clamp(null, 0), "a.clamp(max=0)", ["f32[17]", "f32[3]:zero", "i32[7]:whole"]),
  ...cases("clamp", (a) => a.clamp(0), "a.clamp(min=0)", ["f32[17]", "f32[0]"]),
  ...cases(
    "maskedFill",
    (a, m) => a.maskedFill(m, -Infinity),
    "a.masked_fill(b, float('-inf'))",
    [
      ["f32[3,7]", "bool[3,7]"],
      ["f32[2,3,7]", "bool[7]"],
      ["f16[7]", "bool[7]"],
    ],
    { smooth: false },
  ),
  ...cases("maskedFill", (a, m, v) => a.maskedFill(m, v), "torch.where(b, c, a)", [["f32[3,7]", "bool[3,1]", "f32[]"]]),
  ...cases("maskedFill", (a, m) => a.maskedFill(m, 2), "a.masked_fill(b, 2)", [["i32[7]:whole", "bool[7]"]]),
  ...cases("where", (c, a, b) => where(c, a, b), "torch.where(a, b, c)", [
    ["bool[3,7]", "f32[3,7]", "f32[3,7]@T"],
    ["bool[7]", "f32[3,1]", "f32[]"],
    ["bool[3,1]", "f32[7]", "i32[7]:whole"],
    ["bool[33]", "f16[33]", "bf16[33]"],
    ["bool[0]", "f32[0]", "f32[1]"],
  ]),
  ...cases("where", (c, a) => a.where(c, 0), "torch.where(a, b, 0)", [
    ["bool[7]", "f32[3,7]"],
    ["bool[7]", "i32[7]:whole"],
  ]),
  ...cases("where", (c, a) => where(c, 1.5, a), "torch.where(a, 1.5, b)", [
    ["bool[7]", "f32[3,7]"],
    ["bool[7]", "f16[7]"],
  ]),
  ...cases("lerp", (a, b) => a.lerp(b, 0.3), "a.lerp(b, 0.3)", [["f32[3,7]", "f32[3,7]@T"]]),
  ...cases("lerp", (a, b, w) => a.lerp(b, w), "a.lerp(b, c)", [["f32[3,7]", "f32[7]", "f32[3,1]"]]),
];

const CASTS: Case[] = [
  ...cases("to", (a) => a.to("f16"), "a.half()", ["f32[100]", "f32[24]:special", "i32[7]:whole", "bool[7]", "bf16[7]"]),
  ...cases("to", (a) => a.to("bf16"), "a.bfloat16()", ["f32[100]@strided", "f32[24]:special", "f16[33]"]),
  ...cases("to", (a) => a.float(), "a.float()", ["f16[33]", "bf16[33]", "i32[7]:whole", "bool[7]"]),
  ...cases("to", (a) => a.int(), "a.long()", ["f32[33]:wide", "f16[33]", "bool[7]"]),
  ...cases("to", (a) => a.bool(), "a.bool()", ["f32[24]:special", "f32[3]:zero", "i32[7]:whole", "f16[7]"]),
  ...cases("to", (a) => a.half().float().mul(3), "a.half().float() * 3", ["f32[33]"]),
];

export const ELEMENTWISE: readonly Case[] = [...UNARY, ...BINARY, ...CHOICES, ...CASTS];
