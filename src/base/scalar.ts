// The scalar functions, side by side: how many arguments, what they mean in JavaScript, which opcode the C kernels know them
// by. A fused step is a list of these. Comparisons yield bool; "int" says that i32 operands are allowed.

import type { DType } from "./dtype.js";

/** The density of the normal distribution at 0. */
export const NORMAL_PEAK = 1 / Math.sqrt(2 * Math.PI);

/** v(x) = 2 sqrt(2/π) (x + 0.044715 x³) = GELU_LINEAR x + GELU_CUBIC x³ (Hendrycks and Gimpel 2016) */
export const GELU_LINEAR = 2 * Math.sqrt(2 / Math.PI);
export const GELU_CUBIC = 0.044715 * GELU_LINEAR;
const geluInner = (x: number) => x * (GELU_LINEAR + GELU_CUBIC * x * x);
const geluInnerSlope = (x: number) => GELU_LINEAR + 3 * GELU_CUBIC * x * x;

export interface ScalarFunction {
  readonly arity: 1 | 2 | 3;
  /** The opcode of kernels/instructions.c; i32 operands use code + 128. */
  readonly code: number;
  /** What comes out: the operands' dtype, or a truth value. */
  readonly result: "same" | "bool";
  readonly int: boolean;
  readonly js: (a: number, b: number, c: number) => number;
}

const f = (
  code: number,
  arity: 1 | 2 | 3,
  js: ScalarFunction["js"],
  result: ScalarFunction["result"] = "same",
  int = false,
): ScalarFunction => ({
  code,
  arity,
  js,
  result,
  int,
});

export const SCALARS = {
  neg: f(16, 1, (a) => -a, "same", true),
  abs: f(17, 1, (a) => Math.abs(a), "same", true),
  sign: f(18, 1, (a) => (Number.isNaN(a) ? 0 : Math.sign(a)), "same", true),
  exp: f(19, 1, (a) => Math.exp(a)),
  log: f(20, 1, (a) => Math.log(a)),
  log1p: f(21, 1, (a) => Math.log1p(a)),
  expm1: f(22, 1, (a) => Math.expm1(a)),
  sqrt: f(23, 1, (a) => Math.sqrt(a)),
  rsqrt: f(24, 1, (a) => 1 / Math.sqrt(a)),
  reciprocal: f(25, 1, (a) => 1 / a),
  sin: f(26, 1, (a) => Math.sin(a)),
  cos: f(27, 1, (a) => Math.cos(a)),
  tanh: f(28, 1, (a) => Math.tanh(a)),
  erf: f(29, 1, (a) => erf(a)),
  floor: f(30, 1, (a) => Math.floor(a)),
  ceil: f(31, 1, (a) => Math.ceil(a)),
  round: f(32, 1, (a) => roundHalfEven(a)),
  trunc: f(33, 1, (a) => Math.trunc(a)),
  isnan: f(34, 1, (a) => (Number.isNaN(a) ? 1 : 0), "bool"),
  sigmoid: f(35, 1, (a) => 1 / (1 + Math.exp(-a))),
  not: f(36, 1, (a) => (a ? 0 : 1), "bool", true),
  /** max(a, 0); NaN and -0 stay what they are. */
  relu: f(37, 1, (a) => (a >= 0 || Number.isNaN(a) ? a : 0), "same", true),
  /** Φ(a), and its approximation σ(v(a)): gelu(a) is a times the one or the other. */
  geluGate: f(38, 1, (a) => (1 + erf(a * Math.SQRT1_2)) / 2),
  geluTanhGate: f(39, 1, (a) => 1 / (1 + Math.exp(-geluInner(a)))),
  add: f(64, 2, (a, b) => a + b, "same", true),
  sub: f(65, 2, (a, b) => a - b, "same", true),
  mul: f(66, 2, (a, b) => a * b, "same", true),
  div: f(67, 2, (a, b) => a / b),
  pow: f(68, 2, power),
  maximum: f(69, 2, (a, b) => Math.max(a, b), "same", true),
  minimum: f(70, 2, (a, b) => Math.min(a, b), "same", true),
  remainder: f(71, 2, (a, b) => remainder(a, b), "same", true),
  floorDivide: f(72, 2, (a, b) => Math.floor(a / b), "same", true),
  eq: f(73, 2, (a, b) => (a === b ? 1 : 0), "bool", true),
  ne: f(74, 2, (a, b) => (a !== b ? 1 : 0), "bool", true),
  lt: f(75, 2, (a, b) => (a < b ? 1 : 0), "bool", true),
  le: f(76, 2, (a, b) => (a <= b ? 1 : 0), "bool", true),
  gt: f(77, 2, (a, b) => (a > b ? 1 : 0), "bool", true),
  ge: f(78, 2, (a, b) => (a >= b ? 1 : 0), "bool", true),
  and: f(79, 2, (a, b) => (a && b ? 1 : 0), "bool", true),
  or: f(80, 2, (a, b) => (a || b ? 1 : 0), "bool", true),
  xor: f(81, 2, (a, b) => (!a !== !b ? 1 : 0), "bool", true),
  /** Of the gradient b of a = relu(x), what reaches x. */
  reluGradient: f(82, 2, (a, b) => (a <= 0 ? 0 : b), "same", true),
  /** The slope of gelu(a), given its gate b: Φ + aφ(a), and σ + aσ(1-σ)v'(a). */
  geluSlope: f(83, 2, (a, b) => b + a * NORMAL_PEAK * Math.exp((-a * a) / 2)),
  geluTanhSlope: f(84, 2, (a, b) => b + a * b * (1 - b) * geluInnerSlope(a)),
  /** where(condition, a, b): the first operand is bool. */
  where: f(96, 3, (a, b, c) => (a ? b : c), "same", true),
} as const satisfies Record<string, ScalarFunction>;

export type ScalarName = keyof typeof SCALARS;

/** The opcodes of a fused step that are not scalar functions. */
export const OPCODES = {
  load: 0,
  store: 1,
  constant: 2,
  iota: 3,
  random: 4,
  broadcast: 5,
  reduceSum: 8,
  reduceMax: 9,
  reduceMin: 10,
  reduceProd: 11,
  /** f32 to i32, towards zero; i32 to f32; f32 rounded to what f16 or bf16 can hold; to a truth value */
  toInt: 48,
  toFloat: 49,
  roundF16: 50,
  roundBF16: 51,
  toBool: 52,
} as const;

export const INT_VARIANT = 128;

/** The dtype of a scalar function's result, given the promoted dtype of its operands. */
export function scalarResult(name: ScalarName, operand: DType): DType {
  const { result } = SCALARS[name];
  return result === "bool" ? "bool" : operand;
}

/** As C has it: 1 to any power is 1, and -1 to an infinite one. */
function power(a: number, b: number): number {
  return a === 1 || b === 0 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
}

function remainder(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

function roundHalfEven(a: number): number {
  const r = Math.round(a);
  return Math.abs(a % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** The error function to double precision: its series below 2.5, a continued fraction for erfc above (Abramowitz and Stegun 7.1.6, 7.1.14). */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}
