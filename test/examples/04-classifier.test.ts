import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { runExample } from "./run.js";

interface Run {
  logits: number[][];
  some: number[];
  total: number;
  losses: number[];
}

const path = new URL("../golden/examples/04-classifier.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as { dropped: Run; whole: Run };

test.each([
  ["with dropout", "dropped", ["--steps", "0"]],
  ["without, and learns", "whole", ["--steps", "5", "--dropout", "0"]],
] as const)("04-classifier says what PyTorch's says %s", async (_, name, words) => {
  const expected = golden[name];
  const { exports, printed } = await runExample("04-classifier", ...words);
  const { logits, pattern, losses, program } = exports as {
    logits: Tensor;
    pattern: Tensor;
    losses: number[];
    program: string;
  };
  expect(printed).toContain("pattern [ 3, 16, 30, 30 ] logits [ 3, 2 ]");
  const near = (actual: ArrayLike<number>, wanted: readonly number[], within: number) => {
    expect(actual.length).toBe(wanted.length);
    expect(Math.max(0, ...wanted.map((x, i) => Math.abs(x - actual[i])))).toBeLessThan(within);
  };
  near(logits.dataSync(), expected.logits.flat(), 1e-5);
  near(pattern.at(":", "::5", "::7").contiguous().dataSync(), expected.some, 1e-5);
  near([pattern.square().sum().item()], [expected.total], 1e-2);
  near(losses, expected.losses, 1e-4);
  // Of three projections of all words only two are there: the values are those of one mixture of words for each head.
  const projections = program.match(/^matmul .* f32\[(\d+),512\] @ f32\[512,512\] -> f32\[\1,512\]/gm) as string[];
  expect(projections).toHaveLength(2 * 2); // forward, and the words' gradient
  expect(program).toMatch(/f32\[64,16,\d+\] @ f32\[64,\d+,512\] -> f32\[64,16,512\]/);
});
