// Which new values of leaves may be written over the old numbers by the very step that computes them: those of leaves that nothing later
// reads, and that the step itself reads element by element.

import { sameShape } from "../base/shape.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { type Plan, readsOf, type Unit, unitRoots } from "./elementwise.js";

/** Values that replace the numbers of leaves, after all that reads the old ones. */
export interface Write {
  readonly leaf: Node;
  readonly value: Node;
}

/** What a view is a view of; any other node itself. */
export function beneathViews(node: Node): Node {
  let n = node;
  while (familyOf(n) === "view") n = n.inputs[0];
  return n;
}

/** Says of each write whether its step may overwrite the leaf. */
export function inPlace(plan: Plan, writes: readonly Write[], outputs: readonly Node[]): (write: Write) => boolean {
  if (writes.length === 0) return () => false;
  const { units, stored } = plan;
  const makers = new Map<Node, number>();
  const viewed = new Map<Unit, ReadonlySet<Node>>();
  const readers = new Map<Node, number[]>(writes.map(({ leaf }) => [leaf, []]));
  units.forEach((unit, at) => {
    for (const node of unit.kind === "fused" ? unit.roots : [unit.node]) makers.set(node, at);
    for (const node of readsOf(unit, stored)) readers.get(node)?.push(at);
  });
  const shown = new Set(outputs.map(beneathViews));
  const passedOn = new Map<Node, Write[]>();
  for (const write of writes) {
    const base = beneathViews(write.value);
    passedOn.set(base, [...(passedOn.get(base) ?? []), write]);
  }
  const readsDirectly = (unit: Unit, leaf: Node): boolean => {
    if (unit.kind !== "fused") return true; // writesOver has looked
    let through = viewed.get(unit);
    if (!through) viewed.set(unit, (through = readThroughViews(unit, stored)));
    return !through.has(leaf) && sameShape(unit.shape, leaf.shape);
  };
  return ({ leaf, value }) => {
    const at = makers.get(value);
    if (at === undefined || (units[at].kind !== "fused" && !writesOver(units[at], leaf, value, stored))) return false;
    for (const reader of readers.get(leaf) as number[]) {
      if (reader > at || (reader === at && !readsDirectly(units[at], leaf))) return false;
    }
    return !shown.has(leaf) && !(passedOn.get(leaf) ?? []).some((w) => w.leaf !== leaf);
  };
}

/** A scatter into the leaf itself, which nothing else of it reads. */
function writesOver(unit: Unit, leaf: Node, value: Node, stored: ReadonlySet<Node>): boolean {
  if (unit.kind !== "kernel" || unit.node !== value || (value.op !== "scatter" && value.op !== "scatterAdd"))
    return false;
  const [base, ...rest] = value.inputs;
  return base === leaf && !topological(rest, (n) => stored.has(n) && n !== leaf).includes(leaf);
}

/** What a unit reads views of. */
function readThroughViews(unit: Unit, stored: ReadonlySet<Node>): Set<Node> {
  const own = new Set(unitRoots(unit));
  const bases = new Set<Node>();
  const seen = new Set<Node>(own);
  for (const node of seen) {
    if (familyOf(node) === "view") bases.add(beneathViews(node));
    if (!stored.has(node) || own.has(node)) for (const input of node.inputs) seen.add(input);
  }
  return bases;
}
