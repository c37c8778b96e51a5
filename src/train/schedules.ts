// How the learning rate moves: a schedule is a function of the step, counted from 0, and has no state to save.

import { fail } from "../base/errors.js";

/** The learning rate of step 0, 1, 2, ... */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  /** The highest rate, reached after the warm-up. */
  readonly learningRate: number;
  /** Steps over which the rate rises from near 0, in a straight line; 0 unless told. */
  readonly warmup?: number;
}

export interface DecayOptions extends ScheduleOptions {
  /** Steps in all, the warm-up among them; after them the rate stays at its lowest. */
  readonly steps: number;
  /** The rate of the end; 0 unless told. */
  readonly lowest?: number;
}

/** The same rate always, after the warm-up. */
export function constant({ learningRate, warmup = 0 }: ScheduleOptions): Schedule {
  check(learningRate, warmup);
  return (step) => learningRate * warming(step, warmup);
}

/** Down to `lowest` in a straight line. */
export function linear(options: DecayOptions): Schedule {
  return decay(options, (share) => 1 - share);
}

/** Down to `lowest` along half a cosine (Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, eq. 5). */
export function cosine(options: DecayOptions): Schedule {
  return decay(options, (share) => (1 + Math.cos(Math.PI * share)) / 2);
}

/** The schedules by name. */
export const SCHEDULES = { cosine, linear, constant } as const;
export type ScheduleName = keyof typeof SCHEDULES;

function decay(
  { learningRate, warmup = 0, steps, lowest = 0 }: DecayOptions,
  left: (share: number) => number,
): Schedule {
  check(learningRate, warmup);
  if (!(steps >= 1)) fail("schedule", "at least 1 step", String(steps));
  if (!(lowest >= 0 && lowest <= learningRate))
    fail("schedule", `a lowest rate from 0 to ${learningRate}`, String(lowest));
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

function check(learningRate: number, warmup: number): void {
  if (!(learningRate >= 0 && Number.isFinite(learningRate)))
    fail("schedule", "a learning rate of at least 0", String(learningRate));
  if (!(warmup >= 0)) fail("schedule", "a warm-up of at least 0 steps", String(warmup));
}
