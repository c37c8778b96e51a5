// Reshapes of repeated arrays: which axes a reshape takes together or apart, and when it can be done before repeating.

import { type Shape, sizeOf } from "../base/shape.js";
import { expand, reshape } from "../graph/build.js";
import type { Node } from "../graph/node.js";

/** Runs of old axes that become runs of new ones; axes of size 1 go along with a neighbour. Null where there are no elements. */
export function regroup(old: Shape, now: Shape): { old: number[]; now: number[] }[] | null {
  if (sizeOf(old) === 0 || old.length === 0 || now.length === 0) return null;
  const groups: { old: number[]; now: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const group = { old: [] as number[], now: [] as number[] };
    let [a, b] = [1, 1];
    do {
      if (i < old.length && (a <= b || j >= now.length)) {
        a *= old[i];
        group.old.push(i++);
      } else {
        b *= now[j];
        group.now.push(j++);
      }
    } while (a !== b || group.old.length === 0 || (group.now.length === 0 && j < now.length));
    groups.push(group);
    if (i >= old.length && now.slice(j).every((n) => n === 1)) while (j < now.length) group.now.push(j++);
    if (j >= now.length && old.slice(i).every((n) => n === 1)) while (i < old.length) group.old.push(i++);
  }
  return groups;
}

/** The axis of `now` that a reshape from `old` leaves just as `axis` was; -1 where it takes the axis apart, or has size 1. */
export function sameAxis(old: Shape, axis: number, now: Shape): number {
  const size = old[axis];
  if (size === 1) return -1;
  const before = (shape: Shape, i: number) => sizeOf(shape.slice(0, i));
  return now.findIndex((n, i) => n === size && before(now, i) === before(old, axis));
}

/** A reshape of an expand as an expand of a reshape; null where a repeated axis would merge with, or be split from, one that is not. */
export function reshapeOfExpand(x: Node, shape: Shape): Node | null {
  const [y] = x.inputs;
  const groups = regroup(x.shape, shape);
  if (!groups) return null;
  const inner = [...shape];
  for (const { old, now } of groups) {
    if (old.every((i) => y.shape[i] === x.shape[i])) continue;
    if (old.some((i) => y.shape[i] !== 1)) return null;
    for (const i of now) inner[i] = 1;
  }
  return expand(reshape(y, inner), shape);
}
