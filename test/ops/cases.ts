// The table of cases: every method and function that computes, on ragged, empty, non-contiguous, extreme and 16-bit inputs.

import { type Case, idOf } from "./case.js";
import { ELEMENTWISE } from "./cases-elementwise.js";
import { FUNCTIONS } from "./cases-functions.js";
import { LOSSES } from "./cases-losses.js";
import { REDUCTIONS } from "./cases-reductions.js";
import { SHAPES } from "./cases-shapes.js";
import { WINDOWS } from "./cases-windows.js";

export const CASES: readonly Case[] = [...ELEMENTWISE, ...REDUCTIONS, ...SHAPES, ...FUNCTIONS, ...LOSSES, ...WINDOWS];

/** Cases by op, in the order of the table. */
export function byOp(list: readonly Case[] = CASES): Map<string, Case[]> {
  const groups = new Map<string, Case[]>();
  for (const c of list) groups.set(c.op, [...(groups.get(c.op) ?? []), c]);
  return groups;
}

const ids = CASES.map(idOf);
const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
if (twice.length > 0) throw new Error(`cases that come twice: ${twice.join("; ")}`);
