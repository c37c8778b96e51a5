// A recurrent layer of one direction as a function of tensors; what the layers of heed/nn are made of.

import type { RecurrentCell } from "../base/cell.js";
import * as graph from "../graph/recurrent.js";
import { Tensor } from "./tensor.js";

/** What a layer reads besides the input. */
export interface RecurrentState {
  /** [GH,H] */
  readonly weight: Tensor;
  /** [GH] */
  readonly bias?: Tensor | null;
  /** The initial state [B,H]; zeros unless given. */
  readonly hidden?: Tensor | null;
  /** The initial memory of an LSTM [B,H]. */
  readonly memory?: Tensor | null;
  /** How many steps each row has, i32 [B]. */
  readonly lengths?: Tensor | null;
  /** From the last time to the first. */
  readonly reverse?: boolean;
}

/** All states [T,B,H] of a layer, and all memories of an LSTM, from what the input adds to its gates at each time, [T,B,GH]. */
export function recurrent(
  cell: RecurrentCell,
  projected: Tensor,
  options: RecurrentState,
): { states: Tensor; memories: Tensor | null } {
  const { weight, bias = null, hidden = null, memory = null, lengths = null, reverse = false } = options;
  const node = (x: Tensor | null) => x?.node ?? null;
  const results = graph.recurrent(cell, reverse, {
    projected: projected.node,
    weight: weight.node,
    bias: node(bias),
    hidden: node(hidden),
    memory: node(memory),
    lengths: node(lengths),
  });
  const sources = [projected, weight, bias, hidden, memory].filter((x): x is Tensor => x !== null);
  const { states, memories } = results;
  return { states: Tensor.from(states, ...sources), memories: memories && Tensor.from(memories, ...sources) };
}
