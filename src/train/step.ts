// One step of training as compiled programs: forward, backward, clipping and the optimizer run without JavaScript in between.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import type { Module } from "../nn/module.js";
import { compile } from "../tensor/compiled.js";
import { fromData } from "../tensor/create.js";
import { assignAll, type Tensor } from "../tensor/tensor.js";
import type { Batch } from "../text/dataset.js";
import { clipGradNorm_ } from "./clip.js";
import { Optimizer } from "./optimizer.js";
import { type CommonSettings, zerosFor } from "./parameter-group.js";

/** A model that predicts each next token: GPT and its kin. */
export interface TrainableModel extends Module {
  /** The mean cross-entropy of `targets` i32[B,T] after `ids` i32[B,T], in nats: f32[]. */
  loss(ids: Tensor, targets: Tensor): Tensor;
}

export interface StepResult {
  /** The mean over all tokens of the step, before it. */
  readonly loss: number;
  /** The norm of the gradient before clipping. */
  readonly gradientNorm: number;
}

/** Makes a step from as many batches of one shape as `accumulate` says: the gradient is that of one large batch. */
export class TrainingStep {
  private readonly last: (ids: Tensor, targets: Tensor) => { loss: Tensor; norm: Tensor };
  private readonly gather: (ids: Tensor, targets: Tensor) => Tensor;
  /** The gradient so far of each parameter, where a step has several batches. */
  private readonly sums = new Map<Tensor, Tensor>();

  constructor(
    model: TrainableModel,
    private readonly optimizer: Optimizer<CommonSettings>,
    private readonly accumulate: number,
    clipNorm: number,
  ) {
    if (!(optimizer instanceof Optimizer)) fail("TrainingStep", "an optimizer", shown(optimizer));
    if (typeof model?.loss !== "function") fail("TrainingStep", "a model with a loss", shown(model));
    const sumOf = (p: Tensor): Tensor => this.sums.get(p) as Tensor;
    const share = (ids: Tensor, targets: Tensor): Tensor => {
      const loss = model.loss(ids, targets);
      (accumulate > 1 ? loss.div(accumulate) : loss).backward();
      return loss.detach();
    };
    const total = (p: Tensor): Tensor => (p.grad ? sumOf(p).add(p.grad) : sumOf(p));
    this.gather = compile((ids, targets) => {
      const loss = share(ids, targets);
      assignAll(optimizer.parameters.map((p) => [sumOf(p), total(p)]));
      optimizer.zeroGrad();
      return loss;
    });
    this.last = compile((ids, targets) => {
      const loss = share(ids, targets);
      const { parameters } = optimizer;
      if (accumulate > 1) {
        for (const p of parameters) if (p.grad) p.grad = total(p);
        assignAll(parameters.map((p) => [sumOf(p), 0]));
      }
      const norm = clipGradNorm_(parameters, clipNorm);
      optimizer.step();
      // No gradient leaves the program, so none needs memory of its own.
      optimizer.zeroGrad();
      return { loss, norm };
    });
  }

  /** Draws its batches from `next`. */
  run(next: () => Batch): StepResult {
    if (this.accumulate > 1)
      for (const p of this.optimizer.parameters) if (!this.sums.has(p)) this.sums.set(p, zerosFor(p));
    const losses: Tensor[] = [];
    for (let i = 1; i < this.accumulate; i++) losses.push(this.gather(...batchTensors(next())));
    const { loss, norm } = this.last(...batchTensors(next()));
    losses.push(loss);
    const mean = losses.reduce((sum, l) => sum + l.item(), 0) / losses.length;
    return { loss: mean, gradientNorm: norm.item() };
  }
}

/** Ids and targets, i32[B,T] each. */
export function batchTensors({ inputs, targets, batch, length }: Batch): [ids: Tensor, targets: Tensor] {
  return [fromData(inputs, [batch, length], "i32"), fromData(targets, [batch, length], "i32")];
}
