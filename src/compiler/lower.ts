// From planned units to a program: every stored node gets a buffer and strides, every unit one step (a few need a fill or a copy before
// it). Results are written where they are wanted: into the slice of a cat, the layout of a later reshape, the output, or in place.

import type { DType } from "../base/dtype.js";
import {
  contiguousView,
  expandView,
  permuteView,
  reshapeView,
  type Shape,
  sizeOf,
  sliceView,
  type View,
  windowsView,
} from "../base/shape.js";
import { constant } from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { Capabilities, Grid, Operand, Step } from "../program/program.js";
import type { Plan, Unit } from "./elementwise.js";
import { Emitter } from "./emit.js";
import { gridOf } from "./grid.js";
import { beneathViews, inPlace, type Write } from "./in-place.js";
import type { KernelContext } from "./kernel-context.js";
import { KERNEL_LOWERINGS, type KernelOp } from "./kernels.js";

/** A buffer before memory is planned. */
export interface DraftBuffer {
  readonly role: "input" | "output" | "state" | "temporary";
  readonly dtype: DType;
  readonly size: number;
}

export interface Draft {
  readonly buffers: DraftBuffer[];
  readonly steps: Step[];
  /** Buffers of the leaves, in order of first need, and of the outputs, in order of the request. */
  readonly leaves: readonly { readonly node: Node; readonly buffer: number }[];
  readonly outputs: readonly number[];
}

export interface Request {
  readonly outputs: readonly Node[];
  readonly writes: readonly Write[];
}

interface Place {
  readonly buffer: number;
  readonly view: View;
}

const OP_NAMES_IN_LABEL = 4;

export function lower(request: Request, plan: Plan, capabilities: Capabilities): Draft {
  const buffers: DraftBuffer[] = [];
  const steps: Step[] = [];
  const leaves: { node: Node; buffer: number }[] = [];
  const places = new Map<Node, Place>();
  const newBuffer = (role: DraftBuffer["role"], dtype: DType, shape: Shape) =>
    buffers.push({ role, dtype, size: sizeOf(shape) }) - 1;
  const parts = new Map(plan.units.flatMap((u) => (u.kind === "kernel" ? [[u.node, u.parts]] : [])));
  const isStored = (n: Node) => plan.stored.has(n);

  const written = new Set(request.writes.map((w) => w.leaf));
  for (const node of plan.order) {
    if (node.op === "leaf") addLeaf(node);
  }
  for (const { leaf } of request.writes) addLeaf(leaf);
  const context: KernelContext = {
    operand,
    matrix,
    result: (node) => toOperand(destination(node), node.dtype),
    part: (node, index) => {
      const found = parts.get(node)?.find((n) => (n as Node<"part">).params.index === index);
      return found ? toOperand(destination(found), found.dtype) : null;
    },
    copy: (node, to, label) =>
      copy(
        node,
        { buffer: to.buffer, view: { shape: node.shape, strides: to.strides, offset: to.offset } },
        to.dtype,
        label,
      ),
    placed: (node, to) => {
      let base = node;
      while (!places.has(base) && familyOf(base) === "view") [base] = base.inputs;
      if (places.get(base)?.buffer !== to.buffer) return false;
      const { offset, strides } = operand(node);
      return offset === to.offset && strides.every((s, i) => s === to.strides[i] || node.shape[i] === 1);
    },
    emit: (step) => steps.push(step),
  };
  const outputs = request.outputs.map((node) => newBuffer("output", node.dtype, node.shape));
  const settled = placeOutputs();
  placeCats();
  placeReshapes();
  for (const unit of plan.units) lowerUnit(unit);
  request.outputs.forEach((node, i) => {
    if (!settled.outputs.has(i))
      copy(node, { buffer: outputs[i], view: contiguousView(node.shape) }, node.dtype, "output");
  });
  const late = request.writes.filter((_, i) => !settled.writes.has(i));
  // New values of several leaves may read each other's old ones: all are computed before any is written.
  const homes = late.map(({ leaf }) => (places.get(leaf) as Place).buffer);
  for (const { value } of late) if (!isStored(value) || written.has(beneathViews(value))) stash(value);
  late.forEach(({ leaf, value }, i) =>
    copy(value, { buffer: homes[i], view: contiguousView(leaf.shape) }, leaf.dtype, "write"),
  );
  return { buffers, steps, leaves, outputs };

  function addLeaf(node: Node): void {
    if (places.has(node)) return;
    const buffer = newBuffer(written.has(node) ? "state" : "input", node.dtype, node.shape);
    leaves.push({ node, buffer });
    places.set(node, { buffer, view: contiguousView(node.shape) });
  }

  function stash(node: Node): void {
    const place = { buffer: newBuffer("temporary", node.dtype, node.shape), view: contiguousView(node.shape) };
    copy(node, place, node.dtype, "copy");
    places.set(node, place);
  }

  // --- where results go

  /** Tries to have `node` computed right into `place`; false where it is not this program's to place, or placed already. */
  function settle(node: Node, place: Place): boolean {
    if (places.has(node) || buffers[place.buffer].dtype !== node.dtype) return false;
    if (familyOf(node) === "view") {
      if (plan.stored.has(node)) return false;
      const [x] = node.inputs;
      if (node.op === "permute") {
        const { dims } = (node as Node<"permute">).params;
        return settle(x, {
          buffer: place.buffer,
          view: permuteView(
            place.view,
            dims.map((_, i) => dims.indexOf(i)),
          ),
        });
      }
      const view = node.op === "reshape" ? reshapeView(place.view, x.shape) : null;
      return view !== null && settle(x, { buffer: place.buffer, view });
    }
    if (!isStored(node) || node.op === "leaf") return false;
    places.set(node, place);
    return true;
  }

  function placeOutputs(): { outputs: Set<number>; writes: Set<number> } {
    const done = { outputs: new Set<number>(), writes: new Set<number>() };
    const mayOverwrite = inPlace(plan, request.writes, request.outputs);
    request.writes.forEach(({ leaf, value }, i) => {
      if (
        value.dtype === leaf.dtype &&
        !places.has(value) &&
        mayOverwrite({ leaf, value }) &&
        settle(value, places.get(leaf) as Place)
      )
        done.writes.add(i);
    });
    request.outputs.forEach((node, i) => {
      if (settle(node, { buffer: outputs[i], view: contiguousView(node.shape) })) done.outputs.add(i);
    });
    return done;
  }

  function placeCats(): void {
    for (const node of [...plan.order].reverse()) {
      if (node.op !== "cat" || !isStored(node)) continue;
      const whole = destination(node);
      for (const [part, place] of catSlices(node as Node<"cat">, whole)) settle(part, place);
    }
  }

  function* catSlices(node: Node<"cat">, whole: Place): Generator<[Node, Place]> {
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
  function placeReshapes(): void {
    for (const node of plan.order) {
      if (node.op !== "reshape" || isStored(node)) continue;
      const assumed = assumedView(node.inputs[0]);
      if (!assumed || reshapeView(assumed, node.shape)) continue;
      const base = baseThroughPermutes(node.inputs[0]);
      if (!base || places.has(base) || !isStored(base) || base.op === "leaf") continue;
      const [x] = node.inputs;
      settle(x, { buffer: newBuffer("temporary", x.dtype, x.shape), view: contiguousView(x.shape) });
    }
  }

  function baseThroughPermutes(node: Node): Node | null {
    let n = node;
    while (n.op === "permute" || n.op === "reshape") n = n.inputs[0];
    return familyOf(n) === "view" ? null : n;
  }

  function assumedView(node: Node): View | null {
    if (isStored(node)) return places.get(node)?.view ?? contiguousView(node.shape);
    if (familyOf(node) !== "view") return null;
    const inner = assumedView(node.inputs[0]);
    return inner && applyView(node, inner);
  }

  function destination(node: Node): Place {
    const known = places.get(node);
    if (known) return known;
    const place = { buffer: newBuffer("temporary", node.dtype, node.shape), view: contiguousView(node.shape) };
    places.set(node, place);
    return place;
  }

  // --- where operands lie

  function locate(node: Node): Place {
    const known = places.get(node);
    if (known) return known;
    if (familyOf(node) !== "view") throw new Error(`lower: ${node.op} is read before it is stored`);
    const inner = locate(node.inputs[0]);
    const view = applyView(node, inner.view);
    if (view) {
      const place = { buffer: inner.buffer, view };
      places.set(node, place);
      return place;
    }
    // The layout does not allow this reshape: copy, once.
    const [x] = node.inputs;
    const place = { buffer: newBuffer("temporary", x.dtype, x.shape), view: contiguousView(x.shape) };
    copy(x, place, x.dtype, "copy");
    const reshaped = { buffer: place.buffer, view: contiguousView(node.shape) };
    places.set(node, reshaped);
    return reshaped;
  }

  function operand(node: Node): Operand {
    return toOperand(locate(node), node.dtype);
  }

  /** A reshape that would need a copy, as a copy of windows would be, where each of its last two axes can be walked instead. */
  function matrix(node: Node): { operand: Operand; grid?: Grid } {
    const unmade = capabilities.matmulGrid && node.op === "reshape" && !places.has(node) && !isStored(node);
    const found = unmade ? gridOf(locate(node.inputs[0]).view, node.shape) : null;
    if (!found) return { operand: operand(node) };
    const { buffer } = locate(node.inputs[0]);
    return { operand: toOperand({ buffer, view: found.view }, node.dtype), grid: found.grid };
  }

  // --- steps

  function copy(node: Node, to: Place, dtype: DType, label: string): void {
    // A constant is made on the spot: where another step reads the same one from memory, that may not be filled yet.
    const emitter = new Emitter(node.shape, (n) => n.op !== "constant" && isStored(n), operand);
    emitter.store(node, toOperand(to, dtype));
    const { shape, rowwise, inputs, outputs: written, body } = emitter.finish();
    steps.push({ kind: "elementwise", label, flops: 0, shape, rowwise, inputs, outputs: written, body });
  }

  function lowerUnit(unit: Unit): void {
    if (unit.kind === "fused") lowerFused(unit.roots, unit.shape);
    else if (unit.kind === "reduce") lowerReduce(unit.node);
    else KERNEL_LOWERINGS[unit.node.op as KernelOp](unit.node as never, context);
  }

  function lowerFused(roots: readonly Node[], shape: Shape): void {
    const emitter = new Emitter(shape, isStored, operand, new Set(roots));
    const states = new Set(roots.filter((r) => buffers[destination(r).buffer].role === "state"));
    // What overwrites its own input is stored last, after everything has been read.
    for (const root of roots) if (!states.has(root)) emitter.store(root, aligned(root, shape));
    for (const root of states) emitter.value(root);
    for (const root of states) emitter.store(root, aligned(root, shape));
    const body = emitter.finish();
    const label = labelOf(roots, isStored);
    steps.push({
      kind: "elementwise",
      label,
      flops: emitter.arithmetic * sizeOf(shape),
      shape: body.shape,
      rowwise: body.rowwise,
      inputs: body.inputs,
      outputs: body.outputs,
      body: body.body,
    });
  }

  /** The destination as an operand over the domain: a row value has stride 0 along the columns. */
  function aligned(root: Node, domain: Shape): Operand {
    const o = toOperand(destination(root), root.dtype);
    return { ...o, strides: domain.map((n, i) => (n !== 1 && root.shape[i] === 1 ? 0 : o.strides[i])) };
  }

  function lowerReduce(node: Node<"sum" | "max" | "min">): void {
    const [x] = node.inputs;
    if (sizeOf(x.shape) === 0) {
      copy(constant(0, node.shape, node.dtype), destination(node), node.dtype, "fill");
      return;
    }
    const emitter = new Emitter(x.shape, isStored, operand);
    const result = emitter.value(x);
    const reduced = x.shape.map((_, i) => node.params.dims.includes(i));
    const target = toOperand(destination(node), node.dtype);
    const draft = emitter.finish({
      reduced,
      result,
      output: { ...target, strides: target.strides.map((s, i) => (reduced[i] ? 0 : s)) },
    });
    steps.push({
      kind: "reduce",
      label: labelOf([node], isStored),
      flops: (emitter.arithmetic + 1) * sizeOf(x.shape),
      shape: draft.shape,
      reduced: draft.reduced,
      reduce: node.op,
      inputs: draft.inputs,
      output: draft.outputs[0],
      body: draft.body,
      result: draft.result,
    });
  }
}

export function toOperand(place: Place, dtype: DType): Operand {
  return { buffer: place.buffer, offset: place.view.offset, dtype, strides: place.view.strides };
}

function applyView(node: Node, inner: View): View | null {
  switch (node.op) {
    case "reshape":
      return reshapeView(inner, node.shape);
    case "permute":
      return permuteView(inner, (node as Node<"permute">).params.dims);
    case "expand":
      return expandView(inner, node.shape);
    case "windows": {
      const { dim, size, step, dilation } = (node as Node<"windows">).params;
      return windowsView(inner, dim, size, step, dilation);
    }
    default: {
      const { starts, steps } = (node as Node<"slice">).params;
      return sliceView(inner, starts, node.shape, steps);
    }
  }
}

/** The ops a step performs, in the order they were written, for explain. */
function labelOf(roots: readonly Node[], isStored: (n: Node) => boolean): string {
  const own = new Set(roots);
  const names: string[] = [];
  const order = topological(roots, (n) => familyOf(n) === "leaf" || (isStored(n) && !own.has(n)));
  for (const node of order) {
    const computed = familyOf(node) === "scalar" || familyOf(node) === "reduce" || familyOf(node) === "random";
    if (computed && !(isStored(node) && !own.has(node)) && !names.includes(node.op)) names.push(node.op);
  }
  const extra = names.length > OP_NAMES_IN_LABEL ? ` +${names.length - OP_NAMES_IN_LABEL}` : "";
  return names.length === 0 ? "fill" : names.slice(0, OP_NAMES_IN_LABEL).join(" ") + extra;
}
