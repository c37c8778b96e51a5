// Recurrent layers: the loop over time as one node, and its gradient as another. Both have their results as parts alone: a part may be
// finished before others are asked for, and the node itself is never a result. What the loop means step by step is in unrolled.ts.
//
// The state of a row that has ended (t >= its length) stays as it is, so the last state is the one at the row's own end; read in reverse, a
// row stays in its initial state until its own end comes.

import { CELLS, type RecurrentCell } from "../base/cell.js";
import { fail } from "../base/errors.js";
import { describe, type Shape, sameShape } from "../base/shape.js";
import { part } from "./attention.js";
import { cast } from "./build.js";
import { makeNode, type Node } from "./node.js";

/** Results of a recurrent node: [T,B,H], [T,B,H] of an LSTM, and what the gradient needs again, [T,B,4H]. */
export const STATES = 1;
export const MEMORIES = 2;
export const KEPT = 3;

/** Results of its gradient: of what the input adds to the gates, and what the state adds, [T,B,GH]; of the initial state, [B,H]. */
export const PROJECTED_GRADIENT = 1;
export const SUMS_GRADIENT = 2;
export const HIDDEN_GRADIENT = 3;
export const MEMORY_GRADIENT = 4;

/** What every step of a layer reads. */
export interface RecurrentInputs {
  /** W x + b for all time steps, [T,B,GH]. */
  readonly projected: Node;
  /** [GH,H] */
  readonly weight: Node;
  /** What the state adds besides, [GH]. */
  readonly bias: Node | null;
  /** The initial state [B,H], zeros without one. */
  readonly hidden: Node | null;
  /** The initial memory of an LSTM [B,H]; there is one where there is an initial state. */
  readonly memory: Node | null;
  /** How many steps each row has, i32 [B]; all T without. */
  readonly lengths: Node | null;
}

/**
 * h[t] = cell(projected[t], weight h[t-1] + bias), in f32: every state [T,B,H], and every memory of an LSTM.
 * @throws HeedError where the inputs do not fit projected [T,B,GH]
 */
export function recurrent(
  cell: RecurrentCell,
  reverse: boolean,
  inputs: RecurrentInputs,
): { states: Node; memories: Node | null } {
  const { projected, weight, lengths } = inputs;
  const [T, B, width] = projected.shape;
  const H = width / CELLS[cell].gates;
  const wanted = { weight: [width, H], bias: [width], hidden: [B, H], memory: [B, H] };
  if (projected.shape.length !== 3 || !Number.isInteger(H))
    fail(cell, `gates [T,B,${CELLS[cell].gates}H] of the input`, describe(projected));
  for (const [name, shape] of Object.entries(wanted)) {
    const input = inputs[name as keyof typeof wanted];
    if (input && !sameShape(input.shape, shape)) fail(cell, `${name} [${shape}]`, describe(input));
  }
  if (lengths && (lengths.dtype !== "i32" || !sameShape(lengths.shape, [B])))
    fail(cell, `lengths i32[${B}]`, describe(lengths));
  const initial = inputs.hidden !== null;
  if (cell === "lstm" && initial !== (inputs.memory !== null)) fail(cell, "both states or none", "one of them");
  const floats = [projected, weight, inputs.bias, inputs.hidden, inputs.memory];
  const given = floats.filter((n): n is Node => n !== null).map((n) => cast(n, "f32"));
  const params = { cell, reverse, bias: inputs.bias !== null, initial, lengths: lengths !== null };
  const shape = [T, B, H];
  const node = makeNode("recurrent", lengths ? [...given, lengths] : given, params, shape, "f32");
  const { dtype } = projected;
  const result = (index: number) => cast(part(node, index, shape, "f32"), dtype);
  return { states: result(STATES), memories: cell === "lstm" ? result(MEMORIES) : null };
}

/** The inputs of a recurrent node by name. */
export function recurrentInputs(node: Node<"recurrent">, inputs: readonly Node[] = node.inputs): RecurrentInputs {
  const { cell, bias, initial, lengths } = node.params;
  const left = [...inputs];
  const next = (there: boolean) => (there ? (left.shift() as Node) : null);
  const [projected, weight] = [next(true) as Node, next(true) as Node];
  const [b, hidden, memory] = [next(bias), next(initial), next(initial && cell === "lstm")];
  return { projected, weight, bias: b, hidden, memory, lengths: next(lengths) };
}

/** What the gradient's step reads besides weight, initial state and lengths of the layer. */
export interface RecurrentGradientInputs extends Omit<RecurrentInputs, "projected" | "bias"> {
  readonly states: Node; // [T,B,H]
  readonly memories: Node | null; // [T,B,H]
  readonly kept: Node | null; // [T,B,4H]
  /** Gradients of states and memories, where there are any. */
  readonly dstates: Node | null;
  readonly dmemories: Node | null;
}

/** The layer's loop backwards, from the gradients of its states and memories to the parts listed above. */
export function recurrentGradient(layer: Node<"recurrent">, dstates: Node | null, dmemories: Node | null): Node {
  const { cell, reverse, initial, lengths } = layer.params;
  const { weight, hidden, memory, lengths: ends } = recurrentInputs(layer);
  const [T, B, H] = layer.shape;
  const { gates, kept } = CELLS[cell];
  const result = (index: number, shape: Shape) => part(layer, index, shape, "f32");
  const saved = [
    result(STATES, layer.shape),
    cell === "lstm" ? result(MEMORIES, layer.shape) : null,
    kept > 0 ? result(KEPT, [T, B, kept * H]) : null,
  ];
  const all = [weight, hidden, memory, ends, ...saved, dstates, dmemories].filter((n): n is Node => n !== null);
  const params = { cell, reverse, initial, lengths, states: dstates !== null, memories: dmemories !== null };
  return makeNode("recurrentGradient", all, params, [T, B, gates * H], "f32");
}

/** The inputs of a gradient node by name. */
export function recurrentGradientInputs(node: Node<"recurrentGradient">): RecurrentGradientInputs {
  const { cell, initial, lengths, states, memories } = node.params;
  const left = [...node.inputs];
  const next = (there: boolean) => (there ? (left.shift() as Node) : null);
  const lstm = cell === "lstm";
  const weight = next(true) as Node;
  const [hidden, memory, ends] = [next(initial), next(initial && lstm), next(lengths)];
  const saved = { states: next(true) as Node, memories: next(lstm), kept: next(CELLS[cell].kept > 0) };
  return { weight, hidden, memory, lengths: ends, ...saved, dstates: next(states), dmemories: next(memories) };
}

/** One result of the gradient. */
export function gradientPart(gradient: Node<"recurrentGradient">, index: number): Node {
  const [T, B, width] = gradient.shape;
  const H = width / CELLS[gradient.params.cell].gates;
  const ofState = index === HIDDEN_GRADIENT || index === MEMORY_GRADIENT;
  return part(gradient, index, ofState ? [B, H] : [T, B, width], "f32");
}
