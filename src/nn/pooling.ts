// Pooling layers, and the one that flattens what they leave.

import { fail } from "../base/errors.js";
import { checkOptions } from "../base/options.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { tuple } from "../tensor/format.js";
import {
  AVG_POOL,
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  MAX_POOL,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  windowSizes,
} from "../tensor/pooling.js";
import { type PerAxis, perAxis } from "../tensor/spatial.js";
import type { Tensor } from "../tensor/tensor.js";
import { python } from "./check.js";
import { Module } from "./module.js";

/** A number, or several as a tuple: as PyTorch prints what it was given. */
const given = (value: PerAxis): string => (typeof value === "number" ? String(value) : tuple(value));

abstract class MaxPool extends Module implements Required<MaxPoolOptions> {
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly dilation: PerAxis;
  readonly ceilMode: boolean;

  protected constructor(
    axes: number,
    readonly kernelSize: PerAxis,
    options: MaxPoolOptions,
  ) {
    super();
    checkOptions(this.typeName, options, MAX_POOL);
    windowSizes(this.typeName, kernelSize, options, axes);
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.dilation = options.dilation ?? 1;
    this.ceilMode = options.ceilMode ?? false;
  }

  protected get options(): MaxPoolOptions {
    const { stride, padding, dilation, ceilMode } = this;
    return { stride, padding, dilation, ceilMode };
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    const sizes = { kernel_size: kernelSize, stride, padding, dilation };
    const texts = Object.entries(sizes).map(([name, value]) => `${name}=${given(value)}`);
    return `${texts.join(", ")}, ceil_mode=${python(ceilMode)}`;
  }
}

/**
 * The largest of each window of [B,C,L].
 * @throws HeedError, when called, as `maxPool1d`
 * @example new MaxPool1d(3, { stride: 2 }).forward(randn(2, 4, 11))   // f32[2,4,5]
 */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: PerAxis, options: MaxPoolOptions = {}) {
    super(1, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * The largest of each window of [B,C,H,W].
 * @throws HeedError, when called, as `maxPool1d`
 * @example new MaxPool2d(3, { stride: 2, padding: 1 }).forward(randn(1, 64, 112, 112))   // f32[1,64,56,56]
 */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: PerAxis, options: MaxPoolOptions = {}) {
    super(2, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

abstract class AvgPool extends Module implements Required<AvgPoolOptions> {
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;

  protected constructor(
    axes: number,
    readonly kernelSize: PerAxis,
    options: AvgPoolOptions,
  ) {
    super();
    checkOptions(this.typeName, options, AVG_POOL);
    windowSizes(this.typeName, kernelSize, options, axes);
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding ?? 0;
    this.ceilMode = options.ceilMode ?? false;
    this.countIncludePad = options.countIncludePad ?? true;
    this.divisorOverride = options.divisorOverride ?? null;
  }

  protected get options(): AvgPoolOptions {
    const { stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    return { stride, padding, ceilMode, countIncludePad, divisorOverride };
  }
}

/**
 * The mean of each window of [B,C,L].
 * @throws HeedError, when called, as `maxPool1d`
 * @example new AvgPool1d(2).forward(randn(2, 4, 10))   // f32[2,4,5]
 */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: PerAxis, options: AvgPoolOptions = {}) {
    super(1, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const one = (value: PerAxis) => tuple(typeof value === "number" ? [value] : value);
    return `kernel_size=${one(this.kernelSize)}, stride=${one(this.stride)}, padding=${one(this.padding)}`;
  }
}

/**
 * The mean of each window of [B,C,H,W].
 * @throws HeedError, when called, as `maxPool1d`
 * @example new AvgPool2d(7).forward(randn(1, 2048, 7, 7))   // f32[1,2048,1,1]
 */
export class AvgPool2d extends AvgPool {
  constructor(kernelSize: PerAxis, options: AvgPoolOptions = {}) {
    super(2, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return `kernel_size=${given(this.kernelSize)}, stride=${given(this.stride)}, padding=${given(this.padding)}`;
  }
}

/**
 * Means of `outputSize` stretches of [B,C,L].
 * @throws HeedError, when called, as `adaptiveAvgPool1d`
 * @example new AdaptiveAvgPool1d(4).forward(randn(2, 3, 11))   // f32[2,3,4]
 */
export class AdaptiveAvgPool1d extends Module {
  constructor(readonly outputSize: PerAxis) {
    super();
    perAxis("AdaptiveAvgPool1d", "outputSize", outputSize, 1, 1);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }

  override extraRepr(): string {
    return `output_size=${given(this.outputSize)}`;
  }
}

/**
 * Means of `outputSize` rectangles of [B,C,H,W]; null keeps a size.
 * @throws HeedError, when called, as `adaptiveAvgPool1d`
 * @example new AdaptiveAvgPool2d([null, 1]).forward(randn(2, 3, 4, 7))   // f32[2,3,4,1]
 */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: number | readonly (number | null)[]) {
    super();
    const sizes = Array.isArray(outputSize) ? outputSize.map((n) => n ?? 1) : (outputSize as number);
    perAxis("AdaptiveAvgPool2d", "outputSize", sizes, 2, 1);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }

  override extraRepr(): string {
    const { outputSize } = this;
    if (typeof outputSize === "number") return `output_size=${outputSize}`;
    return `output_size=(${outputSize.map((n) => n ?? "None").join(", ")})`;
  }
}

/**
 * The axes from `startDim` to `endDim` as one; all but the batch by default.
 * @example new Flatten().forward(randn(2, 3, 4))   // f32[2,12]
 */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
    for (const [name, dim] of Object.entries({ startDim, endDim }))
      if (!Number.isInteger(dim)) fail("Flatten", `${name} a whole number`, shown(dim));
  }

  forward(x: Tensor): Tensor {
    checkTensor("Flatten", "x", x);
    return x.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}
