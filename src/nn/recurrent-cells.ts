// Single steps of recurrent networks, PyTorch's cells: for decoders, which need the last state before they know the next input.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG, type OptionTable, oneOf } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { zeros } from "../tensor/create.js";
import { linear } from "../tensor/functions.js";
import { Tensor } from "../tensor/tensor.js";
import { checkSizes, python } from "./check.js";
import { uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** What a cell is told beside its widths. */
export interface CellOptions {
  /** Whether input and state add a bias each; true. */
  readonly bias?: boolean;
}

/** What an `RNNCell` is told beside its sizes. */
export interface RNNCellOptions extends CellOptions {
  /** What the sums go through; "tanh". */
  readonly nonlinearity?: "tanh" | "relu";
}

const CELL: OptionTable<CellOptions> = { bias: FLAG };
const RNN_CELL: OptionTable<RNNCellOptions> = { ...CELL, nonlinearity: oneOf("tanh", "relu") };

abstract class Cell extends Module {
  weightIh: Parameter; // [GH,I]
  weightHh: Parameter; // [GH,H]
  biasIh: Parameter | null; // [GH]
  biasHh: Parameter | null; // [GH]

  protected constructor(
    readonly inputSize: number,
    readonly hiddenSize: number,
    gates: number,
    options: CellOptions,
    table = CELL,
  ) {
    super();
    checkOptions(this.typeName, options, table);
    const { bias = true } = options;
    checkSizes(this.typeName, { inputSize, hiddenSize });
    const width = gates * hiddenSize;
    this.weightIh = new Parameter(zeros(width, inputSize));
    this.weightHh = new Parameter(zeros(width, hiddenSize));
    this.biasIh = bias ? new Parameter(zeros(width)) : null;
    this.biasHh = bias ? new Parameter(zeros(width)) : null;
    this.resetParameters();
  }

  /** Draws the initial numbers anew, all within ±1/√H. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  override stateNames(): Readonly<Record<string, string>> {
    return NAMES;
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.biasIh ? "" : `, bias=${python(false)}`}`;
  }

  /** The state [B,H] or [H] beside x [B,I] or [I]: as given, or zeros. */
  protected stateFor(x: Tensor, state: Tensor | null | undefined): Tensor {
    const wanted = `a float input [B,${this.inputSize}] or [${this.inputSize}]`;
    if (!(x instanceof Tensor)) fail(this.typeName, wanted, shown(x));
    const fits = (x.ndim === 1 || x.ndim === 2) && x.shape[x.ndim - 1] === this.inputSize && isFloat(x.dtype);
    if (!fits) fail(this.typeName, wanted, describe(x));
    const shape = [...x.shape.slice(0, -1), this.hiddenSize];
    if (state === undefined || state === null) return zeros(shape, { dtype: x.dtype });
    const good = state instanceof Tensor && sameShape(state.shape, shape) && isFloat(state.dtype);
    if (!good) fail(this.typeName, `a state [${shape}]`, shown(state));
    return state;
  }

  /** What input and state add to each gate: W x + b and U h + d, [...,GH]. */
  protected gates(x: Tensor, hidden: Tensor): [input: Tensor, state: Tensor] {
    return [linear(x, this.weightIh, this.biasIh), linear(hidden, this.weightHh, this.biasHh)];
  }
}

/**
 * One step of a recurrent network, h' = tanh(W x + b + U h + d), as torch.nn.RNNCell (Elman 1990).
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError for sizes that are not whole and at least 1 and another nonlinearity; when called, for inputs and states of other shapes
 * @example
 * const cell = new RNNCell(8, 16);
 * const hidden = cell.forward(randn(2, 8));               // f32[2,16], from a state of zeros
 * const next = cell.forward(randn(2, 8), hidden);
 */
export class RNNCell extends Cell {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    super(inputSize, hiddenSize, 1, options, RNN_CELL);
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }

  /** x [B,I] and h [B,H], or [I] and [H], to h'. */
  forward(x: Tensor, hidden?: Tensor | null): Tensor {
    const [input, state] = this.gates(x, this.stateFor(x, hidden));
    const sum = input.add(state);
    return this.nonlinearity === "tanh" ? sum.tanh() : sum.relu();
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === "tanh" ? "" : `, nonlinearity=${this.nonlinearity}`);
  }
}

/**
 * One step of an LSTM, as torch.nn.LSTMCell (Hochreiter and Schmidhuber 1997; Gers et al. 2000):
 * c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c'), with i, f, g, o each W x + b + U h + d.
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError for sizes that are not whole and at least 1; when called, for inputs and states of other shapes
 * @example
 * const cell = new LSTMCell(8, 16);
 * const [hidden, memory] = cell.forward(randn(2, 8));     // f32[2,16] each, from zeros
 * const [next] = cell.forward(randn(2, 8), [hidden, memory]);
 */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, 4, options);
  }

  /** x [B,I] and h, c [B,H], or [I] and [H], to [h', c']. */
  forward(x: Tensor, state?: readonly [hidden: Tensor, memory: Tensor] | null): [hidden: Tensor, memory: Tensor] {
    if (state !== undefined && state !== null && !(Array.isArray(state) && state.length === 2))
      fail("LSTMCell", "[hidden, memory] as the state", shown(state));
    const [h, c] = [this.stateFor(x, state?.[0]), this.stateFor(x, state?.[1])];
    const [input, recurrent] = this.gates(x, h);
    const [i, f, g, o] = input.add(recurrent).split(this.hiddenSize, -1);
    const memory = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh())); // c' = σ(f) c + σ(i) tanh(g)
    return [o.sigmoid().mul(memory.tanh()), memory]; // h' = σ(o) tanh(c')
  }
}

/**
 * One step of gated recurrent units, as torch.nn.GRUCell (Cho et al. 2014, with the reset gate behind the product):
 * r, z = σ(W x + b + U h + d), n = tanh(W x + b + r (U h + d)), h' = (1 - z) n + z h.
 * @param inputSize I
 * @param hiddenSize H
 * @throws HeedError for sizes that are not whole and at least 1; when called, for inputs and states of other shapes
 * @example const hidden = new GRUCell(8, 16).forward(randn(2, 8));   // f32[2,16], from a state of zeros
 */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(inputSize, hiddenSize, 3, options);
  }

  /** x [B,I] and h [B,H], or [I] and [H], to h'. */
  forward(x: Tensor, hidden?: Tensor | null): Tensor {
    const h = this.stateFor(x, hidden);
    const [input, state] = this.gates(x, h).map((gates) => gates.split(this.hiddenSize, -1));
    const [r, z] = [0, 1].map((gate) => input[gate].add(state[gate]).sigmoid());
    const n = input[2].add(r.mul(state[2])).tanh(); // n = tanh(W x + b + r (U h + d))
    return n.add(z.mul(h.sub(n))); // h' = (1 - z) n + z h
  }
}

const NAMES = { weightIh: "weight_ih", weightHh: "weight_hh", biasIh: "bias_ih", biasHh: "bias_hh" };
