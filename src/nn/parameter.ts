// A parameter: a tensor that a module owns and an optimizer moves. It starts as a copy, so that nothing else shares its numbers.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG } from "../base/options.js";
import { checkTensor } from "../tensor/check.js";
import { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import { leafOf } from "../tensor/value.js";

/**
 * A tensor that `Module.parameters()` lists. It requires gradients unless told otherwise, and `assign` gives it new numbers.
 * @throws HeedError when made inside `compile`
 * @example
 * class Scale extends Module {
 *   factor = new Parameter(ones(4));
 *   forward(x: Tensor) { return x.mul(this.factor); }
 * }
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, options: { requiresGrad?: boolean } = {}) {
    checkOptions("Parameter", options, { requiresGrad: FLAG });
    checkTensor("Parameter", "data", data);
    if (tracing())
      fail("Parameter", "to be made outside compile", "one made inside", "make the module before the function");
    const value = data.value.copy();
    value.exclusive = true;
    super(leafOf(value), false);
    this.requiresGrad = options.requiresGrad ?? true;
  }

  /** Changes the dtype of this parameter itself; its gradient is dropped. */
  convert(dtype: DType): this {
    if (dtype === this.dtype) return this;
    this.adopt(this.detach().to(dtype).value.copy());
    this.grad = null;
    return this;
  }

  /** Prints as PyTorch does: `Parameter containing:` and the tensor. */
  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}
