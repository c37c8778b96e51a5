// Batch normalisation (Ioffe and Szegedy 2015): each channel by its own mean and variance, those of the batch or those remembered.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, EPSILON, FLAG, type OptionTable } from "../base/options.js";
import { describe, type Shape } from "../base/shape.js";
import { shown } from "../base/show.js";
import {
  add,
  cast,
  detach,
  layerNorm,
  mean,
  mul,
  offset,
  permute,
  reshape,
  scalar,
  scale,
  sub,
} from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkOptionalTensor, checkTensor } from "./check.js";
import { assignAll, Tensor } from "./tensor.js";

/** What `batchNorm` is told beside its tensors. */
export interface BatchNormOptions {
  /** Whether to normalise by the batch and to move the running statistics towards it; false. */
  training?: boolean;
  /** The share of the batch in the new running statistics; 0.1. A tensor is read when the program runs. */
  momentum?: number | Tensor;
  /** Added to the variance; 1e-5. */
  eps?: number;
}

const BATCH_NORM: OptionTable<BatchNormOptions> = { training: FLAG, momentum: CHECKED, eps: EPSILON };

/**
 * (x - mean) / √(var + eps) · weight + bias for each channel of x [B,C,...]. In training the statistics are the batch's, and running ones
 * that are given move towards them by `momentum` (the variance as the unbiased one), in place; otherwise the running ones serve.
 * @throws HeedError for inputs that are no floats [B,C,...], statistics that are not [C] or not there, and for training on one value per
 * channel
 * @example batchNorm(randn(8, 16), null, null, ones(16), zeros(16), { training: true })   // f32[8,16]
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight?: Tensor | null,
  bias?: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  checkOptions("batchNorm", options, BATCH_NORM);
  const { training = false, momentum = 0.1, eps = 1e-5 } = options;
  checkTensor("batchNorm", "x", x);
  if (!Number.isFinite(momentum) && !(momentum instanceof Tensor && momentum.numel === 1))
    fail("batchNorm", "momentum as a number or f32[]", shown(momentum));
  if (x.ndim < 2 || !isFloat(x.dtype)) fail("batchNorm", "a float input [B,C,...]", describe(x));
  const channels = x.shape[1];
  for (const [name, t] of Object.entries({ runningMean, runningVar, weight, bias })) {
    checkOptionalTensor("batchNorm", name, t);
    if (t && (t.ndim !== 1 || t.shape[0] !== channels))
      fail("batchNorm", `${name} [${channels}], one number for each channel of ${describe(x)}`, describe(t));
  }
  if (!training && !(runningMean && runningVar))
    fail("batchNorm", "running statistics to normalise by", "none", "pass { training: true } to use the batch's own");
  const column = [channels, ...x.shape.slice(2).map(() => 1)];
  const inputs = [x, weight, bias].filter((t): t is Tensor => t instanceof Tensor);
  const wide = cast(x.node, "f32");
  const beside = (t: Node) => reshape(cast(t, "f32"), column);
  if (!training && runningMean && runningVar) {
    // One factor and one term for each channel, so that what computes x can apply them.
    const inverse = scalar("rsqrt", offset(cast(runningVar.node, "f32"), eps));
    const factor = weight ? mul(inverse, cast(weight.node, "f32")) : inverse;
    const shift = mul(cast(runningMean.node, "f32"), factor);
    const term = bias ? sub(cast(bias.node, "f32"), shift) : scalar("neg", shift);
    return Tensor.from(cast(add(mul(wide, beside(factor)), beside(term)), x.dtype), ...inputs);
  }
  const count = x.numel / Math.max(channels, 1);
  if (count <= 1) fail("batchNorm", "more than one value per channel in training", describe(x));
  // [C,B,...]: the numbers of a channel are what is normalised.
  const order = x.shape.map((_, i) => (i < 2 ? 1 - i : i));
  const apart = permute(wide, order);
  if (runningMean && runningVar) remember(x, apart, count, runningMean, runningVar, momentum);
  let y = permute(layerNorm(apart, apart.shape.length - 1, eps, []), order);
  if (weight) y = mul(y, beside(weight.node));
  if (bias) y = add(y, beside(bias.node));
  return Tensor.from(cast(y, x.dtype), ...inputs);
}

function remember(
  x: Tensor,
  apart: Node,
  count: number,
  runningMean: Tensor,
  runningVar: Tensor,
  momentum: number | Tensor,
): void {
  const dims = apart.shape.map((_, i) => i).slice(1);
  const channels: Shape = [apart.shape[0]];
  const center = mean(apart, dims);
  const centered = sub(apart, center);
  const variance = scale(mean(mul(centered, centered), dims), count / (count - 1));
  const towards = (old: Tensor, now: Node) => {
    const batch = old.plain(detach(reshape(now, channels)));
    return old
      .detach()
      .float()
      .mul(typeof momentum === "number" ? 1 - momentum : momentum.neg().add(1))
      .add(batch.mul(momentum));
  };
  assignAll(
    [
      [runningMean, towards(runningMean, center)],
      [runningVar, towards(runningVar, variance)],
    ],
    // Outside compile, what leads to x is computed here, once.
    [x],
  );
}
