// The loss on text held back from training: always the same windows, so that two evaluations can be compared.

import { checkNumbers } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { checkOptions, kind, type OptionTable, whole } from "../base/options.js";
import { shown } from "../base/show.js";
import { compile } from "../tensor/compiled.js";
import { noGrad } from "../tensor/grad-mode.js";
import type { Tensor } from "../tensor/tensor.js";
import { evaluationBatches } from "../text/dataset.js";
import { Breath } from "./breath.js";
import { batchTensors, type TrainableModel } from "./step.js";

/** Which windows of the text `evaluation` looks at. */
export interface EvaluationOptions {
  /** B, windows at a time. */
  readonly batch: number;
  /** T, tokens a window. */
  readonly length: number;
  /** The most batches to look at, spread over the text; 50 unless told, Infinity for all of it. */
  readonly batches?: number;
}

const EVALUATION: OptionTable<EvaluationOptions> = {
  batch: whole(1),
  length: whole(1),
  batches: kind<number>("a number of at least 1", (x) => typeof x === "number" && x >= 1),
};

/**
 * A function that computes the mean loss of a model on `tokens`, with dropout off; the model is left as it was. Its argument, where given,
 * limits the batches for once.
 * @throws HeedError for a text too short for one window
 */
export function evaluation(
  model: TrainableModel,
  tokens: Int32Array,
  options: EvaluationOptions,
): (most?: number) => Promise<number> {
  checkOptions("evaluation", options, EVALUATION, { batchSize: "batch", blockSize: "length" });
  checkNumbers("evaluation", "token ids, an Int32Array", tokens);
  if (typeof model?.loss !== "function") fail("evaluation", "a model with a loss", shown(model));
  const { batch, length, batches = 50 } = options;
  // Windows apart from each other where the text has more of them than are looked at.
  const room = (tokens.length - 1 - length) / Math.max(1, batch * batches - 1);
  const stride = Math.max(length, Math.floor(room));
  const list = evaluationBatches(tokens, { batch, length, stride, limit: batches });
  const lossOf = compile((ids: Tensor, targets: Tensor) => noGrad(() => model.loss(ids, targets)));
  return async (most = batches) => {
    const { training } = model;
    const breath = new Breath();
    let sum = 0;
    let count = 0;
    let done = 0;
    for (const windows of list) {
      if (done++ === most) break;
      model.eval();
      try {
        const size = windows.targets.length;
        sum += size * lossOf(...batchTensors(windows)).item();
        count += size;
      } finally {
        model.train(training);
      }
      await breath.take();
    }
    return sum / count;
  };
}
