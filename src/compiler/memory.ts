// Memory is planned, never counted: each temporary lives from its first to its last step (steps that stand beside each other count as one),
// and is laid into one arena at the lowest offset where nothing that lives at the same time is in its way, the largest first.

import { DTYPES } from "../base/dtype.js";
import { operandsOf } from "../program/operands.js";
import type { Buffer, Program } from "../program/program.js";
import type { Draft } from "./draft.js";

const ALIGNMENT = 64;

interface Lifetime {
  readonly buffer: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export function planMemory(draft: Draft): Program {
  const offsets = new Map<number, number>();
  // By offset.
  const placed: (Lifetime & { readonly offset: number })[] = [];
  let arenaBytes = 0;
  for (const life of lifetimes(draft).sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let offset = 0;
    for (const p of placed) {
      if (offset + life.bytes <= p.offset) break;
      if (p.first <= life.last && life.first <= p.last) offset = Math.max(offset, p.offset + p.bytes);
    }
    let at = placed.length;
    while (at > 0 && placed[at - 1].offset > offset) at--;
    placed.splice(at, 0, { ...life, offset });
    offsets.set(life.buffer, offset);
    arenaBytes = Math.max(arenaBytes, offset + life.bytes);
  }
  let slot = 0;
  const slots = new Map<number, number>();
  for (const { buffer } of draft.leaves) slots.set(buffer, slot++);
  for (const buffer of draft.outputs) slots.set(buffer, slot++);
  const buffers = draft.buffers.map((b, i): Buffer => {
    const at = slots.get(i);
    const { dtype, size } = b;
    return at === undefined
      ? { role: "temporary", offset: offsets.get(i) ?? 0, dtype, size }
      : { role: "external", slot: at, dtype, size };
  });
  return { buffers, steps: draft.steps, beside: draft.beside, externals: slot, arenaBytes };
}

function lifetimes(draft: Draft): Lifetime[] {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  let at = -1;
  draft.steps.forEach((step, i) => {
    if (!draft.beside?.has(i)) at++;
    const { reads, writes } = operandsOf(step);
    for (const { buffer } of [...reads, ...writes]) {
      if (!first.has(buffer)) first.set(buffer, at);
      last.set(buffer, at);
    }
  });
  return [...first].flatMap(([buffer, from]) => {
    const { role, dtype, size } = draft.buffers[buffer];
    if (role !== "temporary") return [];
    const bytes = Math.ceil((size * DTYPES[dtype].bytes) / ALIGNMENT) * ALIGNMENT;
    return [{ buffer, bytes, first: from, last: last.get(buffer) as number }];
  });
}
