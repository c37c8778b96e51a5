// Normalisation over the last axes.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, EPSILON, FLAG, FLOAT_DTYPE, type OptionTable, orNull } from "../base/options.js";
import type { Shape } from "../base/shape.js";
import { ones, zeros } from "../tensor/create.js";
import { tuple } from "../tensor/format.js";
import { layerNorm, rmsNorm } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes, python, pythonNumber } from "./check.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

function shapeOf(op: string, shape: number | Shape): Shape {
  const sizes = Array.isArray(shape) ? [...shape] : [shape as number];
  if (sizes.length === 0) fail(op, "at least one axis to normalise", "none");
  checkSizes(
    op,
    Object.fromEntries(
      sizes.map((size, i) => [Array.isArray(shape) ? `normalizedShape[${i}]` : "normalizedShape", size]),
    ),
  );
  return sizes;
}

interface LayerNormOptions {
  /** Added to the variance; 1e-5. */
  eps?: number;
  /** Whether there is a weight, and with it a bias; true. */
  elementwiseAffine?: boolean;
  bias?: boolean;
  dtype?: DType;
}

interface RMSNormOptions extends Omit<LayerNormOptions, "bias" | "eps"> {
  /** Added to the mean of the squares; null, the default, is the smallest step of f32 beside 1. */
  eps?: number | null;
}

const RMS_NORM: OptionTable<RMSNormOptions> = { eps: orNull(EPSILON), elementwiseAffine: FLAG, dtype: FLOAT_DTYPE };
const LAYER_NORM: OptionTable<LayerNormOptions> = { ...RMS_NORM, eps: EPSILON, bias: FLAG };

/**
 * (x - mean) / √(var + eps) · weight + bias over the last axes, which have `normalizedShape`   (Ba, Kiros and Hinton 2016)
 * @throws HeedError for sizes that are not whole and at least 1; when called, for inputs with other last axes
 * @example new LayerNorm(16).forward(randn(2, 5, 16))   // f32[2,5,16]
 */
export class LayerNorm extends Module {
  weight: Parameter | null;
  bias: Parameter | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}) {
    super();
    checkOptions("LayerNorm", options, LAYER_NORM);
    const { eps = 1e-5, elementwiseAffine = true, bias = true, dtype = "f32" } = options;
    this.normalizedShape = shapeOf("LayerNorm", normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const affine = `elementwise_affine=${python(this.weight !== null)}, bias=${python(this.bias !== null)}`;
    return `${tuple(this.normalizedShape)}, eps=${pythonNumber(this.eps)}, ${affine}`;
  }
}

/**
 * x / √(mean(x²) + eps) · weight over the last axes, which have `normalizedShape`   (Zhang and Sennrich 2019)
 * @throws HeedError as `LayerNorm`
 * @example new RMSNorm(16).forward(randn(2, 5, 16))   // f32[2,5,16]
 */
export class RMSNorm extends Module {
  weight: Parameter | null;
  readonly normalizedShape: Shape;
  /** null stands for the smallest step of f32 beside 1, as in PyTorch. */
  readonly eps: number | null;

  constructor(normalizedShape: number | Shape, options: RMSNormOptions = {}) {
    super();
    checkOptions("RMSNorm", options, RMS_NORM);
    const { eps = null, elementwiseAffine = true, dtype = "f32" } = options;
    this.normalizedShape = shapeOf("RMSNorm", normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(ones(this.normalizedShape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this.weight, this.eps ?? 2 ** -23);
  }

  override extraRepr(): string {
    const eps = this.eps === null ? "None" : pythonNumber(this.eps);
    return `${tuple(this.normalizedShape)}, eps=${eps}, elementwise_affine=${python(this.weight !== null)}`;
  }
}
