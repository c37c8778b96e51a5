// explain(...): what asking for these tensors, or calling this compiled function, will run.

import { fail } from "../base/errors.js";
import { compile } from "../compiler/compile.js";
import { printProgram } from "../program/print.js";
import type { CompiledFunction } from "./compiled.js";
import { compileOptions, finishedLeaf } from "./evaluate.js";
import type { Tensor } from "./tensor.js";

/**
 * The program as text: one line a step, beginning with the kernel's name, with shapes, bytes and flops.
 * @example console.log(explain(mixed));
 * @example console.log(explain(step, x, y));   // a compiled function and its arguments
 */
export function explain(...tensors: Tensor[]): string;
export function explain<A extends unknown[]>(compiled: CompiledFunction<A, unknown>, ...args: A): string;
export function explain(first: Tensor | CompiledFunction<unknown[], unknown>, ...rest: unknown[]): string {
  if (typeof first === "function") return printProgram(first.program(...rest));
  if (first === undefined) fail("explain", "tensors, or a compiled function and its arguments", "nothing");
  const pending = ([first, ...rest] as Tensor[]).map((t) => t.rawNode).filter((n) => !finishedLeaf(n));
  if (pending.length === 0) return "nothing to run: the numbers are there";
  return printProgram(compile({ outputs: pending, writes: [] }, compileOptions()).program);
}
