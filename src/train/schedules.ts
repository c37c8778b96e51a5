// How the learning rate moves: a schedule is a function of the step, counted from 0, and has no state to save.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";

/** The learning rate of step 0, 1, 2, ... */
export type Schedule = (step: number) => number;

/** What every schedule but `noam` is given. */
export interface ScheduleOptions {
  /** The highest rate, reached after the warm-up. */
  readonly learningRate: number;
  /** Steps over which the rate rises from near 0, in a straight line; 0 unless told. */
  readonly warmup?: number;
}

/** What `linear` and `cosine` are given. */
export interface DecayOptions extends ScheduleOptions {
  /** Steps in all, the warm-up among them; after them the rate stays at its lowest. */
  readonly steps: number;
  /** The rate of the end; 0 unless told. */
  readonly lowest?: number;
}

const DECAY: OptionTable<DecayOptions> = {
  learningRate: CHECKED,
  warmup: CHECKED,
  steps: CHECKED,
  lowest: CHECKED,
};
const REMEDIES = { lr: "learningRate", warmupSteps: "warmup", totalSteps: "steps", minLr: "lowest", etaMin: "lowest" };

/**
 * The same rate always, after the warm-up; `steps` and `lowest`, which the other schedules take, change nothing.
 * @throws HeedError for a learning rate or warm-up below 0
 * @example const schedule = constant({ learningRate: 1e-3, warmup: 100 });   // schedule(500) is 1e-3
 */
export function constant(options: ScheduleOptions & Partial<DecayOptions>): Schedule {
  checkOptions<Partial<DecayOptions>>("constant", options, DECAY, REMEDIES);
  const { learningRate, warmup = 0 } = options;
  check("constant", learningRate, warmup);
  return (step) => learningRate * warming(step, warmup);
}

/**
 * Down to `lowest` in a straight line.
 * @throws HeedError for a learning rate or warm-up below 0, less than 1 step, and a lowest rate above the learning rate
 * @example const schedule = linear({ learningRate: 1e-3, steps: 1000 });   // schedule(500) is 5e-4
 */
export function linear(options: DecayOptions): Schedule {
  return decay("linear", options, (share) => 1 - share);
}

/**
 * Down to `lowest` along half a cosine (Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, eq. 5).
 * @throws HeedError as `linear`
 * @example const schedule = cosine({ learningRate: 1e-3, warmup: 100, steps: 1000 });   // schedule(1000) is 0
 */
export function cosine(options: DecayOptions): Schedule {
  return decay("cosine", options, (share) => (1 + Math.cos(Math.PI * share)) / 2);
}

/** What `noam` is given. */
export interface NoamOptions {
  /** C, the width of the model's residual: wider models learn at lower rates. */
  readonly modelWidth: number;
  /** Steps over which the rate rises, in a straight line, to its highest. */
  readonly warmup: number;
  /** What all rates are multiplied with; 1 unless told. */
  readonly factor?: number;
}

const NOAM: OptionTable<NoamOptions> = { modelWidth: CHECKED, warmup: CHECKED, factor: CHECKED };

/**
 * factor C^-0.5 min(n^-0.5, n warmup^-1.5) at the n-th step: up in a straight line, then down with the root of the steps (Vaswani et al.
 * 2017, equation 3, with Adam's betas [0.9, 0.98] and eps 1e-9).
 *
 * The paper counts from 1, so step 0 is its first. The highest rate, of step warmup - 1, is factor / √(C warmup).
 * @throws HeedError for a modelWidth or warmup below 1, and a factor that is negative or not finite
 * @example const schedule = noam({ modelWidth: 512, warmup: 4000 });   // schedule(3999) is 7e-4
 */
export function noam(options: NoamOptions): Schedule {
  checkOptions("noam", options, NOAM, { dModel: "modelWidth", warmupSteps: "warmup" });
  const { modelWidth, warmup, factor = 1 } = options;
  if (!(modelWidth >= 1)) fail("noam", "a modelWidth of at least 1", String(modelWidth));
  if (!(warmup >= 1)) fail("noam", "a warm-up of at least 1 step", String(warmup));
  if (!(factor >= 0 && Number.isFinite(factor))) fail("noam", "a factor of at least 0", String(factor));
  return (step) => factor * modelWidth ** -0.5 * Math.min((step + 1) ** -0.5, (step + 1) * warmup ** -1.5);
}

/** The schedules that have one highest rate, by name. */
export const SCHEDULES = { cosine, linear, constant } as const;
export type ScheduleName = keyof typeof SCHEDULES;

function decay(op: string, options: DecayOptions, left: (share: number) => number): Schedule {
  checkOptions(op, options, DECAY, REMEDIES);
  const { learningRate, warmup = 0, steps, lowest = 0 } = options;
  check(op, learningRate, warmup);
  if (!(steps >= 1)) fail(op, "at least 1 step", String(steps));
  if (!(lowest >= 0 && lowest <= learningRate)) fail(op, `a lowest rate from 0 to ${learningRate}`, String(lowest));
  return (step) => {
    if (step < warmup) return learningRate * warming(step, warmup);
    // From the first step after the warm-up, which has the full rate, to the step after the last.
    const share = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
    return lowest + left(share) * (learningRate - lowest);
  };
}

/** Step 0 already learns, and the step after the warm-up is the first at the full rate. */
function warming(step: number, warmup: number): number {
  return step < warmup ? (step + 1) / (warmup + 1) : 1;
}

function check(op: string, learningRate: number, warmup: number): void {
  if (!(learningRate >= 0 && Number.isFinite(learningRate)))
    fail(op, "a learning rate of at least 0", String(learningRate));
  if (!(warmup >= 0)) fail(op, "a warm-up of at least 0 steps", String(warmup));
}
