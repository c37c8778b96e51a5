// The fully connected layer.

import type { DType } from "../base/dtype.js";
import { checkOptions, FLAG, FLOAT_DTYPE } from "../base/options.js";
import { zeros } from "../tensor/create.js";
import { linear } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes, python } from "./check.js";
import { kaimingUniform_, uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/**
 * x Wᵀ + b: [..., inFeatures] to [..., outFeatures]. Drawn as PyTorch draws it: weight, then bias, both within ±1/√inFeatures.
 * @throws HeedError for sizes that are not whole and at least 1; when called, for inputs whose last axis is not inFeatures
 * @example new Linear(3, 2, { bias: false }).forward(x)
 */
export class Linear extends Module {
  weight: Parameter; // [out, in]
  bias: Parameter | null; // [out]

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: { bias?: boolean; dtype?: DType } = {},
  ) {
    super();
    checkOptions("Linear", options, { bias: FLAG, dtype: FLOAT_DTYPE });
    checkSizes("Linear", { inFeatures, outFeatures });
    const { bias = true, dtype = "f32" } = options;
    this.weight = new Parameter(zeros(outFeatures, inFeatures, { dtype }));
    this.bias = bias ? new Parameter(zeros(outFeatures, { dtype })) : null;
    this.resetParameters();
  }

  /** Draws the initial numbers anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    const bound = 1 / Math.sqrt(this.inFeatures);
    if (this.bias) uniform_(this.bias, -bound, bound);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${python(this.bias !== null)}`;
  }
}
