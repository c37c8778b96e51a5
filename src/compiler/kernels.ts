// How each op that has a kernel of its own becomes a step: axes are collapsed, the axis worked on comes last.

import { collapse, type Shape, sizeOf, sliceView } from "../base/shape.js";
import { constant } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import type { OpOf } from "../graph/ops.js";
import type { Operand } from "../program/program.js";
import type { KernelContext } from "./kernel-context.js";
import { lowerAttention, lowerAttentionGradient } from "./lower-attention.js";
import { lowerRecurrent, lowerRecurrentGradient } from "./lower-recurrent.js";

export type KernelOp = OpOf<"kernel">;

const moveLast = (list: readonly number[], dim: number): number[] => [...list.filter((_, i) => i !== dim), list[dim]];

export const KERNEL_LOWERINGS: { readonly [O in KernelOp]: (node: Node<O>, context: KernelContext) => void } = {
  matmul(node, context) {
    const [x, y] = node.inputs;
    const rank = node.shape.length;
    const { operand, grid } = context.matrix(y);
    const [a, b, c] = [context.operand(x), operand, context.result(node)];
    const m = node.shape[rank - 2];
    const n = node.shape[rank - 1];
    const k = x.shape[rank - 1];
    const batchAxes = node.shape.slice(0, -2);
    const merged = collapse(
      batchAxes,
      [a, b, c].map((o) => o.strides.slice(0, -2)),
    );
    const single = merged.shape.length === 1 && merged.shape[0] === 1;
    const matrix = (o: Operand, i: number): Operand => ({
      ...o,
      strides: [...(single ? [] : merged.strides[i]), ...o.strides.slice(-2)],
    });
    context.emit({
      kind: "matmul",
      label: "matmul",
      flops: 2 * sizeOf(node.shape) * k,
      batch: single ? [] : merged.shape,
      m,
      n,
      k,
      a: matrix(a, 0),
      b: matrix(b, 1),
      c: matrix(c, 2),
      ...(grid ? { grid } : {}),
    });
  },

  flashAttention: lowerAttention,
  flashAttentionGradient: lowerAttentionGradient,
  recurrent: lowerRecurrent,
  recurrentGradient: lowerRecurrentGradient,

  gather(node, context) {
    const [x, index] = node.inputs;
    const { dim } = node.params;
    const source = context.operand(x);
    const without = { ...source, strides: source.strides.map((s, i) => (i === dim ? 0 : s)) };
    const operands = [without, context.operand(index), context.result(node)];
    const merged = collapse(
      node.shape,
      operands.map((o) => o.strides),
    );
    const [from, at, to] = operands.map((o, i) => ({ ...o, strides: merged.strides[i] }));
    context.emit({
      kind: "gather",
      label: "gather",
      flops: 0,
      shape: merged.shape,
      source: from,
      axisStride: source.strides[dim],
      axisSize: x.shape[dim],
      index: at,
      output: to,
    });
  },

  scatterAdd: (node, context) => lowerScatter(node, context, true),
  scatter: (node, context) => lowerScatter(node, context, false),

  cumsum(node, context) {
    const { dim } = node.params;
    const operands = [context.operand(node.inputs[0]), context.result(node)].map((o) => ({
      ...o,
      strides: moveLast(o.strides, dim),
    }));
    const merged = collapse(
      moveLast(node.shape, dim),
      operands.map((o) => o.strides),
      1,
    );
    const [input, output] = operands.map((o, i) => ({ ...o, strides: merged.strides[i] }));
    context.emit({ kind: "cumsum", label: "cumsum", flops: sizeOf(node.shape), shape: merged.shape, input, output });
  },

  argsort(node, context) {
    const [x] = node.inputs;
    const operands = [context.operand(x), context.result(node)];
    const merged = collapse(
      x.shape,
      operands.map((o) => o.strides),
      1,
    );
    const [input, output] = operands.map((o, i) => ({ ...o, strides: merged.strides[i] }));
    context.emit({
      kind: "argsort",
      label: "argsort",
      flops: 0,
      shape: merged.shape,
      descending: node.params.descending,
      count: node.params.count,
      input,
      output,
    });
  },

  // Parts that could be computed in their place are there already.
  cat(node, context) {
    const { dim } = node.params;
    const whole = context.result(node);
    let start = 0;
    for (const part of node.inputs) {
      const starts = node.shape.map((_, i) => (i === dim ? start : 0));
      const view = sliceView(
        { shape: node.shape, strides: whole.strides, offset: whole.offset },
        starts,
        part.shape,
        starts.map(() => 1),
      );
      const to = { ...whole, strides: view.strides, offset: view.offset };
      if (!context.placed(part, to)) context.copy(part, to, "cat");
      start += part.shape[dim];
    }
  },

  place(node, context) {
    const [x] = node.inputs;
    const { starts, steps, value } = node.params;
    const whole = context.result(node);
    const part = (from: readonly number[], sizes: Shape, by: readonly number[]): Operand => {
      const view = sliceView({ shape: node.shape, strides: whole.strides, offset: whole.offset }, from, sizes, by);
      return { ...whole, strides: view.strides, offset: view.offset };
    };
    const fill = (from: readonly number[], sizes: Shape) => {
      const filler = constant(value, sizes, node.dtype);
      if (sizeOf(sizes) > 0)
        context.copy(
          filler,
          part(
            from,
            sizes,
            sizes.map(() => 1),
          ),
          "fill",
        );
    };
    const zeros = starts.map(() => 0);
    const solid = steps.every((s, i) => s === 1 || x.shape[i] === 1) && 2 * sizeOf(x.shape) > sizeOf(node.shape);
    if (!solid) fill(zeros, node.shape);
    else {
      // What lies around it: on each axis before and behind, within x on the axes before, over all on those that follow.
      node.shape.forEach((n, d) => {
        const end = starts[d] + x.shape[d];
        const from = (at: number) => starts.map((s, i) => (i < d ? s : i === d ? at : 0));
        const sizes = (length: number) => node.shape.map((all, i) => (i < d ? x.shape[i] : i === d ? length : all));
        fill(from(0), sizes(starts[d]));
        fill(from(end), sizes(n - end));
      });
    }
    if (sizeOf(x.shape) > 0) context.copy(x, part(starts, x.shape, steps), "place");
  },
};

function lowerScatter(node: Node<"scatterAdd"> | Node<"scatter">, context: KernelContext, adds: boolean): void {
  const [base, index, updates] = node.inputs;
  const { dim } = node.params;
  const result = context.result(node);
  if (!context.placed(base, result)) context.copy(base, result, "copy");
  const marker = index.shape.map((_, i) => (i === dim ? 1 : 0));
  const output = { ...result, strides: result.strides.map((s, i) => (i === dim ? 0 : s)) };
  const operands = [output, context.operand(index), context.operand(updates)];
  const merged = collapse(index.shape, [...operands.map((o) => o.strides), marker]);
  const [to, at, from] = operands.map((o, i) => ({ ...o, strides: merged.strides[i] }));
  // An axis of size 1 is dropped by collapse; then any axis of size 1 serves, and there is one by adding it in front.
  const axis = merged.strides[3].indexOf(1);
  const pad = axis < 0;
  const widen = (o: Operand): Operand => (pad ? { ...o, strides: [0, ...o.strides] } : o);
  context.emit({
    kind: "scatter",
    label: node.op,
    adds,
    flops: adds ? sizeOf(index.shape) : 0,
    shape: pad ? [1, ...merged.shape] : merged.shape,
    axis: pad ? 0 : axis,
    output: widen(to),
    axisStride: result.strides[dim],
    axisSize: node.shape[dim],
    index: widen(at),
    updates: widen(from),
  });
}
