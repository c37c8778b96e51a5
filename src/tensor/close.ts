// Whether tensors hold the same numbers, exactly or nearly: torch.isclose, torch.allclose, torch.equal.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { checkTensor } from "./check.js";
import type { Tensor } from "./tensor.js";

/** How far numbers may lie apart: |a - b| <= atol + rtol |b|. */
export interface CloseOptions {
  /** As a share of |b|; 1e-5. */
  readonly rtol?: number;
  /** 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN; false. */
  readonly equalNan?: boolean;
}

const CLOSE: OptionTable<CloseOptions> = { rtol: CHECKED, atol: CHECKED, equalNan: FLAG };

/**
 * Where |a - b| <= atol + rtol |b|: bool of the broadcast shape, as `torch.isclose`. Infinities are close to themselves alone.
 * @throws HeedError for different dtypes, shapes that do not broadcast, and tolerances below 0
 * @example isclose(tensor([1, 2.5]), tensor([1.000001, 2.6]))   // tensor([ True, False])
 */
export function isclose(a: Tensor, b: Tensor, options: CloseOptions = {}): Tensor {
  return close("isclose", a, b, options);
}

/**
 * Whether all numbers are close in the sense of `isclose`, as `torch.allclose`. The numbers are computed now.
 * @throws HeedError as `isclose` does, and on executors that cannot answer at once
 * @example allclose(x.softmax(-1).sum(-1), ones(3))   // true
 */
export function allclose(a: Tensor, b: Tensor, options: CloseOptions = {}): boolean {
  return Boolean(close("allclose", a, b, options).all().item());
}

/**
 * Whether both have the same shape and the same numbers, as `torch.equal`; NaN equals nothing. The numbers are computed now.
 * @throws HeedError on executors that cannot answer at once
 * @example equal(tensor([1, 2]), tensor([1, 2]))   // true
 */
export function equal(a: Tensor, b: Tensor): boolean {
  checkTensor("equal", "a", a);
  checkTensor("equal", "b", b);
  return sameShape(a.shape, b.shape) && Boolean(a.eq(b).all().item());
}

function close(op: string, a: Tensor, b: Tensor, options: CloseOptions): Tensor {
  checkOptions(op, options, CLOSE);
  checkTensor(op, "a", a);
  checkTensor(op, "b", b);
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  if (a.dtype !== b.dtype) {
    fail(op, "two tensors of one dtype", `${describe(a)} and ${describe(b)}`, `convert one with .to("${b.dtype}")`);
  }
  if (!(rtol >= 0) || !(atol >= 0)) fail(op, "rtol and atol of at least 0", `${rtol} and ${atol}`);
  const [x, y] = a.dtype === "bool" ? [a.int(), b.int()] : [a.detach(), b.detach()];
  const same = equalNan ? x.eq(y).logicalOr(x.isnan().logicalAnd(y.isnan())) : x.eq(y);
  if (rtol === 0 && atol === 0) return same;
  const apart = x.sub(y).abs(); // NaN where an infinity meets itself, which `same` covers
  return same.logicalOr(apart.le(y.abs().mul(rtol).add(atol)).logicalAnd(apart.isfinite()));
}
