// RNN, LSTM, GRU and their cells against torch's: outputs, last states and every gradient, in every option.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile, manualSeed, randn, stack, type Tensor } from "../../src/index.js";
import { GRU, GRUCell, Linear, LSTM, LSTMCell, type Module, RNN, RNNCell } from "../../src/nn/index.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";
import { SGD } from "../../src/train/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

interface Golden {
  kind: string;
  sizes: [T: number, B: number, I: number, H: number];
  options: Record<string, unknown>;
  /** Whether it begins with a state of its own. */
  given: boolean;
  lengths?: number[] | null;
  batched: boolean;
  only?: "output" | "state" | null;
  output: Packed;
  state: Packed[];
  gradients: Record<string, Packed>;
}

interface File {
  layers: Record<string, Golden>;
  cells: Record<string, Golden>;
  initial: Record<string, Record<string, Packed>>;
  losses: number[];
  printed: string[];
}

const { layers, cells, initial, losses, printed } = golden<File>("recurrent");
const TOLERANCE = 3e-6;
const OF_GRADIENTS = 3e-5;

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const inCamel = (options: object) => Object.fromEntries(Object.entries(options).map(([k, v]) => [camel(k), v]));

type Result = { module: Module; leaves: Tensor[]; output: Tensor; state: Tensor[] };

function runLayer({ kind, sizes, options, given, lengths, batched }: Golden): Result {
  const [T, B, I, H] = sizes;
  const named = inCamel(options);
  manualSeed(5);
  const [rnn, lstm, gru] = [() => new RNN(I, H, named), () => new LSTM(I, H, named), () => new GRU(I, H, named)];
  const module = kind === "RNN" ? rnn() : kind === "LSTM" ? lstm() : gru();
  const directions = module.numLayers * (module.bidirectional ? 2 : 1);
  manualSeed(6);
  const leaf = (...shape: number[]) => {
    const made = randn(...shape);
    made.requiresGrad = true;
    return made;
  };
  const x = batched ? (module.batchFirst ? leaf(B, T, I) : leaf(T, B, I)) : leaf(T, I);
  const count = given ? (kind === "LSTM" ? 2 : 1) : 0;
  const states = Array.from({ length: count }, () => leaf(directions, ...(batched ? [B] : []), H));
  manualSeed(7);
  const call = lengths ? { lengths } : {};
  if (module instanceof LSTM) {
    const [output, state] = module.forward(x, given ? [states[0], states[1]] : null, call);
    return { module, leaves: [x, ...states], output, state };
  }
  const [output, state] = module.forward(x, states[0], call);
  return { module, leaves: [x, ...states], output, state: [state] };
}

function runCell({ kind, sizes, options, given, batched }: Golden): Result {
  const [T, B, I, H] = sizes;
  const named = inCamel(options);
  manualSeed(5);
  const rest = [() => new RNNCell(I, H, named), () => new GRUCell(I, H, named)];
  const module = kind === "LSTMCell" ? new LSTMCell(I, H, named) : rest[kind === "RNNCell" ? 0 : 1]();
  manualSeed(6);
  const batch = batched ? [B] : [];
  const x = randn(T, ...batch, I);
  x.requiresGrad = true;
  const states = Array.from({ length: given ? (kind === "LSTMCell" ? 2 : 1) : 0 }, () => randn(...batch, H));
  for (const state of states) state.requiresGrad = true;
  const outputs: Tensor[] = [];
  let last: Tensor[] = states;
  for (const step of x.unbind(0)) {
    if (module instanceof LSTMCell) last = module.forward(step, last.length > 0 ? [last[0], last[1]] : null);
    else last = [module.forward(step, last[0])];
    outputs.push(last[0]);
  }
  return { module, leaves: [x, ...states], output: stack(outputs), state: last };
}

function compare(name: string, want: Golden, { module, leaves, output, state }: Result): void {
  expectClose(`${name}: output`, output, want.output, TOLERANCE);
  for (const [i, packed] of want.state.entries()) expectClose(`${name}: state ${i}`, state[i], packed, TOLERANCE);
  const ofState = state.map((s) => s.square().sum().mul(3)).reduce((a, b) => a.add(b));
  const ofOutput = output.square().sum();
  const loss = want.only === "output" ? ofOutput : want.only === "state" ? ofState : ofOutput.add(ofState);
  loss.backward();
  const found = new Map(module.namedParameters().map(([parameter, p]) => [parameter, p.grad as Tensor]));
  for (const [i, leaf] of leaves.entries()) found.set(`input ${i}`, leaf.grad as Tensor);
  expect([...found.keys()].sort()).toEqual(Object.keys(want.gradients).sort());
  for (const [parameter, packed] of Object.entries(want.gradients))
    expectClose(`${name}: gradient of ${parameter}`, found.get(parameter) as Tensor, packed, OF_GRADIENTS);
}

const EXECUTORS: [string, () => Executor][] = [
  ["the executor in use", executor],
  ["the reference executor", () => new ReferenceExecutor()],
];

for (const [where, chosen] of EXECUTORS) {
  describe(`torch's outputs, states and gradients, on ${where}`, () => {
    let before: Executor;
    beforeAll(() => {
      before = setExecutor(chosen());
    });
    afterAll(() => {
      setExecutor(before);
    });
    for (const [name, want] of Object.entries(layers)) it(name, () => compare(name, want, runLayer(want)));
    for (const [name, want] of Object.entries(cells)) it(name, () => compare(name, want, runCell(want)));
  });
}

describe("recurrent modules", () => {
  const MAKERS: Record<string, () => Module> = {
    RNN: () => new RNN(3, 5, { numLayers: 2, bidirectional: true }),
    LSTM: () => new LSTM(3, 5, { numLayers: 2, bidirectional: true }),
    GRU: () => new GRU(3, 5, { numLayers: 2, bidirectional: true }),
    RNNCell: () => new RNNCell(3, 5),
    LSTMCell: () => new LSTMCell(3, 5),
    GRUCell: () => new GRUCell(3, 5),
  };

  for (const [kind, want] of Object.entries(initial)) {
    it(`${kind} begins with torch's numbers, under torch's names`, () => {
      manualSeed(123);
      const state = MAKERS[kind]().stateDict();
      expect(Object.keys(state)).toEqual(Object.keys(want));
      for (const [name, packed] of Object.entries(want)) expectClose(name, state[name], packed, 0);
    });
  }

  it("loads a state dict", () => {
    const [one, other] = [new GRU(3, 4, { bidirectional: true }), new GRU(3, 4, { bidirectional: true })];
    other.loadStateDict(one.stateDict());
    const x = randn(5, 2, 3);
    expect(other.forward(x)[0].toArray()).toEqual(one.forward(x)[0].toArray());
    expect(other.weightHhL0Reverse.toArray()).toEqual(one.stateDict().weight_hh_l0_reverse.toArray());
  });

  it("print as in torch", () => {
    const modules = [
      new LSTM(3, 4, { numLayers: 2, bidirectional: true, dropout: 0.5, batchFirst: true }),
      new RNN(3, 4, { bias: false, nonlinearity: "relu" }),
      new GRU(3, 4),
      new RNNCell(3, 4, { nonlinearity: "relu" }),
      new LSTMCell(3, 4, { bias: false }),
      new GRUCell(3, 4),
    ];
    expect(modules.map(String)).toEqual(printed);
  });

  for (const mode of ["as called", "compiled"]) {
    it(`train with torch's losses, ${mode}`, () => {
      manualSeed(9);
      const [lstm, head] = [new LSTM(4, 12, { numLayers: 2, batchFirst: true }), new Linear(12, 4)];
      const x = randn(3, 7, 4);
      const optimizer = new SGD([...lstm.parameters(), ...head.parameters()], { learningRate: 0.5, momentum: 0.9 });
      const step = () => {
        optimizer.zeroGrad();
        const loss = head.forward(lstm.forward(x)[0]).sub(x).square().mean();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const run = mode === "compiled" ? compile(step) : step;
      const own = losses.map(() => run().item());
      own.forEach((loss, i) => expect(loss, `step ${i}`).toBeCloseTo(losses[i], 5));
    });
  }
});
