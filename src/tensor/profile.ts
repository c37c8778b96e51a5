// profile(...): explain, with the time each step took. For finding out where a compiled function spends itself.

import { fail } from "../base/errors.js";
import { checkOptions, whole } from "../base/options.js";
import { shown } from "../base/show.js";
import { printProgram } from "../program/print.js";
import type { CompiledFunction } from "./compiled.js";

/**
 * Runs a compiled function `repeat` times, step by step and for real (an optimizer inside it takes its steps), and returns the program as
 * `explain` prints it, each line headed by the step's median time in milliseconds.
 * @example console.log(profile(step, [x, y]));
 */
export function profile<A extends unknown[]>(
  compiled: CompiledFunction<A, unknown>,
  args: A,
  options: { repeat?: number } = {},
): string {
  checkOptions("profile", options, { repeat: whole(1) });
  const { repeat = 10 } = options;
  if (typeof compiled?.timeSteps !== "function")
    fail("profile", "a compiled function", shown(compiled), "make it one with compile(fn)");
  if (!Array.isArray(args)) fail("profile", "the arguments as an array", shown(args), "write [x, y]");
  const runs = Array.from({ length: repeat + 1 }, () => compiled.timeSteps(...args)).slice(1);
  const medians = runs[0].map((_, step) => median(runs.map((r) => r[step])));
  const total = medians.reduce((a, b) => a + b, 0);
  const lines = printProgram(compiled.program(...args)).split("\n");
  const timed = lines.map((line, i) =>
    i < medians.length
      ? `${medians[i].toFixed(3).padStart(9)} ms  ${line}`
      : `${total.toFixed(3).padStart(9)} ms  ${line}`,
  );
  return timed.join("\n");
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
