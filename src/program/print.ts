// A program as text, one line a step that begins with the kernel's name: exactly what will run, with shapes, bytes and flops. An & at the
// end of a line says what it says in a shell: the next step does not wait for this one.

import { CELLS } from "../base/cell.js";
import { DTYPES } from "../base/dtype.js";
import { quantity } from "../base/quantity.js";
import { operandsOf, recurrentSizes } from "./operands.js";
import type {
  AttentionGradientStep,
  AttentionStep,
  Grid,
  KeyBound,
  MatmulStep,
  Operand,
  Program,
  RecurrentGradientStep,
  RecurrentStep,
  Step,
} from "./program.js";

export function printProgram(program: Program): string {
  const rows = program.steps.map((step, i) => [
    step.kind,
    detail(step),
    shapes(step),
    quantity(bytesOf(step), "B"),
    quantity(step.flops, "flop"),
    program.beside?.has(i + 1) ? "&" : "",
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.min(56, Math.max(0, ...rows.map((r) => r[column].length))));
  const lines = rows.map((r) =>
    r
      .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const flops = program.steps.reduce((sum, s) => sum + s.flops, 0);
  lines.push(
    `${program.steps.length} ${program.steps.length === 1 ? "step" : "steps"}, ${quantity(flops, "flop")}, ${quantity(program.arenaBytes, "B")} of temporary memory`,
  );
  return lines.join("\n");
}

function detail(step: Step): string {
  if (step.kind === "elementwise") return step.rowwise ? `rows: ${step.label}` : step.label;
  if (step.kind === "reduce") return step.label;
  if (step.kind === "matmul") {
    const label = step.epilogue || step.sums ? step.label : "";
    return step.grid ? label.replace(/^matmul|^/, "windows") : label;
  }
  if (step.kind === "attention" || step.kind === "attentionGradient") return attentionDetail(step);
  if (step.kind === "recurrent" || step.kind === "recurrentGradient") return recurrentDetail(step);
  return step.label === step.kind ? "" : step.label;
}

/** The cell, and what is unusual about the loop. */
function recurrentDetail({ cell, reverse, lengths }: RecurrentStep | RecurrentGradientStep): string {
  return [cell, reverse ? "reverse" : "", lengths ? "lengths" : ""].filter((word) => word !== "").join(", ");
}

/** Which parts an attention step has besides the products. */
function attentionDetail(step: AttentionStep | AttentionGradientStep): string {
  const parts = step.bounds.map(boundText);
  if (step.mask) parts.push("mask");
  if (step.score) parts.push("score");
  if (step.factor) parts.push("factor");
  if (step.kind === "attention" && step.sink) parts.push("sink");
  return parts.join(", ");
}

/** The bound as the inequality it is: s <= t + 3 */
function boundText({ side, slope, constant, sign, at }: KeyBound): string {
  const terms = [slope ? "t" : "", at ? `${sign < 0 ? "-" : ""}n` : "", constant !== 0 ? String(constant) : ""];
  const sum = terms
    .filter((term) => term !== "")
    .join(" + ")
    .replaceAll("+ -", "- ");
  return `s ${side === "upper" ? "<=" : ">="} ${sum === "" ? "0" : sum}`;
}

function shapes(step: Step): string {
  switch (step.kind) {
    case "matmul": {
      const batch = step.batch.map((n) => `${n},`).join("");
      const sums = step.sums ? ` ${typed(step.sums.output, `${sumsOf(step)}`)}` : "";
      return `${typed(step.a, `${batch}${step.m},${step.k}`)} @ ${typed(step.b, `${batch}${step.k},${step.n}`)} -> ${typed(step.c, `${batch}${step.m},${step.n}`)}${sums}`;
    }
    case "reduce":
      return `[${step.shape}] -> ${typed(step.output, step.shape.map((n, i) => (step.reduced[i] ? 1 : n)).join())}`;
    case "elementwise":
      return step.outputs.map((o) => typed(o, step.shape.map((n, i) => (o.strides[i] === 0 ? 1 : n)).join())).join(" ");
    case "scatter":
      return typed(step.updates, step.shape.join());
    case "attention":
    case "attentionGradient": {
      const { shape, d, e } = step;
      const rows = (n: number, width: number) => [...shape.slice(0, -2), n, width].join();
      const [t, s] = shape.slice(-2);
      const sides = `${typed(step.query, rows(t, d))} ${typed(step.key, rows(s, d))} ${typed(step.value, rows(s, e))}`;
      return step.kind === "attention" ? `${sides} -> ${typed(step.output, rows(t, e))}` : sides;
    }
    case "recurrent":
    case "recurrentGradient": {
      const [T, B, H] = step.shape;
      const gates = `f32[${T},${B},${CELLS[step.cell].gates * H}]`;
      const states = `f32[${step.shape}]`;
      return step.kind === "recurrent" ? `${gates} -> ${states}` : `${states} -> ${gates}`;
    }
    default:
      return typed(step.output, step.shape.join());
  }
}

function typed(o: Operand, shape: string): string {
  return `${o.dtype}[${shape}]`;
}

/** How many sums of a side a product has. */
function sumsOf({ sums, m, n }: MatmulStep): number {
  return sums ? (sums.side === "a" ? m : n) : 0;
}

/** What the step reads and writes, each element once. */
export function bytesOf(step: Step): number {
  const touched = (o: Operand, shape: readonly number[]) =>
    shape.reduce((p, n, i) => (o.strides[i] === 0 ? p : p * n), DTYPES[o.dtype].bytes);
  const all = (list: readonly Operand[], shape: readonly number[]) =>
    list.reduce((sum, o) => sum + touched(o, shape), 0);
  switch (step.kind) {
    case "elementwise":
      return all([...step.inputs, ...step.outputs], step.shape);
    case "reduce":
      return all([...step.inputs, step.output], step.shape);
    case "matmul": {
      const { batch, m, n, k, epilogue } = step;
      const more = epilogue ? all([...epilogue.inputs, ...epilogue.outputs], [...batch, m, n]) : 0;
      const right = step.grid
        ? touched(step.b, [...batch, 1, 1]) * spanOf(step.grid)
        : touched(step.b, [...batch, k, n]);
      const sums = 4 * sumsOf(step);
      return touched(step.a, [...batch, m, k]) + right + touched(step.c, [...batch, m, n]) + more + sums;
    }
    case "gather":
      return all([step.index, step.output, step.output], step.shape);
    case "scatter":
      return all([step.index, step.updates, step.updates], step.shape);
    case "recurrent":
    case "recurrentGradient": {
      const { reads, writes } = operandsOf(step);
      const sizes = recurrentSizes(step);
      return [...reads, ...writes].reduce((sum, o) => sum + touched(o, sizes.get(o) ?? step.shape), 0);
    }
    case "attention":
    case "attentionGradient": {
      const { reads, writes } = operandsOf(step);
      const widths = new Map<Operand, [number, number]>(attentionSizes(step));
      return [...reads, ...writes].reduce(
        (sum, o) => sum + touched(o, [...step.shape.slice(0, -2), ...(widths.get(o) ?? step.shape.slice(-2))]),
        0,
      );
    }
    default:
      return all([step.input, step.output], step.shape);
  }
}

/** Elements that a grid reaches, each counted once where it has no gaps. */
function spanOf({ rows, columns }: Grid): number {
  const axes = [rows, columns].flatMap(({ sizes, strides }) => sizes.map((n, i) => [n, Math.abs(strides[i])]));
  const count = axes.reduce((p, [n]) => p * n, 1);
  return Math.min(
    count,
    axes.reduce((last, [n, stride]) => last + (n - 1) * stride, 1),
  );
}

/** The last two axes of operands that are not [batch..., T, S]. */
function attentionSizes(step: AttentionStep | AttentionGradientStep): [Operand, [number, number]][] {
  const [t, s] = step.shape.slice(-2);
  const { d, e } = step;
  const all: [Operand | null, number, number][] = [
    [step.query, t, d],
    [step.key, s, d],
    [step.value, s, e],
    [step.logsumexp, t, 2],
  ];
  if (step.kind === "attention") all.push([step.output, t, e], [step.sink, t, 1]);
  else
    all.push(
      [step.outputGradient, t, e],
      [step.delta, t, 1],
      [step.queryGradient, t, d],
      [step.keyGradient, s, d],
      [step.valueGradient, s, e],
    );
  return all.flatMap(([o, rows, columns]) => (o ? [[o, [rows, columns]] as [Operand, [number, number]]] : []));
}
