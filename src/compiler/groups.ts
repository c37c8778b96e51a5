// Which elementwise ops and row reductions go into one step. A group walks one domain, rows by columns; it grows along edges from
// producer to consumer as long as the domain agrees and no path leaves the group and comes back.

import { type Shape, sameShape, sizeOf } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { Capabilities } from "../program/program.js";
import { NeedsOf } from "./needs.js";
import { rowBehind } from "./row-values.js";
import { isFree } from "./simplify.js";

const MOST_NODES = 64;
const LARGEST_NARROW = 32768;

export class Group {
  readonly nodes: Node[] = [];
  rows: Shape;
  columns: number;
  rowwise: boolean;

  constructor(
    node: Node,
    domain: Shape,
    rowwise: boolean,
    /** Its name among those that others need. */
    readonly bit: number,
  ) {
    this.nodes.push(node);
    this.rows = domain.slice(0, -1);
    this.columns = domain.length === 0 ? 1 : domain[domain.length - 1];
    this.rowwise = rowwise;
  }

  get shape(): Shape {
    return this.rows.length === 0 && this.columns === 1 && this.nodes.every((n) => n.shape.length === 0)
      ? []
      : [...this.rows, this.columns];
  }
}

/** A reduction of the last axis that may live inside a rowwise step. */
export function isRowReduction(node: Node, capabilities: Capabilities): boolean {
  if (familyOf(node) !== "reduce") return false;
  const { dims } = (node as Node<"sum">).params;
  const { shape } = node.inputs[0];
  if (dims.length !== 1 || dims[0] !== shape.length - 1) return false;
  return rowsFit(shape.slice(0, -1), shape[shape.length - 1], capabilities);
}

/** Rows are the unit of parallel work: few long ones are better reduced by the kernel that splits rows. */
function rowsFit(rows: Shape, columns: number, capabilities: Capabilities): boolean {
  return (
    columns > 0 && columns <= capabilities.longestRow && (sizeOf(rows) >= 8 || sizeOf(rows) * columns <= LARGEST_NARROW)
  );
}

export function isFusable(node: Node, capabilities: Capabilities): boolean {
  const family = familyOf(node);
  if (family === "random") return true;
  if (family === "scalar") return !isFree(node);
  return isRowReduction(node, capabilities);
}

export function formGroups(order: readonly Node[], capabilities: Capabilities): Map<Node, Group> {
  const groupOf = new Map<Node, Group>();
  const needs = new NeedsOf();
  for (const node of order) {
    if (!isFusable(node, capabilities)) {
      needs.addNode(node);
      continue;
    }
    const reduction = familyOf(node) === "reduce";
    groupOf.set(node, new Group(node, reduction ? node.inputs[0].shape : node.shape, reduction, needs.addGroup(node)));
    for (const input of node.inputs) {
      const producer = groupOf.get(input) ?? groupOf.get(rowBehind(input) as Node);
      const own = groupOf.get(node) as Group;
      if (!producer || producer === own || !alike(producer, own, capabilities)) continue;
      if (leavesAndReturns(producer, own, groupOf, needs) || leavesAndReturns(own, producer, groupOf, needs)) continue;
      needs.merge(producer.bit, own.bit, own.nodes.length === 1 ? node : null);
      merge(producer, own, groupOf);
    }
  }
  return groupOf;
}

/** True where one domain serves both. */
function alike(a: Group, b: Group, capabilities: Capabilities): boolean {
  if (!sameShape(a.rows, b.rows) || a.nodes.length + b.nodes.length > MOST_NODES) return false;
  if (a.columns !== b.columns) {
    const narrow = a.columns === 1 ? a : b.columns === 1 ? b : null;
    // Rows of no columns have no place for what is computed for each of their elements.
    if (!narrow || a.columns * b.columns === 0 || narrow.nodes.some((n) => n.op === "random")) return false;
  }
  const rowwise = a.rowwise || b.rowwise || a.columns !== b.columns;
  return !rowwise || rowsFit(a.rows, Math.max(a.columns, b.columns), capabilities);
}

/** True if `later` needs something outside both groups that needs `earlier`. */
function leavesAndReturns(earlier: Group, later: Group, groupOf: Map<Node, Group>, needs: NeedsOf): boolean {
  const inside = (n: Node | null) => {
    const group = n && groupOf.get(n);
    return group === earlier || group === later;
  };
  return later.nodes.some((node) =>
    node.inputs.some((input) => needs.has(input, earlier.bit) && !inside(input) && !inside(rowBehind(input))),
  );
}

function merge(into: Group, from: Group, groupOf: Map<Node, Group>): void {
  into.rowwise = into.rowwise || from.rowwise || into.columns !== from.columns;
  into.columns = Math.max(into.columns, from.columns);
  for (const node of from.nodes) {
    into.nodes.push(node);
    groupOf.set(node, into);
  }
}
