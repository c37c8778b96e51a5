// The pass that finds steps that need not wait for each other: the products of one input with several weights, the updates of all parameters.
// Executors may run them at the same time, and hand over between threads once instead of after each.

import { operandsOf } from "../program/operands.js";
import type { StepKind } from "../program/program.js";
import type { Draft } from "./draft.js";

/** What may fail while it runs stands alone, so that its message is its own. */
const ALONE: ReadonlySet<StepKind> = new Set<StepKind>(["gather", "scatter"]);
const MOST_BESIDE = 64;

/** Comes last of all passes over steps: it looks at the buffers as they are when no other pass will join any. */
export function standBeside(draft: Draft): Draft {
  const beside = new Set<number>();
  let read = new Set<number>();
  let written = new Set<number>();
  let count = 0;
  draft.steps.forEach((step, i) => {
    const { reads, writes } = operandsOf(step);
    const waits =
      ALONE.has(step.kind) ||
      reads.some((o) => written.has(o.buffer)) ||
      writes.some((o) => written.has(o.buffer) || read.has(o.buffer));
    if (i > 0 && count < MOST_BESIDE && !ALONE.has(draft.steps[i - 1].kind) && !waits) {
      beside.add(i);
      count++;
    } else {
      read = new Set();
      written = new Set();
      count = 1;
    }
    for (const o of reads) read.add(o.buffer);
    for (const o of writes) written.add(o.buffer);
  });
  return { ...draft, beside };
}
