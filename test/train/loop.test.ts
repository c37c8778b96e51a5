import { describe, expect, it } from "vitest";
import type { Batch } from "../../src/text/dataset.js";
import { evaluation } from "../../src/train/evaluation.js";
import { DivergedError, type StepMetrics, train } from "../../src/train/loop.js";
import { SGD } from "../../src/train/optimizers.js";
import { constant, cosine } from "../../src/train/schedules.js";
import { setUp, weightsOf } from "./support.js";

const schedule = constant({ learningRate: 0.01 });

/** Batches joined to one. */
function joined(batches: readonly Batch[]): Batch {
  const cat = (key: "inputs" | "targets") => Int32Array.from(batches.flatMap((batch) => [...batch[key]]));
  return { inputs: cat("inputs"), targets: cat("targets"), batch: 4 * batches.length, length: 8 };
}

describe("the training loop", () => {
  it("learns, and tells of every step", async () => {
    const { parts, model } = setUp();
    const seen: StepMetrics[] = [];
    const rates = cosine({ learningRate: 0.01, warmup: 5, steps: 40 });
    const result = await train({ ...parts, steps: 40, schedule: rates, onStep: (metrics) => seen.push(metrics) });
    expect(result).toEqual({ step: 40, interrupted: false });
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(seen.map(({ learningRate }) => learningRate)).toEqual(seen.map(({ step }) => rates(step - 1)));
    expect(seen[0].loss).toBeGreaterThan(3);
    expect(seen[39].loss).toBeLessThan(2.8);
    for (const { gradientNorm, tokensPerSecond } of seen) expect(gradientNorm > 0 && tokensPerSecond > 0).toBe(true);
    expect(model.training).toBe(true);
  });

  it("makes of accumulated batches the step of one large batch", async () => {
    const run = async (accumulate: number) => {
      const { model, sampler } = setUp();
      const optimizer = new SGD(model.parameters());
      const all = accumulate > 1 ? sampler : { nextBatch: () => joined([1, 2, 3].map(() => sampler.nextBatch())) };
      const seen: StepMetrics[] = [];
      const rate = constant({ learningRate: 0.5 });
      await train({
        model,
        optimizer,
        sampler: all,
        steps: 4,
        accumulate,
        schedule: rate,
        clipNorm: 0.7,
        onStep: (m) => seen.push(m),
      });
      return { weights: weightsOf(model), seen };
    };
    const [parts, whole] = [await run(3), await run(1)];
    for (const [i, { loss, gradientNorm }] of whole.seen.entries()) {
      expect(parts.seen[i].loss).toBeCloseTo(loss, 5);
      expect(parts.seen[i].gradientNorm).toBeCloseTo(gradientNorm, 4);
    }
    const off = whole.weights.map((w, i) => Math.abs(w - parts.weights[i]));
    expect(Math.max(...off)).toBeLessThan(1e-5);
  });

  it("evaluates when due and at the end, always on the same text, with dropout off", async () => {
    const { parts, model, tokens } = setUp({ dropout: 0.5 });
    const run = evaluation(model, tokens.validation, { batch: 4, length: 8 });
    expect(await run()).toBe(await run());
    expect(model.training).toBe(true);
    const seen: StepMetrics[] = [];
    await train({ ...parts, steps: 5, schedule, evaluation: { every: 2, run }, onStep: (m) => seen.push(m) });
    expect(seen.filter((m) => m.validationLoss !== undefined).map((m) => m.step)).toEqual([2, 4, 5]);
    expect(seen.filter((m) => "validationLoss" in m).length).toBe(3);
    expect(seen[4].validationLoss).toBe(await run());
    // Without dropout the whole text gives the same as its windows one by one.
    const all = evaluation(model, tokens.validation, { batch: 1, length: 8, batches: Infinity });
    const few = evaluation(model, tokens.validation, { batch: 4, length: 8, batches: Infinity });
    expect(await all()).toBeCloseTo(await few(), 5);
    expect(() => evaluation(model, tokens.validation.subarray(0, 8), { batch: 1, length: 8 })).toThrow(
      "at least 9 tokens",
    );
  });

  it("saves when due, at the end, and when it is stopped", async () => {
    const { parts } = setUp();
    const saved: number[] = [];
    const checkpoint = { every: 3, save: async (step: number) => void saved.push(step) };
    await train({ ...parts, steps: 7, schedule, checkpoint });
    expect(saved).toEqual([3, 6, 7]);
    const stop = new AbortController();
    const onStep = ({ step }: StepMetrics) => step === 11 && stop.abort();
    const result = await train({ ...parts, start: 7, steps: 20, schedule, checkpoint, signal: stop.signal, onStep });
    expect(result).toEqual({ step: 11, interrupted: true });
    expect(saved).toEqual([3, 6, 7, 9, 11]);
    expect(await train({ ...parts, start: 11, steps: 20, schedule, checkpoint, signal: stop.signal })).toEqual(result);
    expect(saved.length).toBe(5);
  });

  it("stops at a loss that is no number, names the step, and saves nothing more", async () => {
    const { parts, model } = setUp();
    const saved: number[] = [];
    const checkpoint = { every: 2, save: async (step: number) => void saved.push(step) };
    const onStep = ({ step }: StepMetrics) => {
      if (step === 5) model.norm.weight?.fill(Number.NaN);
    };
    const error = await train({ ...parts, steps: 20, schedule, checkpoint, onStep }).catch((error) => error);
    expect(error).toBeInstanceOf(DivergedError);
    expect(error.message).toMatch(
      /^train: expected a finite loss and gradient, got a loss of NaN at step 6; lower the/,
    );
    expect(error.step).toBe(6);
    expect(saved).toEqual([2, 4]);
  });

  it("refuses counts that make no sense", async () => {
    const { parts } = setUp();
    await expect(train({ ...parts, steps: 0, schedule })).rejects.toThrow(
      "steps to be a whole number of at least 1, got 0",
    );
    await expect(train({ ...parts, steps: 1, accumulate: 1.5, schedule })).rejects.toThrow("accumulate to be a whole");
  });
});
