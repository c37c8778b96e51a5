// The same training run gives the same bits on any number of threads.

import { expect, it } from "vitest";
import { nativeExecutor, nativeProblem } from "../../src/executors/native.js";
import { compile, manualSeed, randint, type Tensor } from "../../src/index.js";
import { GPT } from "../../src/models/index.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { AdamW, clipGradNorm_ } from "../../src/train/index.js";

const native = nativeExecutor();

/** Losses and final weights of a few steps of a GPT large enough that every step is shared out. */
function train(): { losses: number[]; weights: number[][] } {
  manualSeed(7);
  const model = new GPT({ vocabularySize: 40, context: 48, layers: 2, heads: 4, width: 96, dropout: 0.1 });
  const optimizer = new AdamW(model.parameters(), { learningRate: 1e-3 });
  const step = compile((inputs: Tensor, targets: Tensor) => {
    optimizer.zeroGrad();
    const loss = model.loss(inputs, targets);
    loss.backward();
    clipGradNorm_(model.parameters(), 1);
    optimizer.step();
    return loss;
  });
  const losses = Array.from({ length: 6 }, () => step(randint(40, [8, 48]), randint(40, [8, 48])).item());
  return { losses, weights: model.parameters().map((p) => Array.from(p.dataSync())) };
}

it.skipIf(!native)(
  `training gives the same bits with 1, 2 and 7 threads${native ? "" : `: ${nativeProblem()}`}`,
  () => {
    const executor = native as NonNullable<typeof native>;
    const before = setExecutor(executor);
    const threads = executor.threads;
    try {
      const runs = [1, 2, 7].map((count) => {
        executor.setThreads(count);
        return train();
      });
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);
      expect(runs[0].losses[5]).toBeLessThan(runs[0].losses[0]);
    } finally {
      executor.setThreads(threads);
      setExecutor(before);
    }
  },
);
