// From planned units to a program: every unit becomes one step (a few need a fill or a copy before it); places.ts says where numbers lie.

import type { DType } from "../base/dtype.js";
import { contiguousView, type Shape, sizeOf } from "../base/shape.js";
import { constant } from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { Capabilities, Operand, Step } from "../program/program.js";
import type { Draft, Request } from "./draft.js";
import type { Plan, Unit } from "./elementwise.js";
import { Emitter } from "./emit.js";
import { beneathViews } from "./in-place.js";
import type { KernelContext } from "./kernel-context.js";
import { KERNEL_LOWERINGS, type KernelOp } from "./kernels.js";
import { type Place, Places, toOperand } from "./places.js";

const OP_NAMES_IN_LABEL = 4;

export function lower(request: Request, plan: Plan, capabilities: Capabilities): Draft {
  const steps: Step[] = [];
  const places: Places = new Places(request, plan, capabilities, copy);
  const isStored = (node: Node) => places.isStored(node);
  const operand = (node: Node) => places.operand(node);
  const destination = (node: Node) => places.destination(node);
  const parts = new Map(plan.units.flatMap((u) => (u.kind === "kernel" ? [[u.node, u.parts]] : [])));
  const context: KernelContext = {
    operand,
    matrix: (node) => places.matrix(node),
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
    placed: (node, to) => places.placed(node, to),
    emit: (step) => steps.push(step),
  };
  for (const unit of plan.units) lowerUnit(unit);
  copyRest();
  return { buffers: places.buffers, steps, leaves: places.leaves, outputs: places.outputs };

  /** Outputs and new values of leaves that no unit computed where they belong. */
  function copyRest(): void {
    request.outputs.forEach((node, i) => {
      if (places.settled.outputs.has(i)) return;
      copy(node, { buffer: places.outputs[i], view: contiguousView(node.shape) }, node.dtype, "output");
    });
    const written = new Set(request.writes.map((w) => w.leaf));
    const late = request.writes.filter((_, i) => !places.settled.writes.has(i));
    // New values of several leaves may read each other's old ones: all are computed before any is written.
    const homes = late.map(({ leaf }) => destination(leaf).buffer);
    for (const { value } of late) if (!isStored(value) || written.has(beneathViews(value))) places.stash(value);
    late.forEach(({ leaf, value }, i) =>
      copy(value, { buffer: homes[i], view: contiguousView(leaf.shape) }, leaf.dtype, "write"),
    );
  }

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
    const states = new Set(roots.filter((r) => places.buffers[destination(r).buffer].role === "state"));
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
