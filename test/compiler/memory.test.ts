// Memory planning: temporaries that live at the same time never overlap, every operand stays inside its buffer, and nothing is read before
// it is written, over random programs with gradients and assignments.

import { describe, expect, it } from "vitest";
import { DTYPES } from "../../src/base/dtype.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { operandsOf, recurrentSizes } from "../../src/program/operands.js";
import { printProgram } from "../../src/program/print.js";
import type {
  AttentionGradientStep,
  AttentionStep,
  Buffer,
  Operand,
  Program,
  Step,
} from "../../src/program/program.js";
import { compile } from "../../src/tensor/compiled.js";
import { tensor } from "../../src/tensor/create.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { functional } from "../support/inputs.js";
import { randomGraph } from "../support/random-graph.js";
import { on } from "../support/run.js";

const SEEDS = Array.from({ length: 40 }, (_, i) => 500 + i);

/** The shape that the strides of each operand of a step belong to. */
function domains(step: Step): { operand: Operand; shape: readonly number[] }[] {
  const over = (shape: readonly number[], list: readonly Operand[]) => list.map((operand) => ({ operand, shape }));
  switch (step.kind) {
    case "elementwise":
      return over(step.shape, [...step.inputs, ...step.outputs]);
    case "reduce":
      return over(step.shape, [...step.inputs, step.output]);
    case "matmul": {
      const { batch, m, n, k, a, b, c, epilogue, grid, sums } = step;
      const lead = b.strides.slice(0, -2);
      const walked = grid && { ...b, strides: [...lead, ...grid.rows.strides, ...grid.columns.strides] };
      const finish = epilogue ? over([...batch, m, n], [...epilogue.inputs, ...epilogue.outputs]) : [];
      return [
        ...over([...batch, m, k], [a]),
        ...(walked
          ? over([...batch, ...grid.rows.sizes, ...grid.columns.sizes], [walked])
          : over([...batch, k, n], [b])),
        ...over([...batch, m, n], [c]),
        ...finish,
        ...(sums ? over([sums.side === "a" ? m : n], [sums.output]) : []),
      ];
    }
    case "gather":
      return over(step.shape, [step.source, step.index, step.output]);
    case "scatter":
      return over(step.shape, [step.output, step.index, step.updates]);
    case "cumsum":
      return over(step.shape, [step.input, step.output]);
    case "attention":
    case "attentionGradient":
      return attentionDomains(step);
    case "recurrent":
    case "recurrentGradient": {
      const sizes = recurrentSizes(step);
      const { reads, writes } = operandsOf(step);
      return [...reads, ...writes].map((operand) => ({ operand, shape: sizes.get(operand) ?? step.shape }));
    }
    case "argsort":
      return [...over(step.shape, [step.input]), ...over([...step.shape.slice(0, -1), step.count], [step.output])];
  }
}

function attentionDomains(
  step: AttentionStep | AttentionGradientStep,
): { operand: Operand; shape: readonly number[] }[] {
  const batch = step.shape.slice(0, -2);
  const [t, s] = step.shape.slice(-2);
  const { d, e } = step;
  const own: [Operand | null, number, number][] = [
    [step.query, t, d],
    [step.key, s, d],
    [step.value, s, e],
    [step.logsumexp, t, 2],
    ...(step.kind === "attention"
      ? ([
          [step.output, t, e],
          [step.sink, t, 1],
        ] as [Operand | null, number, number][])
      : ([
          [step.outputGradient, t, e],
          [step.delta, t, 1],
          [step.queryGradient, t, d],
          [step.keyGradient, s, d],
          [step.valueGradient, s, e],
          [step.scoreGradient, t, s],
        ] as [Operand | null, number, number][])),
  ];
  const bodies = [step.mask, step.score, step.factor, step.kind === "attentionGradient" ? step.slope : null];
  const read = bodies.flatMap((body) => body?.inputs ?? []).filter((o) => o.buffer >= 0);
  return [
    ...own.flatMap(([operand, rows, columns]) => (operand ? [{ operand, shape: [...batch, rows, columns] }] : [])),
    ...[...read, ...step.bounds.flatMap((b) => b.at ?? [])].map((operand) => ({ operand, shape: step.shape })),
  ];
}

function checkBounds(program: Program): void {
  for (const step of program.steps) {
    for (const { operand, shape } of domains(step)) {
      if (shape.includes(0)) continue;
      const { size, dtype } = program.buffers[operand.buffer];
      expect(operand.dtype, `${step.kind} ${step.label}: the operand has its buffer's dtype`).toBe(dtype);
      expect(operand.strides.length).toBe(shape.length);
      const reach = (sign: 1 | -1) =>
        shape.reduce((at, n, i) => at + Math.max(0, sign * (n - 1) * operand.strides[i]), 0);
      expect(
        operand.offset - reach(-1),
        `${step.kind} ${step.label} begins inside buffer ${operand.buffer}`,
      ).toBeGreaterThanOrEqual(0);
      expect(operand.offset + reach(1), `${step.kind} ${step.label} ends inside buffer ${operand.buffer}`).toBeLessThan(
        size,
      );
    }
  }
}

interface Life {
  readonly buffer: number;
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** The steps in order, those in one list that do not wait for each other. */
function together(program: Program): Step[][] {
  const groups: Step[][] = [];
  program.steps.forEach((step, i) => {
    if (program.beside?.has(i)) groups[groups.length - 1].push(step);
    else groups.push([step]);
  });
  return groups;
}

/** Of steps that do not wait for each other, none writes what another touches. Returns how many stand beside another. */
function checkBeside(program: Program): number {
  for (const steps of together(program))
    steps.forEach((step, i) => {
      const written = new Set(operandsOf(step).writes.map((o) => o.buffer));
      steps.forEach((other, j) => {
        if (i === j) return;
        const { reads, writes } = operandsOf(other);
        for (const { buffer } of [...reads, ...writes])
          if (written.has(buffer)) throw new Error(`${step.label} writes buffer ${buffer} beside ${other.label}`);
      });
    });
  return program.beside?.size ?? 0;
}

function livesOf(program: Program): Life[] {
  const touched = together(program).map(
    (steps) =>
      new Set(
        steps.flatMap((step) => {
          const { reads, writes } = operandsOf(step);
          return [...reads, ...writes].map((o) => o.buffer);
        }),
      ),
  );
  return program.buffers.flatMap((b: Buffer, buffer): Life[] => {
    const steps = touched.flatMap((set, i) => (set.has(buffer) ? [i] : []));
    if (b.role !== "temporary" || steps.length === 0) return [];
    return [
      {
        buffer,
        from: steps[0],
        to: steps[steps.length - 1],
        start: b.offset,
        end: b.offset + b.size * DTYPES[b.dtype].bytes,
      },
    ];
  });
}

function checkOverlap(program: Program): void {
  const lives = livesOf(program);
  for (const a of lives) {
    expect(a.end).toBeLessThanOrEqual(program.arenaBytes);
    expect(a.start % 64).toBe(0);
    for (const b of lives) {
      const sameTime = a.buffer < b.buffer && a.from <= b.to && b.from <= a.to;
      if (sameTime && a.start < b.end && b.start < a.end)
        throw new Error(`buffers ${a.buffer} and ${b.buffer} live at the same time in the same place`);
    }
  }
}

function checkOrder(program: Program): void {
  const written = new Set<number>();
  program.steps.forEach((step, i) => {
    const { reads, writes } = operandsOf(step);
    const own = step.kind === "matmul" && step.epilogue ? new Set([step.c.buffer]) : new Set<number>();
    for (const { buffer } of reads) {
      const known = program.buffers[buffer].role === "external" || written.has(buffer) || own.has(buffer);
      if (!known)
        throw new Error(
          `step ${i}, ${step.kind} ${step.label}, reads buffer ${buffer} before anything is written there`,
        );
    }
    for (const { buffer } of writes) written.add(buffer);
  });
}

/** A random graph's outputs, its gradients, and some of its leaves assigned. */
function programOf(seed: number): Program {
  const { leaves } = randomGraph(seed, { steps: 0 });
  const f = compile((...args: Tensor[]) => {
    let outputs: readonly Tensor[] = [];
    const loss = (...x: Tensor[]) => {
      outputs = randomGraph(seed, { steps: 20, leaves: x }).outputs;
      return outputs.map((t, i) => t.mul(functional(t.shape, seed + i)).sum()).reduce((a, b) => a.add(b));
    };
    const gradients = grad(
      loss,
      args.map((_, i) => i),
    )(...args);
    leaves[0].assign(leaves[0].sub(gradients[0]));
    leaves[1].assign(gradients[1].add(leaves[0]));
    return [...outputs, ...gradients];
  });
  return f.program(...leaves.map((t) => t.clone()));
}

describe("a planned program", () => {
  it("keeps operands inside buffers, live temporaries apart, and reads after writes", () => {
    on(new ReferenceExecutor(), () => {
      let temporaries = 0;
      let steps = 0;
      let beside = 0;
      for (const seed of SEEDS) {
        const program = programOf(seed);
        checkBounds(program);
        checkOverlap(program);
        checkOrder(program);
        beside += checkBeside(program);
        temporaries += livesOf(program).length;
        steps += program.steps.length;
      }
      expect(temporaries).toBeGreaterThan(SEEDS.length * 5);
      expect(steps).toBeGreaterThan(SEEDS.length * 10);
      expect(beside).toBeGreaterThan(SEEDS.length);
    });
  });

  it("lets products of one input run side by side, and what reads them wait", () => {
    on(new ReferenceExecutor(), () => {
      const f = compile((x: Tensor, a: Tensor, b: Tensor) => x.matmul(a).matmul(x.matmul(b)).cumsum(0));
      const program = f.program(functional([8, 8], 1), functional([8, 8], 2), functional([8, 8], 3));
      expect(program.steps.map((s) => s.kind)).toEqual(["matmul", "matmul", "matmul", "cumsum"]);
      expect([...(program.beside ?? [])]).toEqual([1]);
      const lines = printProgram(program).split("\n");
      expect(lines.map((line) => line.endsWith(" &"))).toEqual([true, false, false, false, false]);
    });
  });

  it("what is overwritten waits for its readers, and what may fail stands alone", () => {
    on(new ReferenceExecutor(), () => {
      const state = functional([8, 8], 1).clone();
      const f = compile((x: Tensor, i: Tensor) => {
        const before = state.matmul(x);
        state.assign(x.cumsum(0));
        return [before, x.indexSelect(0, i), x.cumsum(1)];
      });
      const program = f.program(functional([8, 8], 2), tensor([1, 2], { dtype: "i32" }));
      const alone = program.steps.flatMap((s, i) => (s.kind === "gather" ? [i, i + 1] : []));
      const readers = program.steps.flatMap((s, i) => (s.kind === "matmul" ? [i] : []));
      expect(alone.length + readers.length).toBe(3);
      for (const i of alone) expect(program.beside?.has(i)).toBe(false);
      checkBeside(program);
    });
  });

  it("uses memory again", () => {
    on(new ReferenceExecutor(), () => {
      const f = compile((x: Tensor) => {
        let y = x;
        for (let i = 0; i < 10; i++) y = y.matmul(x).cumsum(0);
        return y;
      });
      const { arenaBytes } = f.program(randomSquare());
      expect(arenaBytes).toBeLessThanOrEqual(3 * 32 * 32 * 4);
    });
  });
});

function randomSquare(): Tensor {
  return functional([32, 32], 1);
}
