// Batch normalisation layers: in training by the batch, otherwise by what was remembered of the batches.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, EPSILON, FLAG, FLOAT_DTYPE, NUMBER, type OptionTable, orNull } from "../base/options.js";
import { describe } from "../base/shape.js";
import { batchNorm } from "../tensor/batch-norm.js";
import { checkTensor } from "../tensor/check.js";
import { ones, zeros } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes, python, pythonNumber } from "./check.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** What `BatchNorm1d` and `BatchNorm2d` are told beside the number of channels. */
export interface BatchNormLayerOptions {
  /** 1e-5 */
  eps?: number;
  /** The share of a batch in the new running statistics, 0.1; null weighs all batches alike. */
  momentum?: number | null;
  /** Whether there are a weight and a bias; true. */
  affine?: boolean;
  /** Whether an affine layer has a bias; true. */
  bias?: boolean;
  /** Whether statistics are remembered; without them every batch is normalised by its own. */
  trackRunningStats?: boolean;
  dtype?: DType;
}

const BATCH_NORM: OptionTable<BatchNormLayerOptions> = {
  eps: EPSILON,
  momentum: orNull(NUMBER),
  affine: FLAG,
  bias: FLAG,
  trackRunningStats: FLAG,
  dtype: FLOAT_DTYPE,
};

abstract class BatchNorm extends Module {
  weight: Parameter | null; // [C]
  bias: Parameter | null; // [C]
  runningMean: Tensor | null; // [C]
  runningVar: Tensor | null; // [C]
  /** How many batches have been seen, i32[]. */
  numBatchesTracked: Tensor | null;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly numFeatures: number,
    options: BatchNormLayerOptions = {},
  ) {
    super();
    checkOptions(this.typeName, options, BATCH_NORM);
    const { eps = 1e-5, momentum = 0.1, affine = true, bias = affine } = options;
    const { trackRunningStats = true, dtype = "f32" } = options;
    checkSizes(this.typeName, { numFeatures });
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(ones(numFeatures, { dtype })) : null;
    this.bias = affine && bias ? new Parameter(zeros(numFeatures, { dtype })) : null;
    const kept = <B extends Tensor>(make: () => B) => (trackRunningStats ? make() : null);
    this.runningMean = this.registerBuffer(
      "runningMean",
      kept(() => zeros(numFeatures, { dtype })),
    );
    this.runningVar = this.registerBuffer(
      "runningVar",
      kept(() => ones(numFeatures, { dtype })),
    );
    this.numBatchesTracked = this.registerBuffer(
      "numBatchesTracked",
      kept(() => zeros([], { dtype: "i32" })),
    );
  }

  override stateNames(): Record<string, string> {
    return { runningMean: "running_mean", runningVar: "running_var", numBatchesTracked: "num_batches_tracked" };
  }

  /** Ranks of inputs, and how they are written. */
  protected abstract readonly inputs: { readonly ranks: readonly number[]; readonly text: string };

  forward(x: Tensor): Tensor {
    checkTensor(this.typeName, "x", x);
    const { ranks, text } = this.inputs;
    if (!ranks.includes(x.ndim) || x.shape[1] !== this.numFeatures)
      fail(this.typeName, `an input ${text} with ${this.numFeatures} channels`, describe(x));
    const { runningMean, runningVar, numBatchesTracked, weight, bias, eps } = this;
    const training = this.training || !runningMean;
    let momentum: number | Tensor = this.momentum ?? 0;
    if (this.training && numBatchesTracked) {
      numBatchesTracked.assign(numBatchesTracked.add(1));
      if (this.momentum === null) momentum = numBatchesTracked.float().reciprocal();
    }
    return batchNorm(x, runningMean, runningVar, weight, bias, { training, momentum, eps });
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum } = this;
    const affine = `affine=${python(this.weight !== null)}, bias=${python(this.bias !== null)}`;
    const flags = `${affine}, track_running_stats=${python(this.runningMean !== null)}`;
    return `${numFeatures}, eps=${pythonNumber(eps)}, momentum=${momentum ?? "None"}, ${flags}`;
  }
}

/**
 * Each channel of [B,C] or [B,C,L] by its mean and variance   (Ioffe and Szegedy 2015)
 * @throws HeedError for a numFeatures that is not whole and at least 1; when called, for inputs of another rank or number of channels, and for
 * training on one value per channel
 * @example new BatchNorm1d(16).forward(randn(8, 16))   // f32[8,16]
 */
export class BatchNorm1d extends BatchNorm {
  protected get inputs() {
    return { ranks: [2, 3], text: "[B,C] or [B,C,L]" };
  }
}

/**
 * Each channel of [B,C,H,W] by its mean and variance   (Ioffe and Szegedy 2015)
 * @throws HeedError as `BatchNorm1d`
 * @example new BatchNorm2d(64).forward(randn(8, 64, 56, 56))   // f32[8,64,56,56]
 */
export class BatchNorm2d extends BatchNorm {
  protected get inputs() {
    return { ranks: [4], text: "[B,C,H,W]" };
  }
}
