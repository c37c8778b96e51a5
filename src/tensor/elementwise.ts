// Methods that work on each element: arithmetic, comparisons, functions. Operands broadcast and promote as in PyTorch.

import { isFloat, promoteNumber } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions } from "../base/options.js";
import type { ScalarName } from "../base/scalar.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { cast, constant, gelu, like, mul, scalar, silu, where } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkTensor, nodeOf } from "./check.js";
import { TensorCore } from "./core.js";
import { stored } from "./stored.js";

export type Operand = TensorCore<unknown> | number | boolean;

export abstract class TensorElementwise<T> extends TensorCore<T> {
  private binary(name: ScalarName, other: Operand): T {
    // As in PyTorch, a number that a 16-bit float is multiplied with or divided by is not rounded to 16 bits; one that is added is.
    const exact = (name === "mul" || name === "div") && typeof other === "number" && isFloat(this.dtype);
    const node = scalar(
      name,
      this.node,
      exact ? constant(other, [], this.dtype) : this.operand(NAMES[name] ?? name, other),
    );
    return other instanceof TensorCore ? this.derive(node, this, other) : this.derive(node, this);
  }

  private unary(name: ScalarName): T {
    return this.derive(scalar(name, this.node), this);
  }

  add(other: Operand): T {
    return this.binary("add", other);
  }
  /** @throws HeedError for two masks */
  sub(other: Operand): T {
    if (
      this.dtype === "bool" &&
      (typeof other === "boolean" || (other instanceof TensorCore && other.dtype === "bool"))
    )
      fail("sub", "numbers", "two masks", "use .logicalXor(other), or .logicalAnd(other.logicalNot())");
    return this.binary("sub", other);
  }
  mul(other: Operand): T {
    return this.binary("mul", other);
  }
  /** True division; integers give floats. */
  div(other: Operand): T {
    return this.binary("div", other);
  }
  /** Integers to the power of integers stay integers. */
  pow(exponent: Operand): T {
    const power = this.operand("pow", exponent);
    const whole = !isFloat(this.dtype) && !isFloat(power.dtype);
    if (whole && typeof exponent === "number" && exponent < 0)
      fail(
        "pow",
        "an exponent of at least 0 for integers",
        `${exponent} for ${describe(this)}`,
        "convert it with .float()",
      );
    const node = whole && exponent === 2 ? mul(this.node, this.node) : scalar("pow", this.node, power);
    const result = whole ? cast(node, "i32") : node;
    return exponent instanceof TensorCore ? this.derive(result, this, exponent) : this.derive(result, this);
  }
  /** The remainder with the sign of the divisor, as Python's %. */
  remainder(other: Operand): T {
    this.refuseZero("remainder", other);
    return this.binary("remainder", other);
  }
  /** The quotient, rounded down, as Python's //. */
  floorDivide(other: Operand): T {
    this.refuseZero("floorDivide", other);
    return this.binary("floorDivide", other);
  }
  private refuseZero(op: string, divisor: Operand): void {
    if (divisor === 0 && !isFloat(this.dtype))
      fail(op, "a divisor that is not 0 for integers", `0 for ${describe(this)}`);
  }
  /** The larger of two, broadcast; NaN where one of them is. */
  maximum(other: Operand): T {
    return this.binary("maximum", other);
  }
  /** The smaller of two, broadcast; NaN where one of them is. */
  minimum(other: Operand): T {
    return this.binary("minimum", other);
  }

  /** Comparisons give bool; NaN equals nothing. */
  eq(other: Operand): T {
    return this.binary("eq", other);
  }
  ne(other: Operand): T {
    return this.binary("ne", other);
  }
  lt(other: Operand): T {
    return this.binary("lt", other);
  }
  le(other: Operand): T {
    return this.binary("le", other);
  }
  gt(other: Operand): T {
    return this.binary("gt", other);
  }
  ge(other: Operand): T {
    return this.binary("ge", other);
  }
  logicalAnd(other: Operand): T {
    return this.binary("and", other);
  }
  logicalOr(other: Operand): T {
    return this.binary("or", other);
  }
  logicalXor(other: Operand): T {
    return this.binary("xor", other);
  }
  logicalNot(): T {
    return this.unary("not");
  }

  neg(): T {
    if (this.dtype === "bool") fail("neg", "numbers", describe(this), "to turn a mask round, use .logicalNot()");
    return this.unary("neg");
  }
  abs(): T {
    return this.unary("abs");
  }
  /** -1, 0 or 1. */
  sign(): T {
    return this.unary("sign");
  }
  exp(): T {
    return this.unary("exp");
  }
  /** exp(x) - 1, exact near 0. */
  expm1(): T {
    return this.unary("expm1");
  }
  log(): T {
    return this.unary("log");
  }
  /** log(1 + x), exact near 0. */
  log1p(): T {
    return this.unary("log1p");
  }
  log2(): T {
    return this.derive(mul(scalar("log", this.node), constant(Math.LOG2E)), this);
  }
  log10(): T {
    return this.derive(mul(scalar("log", this.node), constant(Math.LOG10E)), this);
  }
  sqrt(): T {
    return this.unary("sqrt");
  }
  /** 1 / √x */
  rsqrt(): T {
    return this.unary("rsqrt");
  }
  square(): T {
    return this.derive(mul(this.node, this.node), this);
  }
  reciprocal(): T {
    return this.unary("reciprocal");
  }
  sin(): T {
    return this.unary("sin");
  }
  cos(): T {
    return this.unary("cos");
  }
  /** The error function, 2/√π ∫₀ˣ exp(-t²) dt. */
  erf(): T {
    return this.unary("erf");
  }
  floor(): T {
    return this.unary("floor");
  }
  ceil(): T {
    return this.unary("ceil");
  }
  /** To the nearest whole number, halves to the even one. */
  round(): T {
    return this.unary("round");
  }
  /** Without what follows the point. */
  trunc(): T {
    return this.unary("trunc");
  }
  isnan(): T {
    return isFloat(this.dtype) ? this.unary("isnan") : this.derive(cast(like(this.node, 0), "bool"), this);
  }
  isinf(): T {
    return this.derive(scalar("eq", scalar("abs", this.node), constant(Number.POSITIVE_INFINITY)), this);
  }
  isfinite(): T {
    return this.derive(scalar("lt", scalar("abs", this.node), constant(Number.POSITIVE_INFINITY)), this);
  }

  /** 1 / (1 + exp(-x)) */
  sigmoid(): T {
    return this.unary("sigmoid");
  }
  tanh(): T {
    return this.unary("tanh");
  }
  /** max(x, 0) */
  relu(): T {
    return this.derive(scalar("relu", this.node), this);
  }
  /** x Φ(x), or its tanh approximation (Hendrycks and Gimpel 2016). */
  gelu(options: { approximate?: "none" | "tanh" } = {}): T {
    checkOptions("gelu", options, { approximate: CHECKED });
    const { approximate = "none" } = options;
    if (approximate !== "none" && approximate !== "tanh")
      fail("gelu", 'approximate "none" or "tanh"', String(approximate));
    return this.derive(gelu(this.node, approximate), this);
  }
  /** x sigmoid(x) */
  silu(): T {
    return this.derive(silu(this.node), this);
  }
  /** log(1 + exp x), safe for large x */
  softplus(): T {
    const x = this.node;
    const rest = scalar("log1p", scalar("exp", scalar("neg", scalar("abs", x))));
    return this.derive(scalar("add", scalar("maximum", x, like(x, 0)), rest), this);
  }
  /** x where it is above 0, slope · x elsewhere. */
  leakyRelu(slope = 0.01): T {
    if (typeof slope !== "number") fail("leakyRelu", "a number as slope", shown(slope));
    const x = this.node;
    return this.derive(where(scalar("gt", x, like(x, 0)), x, mul(x, like(x, slope))), this);
  }

  /** Limits values to [min, max]; either may be absent. NaN stays. */
  clamp(min?: number | null, max?: number | null): T {
    if ((min ?? null) === null && (max ?? null) === null) fail("clamp", "a min or a max", "neither");
    const options: unknown = min;
    if (typeof options === "object" && options !== null && !(options instanceof TensorCore))
      fail("clamp", "a number as min", shown(options), "write .clamp(min, max), null for none");
    let node = this.node;
    // A gradient flows where the value is within the limits, the limits included.
    if (min !== undefined && min !== null) node = limit("lt", node, this.operand("clamp", min));
    if (max !== undefined && max !== null) node = limit("gt", node, this.operand("clamp", max));
    return this.derive(node, this);
  }

  /** `value` where the mask is true, this tensor elsewhere. The mask is bool and broadcasts to this shape. */
  maskedFill(mask: TensorCore<unknown>, value: number | TensorCore<unknown>): T {
    checkTensor("maskedFill", "mask", mask);
    if (mask.dtype !== "bool")
      fail("maskedFill", "a bool mask", describe(mask), "compare it, as in mask.eq(0), or convert it with .bool()");
    const fill =
      typeof value === "number"
        ? this.dtype === "bool"
          ? constant(stored("maskedFill", "bool", value), [], "bool")
          : constant(value, [], promoteNumber(this.dtype, value))
        : nodeOf("maskedFill", "value", value);
    const node = where(mask.node, fill, this.node);
    return typeof value === "number" ? this.derive(node, this) : this.derive(node, this, value);
  }

  /** This where the condition is true, `other` elsewhere. */
  where(condition: TensorCore<unknown>, other: Operand): T {
    const node = where(boolNode(condition), this.node, this.operand("where", other));
    return other instanceof TensorCore ? this.derive(node, this, other) : this.derive(node, this);
  }

  /** start + weight (end - start) */
  lerp(end: TensorCore<unknown>, weight: Operand): T {
    const difference = scalar("sub", nodeOf("lerp", "end", end), this.node);
    const node = scalar("add", this.node, mul(difference, this.operand("lerp", weight)));
    return weight instanceof TensorCore ? this.derive(node, this, end, weight) : this.derive(node, this, end);
  }
}

/** What users call what the table of scalar functions names otherwise. */
const NAMES: Partial<Record<ScalarName, string>> = { and: "logicalAnd", or: "logicalOr", xor: "logicalXor" };

const limit = (beyond: "lt" | "gt", x: Node, bound: Node): Node => where(scalar(beyond, x, bound), bound, x);

/** @throws HeedError unless bool */
export function boolNode(condition: TensorCore<unknown>): Node {
  checkTensor("where", "condition", condition);
  if (condition.dtype !== "bool")
    fail("where", "a bool condition", describe(condition), "compare it, as in x.gt(0), or convert it with .bool()");
  return condition.node;
}
