// PyTorch's recurrent modules. Layers, directions and lengths are in recurrent-layers.ts; single steps, with the formulas, in
// recurrent-cells.ts.

import { fail } from "../base/errors.js";
import { type OptionTable, oneOf } from "../base/options.js";
import { shown } from "../base/show.js";
import type { Tensor } from "../tensor/tensor.js";
import { RECURRENT, type RecurrentCall, RecurrentLayers, type RecurrentOptions } from "./recurrent-layers.js";

/** What an `RNN` is told beside its sizes. */
export interface RNNOptions extends RecurrentOptions {
  /** What the sums go through; "tanh". */
  readonly nonlinearity?: "tanh" | "relu";
}

const RNN_OPTIONS: OptionTable<RNNOptions> = { ...RECURRENT, nonlinearity: oneOf("tanh", "relu") };

/**
 * h' = tanh(W x + b + U h + d), layer upon layer, as torch.nn.RNN (Elman 1990).
 *
 * Input [T,B,I] gives the states of the last layer at all times, [T,B,D H], and the last states of all layers, [L D,B,H], where D is 2 if
 * `bidirectional`, else 1; with `batchFirst` [B,T,I] gives [B,T,D H]; without a batch [T,I] gives [T,D H] and [L D,H].
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError for sizes and layers that are not whole and at least 1, a dropout outside [0,1], another nonlinearity; when called, for
 * inputs, states and lengths of other shapes
 * @example
 * const [output, hidden] = new RNN(8, 16).forward(randn(5, 2, 8));   // T=5 B=2: f32[5,2,16], f32[1,2,16]
 */
export class RNN extends RecurrentLayers {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super(options?.nonlinearity === "relu" ? "relu" : "tanh", inputSize, hiddenSize, options, RNN_OPTIONS);
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }

  /** [output, last states]; the initial states are zeros unless given, [L D,B,H]. */
  forward(x: Tensor, hidden?: Tensor | null, options: RecurrentCall = {}): [output: Tensor, hidden: Tensor] {
    const final = this.run(x, hidden ?? null, null, options);
    return [final.output, final.hidden];
  }
}

/**
 * Gated recurrent units, layer upon layer, as torch.nn.GRU: the reset gate acts behind the product (Cho et al. 2014; formulas at `GRUCell`).
 *
 * Shapes are those of `RNN`; weights hold the gates r, z, n one after the other.
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError as RNN
 * @example
 * const gru = new GRU(8, 16, { numLayers: 2, bidirectional: true, batchFirst: true });
 * const [output, hidden] = gru.forward(randn(2, 5, 8), null, { lengths: [5, 3] });   // f32[2,5,32], f32[4,2,16]
 */
export class GRU extends RecurrentLayers {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super("gru", inputSize, hiddenSize, options);
  }

  /** [output, last states]; the initial states are zeros unless given, [L D,B,H]. */
  forward(x: Tensor, hidden?: Tensor | null, options: RecurrentCall = {}): [output: Tensor, hidden: Tensor] {
    const final = this.run(x, hidden ?? null, null, options);
    return [final.output, final.hidden];
  }
}

/**
 * Long short-term memory, layer upon layer, as torch.nn.LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000;
 * formulas at `LSTMCell`).
 *
 * Shapes are those of `RNN`, with a pair of states and memories, each [L D,B,H]; weights hold the gates i, f, g, o one after the other.
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError as RNN
 * @example
 * const lstm = new LSTM(8, 16, { numLayers: 2, dropout: 0.1 });
 * const [output, [hidden, memory]] = lstm.forward(randn(5, 3, 8));   // T=5 B=3: f32[5,3,16], f32[2,3,16], f32[2,3,16]
 * const [more] = lstm.forward(randn(1, 3, 8), [hidden, memory]);     // goes on where it stopped
 */
export class LSTM extends RecurrentLayers {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super("lstm", inputSize, hiddenSize, options);
  }

  /** [output, [last states, last memories]]; the initial ones are zeros unless given, each [L D,B,H]. */
  forward(
    x: Tensor,
    state?: readonly [hidden: Tensor, memory: Tensor] | null,
    options: RecurrentCall = {},
  ): [output: Tensor, state: [hidden: Tensor, memory: Tensor]] {
    if (state !== undefined && state !== null && !(Array.isArray(state) && state.length === 2))
      fail("LSTM", "[hidden, memory] as the initial state", shown(state));
    const final = this.run(x, state?.[0] ?? null, state?.[1] ?? null, options);
    return [final.output, [final.hidden, final.memory as Tensor]];
  }
}
