// One row of the table of spellings: a way people write attention, on inputs written as text. Lengths (of queries and keys) are odd and
// widths even in every row, so that a matrix product whose both sides are lengths is one of scores, and must not be there.

import { manualSeed, type Tensor, tensor } from "../../src/index.js";
import type { Module } from "../../src/nn/index.js";

export interface Spelling {
  readonly name: string;
  /** As test/support/inputs.ts reads them; gradients are taken by the float ones. */
  readonly inputs: readonly string[];
  /** What the inputs become; called with the module, where there is one, in front. */
  readonly mix: (...inputs: Tensor[]) => Tensor;
  /** For spellings with parameters of their own, which gradients are taken by as well. */
  readonly module?: () => Module;
  /** The inputs that gradients are taken by, where not by all float ones. */
  readonly by?: readonly number[];
  readonly attention: Counts;
  /** Built as inside `compile`, where random numbers are drawn when the program runs. */
  readonly traced: boolean;
  /** Where an array of scores is in order: gradients of what scores are multiplied by need the products; a score may add other products. */
  readonly storesScores: Stored;
}

export type Stored = "never" | "in gradients" | "always";

/** Steps of the forward program, and of the one with gradients. */
export interface Counts {
  readonly steps: number;
  readonly gradientSteps: number;
}

export interface SpellingOptions {
  by?: readonly number[];
  steps?: number;
  gradientSteps?: number;
  traced?: boolean;
  storesScores?: Stored;
}

export const [B, H, T, S, D, E] = [2, 3, 5, 7, 4, 6];
/** Both lengths of self-attention, and the width of its model. */
export const N = 9;
export const C = H * D;

/** Query, key and value of unequal lengths. */
export const CROSS = [`f32[${B},${H},${T},${D}]`, `f32[${B},${H},${S},${D}]`, `f32[${B},${H},${S},${E}]`];
/** Of one length. */
export const SELF = [`f32[${B},${H},${N},${D}]`, `f32[${B},${H},${N},${D}]`, `f32[${B},${H},${N},${D}]`];
/** What a layer gets. */
export const RESIDUAL = `f32[${B},${N},${C}]`;

/** The scaled scores [B,H,T,S]. */
export const products = (q: Tensor, k: Tensor): Tensor => q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D));

export function spelling(
  name: string,
  inputs: readonly string[],
  mix: Spelling["mix"],
  { by, steps = 1, gradientSteps = steps, traced = false, storesScores = "never" }: SpellingOptions = {},
): Spelling {
  return { name, inputs, mix, attention: { steps, gradientSteps }, traced, storesScores, ...(by ? { by } : {}) };
}

/** Self-attention with this done to the scaled scores [B,H,N,N] before the softmax. */
export function masked(
  name: string,
  mask: (scores: Tensor, ...more: Tensor[]) => Tensor,
  options: SpellingOptions & { inputs?: readonly string[] } = {},
): Spelling {
  const inputs = [...SELF, ...(options.inputs ?? [])];
  const mix = (q: Tensor, k: Tensor, v: Tensor, ...more: Tensor[]) =>
    mask(q.matmul(k.transpose(-2, -1)).div(Math.sqrt(D)), ...more)
      .softmax(-1)
      .matmul(v);
  return spelling(name, inputs, mix, options);
}

/** A spelling that is a module, its weights drawn from a fixed seed. */
export function modular<M extends Module>(
  name: string,
  inputs: readonly string[],
  make: () => M,
  forward: (module: M, ...inputs: Tensor[]) => Tensor,
  options: SpellingOptions = {},
): Spelling {
  let module: M | null = null;
  return {
    ...spelling(name, inputs, (...x) => forward(module as M, ...x), options),
    module: () => {
      manualSeed(7);
      return (module = make());
    },
  };
}

/** A registered buffer: numbers that are there, whatever expression they came from. */
export function held(t: Tensor): Tensor {
  return t.evaluate();
}

/** A row of numbers that are there. */
export function given(numbers: readonly number[], dtype: "f32" | "i32" = "f32"): Tensor {
  return tensor([...numbers], { dtype });
}
