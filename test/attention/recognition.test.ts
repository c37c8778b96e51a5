// Every spelling of attention becomes one attention step, forward and backward, with the numbers of the program it is written as; what is
// not attention keeps its numbers and is not mistaken for it.

import { describe, expect, it } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile, explain, manualSeed, type Tensor } from "../../src/index.js";
import { GPT } from "../../src/models/index.js";
import { SGD } from "../../src/train/index.js";
import { on } from "../support/run.js";
import { ASKED, EMPTY } from "./asked-beside.js";
import {
  compareEmpty,
  compareFused,
  countSteps,
  productsOfLengths,
  wantedOf,
  wantedOfLookalike,
} from "./compare-fused.js";
import type { Lookalike } from "./lookalike.js";
import { MISTAKES } from "./not-attention.js";
import { EITHER } from "./numbers-only.js";
import { B, given, N, type Spelling } from "./spelling.js";
import { SPELLINGS } from "./spellings.js";

const executors: readonly Executor[] = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);

/** @throws Error with the row's name, all that is wrong and the program */
function report(name: string, problems: readonly string[], text: string): void {
  if (problems.length > 0) throw new Error(`${name}\n${problems.join("\n")}\n\n${text}`);
}

function expectCount(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: ${actual}, expected ${expected}`];
}

/** Lines of `explain` that begin with the kernel's name. */
const explained = (t: Tensor) =>
  explain(t)
    .split("\n")
    .filter((line) => line.startsWith("attention ")).length;

function checkSpelling(row: Spelling, executor: Executor): void {
  const wanted = wantedOf(row);
  const { forward, both, text, problems } = compareFused(wanted, executor);
  const { steps, gradientSteps } = row.attention;
  const clean = { never: [forward, both], "in gradients": [forward], always: [] }[row.storesScores];
  report(
    row.name,
    [
      ...problems,
      ...expectCount("attention lines in explain", explained(wanted.outputs[0]), steps),
      ...expectCount("attention steps", countSteps(forward, "attention"), steps),
      ...expectCount("attention steps with gradients", countSteps(both, "attention"), steps),
      ...expectCount("attentionGradient steps", countSteps(both, "attentionGradient"), gradientSteps),
      ...clean.flatMap((p) => expectCount("products that store scores", productsOfLengths(p), 0)),
    ],
    text,
  );
}

function checkLookalike(row: Lookalike, executor: Executor): void {
  const { forward, problems, text } = compareFused(wantedOfLookalike(row), executor);
  const counted = row.steps === null ? [] : expectCount("attention steps", countSteps(forward, "attention"), row.steps);
  report(row.name, [...problems, ...counted], text);
}

const names = [...Object.values(SPELLINGS), MISTAKES, EITHER, ASKED, EMPTY].flat().map((row) => row.name);

it("has a name for every row", () => {
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

for (const executor of executors) {
  for (const [group, rows] of Object.entries(SPELLINGS)) {
    describe(`${group} (${executor.name})`, () => {
      for (const row of rows) it(row.name, () => on(executor, () => checkSpelling(row, executor)));
    });
  }

  const lookalikes = {
    "not attention": MISTAKES,
    "numbers only": EITHER,
    "asked for beside the output": ASKED,
  };
  for (const [group, rows] of Object.entries(lookalikes)) {
    describe(`${group} (${executor.name})`, () => {
      for (const row of rows) it(row.name, () => on(executor, () => checkLookalike(row, executor)));
    });
  }

  describe(`rows without keys give zeros (${executor.name})`, () => {
    for (const row of EMPTY) it(row.name, () => on(executor, () => checkEmpty(row, executor)));
  });

  it(`a compiled training step (${executor.name})`, () => on(executor, trainingStep));
}

function checkEmpty(row: Lookalike, executor: Executor): void {
  const { forward, problems, text } = compareEmpty(wantedOfLookalike(row), executor);
  report(row.name, [...problems, ...expectCount("attention steps", countSteps(forward, "attention"), 1)], text);
}

/** Forward, backward and the update are one program with one step for each layer and direction, however often it runs. */
function trainingStep(): void {
  const ids = given([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3], "i32").view(B, N);
  const losses = (compiled: boolean): number[] => {
    manualSeed(5);
    const model = new GPT({ vocabularySize: 10, context: 16, layers: 2, heads: 2, width: 8 });
    const optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
    const body = (inputs: Tensor) => {
      optimizer.zeroGrad();
      const loss = model.loss(inputs, inputs.roll(-1, 1));
      loss.backward();
      optimizer.step();
      return loss;
    };
    const step = compiled ? compile(body) : body;
    const seen = Array.from({ length: 4 }, () => step(ids).item());
    if (!compiled) return seen;
    const { program } = step as ReturnType<typeof compile<[Tensor], Tensor>>;
    expect(countSteps(program(ids), "attention")).toBe(2);
    expect(countSteps(program(ids), "attentionGradient")).toBe(2);
    return seen;
  };
  const [replayed, apart] = [losses(true), losses(false)];
  expect(replayed[3]).toBeLessThan(replayed[0]);
  replayed.forEach((loss, i) => expect(loss).toBeCloseTo(apart[i], 4));
}
