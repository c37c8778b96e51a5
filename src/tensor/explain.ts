// explain(...): what asking for these tensors, or calling this compiled function, will run.

import { fail } from "../base/errors.js";
import { compile } from "../compiler/compile.js";
import { type Node, topological } from "../graph/node.js";
import { substitute } from "../graph/rewrite.js";
import { printProgram } from "../program/print.js";
import { checkTensor } from "./check.js";
import type { CompiledFunction } from "./compiled.js";
import { compileOptions, keptBeside } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import type { Tensor } from "./tensor.js";
import { leafOf, Value } from "./value.js";

/**
 * The program as text: one line a step, beginning with the kernel's name, with shapes, bytes and flops.
 * @example console.log(explain(mixed));
 * @example console.log(explain(step, x, y));   // a compiled function and its arguments
 */
export function explain(...tensors: Tensor[]): string;
export function explain<A extends unknown[]>(compiled: CompiledFunction<A, unknown>, ...args: A): string;
export function explain(first: Tensor | CompiledFunction<unknown[], unknown>, ...rest: unknown[]): string {
  if (typeof first === "function") {
    if (typeof first.program !== "function")
      fail("explain", "a compiled function", "one that is not", "make it one with compile(fn)");
    return printProgram(first.program(...rest));
  }
  if (first === undefined) fail("explain", "tensors, or a compiled function and its arguments", "nothing");
  [first, ...rest].forEach((t, i) => checkTensor("explain", `argument ${i}`, t));
  const pending = ([first, ...rest] as Tensor[]).map((t) => t.rawNode).filter((n) => !finishedLeaf(n));
  if (pending.length === 0) return "nothing to run: the numbers are there";
  return printProgram(compile({ outputs: [...pending, ...keptBeside(pending)], writes: [] }, compileOptions()).program);
}

/**
 * @internal The floating-point operations of the program that computes `outputs` where the numbers of `inputs` are there. Inputs made of
 * indices alone, such as masks, stay part of the program: what it can skip depends on them.
 */
export function countFlops(outputs: readonly Tensor[], inputs: readonly Tensor[] = []): number {
  const given = new Map<Node, Node>();
  for (const { rawNode, shape, dtype } of inputs) {
    if (topological([rawNode]).some(({ op }) => op === "leaf"))
      given.set(rawNode, leafOf(new Value(dtype, shape, null, null)));
  }
  const roots = substitute(
    outputs.map((t) => t.rawNode),
    (node) => given.get(node),
  ).filter((node) => !finishedLeaf(node));
  if (roots.length === 0) return 0;
  const { program } = compile({ outputs: [...new Set(roots)], writes: [] }, compileOptions());
  return program.steps.reduce((sum, { flops }) => sum + flops, 0);
}

/** @internal Whether a tensor is one of these, or some of them are computed from it. */
export function usedBy(tensors: readonly Tensor[]): (tensor: Tensor) => boolean {
  const nodes = new Set(topological(tensors.map((t) => t.rawNode)));
  return (tensor) => nodes.has(tensor.rawNode);
}
