// Convolution layers.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG, FLOAT_DTYPE, type OptionTable } from "../base/options.js";
import { CONVOLUTION, type ConvolutionOptions, conv1d, conv2d, type PaddingMode } from "../tensor/convolution.js";
import { zeros } from "../tensor/create.js";
import { tuple } from "../tensor/format.js";
import { type PerAxis, perAxis } from "../tensor/spatial.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes, python } from "./check.js";
import { kaimingUniform_, uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** As the options of conv1d and conv2d, and whether there is a bias. */
export interface ConvolutionLayerOptions extends ConvolutionOptions {
  bias?: boolean;
  dtype?: DType;
}

const CONVOLUTION_LAYER: OptionTable<ConvolutionLayerOptions> = { ...CONVOLUTION, bias: FLAG, dtype: FLOAT_DTYPE };

/** What the layers of one and of two spatial axes share: drawn as PyTorch draws, weight, then bias, both within ±1/√fanIn. */
abstract class Convolution extends Module {
  weight: Parameter; // [O, C/groups, ...kernelSize]
  bias: Parameter | null; // [O]
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: PaddingMode;

  protected constructor(
    axes: number,
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: PerAxis,
    options: ConvolutionLayerOptions,
  ) {
    super();
    const name = `Conv${axes}d`;
    checkOptions(name, options, CONVOLUTION_LAYER);
    const { bias = true, dtype = "f32", groups = 1, padding = 0, paddingMode = "zeros" } = options;
    checkSizes(name, { inChannels, outChannels, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      fail(name, `groups that divide ${inChannels} input and ${outChannels} output channels`, String(groups));
    this.kernelSize = perAxis(name, "kernelSize", kernelSize, axes, 1);
    this.stride = perAxis(name, "stride", options.stride ?? 1, axes, 1);
    this.padding = typeof padding === "string" ? padding : perAxis(name, "padding", padding, axes, 0);
    if (typeof padding === "string" && padding !== "same" && padding !== "valid")
      fail(name, 'padding: numbers, "same" or "valid"', `"${String(padding)}"`);
    if (padding === "same" && this.stride.some((s) => s !== 1))
      fail(name, 'stride 1 with padding "same"', `stride [${this.stride}]`, "give the padding as a number");
    this.dilation = perAxis(name, "dilation", options.dilation ?? 1, axes, 1);
    this.groups = groups;
    this.paddingMode = paddingMode;
    this.weight = new Parameter(zeros([outChannels, inChannels / groups, ...this.kernelSize], { dtype }));
    this.bias = bias ? new Parameter(zeros(outChannels, { dtype })) : null;
    this.resetParameters();
  }

  /** Draws the initial numbers anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    const fanIn = this.weight.numel / this.outChannels;
    if (this.bias) uniform_(this.bias, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
  }

  protected get options(): ConvolutionOptions {
    const { stride, padding, dilation, groups, paddingMode } = this;
    return { stride, padding, dilation, groups, paddingMode };
  }

  override extraRepr(): string {
    const { padding, dilation, groups, paddingMode } = this;
    const parts = [
      String(this.inChannels),
      String(this.outChannels),
      `kernel_size=${tuple(this.kernelSize)}`,
      `stride=${tuple(this.stride)}`,
    ];
    if (typeof padding === "string") parts.push(`padding=${padding}`);
    else if (padding.some((p) => p !== 0)) parts.push(`padding=${tuple(padding)}`);
    if (dilation.some((d) => d !== 1)) parts.push(`dilation=${tuple(dilation)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (!this.bias) parts.push(`bias=${python(false)}`);
    if (paddingMode !== "zeros") parts.push(`padding_mode=${paddingMode}`);
    return parts.join(", ");
  }
}

/**
 * Convolution of signals, [B,inChannels,L] to [B,outChannels,count], as torch.nn.Conv1d.
 * @throws HeedError for sizes that are not whole and at least 1, groups that do not divide both numbers of channels, and "same" padding with a
 * stride; when called, as `conv1d`
 * @example new Conv1d(16, 33, 3, { stride: 2 }).forward(randn(20, 16, 50))   // [20,33,24]
 */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, options: ConvolutionLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Convolution of images, [B,inChannels,H,W] to [B,outChannels,rows,columns], as torch.nn.Conv2d.
 * @throws HeedError as `Conv1d`
 * @example new Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false }).forward(randn(1, 3, 224, 224))   // [1,64,112,112]
 */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, options: ConvolutionLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}
