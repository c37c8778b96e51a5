// Cases of the losses.

import * as loss from "../../src/tensor/losses.js";
import { type Case, cases } from "./case.js";

const IGNORE = { ignoreIndex: 2 };

export const LOSSES: Case[] = [
  ...cases("crossEntropy", (x, t) => loss.crossEntropy(x, t), "F.cross_entropy(a, b)", [
    ["f32[7,5]", "i32[7]:index"],
    ["f32[5]", "i32[]:index"],
    ["f32[33,64]", "i32[33]:index"],
    ["f32[2,5,3]", "i32[2,3]:index"],
    ["bf16[7,33]", "i32[7]:index"],
  ]),
  ...cases("crossEntropy", (x, t) => loss.crossEntropy(x, t), "F.cross_entropy(a.transpose(1, 2), b)", [
    ["f32[3,7,5]", "i32[3,7]:index"],
  ]),
  ...cases("crossEntropy", (x, t) => loss.crossEntropy(x, t, IGNORE), "F.cross_entropy(a, b, ignore_index=2)", [
    ["f32[33,5]", "i32[33]:index"],
  ]),
  ...cases(
    "crossEntropy",
    (x, t) => loss.crossEntropy(x, t, { ...IGNORE, reduction: "none" }),
    "F.cross_entropy(a, b, ignore_index=2, reduction='none')",
    [["f32[33,5]", "i32[33]:index"]],
  ),
  ...cases(
    "crossEntropy",
    (x, t) => loss.crossEntropy(x, t, { labelSmoothing: 0.1, reduction: "sum" }),
    "F.cross_entropy(a, b, label_smoothing=0.1, reduction='sum')",
    [["f32[17,7]@T", "i32[17]:index"]],
  ),
  ...cases(
    "crossEntropy",
    (x, t) => loss.crossEntropy(x, t, { ...IGNORE, labelSmoothing: 0.1 }),
    "F.cross_entropy(a, b, ignore_index=2, label_smoothing=0.1)",
    [
      ["f32[33,9]", "i32[33]:index"],
      ["f32[3,9,11]", "i32[3,11]:index"],
    ],
  ),
  ...cases(
    "crossEntropy",
    (x, t, weight) => loss.crossEntropy(x, t, { ...IGNORE, weight: weight.detach(), labelSmoothing: 0.3 }),
    "F.cross_entropy(a, b, c.detach(), ignore_index=2, label_smoothing=0.3)",
    [["f32[17,5]", "i32[17]:index", "f32[5]:positive"]],
  ),
  ...cases(
    "crossEntropy",
    (x, t, weight) => loss.crossEntropy(x, t, { weight }),
    "F.cross_entropy(a, b, c)",
    [["f32[17,5]", "i32[17]:index", "f32[5]:positive"]],
    { gradient: false },
  ),
  ...cases(
    "crossEntropy",
    (x, t, weight) => loss.crossEntropy(x, t, { weight: weight.detach(), labelSmoothing: 0.2 }),
    "F.cross_entropy(a, b, c.detach(), label_smoothing=0.2)",
    [["f32[17,5]", "i32[17]:index", "f32[5]:positive"]],
  ),
  ...cases("nllLoss", (x, t) => loss.nllLoss(x.logSoftmax(-1), t), "F.nll_loss(a.log_softmax(-1), b)", [
    ["f32[17,5]", "i32[17]:index"],
    ["f32[5]", "i32[]:index"],
  ]),
  ...cases("nllLoss", (x, t) => loss.nllLoss(x.logSoftmax(1), t), "F.nll_loss(a.log_softmax(1), b)", [
    ["f32[2,5,3]", "i32[2,3]:index"],
  ]),
  ...cases(
    "nllLoss",
    (x, t, weight) => loss.nllLoss(x.logSoftmax(-1), t, { ...IGNORE, weight: weight.detach() }),
    "F.nll_loss(a.log_softmax(-1), b, c.detach(), ignore_index=2)",
    [["f32[17,5]", "i32[17]:index", "f32[5]:positive"]],
    { smooth: false },
  ),
  ...cases(
    "nllLoss",
    (x, t) => loss.nllLoss(x.logSoftmax(-1), t, { ...IGNORE, reduction: "none" }),
    "F.nll_loss(a.log_softmax(-1), b, ignore_index=2, reduction='none')",
    [["f32[17,5]", "i32[17]:index"]],
  ),
  ...cases(
    "crossEntropy",
    (x, p, weight) => loss.crossEntropy(x, p.softmax(-1), { weight: weight.detach(), labelSmoothing: 0.1 }),
    "F.cross_entropy(a, b.softmax(-1), c.detach(), label_smoothing=0.1)",
    [["f32[7,5]", "f32[7,5]", "f32[5]:positive"]],
  ),
  ...cases(
    "crossEntropy",
    (x, p) => loss.crossEntropy(x, p.softmax(-1), { reduction: "sum" }),
    "F.cross_entropy(a, b.softmax(-1), reduction='sum')",
    [["f32[5]", "f32[5]"]],
  ),
  ...cases("mseLoss", (a, b) => loss.mseLoss(a, b), "F.mse_loss(a, b)", [["f32[3,7]", "f32[3,7]@T"]]),
  ...cases("mseLoss", (a, b) => loss.mseLoss(a, b, { reduction: "none" }), "F.mse_loss(a, b, reduction='none')", [
    ["f32[7]", "f32[7]"],
  ]),
  ...cases("l1Loss", (a, b) => loss.l1Loss(a, b, { reduction: "sum" }), "F.l1_loss(a, b, reduction='sum')", [
    ["f32[3,7]", "f32[3,7]"],
  ]),
  ...cases("klDiv", (x, p) => loss.klDiv(x.logSoftmax(-1), p), "F.kl_div(a.log_softmax(-1), b)", [
    ["f32[3,7]", "f32[3,7]:positive"],
  ]),
  ...cases(
    "klDiv",
    (x, p) => loss.klDiv(x.logSoftmax(-1), p.relu().detach(), { reduction: "batchmean" }),
    "F.kl_div(a.log_softmax(-1), F.relu(b).detach(), reduction='batchmean')",
    [["f32[5,9]", "f32[5,9]"]],
    { smooth: false },
  ),
  ...cases(
    "klDiv",
    (x, p) => loss.klDiv(x.logSoftmax(-1), p.softmax(-1), { reduction: "sum" }),
    "F.kl_div(a.log_softmax(-1), b.softmax(-1), reduction='sum')",
    [["f32[3,7]", "f32[3,7]@T"]],
  ),
  ...cases(
    "klDiv",
    (x, p) => loss.klDiv(x.logSoftmax(-1), p.logSoftmax(-1), { reduction: "none", logTarget: true }),
    "F.kl_div(a.log_softmax(-1), b.log_softmax(-1), reduction='none', log_target=True)",
    [["f32[3,7]", "f32[3,7]"]],
  ),
  ...cases(
    "binaryCrossEntropyWithLogits",
    (a, b) => loss.binaryCrossEntropyWithLogits(a, b),
    "F.binary_cross_entropy_with_logits(a, b)",
    [
      ["f32[3,7]:wide", "f32[3,7]:positive"],
      ["f32[17]", "f32[17]:positive"],
    ],
  ),
  ...cases(
    "binaryCrossEntropyWithLogits",
    (a, b, c) => loss.binaryCrossEntropyWithLogits(a, b, { posWeight: c.detach(), weight: c.detach() }),
    "F.binary_cross_entropy_with_logits(a, b, c.detach(), pos_weight=c.detach())",
    [["f32[3,7]:wide", "f32[3,7]:positive", "f32[7]:positive"]],
  ),
];
