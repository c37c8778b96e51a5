// Bad input to recurrent modules says what was expected, what came, and what to do.

import { describe, expect, it } from "vitest";
import { randn, type Tensor, tensor, zeros } from "../../src/index.js";
import { GRU, GRUCell, LSTM, LSTMCell, RNN, RNNCell } from "../../src/nn/index.js";

const x = zeros(5, 2, 3);
const CASES: [name: string, body: () => unknown, message: RegExp][] = [
  ["a size of 0", () => new LSTM(3, 0), /LSTM: expected hiddenSize a whole number of at least 1, got 0/],
  ["no layers", () => new GRU(3, 4, { numLayers: 0 }), /GRU: expected numLayers a whole number of at least 1, got 0/],
  ["a dropout of 2", () => new RNN(3, 4, { dropout: 2 }), /RNN: expected a probability from 0 to 1, got 2/],
  [
    "another nonlinearity",
    () => new RNN(3, 4, { nonlinearity: "sigmoid" as "tanh" }),
    /RNN: expected nonlinearity "tanh" or "relu", got "sigmoid"/,
  ],
  ["one axis", () => new GRU(3, 4).forward(zeros(3)), /GRU: expected a float input \[T,B,I\] or \[T,I\] with I = 3/],
  ["another width", () => new LSTM(7, 4, { batchFirst: true }).forward(x), /\[B,T,I\].* with I = 7, got f32\[5,2,3\]/],
  ["no steps", () => new RNN(3, 4).forward(zeros(0, 2, 3)), /at least one time step, got f32\[0,2,3\]/],
  ["integers", () => new RNN(3, 4).forward(x.int()), /convert it with \.float\(\)/],
  ["a state of another batch", () => new GRU(3, 4).forward(x, zeros(1, 3, 4)), /initial state \[1,2,4\].*f32\[1,3,4\]/],
  [
    "a state for one layer",
    () => new GRU(3, 4, { numLayers: 2, bidirectional: true }).forward(x, zeros(1, 2, 4)),
    /initial state \[4,2,4\], layers and directions first, got f32\[1,2,4\]/,
  ],
  [
    "a batched state without a batch",
    () => new RNN(3, 4).forward(zeros(5, 3), zeros(1, 1, 4)),
    /initial state \[1,4\].*f32\[1,1,4\]/,
  ],
  [
    "one state of an LSTM",
    () => new LSTM(3, 4).forward(x, zeros(1, 2, 4) as unknown as [Tensor, Tensor]),
    /\[hidden, memory\] as the initial state, got f32\[1,2,4\]/,
  ],
  ["a length too long", () => new GRU(3, 4).forward(x, null, { lengths: [6, 1] }), /lengths i32\[2\], from 0 to 5.*6/],
  ["too few lengths", () => new GRU(3, 4).forward(x, null, { lengths: [5] }), /lengths i32\[2\].*i32\[1\]/],
  [
    "float lengths",
    () => new GRU(3, 4).forward(x, null, { lengths: tensor([1.5, 2]) }),
    /lengths i32\[2\].*convert them with \.int\(\)/,
  ],
  [
    "lengths without a batch",
    () => new GRU(3, 4).forward(zeros(5, 3), null, { lengths: [5] }),
    /lengths with a batch of inputs/,
  ],
  ["a cell's input", () => new RNNCell(3, 4).forward(x), /RNNCell: expected a float input \[B,3\] or \[3\]/],
  [
    "a cell's state",
    () => new GRUCell(3, 4).forward(zeros(2, 3), zeros(4)),
    /GRUCell: expected a state \[2,4\], got f32\[4\]/,
  ],
  [
    "an LSTM cell's state",
    () => new LSTMCell(3, 4).forward(zeros(3), zeros(4) as unknown as [Tensor, Tensor]),
    /\[hidden, memory\] as the state, got f32\[4\]/,
  ],
];

describe("recurrent modules refuse", () => {
  for (const [name, body, message] of CASES) it(name, () => expect(body).toThrow(message));

  it("but take an empty batch, and rows without a step", () => {
    const gru = new GRU(3, 4, { bidirectional: true });
    const [output, hidden] = gru.forward(zeros(5, 0, 3));
    expect([output.shape, hidden.shape]).toEqual([
      [5, 0, 8],
      [2, 0, 4],
    ]);
    expect(output.toArray()).toEqual([[], [], [], [], []]);
    const state = randn(2, 2, 4);
    const [silent, kept] = gru.forward(x, state, { lengths: [0, 0] });
    expect(silent.abs().sum().item()).toBe(0);
    expect(kept.toArray()).toEqual(state.toArray());
  });
});
