// The operands of each kind of step in one place: passes that follow buffers from step to step ask here, and need not know the kinds.

import { CELLS } from "../base/cell.js";
import type { KeyBound, Operand, RecurrentGradientStep, RecurrentStep, Step, TileBody } from "./program.js";

/** What a step reads and what it writes; tiles of its own are not among them. */
export interface Operands {
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
}

const known = new WeakMap<Step, Operands>();

export function operandsOf(step: Step): Operands {
  let operands = known.get(step);
  if (!operands) known.set(step, (operands = listed(step)));
  return operands;
}

function listed(step: Step): Operands {
  const reads: Operand[] = [];
  const writes: Operand[] = [];
  visit(
    step,
    (o) => {
      reads.push(o);
      return o;
    },
    (o) => {
      writes.push(o);
      return o;
    },
  );
  return { reads, writes };
}

/** Whether one of two steps writes what the other reads or writes, so that the order they stand in matters. */
export function keepOrder(a: Step, b: Step): boolean {
  const [one, other] = [operandsOf(a), operandsOf(b)];
  const touches = ({ reads, writes }: Operands, written: readonly Operand[]) =>
    written.some((w) => reads.some((o) => o.buffer === w.buffer) || writes.some((o) => o.buffer === w.buffer));
  return touches(one, other.writes) || touches(other, one.writes);
}

/** The step with other operands in the same places. */
export function mapOperands(step: Step, change: (o: Operand) => Operand): Step {
  return visit(step, change, change);
}

type Change = (o: Operand) => Operand;

/** Rebuilds a step from what the callbacks make of each operand. */
function visit(step: Step, read: Change, write: Change): Step {
  const maybe = (o: Operand | null, change: Change) => o && change(o);
  const tile = (t: TileBody | null): TileBody | null =>
    t && { ...t, inputs: t.inputs.map((o) => (o.buffer < 0 ? o : read(o))) };
  const bound = (b: KeyBound): KeyBound => ({ ...b, at: maybe(b.at, read) });
  switch (step.kind) {
    case "elementwise":
      return { ...step, inputs: step.inputs.map(read), outputs: step.outputs.map(write) };
    case "reduce":
      return { ...step, inputs: step.inputs.map(read), output: write(step.output) };
    case "matmul": {
      const { epilogue, sums } = step;
      const finish = epilogue && {
        ...epilogue,
        inputs: epilogue.inputs.map(read),
        outputs: epilogue.outputs.map(write),
      };
      return {
        ...step,
        a: read(step.a),
        b: read(step.b),
        c: write(step.c),
        ...(finish ? { epilogue: finish } : {}),
        ...(sums ? { sums: { ...sums, output: write(sums.output) } } : {}),
      };
    }
    case "gather":
      return { ...step, source: read(step.source), index: read(step.index), output: write(step.output) };
    case "scatter": {
      // It keeps or adds to what lies there.
      read(step.output);
      return { ...step, index: read(step.index), updates: read(step.updates), output: write(step.output) };
    }
    case "cumsum":
    case "argsort":
      return { ...step, input: read(step.input), output: write(step.output) };
    case "recurrent":
    case "recurrentGradient": {
      const shared = {
        weight: read(step.weight),
        hidden: maybe(step.hidden, read),
        memory: maybe(step.memory, read),
        lengths: maybe(step.lengths, read),
      };
      if (step.kind === "recurrent") {
        return {
          ...step,
          ...shared,
          projected: read(step.projected),
          bias: maybe(step.bias, read),
          states: maybe(step.states, write),
          memories: maybe(step.memories, write),
          kept: maybe(step.kept, write),
        };
      }
      return {
        ...step,
        ...shared,
        states: read(step.states),
        memories: maybe(step.memories, read),
        kept: maybe(step.kept, read),
        statesGradient: maybe(step.statesGradient, read),
        memoriesGradient: maybe(step.memoriesGradient, read),
        projectedGradient: maybe(step.projectedGradient, write),
        sumsGradient: maybe(step.sumsGradient, write),
        hiddenGradient: maybe(step.hiddenGradient, write),
        memoryGradient: maybe(step.memoryGradient, write),
      };
    }
    case "attention":
    case "attentionGradient": {
      const shared = {
        query: read(step.query),
        key: read(step.key),
        value: read(step.value),
        bounds: step.bounds.map(bound),
        mask: tile(step.mask),
        score: tile(step.score),
        factor: tile(step.factor),
      };
      if (step.kind === "attention") {
        return {
          ...step,
          ...shared,
          sink: maybe(step.sink, read),
          output: write(step.output),
          logsumexp: maybe(step.logsumexp, write),
        };
      }
      return {
        ...step,
        ...shared,
        slope: tile(step.slope),
        logsumexp: read(step.logsumexp),
        outputGradient: read(step.outputGradient),
        delta: read(step.delta),
        queryGradient: maybe(step.queryGradient, write),
        keyGradient: maybe(step.keyGradient, write),
        valueGradient: maybe(step.valueGradient, write),
        scoreGradient: maybe(step.scoreGradient, write),
      };
    }
  }
}

/** The shapes of operands that are not [T, B, H]. */
export function recurrentSizes(step: RecurrentStep | RecurrentGradientStep): Map<Operand | null, readonly number[]> {
  const [T, B, H] = step.shape;
  const { gates, kept } = CELLS[step.cell];
  const width = gates * H;
  const all: [Operand | null, readonly number[]][] = [
    [step.weight, [width, H]],
    [step.hidden, [B, H]],
    [step.memory, [B, H]],
    [step.lengths, [B]],
    [step.kept, [T, B, kept * H]],
  ];
  if (step.kind === "recurrent") all.push([step.projected, [T, B, width]], [step.bias, [width]]);
  else
    all.push(
      [step.projectedGradient, [T, B, width]],
      [step.sumsGradient, [T, B, width]],
      [step.hiddenGradient, [B, H]],
      [step.memoryGradient, [B, H]],
    );
  return new Map(all);
}
