// The recurrent kernel against its slow twins: the loop spelled out in plain ops, the reference executor, finite differences; and the same
// bits on any number of threads.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CELLS, type RecurrentCell } from "../../src/base/cell.js";
import { compileRequest, PASSES } from "../../src/compiler/compile.js";
import { unrollRecurrent } from "../../src/compiler/unroll.js";
import type { NativeExecutor } from "../../src/executors/native.js";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import type { Node } from "../../src/graph/node.js";
import { compile, explain, grad, manualSeed, randint, randn, type Tensor } from "../../src/index.js";
import { GRU, LSTM, RNN } from "../../src/nn/index.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";
import { valueAndGrad } from "../../src/tensor/grad.js";
import { recurrent } from "../../src/tensor/recurrent.js";
import { leafValue, Value } from "../../src/tensor/value.js";
import { allClose, numbersOf } from "../support/compare.js";

interface Sizes {
  readonly T: number;
  readonly B: number;
  readonly H: number;
  readonly reverse?: boolean;
  readonly initial?: boolean;
  readonly lengths?: boolean;
  readonly bias?: boolean;
  /** Inputs that lie in memory in another order. */
  readonly turned?: boolean;
}

/** Ragged sizes, few and many rows, steps that are divided by units and by rows. */
const SIZES: Sizes[] = [
  { T: 3, B: 1, H: 1 },
  { T: 4, B: 2, H: 5, reverse: true, initial: true, bias: true },
  { T: 5, B: 17, H: 19, lengths: true, bias: true },
  { T: 3, B: 33, H: 40, reverse: true, lengths: true, initial: true },
  { T: 7, B: 3, H: 33, turned: true, initial: true, lengths: true, bias: true },
  { T: 2, B: 4, H: 100, initial: true, bias: true },
  { T: 3, B: 2, H: 300, initial: true, lengths: true },
  { T: 3, B: 70, H: 129, initial: true, bias: true, reverse: true },
];

const CELL_NAMES = Object.keys(CELLS) as RecurrentCell[];
const named = (s: Sizes) => Object.entries(s).map(([k, v]) => (v === true ? k : `${k}=${v}`));

/** Inputs as a list, so that gradients can be taken by each: projected, weight, then those there are. */
function inputsOf(cell: RecurrentCell, { T, B, H, initial, bias, turned }: Sizes): Tensor[] {
  manualSeed(3);
  const width = CELLS[cell].gates * H;
  const scale = 1 / Math.sqrt(H);
  const projected = turned ? randn(width, B, T).permute([2, 1, 0]) : randn(T, B, width);
  const weight = (turned ? randn(H, width).transpose(0, 1) : randn(width, H)).mul(scale);
  const states = initial ? [randn(B, H), ...(cell === "lstm" ? [randn(B, H)] : [])] : [];
  return [projected, weight, ...(bias ? [randn(width)] : []), ...states].map((t) => leafLike(t, turned ?? false));
}

/** The tensor as it is where its layout matters, else its numbers. */
function leafLike(t: Tensor, asItLies: boolean): Tensor {
  return asItLies ? t : t.contiguous();
}

function layer(cell: RecurrentCell, sizes: Sizes, inputs: readonly Tensor[]): Tensor[] {
  const { T, B, initial, bias, reverse = false } = sizes;
  const [projected, weight, ...rest] = inputs;
  const b = bias ? rest.shift() : null;
  const [hidden, memory] = initial ? rest : [];
  manualSeed(4);
  const lengths = sizes.lengths ? randint(0, T + 1, [B]) : null;
  const { states, memories } = recurrent(cell, projected, { weight, bias: b, hidden, memory, lengths, reverse });
  return memories ? [states, memories] : [states];
}

/** A loss in which every number of every result has a part of its own. */
function lossOf(cell: RecurrentCell, sizes: Sizes, inputs: readonly Tensor[]): Tensor {
  const results = layer(cell, sizes, inputs);
  manualSeed(5);
  return results.map((r) => r.mul(randn(...r.shape)).sum()).reduce((a, b) => a.add(b));
}

function everything(cell: RecurrentCell, sizes: Sizes): Tensor[] {
  const inputs = inputsOf(cell, sizes);
  const all = inputs.map((_, i) => i);
  const [, gradients] = valueAndGrad((...x: Tensor[]) => lossOf(cell, sizes, x), all)(...inputs);
  return [...layer(cell, sizes, inputs), ...gradients];
}

/** The numbers of nodes by a program made with other passes. */
function runWith(nodes: readonly Node[], passes: typeof PASSES): Float32Array[] {
  const on = executor();
  const { program, leaves } = compileRequest({ outputs: nodes, writes: [] }, { capabilities: on.capabilities, passes });
  const outputs = nodes.map(
    (n) =>
      new Value(
        n.dtype,
        n.shape,
        on.allocate(
          n.dtype,
          n.shape.reduce((a, b) => a * b, 1),
        ),
        on,
      ),
  );
  const memory = [
    ...leaves.map((l) => leafValue(l as Node<"leaf">).memoryFor(on)),
    ...outputs.map((v) => v.memoryFor(on)),
  ];
  on.prepare(program).run(memory);
  return outputs.map((v) => (v.memoryFor(on).data as Float32Array).slice());
}

const spelled = PASSES.map((pass) =>
  pass.name === "unroll"
    ? {
        ...pass,
        run: (roots: readonly Node[]) => unrollRecurrent(roots, { ...executor().capabilities, kinds: new Set() }),
      }
    : pass,
);

describe("a recurrent layer is what its loop spelled out is", () => {
  for (const cell of CELL_NAMES)
    for (const sizes of SIZES)
      it(`${cell} ${named(sizes).join(" ")}`, () => {
        const nodes = everything(cell, sizes).map((t) => t.rawNode);
        const [fused, plain] = [runWith(nodes, PASSES), runWith(nodes, spelled)];
        nodes.forEach((node, i) => allClose(`result ${i}`, fused[i], plain[i], { rtol: 2e-5, atol: 3e-5 }, node.shape));
      });
});

describe("a recurrent layer agrees with the reference executor", () => {
  for (const cell of CELL_NAMES)
    for (const sizes of SIZES.filter(({ B, H }) => B * H < 1000))
      it(`${cell} ${named(sizes).join(" ")}`, () => {
        const own = everything(cell, sizes).map((t) => Float32Array.from(numbersOf(t)));
        const before = setExecutor(new ReferenceExecutor());
        try {
          everything(cell, sizes).forEach((t, i) =>
            allClose(`result ${i}`, own[i], numbersOf(t), { rtol: 2e-5, atol: 2e-5 }, t.shape),
          );
        } finally {
          setExecutor(before);
        }
      });
});

describe("gradients are finite differences", () => {
  for (const cell of CELL_NAMES)
    for (const reverse of [false, true])
      it(`${cell}${reverse ? " in reverse" : ""}`, () => {
        const before = setExecutor(new ReferenceExecutor("double"));
        try {
          const sizes = { T: 4, B: 3, H: 3, reverse, initial: true, bias: true, lengths: true };
          const inputs = inputsOf(cell, sizes);
          const by = inputs.map((_, i) => i);
          const [, gradients] = valueAndGrad((...x: Tensor[]) => lossOf(cell, sizes, x), by)(...inputs);
          manualSeed(6);
          for (const [i, x] of inputs.entries()) {
            const direction = randn(...x.shape);
            const at = (step: number) =>
              Number(
                numbersOf(
                  lossOf(
                    cell,
                    sizes,
                    inputs.map((y, j) => (j === i ? y.add(direction.mul(step)) : y)),
                  ),
                )[0],
              );
            const slope = (at(2 ** -12) - at(-(2 ** -12))) * 2 ** 11;
            const own = Number(numbersOf(gradients[i].mul(direction).sum())[0]);
            expect(Math.abs(own - slope), `input ${i}: ${own}, by differences ${slope}`).toBeLessThan(1e-5);
          }
        } finally {
          setExecutor(before);
        }
      });
});

it("gradients of gradients go through the loop spelled out", () => {
  const before = setExecutor(new ReferenceExecutor("double"));
  try {
    for (const cell of CELL_NAMES.filter((c) => c !== "relu")) {
      const sizes = { T: 3, B: 2, H: 3, initial: true, bias: true };
      const inputs = inputsOf(cell, sizes);
      manualSeed(8);
      const [v, u] = [randn(...inputs[1].shape), randn(...inputs[1].shape)];
      const loss = (w: Tensor) => lossOf(cell, sizes, [inputs[0], w, ...inputs.slice(2)]);
      const slope = (w: Tensor) => grad(loss)(w).mul(v).sum();
      const own = Number(numbersOf(grad(slope)(inputs[1]).mul(u).sum())[0]);
      const at = (step: number) => Number(numbersOf(slope(inputs[1].add(u.mul(step))))[0]);
      const expected = (at(2 ** -15) - at(-(2 ** -15))) * 2 ** 14;
      expect(Math.abs(own - expected), `${cell}: ${own}, by differences ${expected}`).toBeLessThan(1e-5);
    }
  } finally {
    setExecutor(before);
  }
});

describe.runIf(nativeExecutor() !== null)("the kernels", () => {
  const native = nativeExecutor() as NativeExecutor;
  const { threads, isa } = native;
  let before = executor();
  beforeAll(() => {
    before = setExecutor(native);
  });
  afterAll(() => {
    native.setThreads(threads);
    native.setIsa(isa);
    setExecutor(before);
  });

  for (const set of native.isas)
    for (const cell of CELL_NAMES)
      it(`${cell} on ${set}: the same bits on 1, 2 and 7 threads, as the loop spelled out`, () => {
        native.setIsa(set);
        for (const sizes of SIZES) {
          const nodes = everything(cell, sizes).map((t) => t.rawNode);
          const [one, two, seven] = [1, 2, 7].map((count) => {
            native.setThreads(count);
            return runWith(nodes, PASSES);
          });
          one.forEach((numbers, i) => {
            allClose(`${named(sizes)} result ${i} on 2 threads`, two[i], numbers, { rtol: 0, atol: 0 });
            allClose(`${named(sizes)} result ${i} on 7 threads`, seven[i], numbers, { rtol: 0, atol: 0 });
          });
          const plain = runWith(nodes, spelled);
          one.forEach((numbers, i) => allClose(`result ${i}`, numbers, plain[i], { rtol: 2e-5, atol: 3e-5 }));
        }
      });
});

describe("explain", () => {
  const steps = (text: string, kind: string) => text.split("\n").filter((line) => line.split(" ")[0] === kind);

  it("shows one recurrent step a layer and direction, and as many backwards", () => {
    const lstm = new LSTM(3, 4, { numLayers: 2, bidirectional: true });
    const [output] = lstm.forward(randn(20, 2, 3), null, { lengths: [20, 7] });
    const text = explain(output);
    expect(steps(text, "recurrent").map((line) => /lstm(, \w+)*/.exec(line)?.[0])).toEqual([
      "lstm, lengths",
      "lstm, reverse, lengths",
      "lstm, lengths",
      "lstm, reverse, lengths",
    ]);
    expect(text.split("\n").length).toBeLessThan(20);
    output.square().sum().backward();
    const backward = explain(lstm.weightIhL0.grad as Tensor);
    expect(steps(backward, "recurrentGradient")).toHaveLength(3);
  });

  it("shows the products of a single step, which need no loop", () => {
    const [output] = new GRU(3, 4).forward(randn(1, 2, 3));
    expect(steps(explain(output), "recurrent")).toHaveLength(0);
  });
});

it("a compiled step gives what the plain one gives, also in 16 bits", () => {
  for (const dtype of ["f32", "bf16", "f16"] as const) {
    const rnn = new RNN(5, 7, { numLayers: 2, bidirectional: true }).to(dtype);
    const x = randn(6, 3, 5).to(dtype);
    const run = (input: Tensor) => rnn.forward(input, null, { lengths: [6, 2, 4] });
    const [output, hidden] = run(x);
    const [again, last] = compile(run)(x);
    expect([output.dtype, hidden.dtype]).toEqual([dtype, dtype]);
    expect([again.toArray(), last.toArray()]).toEqual([output.toArray(), hidden.toArray()]);
  }
});

it("16-bit results are those of f32, rounded", () => {
  manualSeed(2);
  const [wide, x] = [new LSTM(5, 7), randn(6, 3, 5).bfloat16()];
  wide.bfloat16();
  const narrow = wide.forward(x)[0].float();
  const exact = wide.float().forward(x.float())[0];
  allClose("bf16", numbersOf(narrow), numbersOf(exact), { rtol: 2e-2, atol: 8e-3 });
  expect(narrow.requiresGrad).toBe(true);
});
