// Losses: one number for how far results are from what they should have been. As modules they are in nn/losses.ts.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions } from "../base/options.js";
import { broadcastShapes, describe, type Shape, sameShape, sizeOf } from "../base/shape.js";
import * as build from "../graph/build.js";
import { checkTensor } from "./check.js";
import { where } from "./functions.js";
import { checkIndices, cutOut } from "./index-check.js";
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
  type Reduction,
} from "./loss-options.js";
import { Tensor } from "./tensor.js";

export type { BinaryCrossEntropyOptions, CrossEntropyOptions, KLDivOptions, LossOptions, NLLOptions, Reduction };

/**
 * Cross entropy of logits [..., V] (classes last) or [N,V,d1,...] (PyTorch's order) against class indices, i32 [...] or [N,d1,...]: the
 * targets say which it is, and where both orders fit, classes are last. Or against probabilities, floats [V] or [N,V] as the logits.
 * @param options.ignoreIndex targets with this value count for nothing (default -100)
 * @param options.labelSmoothing share of the probability spread over all classes
 * @param options.weight one weight per class, f32[V]; a mean is divided by the targets' weights
 * @throws HeedError for targets that do not fit the logits or are no classes, a weight that is not [V], and labelSmoothing outside [0,1]
 * @example crossEntropy(randn(8, 5), randint(0, 5, [8]), { labelSmoothing: 0.1 }).item()
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions("crossEntropy", options, CROSS_ENTROPY);
  checkTensor("crossEntropy", "logits", logits);
  checkTensor("crossEntropy", "targets", targets);
  checkLabelSmoothing("crossEntropy", options.labelSmoothing ?? 0);
  if (isFloat(targets.dtype) && sameShape(logits.shape, targets.shape) && logits.ndim > 0)
    return softCrossEntropy(logits, targets, options);
  return classLoss("crossEntropy", "logits", logits, targets, options, (rows) => rows.logSoftmax(-1));
}

/** Against probabilities: -Σ p log q, its mean over the rows. */
function softCrossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions): Tensor {
  const { reduction, labelSmoothing = 0, weight } = options;
  if (logits.ndim > 2)
    fail(
      "crossEntropy",
      "i32 class indices as targets, or probabilities [N,V]",
      `probabilities ${describe(targets)}`,
      "reshape logits and targets to [N,V], classes last",
    );
  if (options.ignoreIndex !== undefined)
    fail("crossEntropy", "no ignoreIndex where targets are probabilities", `${options.ignoreIndex}`);
  const classes = logits.shape[logits.ndim - 1];
  checkClassWeight("crossEntropy", weight, classes);
  const smooth = labelSmoothing > 0 ? targets.mul(1 - labelSmoothing).add(labelSmoothing / classes) : targets;
  const each = logits.float().logSoftmax(-1).mul(smooth);
  const rows = (weight ? each.mul(weight) : each).sum(-1).neg();
  return reduceLoss(rows, reduction).to(logits.dtype);
}

/**
 * Negative log-likelihood: -log probability of the targets, given log-probabilities in either order that `crossEntropy` takes.
 * @throws HeedError as `crossEntropy`
 * @example nllLoss(randn(8, 5).logSoftmax(-1), randint(0, 5, [8])).item()
 */
export function nllLoss(logProbabilities: Tensor, targets: Tensor, options: NLLOptions = {}): Tensor {
  checkOptions("nllLoss", options, NLL);
  checkTensor("nllLoss", "logProbabilities", logProbabilities);
  checkTensor("nllLoss", "targets", targets);
  return classLoss("nllLoss", "log-probabilities", logProbabilities, targets, options, (rows) => rows);
}

function classLoss(
  op: string,
  name: string,
  input: Tensor,
  targets: Tensor,
  options: CrossEntropyOptions,
  logProbabilities: (rows: Tensor) => Tensor,
): Tensor {
  const { reduction = "mean", ignoreIndex = -100, labelSmoothing = 0, weight } = options;
  if (targets.dtype !== "i32") {
    const oneHot = targets.ndim > 0 && targets.ndim === input.ndim;
    const remedy = isFloat(targets.dtype) ? "convert them with .int()" : undefined;
    fail(op, "i32 class indices as targets", describe(targets), oneHot ? "of one-hot rows take .argmax(-1)" : remedy);
  }
  cutOut(targets);
  const rows = classesLast(op, name, input, targets);
  const classes = rows.shape[rows.ndim - 1];
  checkClassWeight(op, weight, classes);
  // The sum of many 16-bit losses, and even their number, may be beyond f16: they are added up in f32.
  const flat = rows.reshape(sizeOf(targets.shape), classes).float();
  const target = targets.reshape(sizeOf(targets.shape), 1);
  const expected = `targets from 0 to ${classes - 1} (or ignoreIndex ${ignoreIndex})`;
  const checked = checkIndices(op, expected, targets, classes, ignoreIndex);
  const logProbability = logProbabilities(flat);
  const hit = Tensor.from(build.scalar("eq", build.iota([...flat.shape], 1), target.node));
  const kept = target.ne(ignoreIndex);
  const classWeight = weight ? weight.reshape(1, classes).expand(flat.shape) : null;
  const weighted = classWeight ? logProbability.mul(classWeight) : logProbability;
  let loss = where(hit, weighted, 0).sum(-1, { keepdim: true });
  if (labelSmoothing > 0)
    loss = loss.mul(1 - labelSmoothing).add(weighted.sum(-1, { keepdim: true }).mul(labelSmoothing / classes));
  // A target that could not be checked and is no class makes the loss NaN, not small.
  const sound = checked ? loss.neg() : where(target.ge(0).logicalAnd(target.lt(classes)), loss.neg(), Number.NaN);
  const each = where(kept, sound, 0);
  if (reduction === "none") return each.reshape(targets.shape).to(input.dtype);
  if (reduction === "sum") return each.sum().to(input.dtype);
  const share = classWeight ? where(kept.logicalAnd(hit), classWeight, 0).sum() : kept.float().sum();
  return each.sum().div(share).to(input.dtype);
}

function checkClassWeight(op: string, weight: Tensor | undefined, classes: number): void {
  if (weight && (!sameShape(weight.shape, [classes]) || !isFloat(weight.dtype)))
    fail(op, `a float weight [${classes}], one for each class`, describe(weight));
}

function classesLast(op: string, name: string, input: Tensor, targets: Tensor): Tensor {
  const last = [...targets.shape];
  if (input.ndim === targets.ndim + 1 && last.every((n, i) => n === input.shape[i])) return input;
  const order =
    input.ndim >= 2 &&
    input.ndim === targets.ndim + 1 &&
    input.shape[0] === targets.shape[0] &&
    last.slice(1).every((n, i) => n === input.shape[i + 2]);
  if (!order) fail(op, `${name} [${[...last, "V"]}] for targets ${describe(targets)}`, describe(input));
  return input.permute([0, ...last.slice(1).map((_, i) => i + 2), 1]);
}

/**
 * The mean (or sum) of squared differences.
 * @throws HeedError for an input and a target of different shapes, of which none broadcasts to the other
 * @example mseLoss(randn(8, 3), randn(8, 3)).item()
 */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions("mseLoss", options, LOSS);
  checkPair("mseLoss", { input, target });
  return reduceLoss(input.sub(target).square(), options.reduction);
}

/**
 * The mean (or sum) of absolute differences.
 * @throws HeedError for an input and a target of different shapes, of which none broadcasts to the other
 * @example l1Loss(randn(8, 3), randn(8, 3)).item()
 */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions("l1Loss", options, LOSS);
  checkPair("l1Loss", { input, target });
  return reduceLoss(input.sub(target).abs(), options.reduction);
}

/**
 * The Kullback-Leibler divergence of distributions from wanted ones: p (log p - log q), where `input` is log q and `target` is p, or log p with
 * `logTarget`. The "mean" is over all elements, as in PyTorch: the divergence itself, its mean over a batch, is "batchmean".
 * @throws HeedError for a target that is not of floats, and for shapes of which none broadcasts to the other
 * @example klDiv(randn(8, 5).logSoftmax(-1), randn(8, 5).softmax(-1), { reduction: "batchmean" }).item()
 */
export function klDiv(input: Tensor, target: Tensor, options: KLDivOptions = {}): Tensor {
  checkOptions("klDiv", options, KL_DIV);
  checkPair("klDiv", { input, target });
  if (!isFloat(target.dtype))
    fail("klDiv", "probabilities as a target", describe(target), "convert them with .float()");
  const { reduction, logTarget = false } = options;
  // p log p is 0 for p = 0; so is its gradient here, as it would be without that term.
  const each = logTarget
    ? target.exp().mul(target.sub(input))
    : target.mul(where(target.eq(0), 1, target).log()).sub(target.mul(input));
  if (reduction !== "batchmean") return reduceLoss(each, reduction);
  return input.ndim === 0 ? each.sum() : each.sum().div(input.shape[0]);
}

/**
 * Binary cross entropy of logits against targets from 0 to 1, exact where it is small, and finite where logits are large.
 * @param options.posWeight how much more a target of 1 counts, one number for each class; it broadcasts
 * @param options.weight of each element; it broadcasts
 * @throws HeedError for logits and targets of different shapes, and weights that do not broadcast to them
 * @example binaryCrossEntropyWithLogits(randn(8), rand(8)).item()
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  checkOptions(op, options, BINARY_CROSS_ENTROPY);
  checkTensor(op, "logits", logits);
  checkTensor(op, "target", target);
  if (!sameShape(logits.shape, target.shape)) differ(op, "logits and target", logits, target);
  const { posWeight, weight, reduction } = options;
  for (const given of [posWeight, weight]) if (given) checkBroadcasts(op, given, logits);
  // -t log σ(x) - (1 - t) log σ(-x): both terms are positive, so that nothing cancels, as in softplus(x) - t x for t = 1 and large x.
  const t = isFloat(target.dtype) ? target : target.to(logits.dtype);
  const hit = t.mul(logits.neg().softplus());
  const each = (posWeight ? hit.mul(posWeight) : hit).add(t.neg().add(1).mul(logits.softplus()));
  return reduceLoss(weight ? each.mul(weight) : each, reduction);
}

function checkBroadcasts(op: string, weight: Tensor, logits: Tensor): void {
  if (!sameShape(broadcastShapes(op, logits, weight), logits.shape))
    fail(op, `weights that broadcast to ${describe(logits)}`, describe(weight));
}

/** The famous slip: [N] beside [N,1] makes [N,N], every result held against every target; torch warns of it. */
function checkPair(op: string, pair: Readonly<Record<string, Tensor>>): void {
  for (const name in pair) checkTensor(op, name, pair[name]);
  const [a, b] = Object.values(pair);
  const shape = broadcastShapes(op, a, b);
  if (!sameShape(shape, a.shape) && !sameShape(shape, b.shape))
    differ(op, Object.keys(pair).join(" and "), a, b, shape);
}

function differ(op: string, names: string, a: Tensor, b: Tensor, together?: Shape): never {
  const got = `${describe(a)} and ${describe(b)}${together ? `, which together make [${together}]` : ""}`;
  fail(op, `${names} of one shape`, got, "squeeze or expand one of them");
}

function reduceLoss(each: Tensor, reduction: Reduction = "mean"): Tensor {
  return reduction === "none" ? each : reduction === "sum" ? each.sum() : each.mean();
}
