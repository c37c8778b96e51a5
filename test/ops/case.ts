// One row of the table of cases: the same computation said in Heed and in torch, on inputs written as text.

import type { Tensor } from "../../src/tensor/tensor.js";
import { hash, makeInput, parseInput } from "../support/inputs.js";

export type Results = Tensor | readonly Tensor[];

export interface Case {
  /** The name of the method or function, which picks the tolerance. */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly heed: (...inputs: Tensor[]) => Results;
  /** A torch expression of the inputs a, b, c, d. */
  readonly torch: string;
  /** False where torch has no gradient, or another one at a point where any will do. */
  readonly gradient: boolean;
  /** False where the result is not differentiable in the strict sense: infinite, or with a gradient cut off on purpose. */
  readonly smooth: boolean;
}

export interface CaseOptions {
  readonly gradient?: boolean;
  readonly smooth?: boolean;
}

/** One case for each list of inputs; a list of one input may be written without brackets. */
export function cases(
  op: string,
  heed: Case["heed"],
  torch: string,
  inputs: readonly (string | readonly string[])[],
  options: CaseOptions = {},
): Case[] {
  return inputs.map((list) => ({
    op,
    inputs: typeof list === "string" ? [list] : list,
    heed,
    torch,
    gradient: options.gradient ?? true,
    smooth: options.smooth ?? true,
  }));
}

export function idOf(c: Case): string {
  return `${c.torch}  ${c.inputs.join(" ")}`;
}

export function seedOf(c: Case, input: number): number {
  return (hash(idOf(c)) + Math.imul(input, 0x9e3779b9)) >>> 0;
}

export function inputsOf(c: Case): Tensor[] {
  return c.inputs.map((text, i) => makeInput(parseInput(text), seedOf(c, i)));
}

export function resultsOf(c: Case, inputs: Tensor[]): Tensor[] {
  const results = c.heed(...inputs);
  return Array.isArray(results) ? [...(results as readonly Tensor[])] : [results as Tensor];
}

/** The numbers of the inputs that gradients are taken by. */
export function differentiable(c: Case): number[] {
  return c.gradient ? c.inputs.flatMap((text, i) => (/^(f32|f16|bf16)/.test(text) ? [i] : [])) : [];
}
