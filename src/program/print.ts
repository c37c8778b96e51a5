// A program as text, one line a step that begins with the kernel's name: exactly what will run, with shapes, bytes and flops.

import { DTYPES } from "../base/dtype.js";
import type { Operand, Program, Step } from "./program.js";

export function printProgram(program: Program): string {
  const rows = program.steps.map((step) => [
    step.kind,
    detail(step),
    shapes(step),
    quantity(bytesOf(step), "B"),
    quantity(step.flops, "flop"),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.min(56, Math.max(0, ...rows.map((r) => r[column].length))));
  const lines = rows.map((r) =>
    r
      .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
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
  if (step.kind === "matmul" && step.epilogue) return step.label;
  return step.label === step.kind ? "" : step.label;
}

function shapes(step: Step): string {
  switch (step.kind) {
    case "matmul": {
      const batch = step.batch.map((n) => `${n},`).join("");
      return `${typed(step.a, `${batch}${step.m},${step.k}`)} @ ${typed(step.b, `${batch}${step.k},${step.n}`)} -> ${typed(step.c, `${batch}${step.m},${step.n}`)}`;
    }
    case "reduce":
      return `[${step.shape}] -> ${typed(step.output, step.shape.map((n, i) => (step.reduced[i] ? 1 : n)).join())}`;
    case "elementwise":
      return step.outputs.map((o) => typed(o, step.shape.map((n, i) => (o.strides[i] === 0 ? 1 : n)).join())).join(" ");
    case "scatterAdd":
      return typed(step.updates, step.shape.join());
    default:
      return typed(step.output, step.shape.join());
  }
}

function typed(o: Operand, shape: string): string {
  return `${o.dtype}[${shape}]`;
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
      return (
        touched(step.a, [...batch, m, k]) + touched(step.b, [...batch, k, n]) + touched(step.c, [...batch, m, n]) + more
      );
    }
    case "gather":
      return all([step.index, step.output, step.output], step.shape);
    case "scatterAdd":
      return all([step.index, step.updates, step.updates], step.shape);
    default:
      return all([step.input, step.output], step.shape);
  }
}

/** 12.6 MB, 3.4 Gflop */
export function quantity(n: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T"];
  let i = 0;
  let x = n;
  for (; x >= 999.5 && i < prefixes.length - 1; i++) x /= 1000;
  return `${i === 0 || x >= 100 ? Math.round(x) : x.toFixed(1)} ${prefixes[i]}${unit}`;
}
