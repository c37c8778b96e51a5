// Random expressions, each computed by one program and node by node, on the reference and the native executor, and their gradients against
// finite differences. HEED_FUZZ=2000 tries that many of each instead of the usual few; HEED_FUZZ_SEED begins elsewhere.

import { describe, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { fromData } from "../../src/tensor/create.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose, numbersOf, type Tolerance } from "../support/compare.js";
import { functional, Lcg } from "../support/inputs.js";
import { type GraphOptions, type RandomGraph, randomGraph } from "../support/random-graph.js";
import { on, together } from "../support/run.js";

const COUNT = Number(process.env.HEED_FUZZ ?? 45);
const FIRST = Number(process.env.HEED_FUZZ_SEED ?? 1);
const reference = new ReferenceExecutor();
const double = new ReferenceExecutor("double");
const native = nativeExecutor();

/** Sums are taken in another order where axes are merged; the rest is the same to the bit. */
const SAME: Tolerance = { rtol: 2e-5, atol: 2e-6 };
const OTHER_EXECUTOR: Tolerance = { rtol: 2e-4, atol: 2e-5 };

function eachSeed(body: (seed: number) => void): void {
  const problems: string[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT && problems.length < 3; seed++) {
    try {
      body(seed);
    } catch (error) {
      problems.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new Error(problems.join("\n\n"));
}

function withText(graph: RandomGraph, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${graph.text.join("\n")}`, { cause: error });
  }
}

function compare(
  graph: RandomGraph,
  actual: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  tolerance: Tolerance,
): void {
  withText(graph, () =>
    actual.forEach((a, i) => allClose(`output ${i} [${graph.outputs[i].shape}]`, a, expected[i], tolerance)),
  );
}

const depth = (seed: number) => 6 + (seed % 20);

describe("random expressions", () => {
  it("are the same in one program and node by node", () => {
    eachSeed((seed) => {
      const options = { steps: depth(seed) };
      on(reference, () => {
        const graph = randomGraph(seed, options);
        withText(graph, () => together(graph.outputs));
        const eager = randomGraph(seed, { ...options, eager: true });
        compare(graph, graph.outputs.map(numbersOf), eager.outputs.map(numbersOf), SAME);
      });
    });
  });

  it.runIf(native)("are the same on the native executor and the reference executor", () => {
    eachSeed((seed) => {
      const options = { steps: depth(seed), continuous: true, onlyF32: true };
      const run = () => {
        const graph = randomGraph(seed, options);
        withText(graph, () => together(graph.outputs));
        return { graph, numbers: graph.outputs.map(numbersOf) };
      };
      const own = on(native ?? reference, run);
      compare(own.graph, own.numbers, on(reference, run).numbers, OTHER_EXECUTOR);
    });
  });

  it("have the gradients that finite differences give", () => {
    on(double, () => eachSeed(checkGradients));
  });

  it.runIf(native)("have the same gradients on the native executor, together with their values", () => {
    eachSeed((seed) => {
      const run = () => {
        const { graph, gradients } = gradientsOf(seed);
        withText(graph, () => together([...graph.outputs, ...gradients]));
        return { graph, numbers: gradients.map(numbersOf) };
      };
      const own = on(native ?? reference, run);
      const theirs = on(reference, run).numbers;
      withText(own.graph, () =>
        own.numbers.forEach((a, i) => allClose(`gradient ${i}`, a, theirs[i], { rtol: 1e-3, atol: 1e-4 })),
      );
    });
  });
});

const smooth = (seed: number): GraphOptions => ({ steps: depth(seed), continuous: true, onlyF32: true });

function lossOf(seed: number, leaves: readonly Tensor[]): { graph: RandomGraph; loss: Tensor } {
  const graph = randomGraph(seed, { ...smooth(seed), leaves });
  const terms = graph.outputs.map((t, i) => t.mul(functional(t.shape, seed + i)).sum());
  return { graph, loss: terms.reduce((a, b) => a.add(b)) };
}

function gradientsOf(seed: number): { graph: RandomGraph; gradients: readonly Tensor[] } {
  const { leaves } = randomGraph(seed, { steps: 0 });
  let graph: RandomGraph | undefined;
  const f = (...x: Tensor[]) => {
    const made = lossOf(seed, x);
    graph = made.graph;
    return made.loss;
  };
  const gradients = grad(
    f,
    leaves.map((_, i) => i),
  )(...leaves);
  return { graph: graph as RandomGraph, gradients };
}

function checkGradients(seed: number): void {
  const { graph, gradients } = gradientsOf(seed);
  withText(graph, () => together(gradients));
  const { leaves } = randomGraph(seed, { steps: 0 });
  const lcg = new Lcg(seed + 77);
  const points = leaves.map(numbersOf);
  const directions = points.map((x) => Array.from(x, () => 2 * lcg.uniform() - 1));
  const at = (step: number) => {
    const moved = leaves.map((t, i) =>
      fromData(
        Float64Array.from(points[i], (x, j) => x + step * directions[i][j]),
        t.shape,
        "f32",
      ),
    );
    return Number(lossOf(seed, moved).loss.toArray());
  };
  const step = 1e-5;
  const expected = (at(step) - at(-step)) / (2 * step);
  const dot = (g: Tensor, d: readonly number[]) => Array.from(numbersOf(g)).reduce((sum, x, i) => sum + x * d[i], 0);
  const actual = gradients.reduce((sum, g, i) => sum + dot(g, directions[i]), 0);
  withText(graph, () => allClose("derivative", [actual], [expected], { rtol: 1e-5, atol: 1e-5 }));
}
