// Where steps and losses stand in the picture of a training run, and the round numbers beside them.

import type { Point } from "./curve.js";

export const WIDTH = 880;
export const HEIGHT = 460;
export const PLOT = { left: 58, right: WIDTH - 140, top: 106, bottom: HEIGHT - 46 };

/** Steps from left to right. */
export function scaleSteps(steps: number[]) {
  const last = steps.reduce((a, b) => Math.max(a, b));
  const first = steps.reduce((a, b) => Math.min(a, b));
  const low = first > 0 && first <= 0.1 * last ? 0 : first; // a run from the start is drawn from 0
  const [from, to] = low === last ? [low - 1, last + 1] : [low, last];
  const { ticks } = roundTicks(from, to, 7, 1);
  return { ticks, at: (step: number) => PLOT.left + ((step - from) / (to - from)) * (PLOT.right - PLOT.left) };
}

/** Losses from bottom to top: the range of what is drawn bold, and of all but the wildest 1 % of single steps, as one spike should not flatten the rest. */
export function scaleLosses(raw: readonly Point[], drawn: readonly Point[]) {
  const sorted = raw.map(([, loss]) => loss).sort((a, b) => a - b);
  const edge = Math.floor(sorted.length / 200);
  const bold = drawn.map(([, loss]) => loss);
  const all = sorted.length > 0 ? [...bold, sorted[edge]!, sorted[sorted.length - 1 - edge]!] : bold;
  const low = Math.min(...all);
  const high = Math.max(...all);
  const room = (high - low) * 0.06 || Math.max(Math.abs(high) * 0.1, 1e-3);
  const bottom = low >= 0 ? Math.max(0, low - room) : low - room;
  const { ticks, decimals } = roundTicks(bottom, high + room, 8);
  const at = (loss: number) => PLOT.bottom - ((loss - bottom) / (high + room - bottom)) * (PLOT.bottom - PLOT.top);
  return { ticks, decimals, at };
}

/** Multiples of 1, 2 or 5 times a power of ten between two numbers, at most about `most` of them. */
function roundTicks(low: number, high: number, most: number, least = 0): { ticks: number[]; decimals: number } {
  const rough = Math.max((high - low) / most, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && ticks.length < 2 * most; i++)
    ticks.push(i * step + 0);
  return { ticks, decimals: clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 20) };
}

export const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
