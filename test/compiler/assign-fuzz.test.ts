// Random compiled functions that assign to their own variables, views of them and one another, against the same functions run op by op.

import { describe, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile } from "../../src/tensor/compiled.js";
import { cat } from "../../src/tensor/functions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose, numbersOf } from "../support/compare.js";
import { functional, Lcg } from "../support/inputs.js";
import { randomGraph } from "../support/random-graph.js";
import { on } from "../support/run.js";

const COUNT = Number(process.env.HEED_FUZZ ?? 50);
const FIRST = Number(process.env.HEED_FUZZ_SEED ?? 1);
const SIDE = 3;
const CALLS = 3;

type Change = (x: Tensor, y: Tensor) => Tensor;

/** New numbers for a variable x, from itself and another one y; all square. */
const CHANGES: Record<string, Change> = {
  other: (_, y) => y,
  "transposed other": (_, y) => y.transpose(0, 1),
  itself: (x) => x,
  transposed: (x) => x.transpose(0, 1),
  flipped: (x) => x.flip(1),
  shifted: (x, y) => cat([x.slice(0, 1), y.slice(0, 0, 1)], 0),
  "shifted columns": (x) => cat([x.slice(1, 1).tanh(), x.slice(1, 0, 1)], 1),
  rolled: (x) => x.roll(1, 0),
  "row spread": (x) => x.slice(0, 1, 2).expand(SIDE, SIDE),
  sum: (x, y) => x.add(y).mul(0.5),
  "sum with transposed": (x) => x.add(x.transpose(0, 1)).tanh(),
  "less mean": (x, y) => x.sub(y.mean(0, { keepdim: true })),
  softmax: (x) => x.softmax(-1),
  product: (x, y) => x.matmul(y).tanh(),
  "own product": (x) => x.matmul(x).tanh(),
  "bias after product": (x, y) => y.matmul(x).add(x).tanh(),
  scaled: (x) => x.mul(0.9).add(0.05),
  "running sum": (x) => x.cumsum(0).tanh(),
  regrouped: (x) =>
    x
      .transpose(0, 1)
      .reshape(SIDE * SIDE)
      .flip(0)
      .reshape(SIDE, SIDE),
};

function makeStates(): Tensor[] {
  return Array.from({ length: 4 }, (_, i) => functional([SIDE, SIDE], i + 1));
}

function body(seed: number, states: readonly Tensor[], text: string[]): Tensor[] {
  const lcg = new Lcg(seed);
  const seen: Tensor[] = [];
  for (let i = 0; i < 2 + (seed % 6); i++) {
    const [to, from] = [lcg.below(states.length), lcg.below(states.length)];
    const name = lcg.pick(Object.keys(CHANGES));
    // What is read before the assignment keeps its meaning after it.
    const early = lcg.below(3) === 0 ? states[to].mul(2) : null;
    const view = lcg.below(3) === 0 ? states[to].transpose(0, 1) : null;
    states[to].assign(CHANGES[name](states[to], states[from]));
    text.push(`${to} <- ${name}(${to}, ${from})`);
    if (early) seen.push(early);
    if (view) seen.push(lcg.below(2) === 0 ? view : view.add(states[to]));
    if (lcg.below(4) === 0) seen.push(states[to].slice(0, 1));
    if (lcg.below(4) === 0) seen.push(states[from]);
  }
  if (lcg.below(2) === 0)
    seen.push(...randomGraph(seed, { steps: 6, leaves: states, onlyF32: true, continuous: true }).outputs);
  return seen;
}

describe("random assignments", () => {
  for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null)) {
    it(`do in a compiled function what they do op by op (${executor.name})`, () => {
      on(executor, () => {
        for (let seed = FIRST; seed < FIRST + COUNT; seed++) check(seed);
      });
    });
  }
});

function check(seed: number): void {
  const [plain, own] = [makeStates(), makeStates()];
  const compiled = compile(() => body(seed, own, []));
  for (let call = 0; call < CALLS; call++) {
    const text: string[] = [];
    const expected = body(seed, plain, text).map(numbersOf);
    const actual = compiled().map(numbersOf);
    const label = (what: string, i: number) => `seed ${seed}, call ${call}, ${what} ${i}\n${text.join("\n")}\n`;
    const close = { rtol: 1e-4, atol: 1e-5 };
    expected.forEach((e, i) => allClose(label("result", i), actual[i], e, close));
    plain.forEach((t, i) => allClose(label("variable", i), numbersOf(own[i]), numbersOf(t), close));
  }
}
