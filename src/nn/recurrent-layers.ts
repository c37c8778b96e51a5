// What RNN, LSTM and GRU share: layers upon layers, in one or both directions, with PyTorch's parameters, names and shapes. The time loop of
// each layer and direction is one step of the program (tensor/recurrent.ts).

import { CELLS, type RecurrentCell } from "../base/cell.js";
import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { arange, tensor, zeros } from "../tensor/create.js";
import { cat, dropout, linear, stack, where } from "../tensor/functions.js";
import { checkIndices } from "../tensor/index-check.js";
import { recurrent } from "../tensor/recurrent.js";
import { Tensor } from "../tensor/tensor.js";
import { checkLayers, checkProbability, checkSizes, python } from "./check.js";
import { uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** The arguments of torch's modules behind the first two. */
export interface RecurrentOptions {
  /** Layers, each reading the states of the one below; 1. */
  readonly numLayers?: number;
  /** Whether input and state add a bias each; true. */
  readonly bias?: boolean;
  /** Inputs and outputs are [B,T,·] instead of PyTorch's default [T,B,·]; states are [L,B,H] either way. */
  readonly batchFirst?: boolean;
  /** In training, the probability with which a state is zeroed on its way to the layer above, from 0 to 1; 0. */
  readonly dropout?: number;
  /** Every layer reads the sequence in both directions, and gives both states side by side; false. */
  readonly bidirectional?: boolean;
}

/** @internal */
export const RECURRENT: OptionTable<RecurrentOptions> = {
  numLayers: CHECKED,
  bias: FLAG,
  batchFirst: FLAG,
  dropout: CHECKED,
  bidirectional: FLAG,
};

/** One call of a recurrent module. */
export interface RecurrentCall {
  /**
   * How many steps each row of the batch has, i32 [B] or as many numbers, from 0 to T: what PyTorch's `pack_padded_sequence` is used for. The
   * output is 0 behind a row's end, its last state is the one at its end, and the reverse direction begins there.
   */
  readonly lengths?: Tensor | readonly number[];
}

interface Final {
  readonly output: Tensor;
  readonly hidden: Tensor;
  readonly memory: Tensor | null;
}

export abstract class RecurrentLayers extends Module {
  [weight: `weightIh${string}`]: Parameter; // weightIhL0 [GH,I], weightIhL1 [GH,DH], weightIhL0Reverse, ...
  [weight: `weightHh${string}`]: Parameter; // [GH,H]
  [bias: `biasIh${string}`]: Parameter | undefined; // [GH]
  [bias: `biasHh${string}`]: Parameter | undefined; // [GH]
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;

  protected constructor(
    protected readonly cell: RecurrentCell,
    readonly inputSize: number,
    readonly hiddenSize: number,
    options: RecurrentOptions,
    table = RECURRENT,
  ) {
    super();
    checkOptions(this.typeName, options, table);
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false } = options;
    checkSizes(this.typeName, { inputSize, hiddenSize });
    checkLayers(this.typeName, numLayers);
    checkProbability(this.typeName, p);
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = p;
    this.bidirectional = bidirectional;
    const width = CELLS[cell].gates * hiddenSize;
    for (const [k, place] of this.places()) {
      const below = k === 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1);
      this[`weightIh${place}`] = new Parameter(zeros(width, below));
      this[`weightHh${place}`] = new Parameter(zeros(width, hiddenSize));
      if (!bias) continue;
      this[`biasIh${place}`] = new Parameter(zeros(width));
      this[`biasHh${place}`] = new Parameter(zeros(width));
    }
    this.resetParameters();
  }

  /** Draws the initial numbers anew, all within ±1/√H. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  override stateNames(): Readonly<Record<string, string>> {
    const kinds = { weightIh: "weight_ih", weightHh: "weight_hh", biasIh: "bias_ih", biasHh: "bias_hh" };
    const names: Record<string, string> = {};
    for (const [, place] of this.places())
      for (const [field, name] of Object.entries(kinds))
        names[`${field}${place}`] = `${name}_${place.toLowerCase().replace("reverse", "_reverse")}`;
    return names;
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, bias, batchFirst, dropout: p, bidirectional } = this;
    const unusual = [
      numLayers === 1 ? "" : `num_layers=${numLayers}`,
      bias ? "" : `bias=${python(bias)}`,
      batchFirst ? `batch_first=${python(batchFirst)}` : "",
      p === 0 ? "" : `dropout=${Number.isInteger(p) ? p.toFixed(1) : p}`,
      bidirectional ? `bidirectional=${python(bidirectional)}` : "",
    ];
    return [inputSize, hiddenSize, ...unusual.filter((text) => text !== "")].join(", ");
  }

  /** Layer, and what its parameters' names end in, of each layer and direction: L0, L0Reverse, L1, ... */
  private places(): [layer: number, place: string][] {
    return Array.from({ length: this.numLayers }, (_, k) => k).flatMap((k) =>
      (this.bidirectional ? ["", "Reverse"] : [""]).map((direction): [number, string] => [k, `L${k}${direction}`]),
    );
  }

  /** The whole stack on x, from the initial states [L D,B,H] or zeros; without a batch x is [T,I] and states are [L D,H]. */
  protected run(x: Tensor, hidden: Tensor | null, memory: Tensor | null, options: RecurrentCall): Final {
    checkOptions(this.typeName, options, { lengths: CHECKED });
    const { lengths: wanted } = options;
    this.checkInput(x);
    const batched = x.ndim === 3;
    const batch = this.batchFirst ? 0 : 1;
    let below = batched ? x : x.unsqueeze(batch);
    // Between the caller's layout and [T,B,·], in which the loop goes.
    const turn = (y: Tensor) => (this.batchFirst ? y.transpose(0, 1) : y);
    const [T, B] = turn(below).shape;
    const lengths = wanted === undefined ? null : this.checkLengths(wanted, batched, T, B);
    const initial = [hidden, memory].map((state) => (state === null ? null : this.checkState(state, batched, B)));
    const finals: { hidden: Tensor; memory: Tensor | null }[] = [];
    const training = this.dropout > 0 && this.training;

    for (let k = 0; k < this.numLayers; k++) {
      const directions = this.places().filter(([layer]) => layer === k);
      const states = directions.map(([, place], direction) => {
        const reverse = direction === 1;
        const [h, c] = initial.map((state) => state?.select(0, finals.length) ?? null);
        const projected = turn(linear(below, this[`weightIh${place}`], this[`biasIh${place}`])); // [T,B,GH]
        const loop = recurrent(this.cell, projected, {
          weight: this[`weightHh${place}`],
          bias: this[`biasHh${place}`],
          hidden: h,
          memory: c,
          lengths,
          reverse,
        });
        const last = (all: Tensor) => all.select(0, reverse ? 0 : T - 1); // [B,H]
        finals.push({ hidden: last(loop.states), memory: loop.memories && last(loop.memories) });
        return loop.states; // [T,B,H]
      });
      const above = this.bidirectional ? cat(states, -1) : states[0]; // [T,B,DH]
      const top = k === this.numLayers - 1;
      below = turn(top ? above : dropout(above, { p: this.dropout, training }));
    }
    if (lengths) {
      const times = arange(T).view(T, 1, 1);
      below = where(turn(times.lt(lengths.view(1, B, 1))), below, 0);
    }
    const gather = (states: Tensor[]) => (batched ? stack(states) : cat(states, 0)); // [L D,B,H], or [L D,H]
    return {
      output: batched ? below : below.squeeze(batch),
      hidden: gather(finals.map((state) => state.hidden)),
      memory: this.cell === "lstm" ? gather(finals.map((state) => state.memory as Tensor)) : null,
    };
  }

  private checkInput(x: Tensor): void {
    const shape = this.batchFirst ? "[B,T,I]" : "[T,B,I]";
    const wanted = `a float input ${shape} or [T,I] with I = ${this.inputSize}`;
    if (!(x instanceof Tensor)) fail(this.typeName, wanted, shown(x));
    const remedy = isFloat(x.dtype) ? undefined : "convert it with .float(), or look it up in an Embedding";
    const fits = (x.ndim === 2 || x.ndim === 3) && x.shape[x.ndim - 1] === this.inputSize;
    if (!fits || remedy) fail(this.typeName, wanted, describe(x), remedy);
    if (x.shape[x.ndim === 2 || !this.batchFirst ? 0 : 1] === 0)
      fail(this.typeName, "at least one time step", describe(x));
  }

  /** [L D,B,H] */
  private checkState(state: Tensor, batched: boolean, B: number): Tensor {
    const layers = this.numLayers * (this.bidirectional ? 2 : 1);
    const shape = batched ? [layers, B, this.hiddenSize] : [layers, this.hiddenSize];
    const wanted = `an initial state [${shape}], layers and directions first`;
    if (!(state instanceof Tensor)) fail(this.typeName, wanted, shown(state));
    if (!sameShape(state.shape, shape) || !isFloat(state.dtype)) fail(this.typeName, wanted, describe(state));
    return batched ? state : state.unsqueeze(1);
  }

  private checkLengths(given: NonNullable<RecurrentCall["lengths"]>, batched: boolean, T: number, B: number): Tensor {
    const wanted = `lengths i32[${B}], from 0 to ${T}`;
    if (!batched) fail(this.typeName, "lengths with a batch of inputs", "an input without a batch", "unsqueeze it");
    if (!(given instanceof Tensor) && !Array.isArray(given)) fail(this.typeName, wanted, shown(given));
    const lengths = given instanceof Tensor ? given : tensor([...given], { dtype: "i32" });
    const remedy = lengths.dtype === "i32" ? undefined : "convert them with .int()";
    if (!sameShape(lengths.shape, [B]) || remedy) fail(this.typeName, wanted, describe(lengths), remedy);
    checkIndices(this.typeName, wanted, lengths, T + 1);
    return lengths;
  }
}
