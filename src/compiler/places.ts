// Where numbers lie: every stored node gets a buffer and strides. Results are placed where they are wanted: in the output, over what they
// replace, in the slice of a cat, in the layout of a later reshape; views are other strides, or one copy where there are none.

import type { DType } from "../base/dtype.js";
import { contiguousView, permuteView, reshapeView, type Shape, sizeOf, sliceView, type View } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { viewThrough } from "../graph/views.js";
import type { Capabilities, Grid, Operand } from "../program/program.js";
import type { DraftBuffer, Request } from "./draft.js";
import type { Plan } from "./elementwise.js";
import { gridOf } from "./grid.js";
import { inPlace } from "./in-place.js";

export interface Place {
  readonly buffer: number;
  readonly view: View;
}

/** A step that computes or copies the node to a place. */
type Copy = (node: Node, to: Place, dtype: DType, label: string) => void;

export class Places {
  readonly buffers: DraftBuffer[] = [];
  /** In order of first need. */
  readonly leaves: { readonly node: Node; readonly buffer: number }[] = [];
  /** Of the request's outputs, in order. */
  readonly outputs: readonly number[];
  /** The outputs and writes, by number, that are computed where they belong. */
  readonly settled: { readonly outputs: ReadonlySet<number>; readonly writes: ReadonlySet<number> };
  private readonly places = new Map<Node, Place>();

  constructor(
    private readonly request: Request,
    private readonly plan: Plan,
    private readonly capabilities: Capabilities,
    private readonly copy: Copy,
  ) {
    const written = new Set(request.writes.map((w) => w.leaf));
    const leaves = plan.order.filter((n) => n.op === "leaf");
    for (const leaf of [...leaves, ...written]) this.addLeaf(leaf, written.has(leaf) ? "state" : "input");
    this.outputs = request.outputs.map((node) => this.newBuffer("output", node.dtype, node.shape));
    this.settled = this.placeOutputs();
    this.placeCats();
    this.placeReshapes();
  }

  isStored(node: Node): boolean {
    return this.plan.stored.has(node);
  }

  private newBuffer(role: DraftBuffer["role"], dtype: DType, shape: Shape): number {
    return this.buffers.push({ role, dtype, size: sizeOf(shape) }) - 1;
  }

  private addLeaf(node: Node, role: "state" | "input"): void {
    if (this.places.has(node)) return;
    const buffer = this.newBuffer(role, node.dtype, node.shape);
    this.leaves.push({ node, buffer });
    this.places.set(node, { buffer, view: contiguousView(node.shape) });
  }

  /** A temporary array of its own. */
  private temporary(node: Node): Place {
    return { buffer: this.newBuffer("temporary", node.dtype, node.shape), view: contiguousView(node.shape) };
  }

  // --- where results go

  /** Tries to have `node` computed right into `place`; false where it is not this program's to place, or placed already. */
  private settle(node: Node, place: Place): boolean {
    if (this.places.has(node) || this.buffers[place.buffer].dtype !== node.dtype) return false;
    if (familyOf(node) === "view") {
      if (this.isStored(node)) return false;
      const [x] = node.inputs;
      if (node.op === "permute") {
        const { dims } = (node as Node<"permute">).params;
        return this.settle(x, {
          buffer: place.buffer,
          view: permuteView(
            place.view,
            dims.map((_, i) => dims.indexOf(i)),
          ),
        });
      }
      const view = node.op === "reshape" ? reshapeView(place.view, x.shape) : null;
      return view !== null && this.settle(x, { buffer: place.buffer, view });
    }
    if (!this.isStored(node) || node.op === "leaf") return false;
    this.places.set(node, place);
    return true;
  }

  private placeOutputs(): { outputs: Set<number>; writes: Set<number> } {
    const done = { outputs: new Set<number>(), writes: new Set<number>() };
    const mayOverwrite = inPlace(this.plan, this.request.writes, this.request.outputs);
    this.request.writes.forEach(({ leaf, value }, i) => {
      if (
        value.dtype === leaf.dtype &&
        !this.places.has(value) &&
        mayOverwrite({ leaf, value }) &&
        this.settle(value, this.places.get(leaf) as Place)
      )
        done.writes.add(i);
    });
    this.request.outputs.forEach((node, i) => {
      if (this.settle(node, { buffer: this.outputs[i], view: contiguousView(node.shape) })) done.outputs.add(i);
    });
    return done;
  }

  private placeCats(): void {
    for (const node of [...this.plan.order].reverse()) {
      if (node.op !== "cat" || !this.isStored(node)) continue;
      const whole = this.destination(node);
      for (const [part, place] of this.catSlices(node as Node<"cat">, whole)) this.settle(part, place);
    }
  }

  private *catSlices(node: Node<"cat">, whole: Place): Generator<[Node, Place]> {
    const { dim } = node.params;
    let start = 0;
    for (const part of node.inputs) {
      const starts = node.shape.map((_, i) => (i === dim ? start : 0));
      yield [
        part,
        {
          buffer: whole.buffer,
          view: sliceView(
            whole.view,
            starts,
            part.shape,
            starts.map(() => 1),
          ),
        },
      ];
      start += part.shape[dim];
    }
  }

  /** A reshape of a permuted result would need a copy: let the result be written in the permuted order at once. */
  private placeReshapes(): void {
    for (const node of this.plan.order) {
      if (node.op !== "reshape" || this.isStored(node)) continue;
      const assumed = this.assumedView(node.inputs[0]);
      if (!assumed || reshapeView(assumed, node.shape)) continue;
      const base = baseThroughPermutes(node.inputs[0]);
      if (!base || this.places.has(base) || !this.isStored(base) || base.op === "leaf") continue;
      const [x] = node.inputs;
      this.settle(x, this.temporary(x));
    }
  }

  private assumedView(node: Node): View | null {
    if (this.isStored(node)) return this.places.get(node)?.view ?? contiguousView(node.shape);
    if (familyOf(node) !== "view") return null;
    const inner = this.assumedView(node.inputs[0]);
    return inner && viewThrough(node, inner);
  }

  /** Where the node's numbers go. */
  destination(node: Node): Place {
    const known = this.places.get(node);
    if (known) return known;
    const place = this.temporary(node);
    this.places.set(node, place);
    return place;
  }

  /** From here on the node is read from a copy of its own. */
  stash(node: Node): void {
    const place = this.temporary(node);
    this.copy(node, place, node.dtype, "copy");
    this.places.set(node, place);
  }

  // --- where operands lie

  private locate(node: Node): Place {
    const known = this.places.get(node);
    if (known) return known;
    if (familyOf(node) !== "view") throw new Error(`lower: ${node.op} is read before it is stored`);
    const inner = this.locate(node.inputs[0]);
    const view = viewThrough(node, inner.view);
    if (view) {
      const place = { buffer: inner.buffer, view };
      this.places.set(node, place);
      return place;
    }
    // The layout does not allow this reshape: copy, once.
    const [x] = node.inputs;
    const place = this.temporary(x);
    this.copy(x, place, x.dtype, "copy");
    const reshaped = { buffer: place.buffer, view: contiguousView(node.shape) };
    this.places.set(node, reshaped);
    return reshaped;
  }

  operand(node: Node): Operand {
    return toOperand(this.locate(node), node.dtype);
  }

  /** A reshape that would need a copy, as a copy of windows would be, where each of its last two axes can be walked instead. */
  matrix(node: Node): { operand: Operand; grid?: Grid } {
    const unmade =
      this.capabilities.matmulGrid && node.op === "reshape" && !this.places.has(node) && !this.isStored(node);
    const found = unmade ? gridOf(this.locate(node.inputs[0]).view, node.shape) : null;
    if (!found) return { operand: this.operand(node) };
    const { buffer } = this.locate(node.inputs[0]);
    return { operand: toOperand({ buffer, view: found.view }, node.dtype), grid: found.grid };
  }

  /** Whether the node was computed right there. */
  placed(node: Node, to: Operand): boolean {
    let base = node;
    while (!this.places.has(base) && familyOf(base) === "view") [base] = base.inputs;
    if (this.places.get(base)?.buffer !== to.buffer) return false;
    const { offset, strides } = this.operand(node);
    return offset === to.offset && strides.every((s, i) => s === to.strides[i] || node.shape[i] === 1);
  }
}

export function toOperand(place: Place, dtype: DType): Operand {
  return { buffer: place.buffer, offset: place.view.offset, dtype, strides: place.view.strides };
}

function baseThroughPermutes(node: Node): Node | null {
  let n = node;
  while (n.op === "permute" || n.op === "reshape") [n] = n.inputs;
  return familyOf(n) === "view" ? null : n;
}
