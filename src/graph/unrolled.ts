// The recurrent cells' formulas in plain ops, and a recurrent node as the loop it stands for: its meaning. The compiler lowers by this text
// where an executor has no such kernel, where there is only one step, and where gradients of gradients are asked for.

import type { RecurrentCell } from "../base/cell.js";
import { add, cat, constant, matmul, mul, narrow, reshape, scalar, sub, transpose, where } from "./build.js";
import type { Node } from "./node.js";
import { MEMORIES, recurrentInputs, STATES } from "./recurrent.js";

/** A state [B,H], and the memory of an LSTM. */
export interface CellState {
  readonly hidden: Node;
  readonly memory: Node | null;
}

type Cell = (input: readonly Node[], state: readonly Node[], before: CellState) => CellState;

const sigmoid = (x: Node) => scalar("sigmoid", x);
const tanh = (x: Node) => scalar("tanh", x);

/** A step: what the input adds to each gate, what the state adds, and the state before. */
const STEPS: { readonly [C in RecurrentCell]: Cell } = {
  // h' = tanh(x + s)                                             (Elman 1990)
  tanh: ([x], [s]) => ({ hidden: tanh(add(x, s)), memory: null }),

  // h' = max(x + s, 0)
  relu: ([x], [s]) => ({ hidden: scalar("relu", add(x, s)), memory: null }),

  // c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c')              (Hochreiter and Schmidhuber 1997; Gers et al. 2000)
  lstm: (x, s, { memory }) => {
    const [i, f, g, o] = x.map((input, gate) => add(input, s[gate]));
    const next = add(mul(sigmoid(f), memory as Node), mul(sigmoid(i), tanh(g)));
    return { hidden: mul(sigmoid(o), tanh(next)), memory: next };
  },

  // r, z = σ(x + s),  n = tanh(x + r s),  h' = (1 - z) n + z h   (Cho et al. 2014, with the reset behind the product)
  gru: (x, s, { hidden }) => {
    const [r, z] = [0, 1].map((gate) => sigmoid(add(x[gate], s[gate])));
    const n = tanh(add(x[2], mul(r, s[2])));
    return { hidden: add(n, mul(z, sub(hidden, n))), memory: null };
  },
};

/** One step of a cell: the gates [B,GH] as the input and as the state has them. */
export function cellStep(cell: RecurrentCell, input: Node, state: Node, before: CellState): CellState {
  const H = before.hidden.shape[1];
  const split = (x: Node) => Array.from({ length: x.shape[1] / H }, (_, gate) => narrow(x, 1, gate * H, H));
  return STEPS[cell](split(input), split(state), before);
}

/** What the parts of a recurrent node are, by their numbers. */
export function unrolled(node: Node<"recurrent">): Map<number, Node> {
  const { cell, reverse } = node.params;
  const { projected, weight, bias, hidden, memory, lengths } = recurrentInputs(node);
  const [T, B, H] = node.shape;
  const zeros = constant(0, [B, H], "f32");
  const turned = transpose(weight);
  let state: CellState = { hidden: hidden ?? zeros, memory: cell === "lstm" ? (memory ?? zeros) : null };
  const states: CellState[] = [];
  for (let s = 0; s < T; s++) {
    const t = reverse ? T - 1 - s : s;
    const input = reshape(narrow(projected, 0, t, 1), projected.shape.slice(1)); // [B,GH]
    const product = matmul(state.hidden, turned);
    const next = cellStep(cell, input, bias ? add(product, bias) : product, state);
    state = lengths ? unlessEnded(t, lengths, next, state) : next;
    states[t] = state;
  }
  const row = (x: Node) => reshape(x, [1, B, H]);
  const all = (of: (state: CellState) => Node) =>
    cat(
      states.map((each) => row(of(each))),
      0,
    );
  const parts = new Map([[STATES, all((each) => each.hidden)]]);
  if (cell === "lstm")
    parts.set(
      MEMORIES,
      all((each) => each.memory as Node),
    );
  return parts;
}

/** The state where the row has not ended by time t, else the one before. */
function unlessEnded(t: number, lengths: Node, next: CellState, before: CellState): CellState {
  const going = reshape(scalar("lt", constant(t, [], "i32"), lengths), [lengths.shape[0], 1]);
  const { memory } = next;
  return {
    hidden: where(going, next.hidden, before.hidden),
    memory: memory && where(going, memory, before.memory as Node),
  };
}
