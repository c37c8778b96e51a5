// Losses as modules; the functions of the same names do the work.

import { checkOptions } from "../base/options.js";
import { binaryCrossEntropyWithLogits, crossEntropy, l1Loss, mseLoss, nllLoss } from "../tensor/functions.js";
import {
  CROSS_ENTROPY,
  type CrossEntropyOptions,
  checkLabelSmoothing,
  LOSS,
  type LossOptions,
} from "../tensor/loss-options.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** Cross entropy of logits [..., V] against class indices [...]. */
export class CrossEntropyLoss extends Module {
  readonly weight: Tensor | null;

  constructor(private readonly options: CrossEntropyOptions = {}) {
    super();
    checkOptions("CrossEntropyLoss", options, CROSS_ENTROPY);
    checkLabelSmoothing("CrossEntropyLoss", options.labelSmoothing ?? 0);
    this.weight = this.registerBuffer("weight", options.weight ?? null);
  }

  forward(logits: Tensor, targets: Tensor): Tensor {
    return crossEntropy(logits, targets, { ...this.options, weight: this.weight ?? undefined });
  }
}

/** A loss of a result and what it should have been, both of one shape. */
abstract class PairLoss extends Module {
  constructor(protected readonly options: LossOptions = {}) {
    super();
    checkOptions(this.typeName, options, LOSS);
  }
}

/** Mean (or sum) of squared differences. */
export class MSELoss extends PairLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options);
  }
}

/** Mean (or sum) of absolute differences. */
export class L1Loss extends PairLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this.options);
  }
}

/** Negative log-likelihood: log-probabilities [..., V] against class indices [...]. */
export class NLLLoss extends PairLoss {
  forward(logProbabilities: Tensor, targets: Tensor): Tensor {
    return nllLoss(logProbabilities, targets, this.options);
  }
}

/** Binary cross entropy of logits against targets in [0, 1]. */
export class BCEWithLogitsLoss extends PairLoss {
  forward(logits: Tensor, targets: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(logits, targets, this.options);
  }
}
