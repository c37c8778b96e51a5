// The training loop of language models. It decides when to step, evaluate, save and stop; how a step runs is step.ts, what a checkpoint
// holds is checkpoint.ts, and what the caller shows or writes down it learns from `onStep`.

import { fail, HeedError } from "../base/errors.js";
import { CHECKED, checkOptions, FUNCTION, kind, type OptionTable, whole } from "../base/options.js";
import { GENERATOR, type Generator } from "../base/random.js";
import type { Batch } from "../text/dataset.js";
import type { WindowSampler } from "../text/sampler.js";
import { Breath } from "./breath.js";
import { Optimizer } from "./optimizer.js";
import type { CommonSettings } from "./parameter-group.js";
import type { Schedule } from "./schedules.js";
import { type TrainableModel, TrainingStep } from "./step.js";

/** What is known after a step; the steps count from 1. */
export interface StepMetrics {
  readonly step: number;
  /** Mean cross-entropy of the step's batches, in nats. */
  readonly loss: number;
  /** On the held-back text, after the steps that are evaluated. */
  readonly validationLoss?: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  /** Before clipping. */
  readonly gradientNorm: number;
}

/** What `train` is given. */
export interface TrainOptions {
  readonly model: TrainableModel;
  readonly optimizer: Optimizer<CommonSettings>;
  readonly schedule: Schedule;
  /** Where batches come from, all of one shape: a WindowSampler. */
  readonly sampler: { nextBatch(): Batch };
  /** The step to end with. */
  readonly steps: number;
  /** Steps that are done already. */
  readonly start?: number;
  /** Batches to each step. */
  readonly accumulate?: number;
  /** The largest norm of the gradient; 1 unless told. */
  readonly clipNorm?: number;
  /** The loss on held-back text, after every `every` steps and the last; `batches` limits how much of the text is looked at. */
  readonly evaluation?: { readonly every: number; readonly run: (batches?: number) => Promise<number> };
  /**
   * Keeps a checkpoint, after every `every` steps, the last, and when stopped; but none of a model that has broken down since the last loss
   * was computed, as far as `evaluation` can tell.
   */
  readonly checkpoint?: { readonly every: number; readonly save: (step: number) => Promise<void> };
  readonly onStep?: (metrics: StepMetrics) => void;
  /** Aborted, the loop finishes its step, saves and returns. */
  readonly signal?: AbortSignal;
  /** The sampler's, which checkpoints keep: not used here, so that `TrainingParts` can be passed as they are. */
  readonly generator?: Generator;
}

const TRAIN: OptionTable<TrainOptions> = {
  model: kind<never>("a module with a loss", (x) => typeof (x as TrainableModel | null)?.loss === "function"),
  optimizer: kind<never>("an optimizer", (x) => x instanceof Optimizer),
  schedule: FUNCTION,
  sampler: kind<never>("a WindowSampler", (x) => typeof (x as WindowSampler | null)?.nextBatch === "function"),
  steps: CHECKED,
  start: whole(0),
  accumulate: CHECKED,
  clipNorm: CHECKED,
  evaluation: CHECKED,
  checkpoint: CHECKED,
  onStep: FUNCTION,
  generator: GENERATOR,
  signal: kind<AbortSignal>("an AbortSignal", (x) => typeof (x as AbortSignal | null)?.aborted === "boolean"),
};

/** Where `train` ended. */
export interface TrainResult {
  /** The last step done. */
  readonly step: number;
  /** Whether the signal ended it. */
  readonly interrupted: boolean;
}

/** A loss or gradient that is no number any more. Nothing is saved after it. */
export class DivergedError extends HeedError {
  override name = "DivergedError";

  constructor(
    readonly step: number,
    readonly loss: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Trains a model.
 * @throws DivergedError at the first step whose loss or gradient is NaN or infinite; the checkpoint before it stays
 * @example await train({ model, optimizer, sampler, steps: 1000, schedule: cosine({ learningRate: 1e-3, warmup: 100, steps: 1000 }) });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  checkOptions("train", options, TRAIN);
  for (const name of ["model", "optimizer", "schedule", "sampler"] as const)
    if (options[name] === undefined) fail("train", `${name} ${TRAIN[name].expected}`, "none");
  const { model, optimizer, schedule, sampler, steps, start = 0, accumulate = 1, clipNorm = 1, signal } = options;
  const { evaluation, checkpoint, onStep } = options;
  for (const [name, value] of Object.entries({
    steps,
    accumulate,
    every: evaluation?.every ?? 1,
    save: checkpoint?.every ?? 1,
  }))
    if (!Number.isInteger(value) || value < 1)
      fail("train", `${name} to be a whole number of at least 1`, String(value));
  const training = new TrainingStep(model, optimizer, accumulate, clipNorm);
  const breath = new Breath();
  let step = start;
  let saved = start;
  const keep = async (validationLoss?: number) => {
    checkHeldBack(step, validationLoss ?? (await evaluation?.run(1)));
    await checkpoint?.save(step);
    saved = step;
  };
  model.train();
  while (step < steps && !signal?.aborted) {
    const began = performance.now();
    let tokens = 0;
    const next = () => {
      const batch = sampler.nextBatch();
      tokens += batch.targets.length;
      return batch;
    };
    const learningRate = schedule(step);
    optimizer.learningRate = learningRate;
    const { loss, gradientNorm } = training.run(next);
    step++;
    if (!Number.isFinite(loss)) diverged(step, loss, `a loss of ${loss}`);
    if (!Number.isFinite(gradientNorm)) diverged(step, loss, `a gradient of norm ${gradientNorm}`);
    const tokensPerSecond = (1000 * tokens) / (performance.now() - began);
    const evaluate = evaluation && (step % evaluation.every === 0 || step === steps);
    const validationLoss = evaluate ? await evaluation.run() : undefined;
    checkHeldBack(step, validationLoss);
    onStep?.({ step, loss, ...(evaluate ? { validationLoss } : {}), learningRate, tokensPerSecond, gradientNorm });
    if (checkpoint && step % checkpoint.every === 0) await keep(validationLoss);
    await breath.take();
  }
  if (checkpoint && saved !== step) await keep();
  return { step, interrupted: step < steps };
}

function checkHeldBack(step: number, loss = 0): void {
  if (!Number.isFinite(loss)) diverged(step, loss, `a loss of ${loss} on held-back text`);
}

function diverged(step: number, loss: number, got: string): never {
  const remedy = "lower the learning rate or warm up longer; the last checkpoint is untouched";
  throw new DivergedError(
    step,
    loss,
    `train: expected a finite loss and gradient, got ${got} at step ${step}; ${remedy}`,
  );
}
