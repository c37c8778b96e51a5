// The pass that decides what is stored and what is only passed through registers, and cuts the graph into units of work, one step each.
// The rule for a value that several steps need: computed from one array it is computed again, computed from more it is stored. A value that
// one step alone needs is computed there.

import { sizeOf } from "../base/shape.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { Capabilities } from "../program/program.js";
import { formGroups, type Group, isFusable } from "./groups.js";
import { rowBehind } from "./row-values.js";
import { isFree } from "./simplify.js";

export type Unit =
  | { readonly kind: "fused"; readonly roots: readonly Node[]; readonly shape: readonly number[] }
  | { readonly kind: "reduce"; readonly node: Node<"sum" | "max" | "min"> }
  | { readonly kind: "kernel"; readonly node: Node; readonly parts: readonly Node[] };

export interface Plan {
  /** In an order of execution that follows the order of writing. */
  readonly units: readonly Unit[];
  /** Every node that has numbers in memory: leaves, kernels' results, and what fused units store. */
  readonly stored: ReadonlySet<Node>;
  readonly order: readonly Node[];
}

const MOST_RECOMPUTED = 16;
/** The same where storing the value spares storing what it is computed from. */
const MOST_CHEAP = 4;
/** Scalar functions that take as long as several others. */
const DEAR: ReadonlySet<Node["op"]> = new Set([
  "exp",
  "log",
  "log1p",
  "expm1",
  "sin",
  "cos",
  "tanh",
  "erf",
  "sigmoid",
  "geluGate",
  "geluTanhGate",
  "geluSlope",
  "pow",
]);
/** Arrays that a value needed by one step alone may be computed from inside that step. */
const MOST_READ_ONCE = 4;

export function planUnits(roots: readonly Node[], capabilities: Capabilities): Plan {
  const order = topological(roots);
  const groupOf = formGroups(order, capabilities);
  const stored = decideStored(order, roots, groupOf, capabilities);
  return { units: schedule(makeUnits(order, groupOf, stored), stored), stored, order };
}

/** Ops that copy an operand into place can compute an index-only operand on the spot. */
function copies(user: Node, operand: Node): boolean {
  return (
    user.op === "cat" ||
    user.op === "place" ||
    ((user.op === "scatterAdd" || user.op === "scatter") &&
      user.inputs[0] === operand &&
      !user.inputs.includes(operand, 1))
  );
}

function decideStored(
  order: readonly Node[],
  roots: readonly Node[],
  groupOf: Map<Node, Group>,
  capabilities: Capabilities,
): Set<Node> {
  const stored = new Set<Node>();
  const users = new Map<Node, Node[]>(order.map((n) => [n, []]));
  for (const node of order) for (const input of new Set(node.inputs)) users.get(input)?.push(node);
  const isRoot = new Set(roots);

  for (const node of order) {
    const family = familyOf(node);
    if (family === "leaf" || family === "kernel" || family === "part" || (family === "reduce" && !groupOf.has(node)))
      stored.add(node);
    else if (family !== "view" && needsStore(node)) stored.add(node);
  }
  return stored;

  function needsStore(node: Node): boolean {
    if (isRoot.has(node)) return true;
    const group = groupOf.get(node);
    const elsewhere = new Set<Group | Node>();
    for (const user of users.get(node) as Node[]) {
      if (group && groupOf.get(user) === group) continue;
      const family = familyOf(user);
      if (family === "view") {
        const row = rowBehind(user) === node;
        const inner =
          row && group && !isRoot.has(user) && (users.get(user) as Node[]).every((w) => groupOf.get(w) === group);
        if (!inner) return true;
      } else if (family === "kernel") {
        if (group || !copies(user, node)) return true;
      } else elsewhere.add(groupOf.get(user) ?? user);
    }
    return (
      elsewhere.size > 0 && group !== undefined && !recomputes(node, group, elsewhere.size === 1 ? MOST_READ_ONCE : 1)
    );
  }

  /** Marks the row values it would read again as stored. */
  function recomputes(node: Node, group: Group, mostArrays: number): boolean {
    if (familyOf(node) === "reduce") return false;
    const large = sizeOf(node.shape);
    if (group.rowwise && large < sizeOf(group.shape)) return false;
    const arrays = new Set<Node>();
    const rows: Node[] = [];
    let instructions = 0;
    const seen = new Set<Node>();
    const visit = (n: Node): void => {
      if (seen.has(n)) return;
      seen.add(n);
      if (isFree(n)) instructions++;
      else if (stored.has(n) || !isFusable(n, capabilities)) {
        const row = rowBehind(n);
        if (row && isFusable(row, capabilities) && !stored.has(row)) rows.push(row);
        else if (sizeOf(baseOf(n).shape) * 8 > large) arrays.add(n);
      } else if (familyOf(n) === "reduce" || sizeOf(n.shape) < large) rows.push(n);
      else {
        instructions += DEAR.has(n.op) ? 8 : 1;
        n.inputs.forEach(visit);
      }
    };
    visit(node);
    if (arrays.size > mostArrays || instructions > MOST_RECOMPUTED) return false;
    const [only] = arrays;
    if (arrays.size === 1 && instructions > MOST_CHEAP && takesPlaceOf(only, group)) return false;
    for (const row of rows) stored.add(row);
    return true;
  }

  /** True of a product that this group alone reads: what the product's epilogue stores, it stores in the product's place. */
  function takesPlaceOf(array: Node, group: Group): boolean {
    const readHere = (n: Node): boolean =>
      (users.get(n) as Node[]).every(
        (user) => groupOf.get(user) === group || (familyOf(user) === "view" && readHere(user)),
      );
    const base = baseOf(array);
    return capabilities.matmulEpilogue && !group.rowwise && base.op === "matmul" && !isRoot.has(base) && readHere(base);
  }
}

function baseOf(node: Node): Node {
  let n = node;
  while (familyOf(n) === "view") n = n.inputs[0];
  return n;
}

function makeUnits(order: readonly Node[], groupOf: Map<Node, Group>, stored: Set<Node>): Unit[] {
  const units: Unit[] = [];
  const parts = new Map<Node, Node[]>();
  for (const node of order)
    if (node.op === "part") parts.set(node.inputs[0], [...(parts.get(node.inputs[0]) ?? []), node]);
  const done = new Set<Group>();
  for (const node of order) {
    if (!stored.has(node)) continue;
    const family = familyOf(node);
    const group = groupOf.get(node);
    if (group) {
      if (done.has(group)) continue;
      done.add(group);
      const roots = group.nodes.filter((n) => stored.has(n)).sort((a, b) => a.id - b.id);
      units.push({ kind: "fused", roots, shape: group.shape });
    } else if (family === "reduce") units.push({ kind: "reduce", node: node as Node<"sum"> });
    else if (family === "kernel") units.push({ kind: "kernel", node, parts: parts.get(node) ?? [] });
    else if (family !== "leaf" && family !== "part") units.push({ kind: "fused", roots: [node], shape: node.shape });
  }
  return units;
}

export function unitRoots(unit: Unit): readonly Node[] {
  if (unit.kind === "fused") return unit.roots;
  return unit.kind === "kernel" ? [unit.node, ...unit.parts] : [unit.node];
}

/** Stored nodes that a unit reads: it computes everything else it needs in registers. */
export function readsOf(unit: Unit, stored: ReadonlySet<Node>): Set<Node> {
  const own = new Set(unitRoots(unit));
  const reads = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [...own].flatMap((n) => n.inputs);
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    seen.add(node);
    if (stored.has(node) && !own.has(node)) reads.add(node);
    else stack.push(...node.inputs);
  }
  return reads;
}

/** Kahn's order, the earliest written first among those that are ready. */
function schedule(units: Unit[], stored: ReadonlySet<Node>): Unit[] {
  const maker = new Map<Node, Unit>();
  for (const unit of units) for (const root of unitRoots(unit)) maker.set(root, unit);
  const priority = (u: Unit) => Math.max(...unitRoots(u).map((n) => n.id));
  const sorted = [...units].sort((a, b) => priority(a) - priority(b));
  const waiting = new Map<Unit, Set<Unit>>();
  const unlocks = new Map<Unit, Unit[]>(units.map((u) => [u, []]));
  for (const unit of units) {
    const needs = new Set<Unit>();
    for (const node of readsOf(unit, stored)) {
      const source = maker.get(node);
      if (source && source !== unit) needs.add(source);
    }
    waiting.set(unit, needs);
    for (const need of needs) unlocks.get(need)?.push(unit);
  }
  const rank = new Map(sorted.map((u, i) => [u, i]));
  const heap = new MinHeap();
  sorted.forEach((u, i) => {
    if (waiting.get(u)?.size === 0) heap.push(i);
  });
  const result: Unit[] = [];
  for (let i = heap.pop(); i !== undefined; i = heap.pop()) {
    const unit = sorted[i];
    result.push(unit);
    for (const next of unlocks.get(unit) as Unit[]) {
      const needs = waiting.get(next) as Set<Unit>;
      needs.delete(unit);
      if (needs.size === 0) heap.push(rank.get(next) as number);
    }
  }
  if (result.length !== units.length)
    throw new Error("elementwise: the units of a program wait for each other in a circle");
  return result;
}

class MinHeap {
  private readonly items: number[] = [];

  push(value: number): void {
    const a = this.items;
    let i = a.push(value) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && a[parent] > a[i]; i = parent, parent = (i - 1) >> 1)
      [a[i], a[parent]] = [a[parent], a[i]];
  }

  pop(): number | undefined {
    const a = this.items;
    const top = a[0];
    const last = a.pop();
    if (a.length > 0 && last !== undefined) {
      a[0] = last;
      for (let i = 0; ; ) {
        let least = i;
        for (const child of [2 * i + 1, 2 * i + 2]) if (child < a.length && a[child] < a[least]) least = child;
        if (least === i) break;
        [a[i], a[least]] = [a[least], a[i]];
        i = least;
      }
    }
    return top;
  }
}
