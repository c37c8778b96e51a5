// One row of the tables of what is not attention, or more than it: what it computes, and how many attention steps are right.

import type { Tensor } from "../../src/index.js";
import { B, CROSS, D, H, N } from "./spelling.js";

export interface Lookalike {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly write: (...inputs: Tensor[]) => Results;
  /** Attention steps, or null where any number will do. */
  readonly steps: number | null;
}

/** What a row computes: all outputs, the loss when it is not just a functional of them, and results whose gradient is asked for as well. */
export interface Results {
  readonly outputs: readonly Tensor[];
  readonly loss?: Tensor;
  readonly retained?: readonly Tensor[];
}

export const scoresOf = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D));
export const keepdim = { keepdim: true };

export function row(
  name: string,
  write: (...inputs: Tensor[]) => Tensor | Results,
  { steps = 0, inputs = CROSS }: { steps?: number | null; inputs?: readonly string[] } = {},
): Lookalike {
  const results = (...x: Tensor[]): Results => {
    const written = write(...x);
    return "outputs" in written ? written : { outputs: [written] };
  };
  return { name, inputs, write: results, steps };
}

/** With this done to the pattern before it meets the values. */
export const changed = (
  name: string,
  change: (pattern: Tensor, scores: Tensor) => Tensor,
  steps: number | null = 0,
): Lookalike => row(name, (q, k, v) => change(scoresOf(q, k).softmax(-1), scoresOf(q, k)).matmul(v), { steps });

/** Any number of steps. */
export const ANY = { steps: null };
export const SQUARE = `f32[${B},${H},${N},${N}]`;
