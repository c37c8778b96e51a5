// What the losses are told beside their tensors, as functions and as modules.

import { fail } from "../base/errors.js";
import { CHECKED, FLAG, NUMBER, type OptionTable, oneOf } from "../base/options.js";
import { shown } from "../base/show.js";
import { TENSOR } from "./check.js";
import type { Tensor } from "./tensor.js";

/** What becomes of the losses of single elements: their mean, their sum, or themselves. */
export type Reduction = "mean" | "sum" | "none";

/** What every loss is told beside its tensors. */
export interface LossOptions {
  /** "mean". */
  reduction?: Reduction;
}

/** What `klDiv` is told beside its tensors. */
export interface KLDivOptions {
  /** As of other losses; "batchmean" is the divergence itself, its mean over the first axis. */
  reduction?: Reduction | "batchmean";
  /** Whether the targets are log-probabilities as well. */
  logTarget?: boolean;
}

/** What `nllLoss` is told beside its tensors. */
export interface NLLOptions extends LossOptions {
  /** Targets with this value count for nothing; -100. */
  ignoreIndex?: number;
  /** One weight per class, f32[V]. */
  weight?: Tensor;
}

/** What `crossEntropy` is told beside its tensors. */
export interface CrossEntropyOptions extends NLLOptions {
  /** The share of the probability that is spread over all classes; 0. */
  labelSmoothing?: number;
}

/** What `binaryCrossEntropyWithLogits` is told beside its tensors. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** How much more a target of 1 counts, one number for each class; it broadcasts. */
  posWeight?: Tensor;
  /** Of each element; it broadcasts. */
  weight?: Tensor;
}

/** @internal */
export const LOSS: OptionTable<LossOptions> = { reduction: oneOf("mean", "sum", "none") };

/** @internal */
export const KL_DIV: OptionTable<KLDivOptions> = {
  reduction: oneOf("mean", "sum", "none", "batchmean"),
  logTarget: FLAG,
};

/** @internal */
export const NLL: OptionTable<NLLOptions> = { ...LOSS, ignoreIndex: NUMBER, weight: TENSOR };

/** @internal */
export const CROSS_ENTROPY: OptionTable<CrossEntropyOptions> = { ...NLL, labelSmoothing: CHECKED };

/** @internal */
export const BINARY_CROSS_ENTROPY: OptionTable<BinaryCrossEntropyOptions> = {
  ...LOSS,
  posWeight: TENSOR,
  weight: TENSOR,
};

/** @internal @throws HeedError unless it is a share from 0 to 1 */
export function checkLabelSmoothing(op: string, x: unknown): void {
  if (typeof x !== "number" || !(x >= 0 && x <= 1)) fail(op, "labelSmoothing from 0 to 1", shown(x));
}
