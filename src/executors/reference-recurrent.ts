// What the recurrent steps mean: one unit of one row after another, in f64, by the cells' own formulas. Nothing is packed and nothing is
// divided here.

import { CELLS } from "../base/cell.js";
import type { Operand, RecurrentGradientStep, RecurrentStep } from "../program/program.js";
import type { Read, Write } from "./reference-attention.js";

/** What the reference executor offers to a step. */
interface Machine {
  reader(o: Operand): Read;
  writer(o: Operand): Write;
}

type At = (...index: number[]) => number;

function reading(machine: Machine, o: Operand | null): At | null {
  if (!o) return null;
  const read = machine.reader(o);
  return (...index) => read(index.reduce((at, i, axis) => at + i * o.strides[axis], o.offset));
}

function writing(machine: Machine, o: Operand | null): (value: number, ...index: number[]) => void {
  if (!o) return () => {};
  const write = machine.writer(o);
  return (value, ...index) =>
    write(
      index.reduce((at, i, axis) => at + i * o.strides[axis], o.offset),
      value,
    );
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const zeros = (n: number) => new Float64Array(n);

/** The times of each step in order, for one row; the state stays as it is in the others. */
function timesOf(step: RecurrentStep | RecurrentGradientStep, machine: Machine, b: number) {
  const [T] = step.shape;
  const length = Math.max(0, Math.min(T, reading(machine, step.lengths)?.(b) ?? T));
  const order = Array.from({ length: T }, (_, s) => (step.reverse ? T - 1 - s : s));
  return order.map((t) => ({ t, going: t < length }));
}

export function recurrent(step: RecurrentStep, machine: Machine): void {
  const [, B, H] = step.shape;
  const { gates } = CELLS[step.cell];
  const [projected, weight] = [step.projected, step.weight].map((o) => reading(machine, o) as At);
  const [bias, hidden, memory] = [step.bias, step.hidden, step.memory].map((o) => reading(machine, o));
  const [states, memories, kept] = [step.states, step.memories, step.kept].map((o) => writing(machine, o));
  for (let b = 0; b < B; b++) {
    let h = zeros(H).map((_, u) => hidden?.(b, u) ?? 0);
    const c = zeros(H).map((_, u) => memory?.(b, u) ?? 0);
    for (const { t, going } of timesOf(step, machine, b)) {
      const before = h;
      if (going) {
        const sums = zeros(gates * H).map((_, j) =>
          before.reduce((sum, x, k) => sum + x * weight(j, k), bias?.(j) ?? 0),
        );
        h = before.map((old, u) => {
          const x = (gate: number) => projected(t, b, gate * H + u);
          const s = (gate: number) => sums[gate * H + u];
          const keep = (...values: number[]) => {
            values.forEach((value, i) => {
              kept(value, t, b, i * H + u);
            });
          };
          switch (step.cell) {
            case "tanh":
              return Math.tanh(x(0) + s(0));
            case "relu":
              return Math.max(x(0) + s(0), 0);
            case "lstm": {
              const [i, f, o] = [0, 1, 3].map((gate) => sigmoid(x(gate) + s(gate)));
              const g = Math.tanh(x(2) + s(2));
              keep(i, f, g, o);
              c[u] = f * c[u] + i * g;
              return o * Math.tanh(c[u]);
            }
            case "gru": {
              const [r, z] = [0, 1].map((gate) => sigmoid(x(gate) + s(gate)));
              const n = Math.tanh(x(2) + r * s(2));
              keep(r, z, n, s(2));
              return (1 - z) * n + z * old;
            }
          }
        });
      }
      for (let u = 0; u < H; u++) {
        states(h[u], t, b, u);
        memories(c[u], t, b, u);
      }
    }
  }
}

export function recurrentGradient(step: RecurrentGradientStep, machine: Machine): void {
  const [, B, H] = step.shape;
  const { gates } = CELLS[step.cell];
  const [weight, states] = [step.weight, step.states].map((o) => reading(machine, o) as At);
  const [hidden, memory, memories, kept, dstates, dmemories] = [
    step.hidden,
    step.memory,
    step.memories,
    step.kept,
    step.statesGradient,
    step.memoriesGradient,
  ].map((o) => reading(machine, o));
  const [dprojected, dsums, dhidden, dmemory] = [
    step.projectedGradient,
    step.sumsGradient,
    step.hiddenGradient,
    step.memoryGradient,
  ].map((o) => writing(machine, o));
  for (let b = 0; b < B; b++) {
    const times = timesOf(step, machine, b);
    let dh = zeros(H);
    let dc = zeros(H);
    for (let s = times.length - 1; s >= 0; s--) {
      const { t, going } = times[s];
      const stateBefore = (u: number) => (s > 0 ? states(times[s - 1].t, b, u) : (hidden?.(b, u) ?? 0));
      const memoryBefore = (u: number) => (s > 0 ? (memories as At)(times[s - 1].t, b, u) : (memory?.(b, u) ?? 0));
      dh = dh.map((d, u) => d + (dstates?.(t, b, u) ?? 0));
      dc = dc.map((d, u) => d + (dmemories?.(t, b, u) ?? 0));
      const [dx, ds, past] = [zeros(gates * H), zeros(gates * H), zeros(H)];
      for (let u = 0; going && u < H; u++) {
        const keep = (i: number) => (kept as At)(t, b, i * H + u);
        const set = (...values: number[]) => {
          values.forEach((value, gate) => {
            dx[gate * H + u] = ds[gate * H + u] = value;
          });
        };
        switch (step.cell) {
          case "tanh":
            set(dh[u] * (1 - states(t, b, u) ** 2));
            break;
          case "relu":
            set(states(t, b, u) > 0 ? dh[u] : 0);
            break;
          case "lstm": {
            const [i, f, g, o] = [0, 1, 2, 3].map(keep);
            const tanh = Math.tanh((memories as At)(t, b, u));
            const d = dc[u] + dh[u] * o * (1 - tanh * tanh);
            set(
              d * g * i * (1 - i),
              d * memoryBefore(u) * f * (1 - f),
              d * i * (1 - g * g),
              dh[u] * tanh * o * (1 - o),
            );
            dc[u] = d * f;
            break;
          }
          case "gru": {
            const [r, z, n, sum] = [0, 1, 2, 3].map(keep);
            const d = dh[u] * (1 - z) * (1 - n * n);
            set(d * sum * r * (1 - r), dh[u] * (stateBefore(u) - n) * z * (1 - z), d);
            ds[2 * H + u] = d * r;
            past[u] = dh[u] * z;
          }
        }
      }
      for (let j = 0; j < gates * H; j++) {
        dprojected(dx[j], t, b, j);
        dsums(ds[j], t, b, j);
      }
      if (going) dh = past.map((d, u) => ds.reduce((sum, x, j) => sum + x * weight(j, u), d));
    }
    for (let u = 0; u < H; u++) {
      dhidden(dh[u], b, u);
      dmemory(dc[u], b, u);
    }
  }
}
