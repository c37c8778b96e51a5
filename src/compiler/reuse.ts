// The pass that computes in place: where an elementwise step is the last to read an array and writes another of the same layout, the
// result takes the array's own memory. Less memory, and the lines written are in the cache already.

import { mapOperands, operandsOf } from "../program/operands.js";
import type { ElementwiseStep, Step } from "../program/program.js";
import type { Draft } from "./draft.js";

export function reuseInputs(draft: Draft): Draft {
  const last = new Map<number, number>();
  const first = new Map<number, number>();
  draft.steps.forEach((step, at) => {
    const { reads, writes } = operandsOf(step);
    for (const { buffer } of [...reads, ...writes]) {
      last.set(buffer, at);
      if (!first.has(buffer)) first.set(buffer, at);
    }
  });
  const home = new Map<number, number>();
  const temporary = (buffer: number) => draft.buffers[buffer].role === "temporary";
  const steps = draft.steps.map((step, at) => {
    const moved = mapBuffers(step, (buffer) => home.get(buffer) ?? buffer);
    if (step.kind !== "elementwise" || moved.kind !== "elementwise") return moved;
    const taken = new Set<number>();
    step.outputs.forEach((output, o) => {
      if (!temporary(output.buffer) || first.get(output.buffer) !== at) return;
      const i = moved.inputs.findIndex((input, k) => {
        const own = step.inputs[k].buffer;
        return (
          temporary(input.buffer) &&
          last.get(own) === at &&
          last.get(input.buffer) === at &&
          !taken.has(input.buffer) &&
          interchangeable(draft, moved, k, o)
        );
      });
      if (i < 0) return;
      const { buffer } = moved.inputs[i];
      taken.add(buffer);
      home.set(output.buffer, buffer);
      // The array lives on as the result.
      last.set(buffer, last.get(output.buffer) as number);
    });
    return mapBuffers(moved, (buffer) => home.get(buffer) ?? buffer);
  });
  return { ...draft, steps };
}

function interchangeable(draft: Draft, step: ElementwiseStep, input: number, output: number): boolean {
  const [from, to] = [step.inputs[input], step.outputs[output]];
  const [a, b] = [draft.buffers[from.buffer], draft.buffers[to.buffer]];
  const sameLayout =
    from.offset === to.offset && from.strides.every((s, i) => s === to.strides[i] && (s !== 0 || step.shape[i] === 1));
  if (a.dtype !== b.dtype || a.size !== b.size || !sameLayout) return false;
  // Read once, in this very layout, and before the result is stored.
  const uses =
    step.inputs.filter((o) => o.buffer === from.buffer).length +
    step.outputs.filter((o) => o.buffer === from.buffer).length;
  const code = step.body.instructions;
  const read = code.findLastIndex((i) => i.op === "load" && i.input === input);
  return uses === 1 && read < code.findIndex((i) => i.op === "store" && i.output === output);
}

function mapBuffers(step: Step, rename: (buffer: number) => number): Step {
  return mapOperands(step, (o) => ({ ...o, buffer: rename(o.buffer) }));
}
