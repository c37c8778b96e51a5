// Losses as modules; the functions of the same names do the work.

import { checkOptions, type OptionTable } from "../base/options.js";
import {
  BINARY_CROSS_ENTROPY,
  type BinaryCrossEntropyOptions,
  CROSS_ENTROPY,
  type CrossEntropyOptions,
  checkLabelSmoothing,
  KL_DIV,
  type KLDivOptions,
  LOSS,
  type LossOptions,
  NLL,
  type NLLOptions,
} from "../tensor/loss-options.js";
import { binaryCrossEntropyWithLogits, crossEntropy, klDiv, l1Loss, mseLoss, nllLoss } from "../tensor/losses.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** A loss against class indices, whose weights are part of its state. */
abstract class ClassLoss<O extends NLLOptions> extends Module {
  readonly weight: Tensor | null; // [V]

  constructor(options: O, table: OptionTable<O>) {
    super();
    checkOptions(this.typeName, options, table);
    this.weight = this.registerBuffer("weight", options.weight ?? null);
  }
}

/**
 * Cross entropy of logits [..., V] or [N,V,d1,...] against class indices, i32 [...] or [N,d1,...], or against
 * probabilities, floats [V] or [N,V].
 * @throws HeedError, when called, as `crossEntropy`
 */
export class CrossEntropyLoss extends ClassLoss<CrossEntropyOptions> {
  constructor(private readonly options: CrossEntropyOptions = {}) {
    super(options, CROSS_ENTROPY);
    checkLabelSmoothing("CrossEntropyLoss", options.labelSmoothing ?? 0);
  }

  forward(logits: Tensor, targets: Tensor): Tensor {
    return crossEntropy(logits, targets, { ...this.options, weight: this.weight ?? undefined });
  }
}

/**
 * Negative log-likelihood: log-probabilities [..., V] or [N,V,d1,...] against class indices, i32 [...] or [N,d1,...].
 * @throws HeedError, when called, as `crossEntropy`
 */
export class NLLLoss extends ClassLoss<NLLOptions> {
  constructor(private readonly options: NLLOptions = {}) {
    super(options, NLL);
  }

  forward(logProbabilities: Tensor, targets: Tensor): Tensor {
    return nllLoss(logProbabilities, targets, { ...this.options, weight: this.weight ?? undefined });
  }
}

/** A loss of a result and what it should have been, both of one shape. */
abstract class PairLoss extends Module {
  constructor(protected readonly options: LossOptions = {}) {
    super();
    checkOptions(this.typeName, options, LOSS);
  }
}

/**
 * Mean (or sum) of squared differences of two tensors of one shape.
 * @throws HeedError, when called, for shapes that differ
 */
export class MSELoss extends PairLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options);
  }
}

/**
 * Mean (or sum) of absolute differences of two tensors of one shape.
 * @throws HeedError, when called, for shapes that differ
 */
export class L1Loss extends PairLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this.options);
  }
}

/**
 * The Kullback-Leibler divergence of log-probabilities from probabilities. The "mean" is over all elements; "batchmean" is the divergence.
 * @throws HeedError, when called, as `klDiv`
 * @example new KLDivLoss({ reduction: "batchmean" }).forward(randn(8, 5).logSoftmax(-1), randn(8, 5).softmax(-1))   // f32[]
 */
export class KLDivLoss extends Module {
  constructor(private readonly options: KLDivOptions = {}) {
    super();
    checkOptions("KLDivLoss", options, KL_DIV);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this.options);
  }
}

/**
 * Binary cross entropy of logits against targets in [0, 1], both of one shape.
 * @throws HeedError, when called, for shapes that differ
 */
export class BCEWithLogitsLoss extends Module {
  readonly weight: Tensor | null;
  readonly posWeight: Tensor | null;

  constructor(private readonly options: BinaryCrossEntropyOptions = {}) {
    super();
    checkOptions("BCEWithLogitsLoss", options, BINARY_CROSS_ENTROPY);
    this.weight = this.registerBuffer("weight", options.weight ?? null);
    this.posWeight = this.registerBuffer("posWeight", options.posWeight ?? null);
  }

  override stateNames(): Readonly<Record<string, string>> {
    return { posWeight: "pos_weight" };
  }

  forward(logits: Tensor, targets: Tensor): Tensor {
    const { weight, posWeight } = this;
    return binaryCrossEntropyWithLogits(logits, targets, {
      ...this.options,
      weight: weight ?? undefined,
      posWeight: posWeight ?? undefined,
    });
  }
}
