// How flash nodes become attention steps: their operands as they lie, their forms as expressions over tiles.

import type { Node } from "../graph/node.js";
import type { AttentionGradientStep, AttentionStep, KeyBound, Operand, TileBody } from "../program/program.js";
import { Emitter } from "./emit.js";
import { type Form, holeInput, type Wanted } from "./form.js";
import type { KernelContext } from "./kernel-context.js";

/** Flops of the scores that the bounds leave; a bound that is known only when the program runs counts for nothing. */
function flopsOf({ shape, bounds }: Form, perScore: number): number {
  const [T, S] = shape.slice(-2);
  const known = bounds.filter((b) => b.at === null);
  let seen = 0;
  for (let t = 0; t < T; t++) {
    let [from, until] = [0, S - 1];
    for (const { side, slope, constant } of known) {
      const limit = slope * t + constant;
      if (side === "upper") until = Math.min(until, limit);
      else from = Math.max(from, limit);
    }
    seen += Math.max(0, until - from + 1);
  }
  return shape.slice(0, -2).reduce((p, n) => p * n, 1) * seen * perScore;
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
