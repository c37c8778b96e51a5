// How far from PyTorch a result may be, per op and dtype, in one table. What is not listed has the tolerance of its dtype: a few units in
// the last place for one rounding of f32, one rounding of the storage for 16 bits, nothing for integers and truth values.

import { type DType, isFloat } from "../../src/base/dtype.js";
import { EXACT, type Tolerance } from "../support/compare.js";
import type { Case } from "./case.js";

const DEFAULT: Record<"f32" | "f16" | "bf16", Tolerance> = {
  f32: { rtol: 2e-6, atol: 1e-6 },
  f16: { rtol: 2e-3, atol: 1e-3 },
  bf16: { rtol: 1.6e-2, atol: 8e-3 },
};

/** Factors on the default. */
const FACTORS: Record<string, Partial<Record<DType, number>>> = {
  // Sums in another order than torch's, or than the f64 sums of the reference executor.
  matmul: { f32: 5 },
  linear: { f32: 5 },
  conv1d: { f32: 5 },
  // Some hundred products each.
  conv2d: { f32: 20 },
  mlp: { f32: 5 },
  // Torch's own sine of large arguments differs from the correctly rounded one by more than a rounding.
  sin: { f32: 2 },
  cos: { f32: 2 },
};

/** An f32 result or gradient of 16-bit inputs is no better than they are. */
export function toleranceOf({ op, inputs }: Case, dtype: DType, gradient = false): Tolerance {
  if (!isFloat(dtype)) return EXACT;
  const coarsest =
    (["bf16", "f16", "f32"] as const).find((d) => d === dtype || inputs.some((i) => i.startsWith(`${d}[`))) ?? "f32";
  const { rtol, atol } = DEFAULT[coarsest];
  const factor = (FACTORS[op]?.[coarsest] ?? 1) * (gradient ? 4 : 1);
  return { rtol: rtol * factor, atol: atol * factor };
}
