// How flash nodes become attention steps: their operands as they lie, their forms as expressions over tiles.

import type { Node } from "../graph/node.js";
import type { AttentionGradientStep, AttentionStep, KeyBound, Operand, TileBody } from "../program/program.js";
import { Emitter } from "./emit.js";
import { type Form, holeInput, type Wanted } from "./form.js";
import type { KernelContext } from "./kernel-context.js";

/** Flops of one score: its product and what it adds to the result; about half of that where a bound hides about half of the keys. */
function flopsOf({ shape, bounds }: Form, perScore: number): number {
  const scores = shape.reduce((p, n) => p * n, 1);
  return scores * perScore * (bounds.some((b) => b.slope === 1) && shape.at(-2) === shape.at(-1) ? 0.5 : 1);
}

function common(node: Node, form: Form, context: KernelContext) {
  const operand = (i: number) => context.operand(node.inputs[i]);
  const tile = (graph: Node | null): TileBody | null => graph && emitTile(graph, form, operand);
  const [query, key, value] = [0, 1, 2].map(operand);
  const [q, , v] = node.inputs;
  const bounds = form.bounds.map((b): KeyBound => ({ ...b, at: b.at === null ? null : operand(b.at) }));
  const bodies = { mask: tile(form.mask), score: tile(form.score), factor: tile(form.factor) };
  return {
    operand,
    tile,
    parts: {
      shape: form.shape,
      d: q.shape[q.shape.length - 1],
      e: v.shape[v.shape.length - 1],
      scale: form.scale,
      query,
      key,
      value,
      bounds,
      ...bodies,
    },
  };
}

function emitTile(graph: Node, form: Form, operand: (input: number) => Operand): TileBody {
  const locate = (node: Node): Operand => {
    const input = holeInput(node) as number;
    if (input < 0) return { buffer: input, offset: 0, dtype: "f32", strides: node.shape.map(() => 0) };
    return operand(input);
  };
  const isHole = (node: Node) => holeInput(node) !== null;
  return new Emitter(form.shape, isHole, locate, new Set(), true).tile(graph);
}

export function lowerAttention(node: Node<"flashAttention">, context: KernelContext): void {
  const form = node.params.form as Form;
  const { operand, parts } = common(node, form, context);
  const step: AttentionStep = {
    kind: "attention",
    label: "attention",
    flops: flopsOf(form, 2 * (parts.d + parts.e)),
    ...parts,
    sink: form.sink === null ? null : operand(form.sink),
    output: context.result(node),
    logsumexp: context.part(node, 1),
  };
  context.emit(step);
}

export function lowerAttentionGradient(node: Node<"flashAttentionGradient">, context: KernelContext): void {
  const form = node.params.form as Form;
  const { operand, tile, parts } = common(node, form, context);
  const result = (wanted: Wanted): Operand | null => {
    const at = form.wanted.indexOf(wanted);
    return at < 0 ? null : at === 0 ? context.result(node) : context.part(node, at);
  };
  const step: AttentionGradientStep = {
    kind: "attentionGradient",
    label: "attentionGradient",
    flops: flopsOf(form, 2 * (3 * parts.d + 2 * parts.e)),
    ...parts,
    slope: tile(form.slope),
    logsumexp: operand(3),
    outputGradient: operand(4),
    delta: operand(5),
    queryGradient: result("query"),
    keyGradient: result("key"),
    valueGradient: result("value"),
    scoreGradient: result("score"),
  };
  context.emit(step);
}
