// One suite for every executor, which passes itself in: values and gradients of the table of cases against torch's, and, where
// the golden file holds a part of them, against the reference executor's in full.

import { describe, expect, it } from "vitest";
import { describe as typeOf } from "../../src/base/shape.js";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { valueAndGrad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose, numbersOf } from "../support/compare.js";
import { functional } from "../support/inputs.js";
import { runSuiteOn } from "../support/run.js";
import { type Case, differentiable, idOf, inputsOf, resultsOf } from "./case.js";
import { byOp, CASES } from "./cases.js";
import { goldenIds, goldenNumbers, goldenOf, MOST_VALUES, sampled } from "./golden.js";
import { toleranceOf } from "./tolerance.js";

export interface ConformanceOptions {
  /** Cases an executor cannot do, by op or by id, and why. */
  readonly skip?: readonly { readonly reason: string; readonly cases: readonly string[] }[];
}

export function conform(name: string, executor: Executor, options: ConformanceOptions = {}): void {
  const skipped = new Set(options.skip?.flatMap((s) => s.cases));
  const used = CASES.filter((c) => !skipped.has(c.op) && !skipped.has(idOf(c)));
  const reference = executor instanceof ReferenceExecutor ? null : new ReferenceExecutor();

  describe(`conformance of ${name}`, () => {
    runSuiteOn(executor);

    it("has a golden for every case, and no other", () => {
      expect(goldenIds().sort()).toEqual(CASES.map(idOf).sort());
    });

    for (const [op, list] of byOp(used)) {
      it(op, () => {
        const problems = list.flatMap((c) => problemsOf(c, executor, reference));
        if (problems.length > 0) throw new Error(problems.join("\n"));
      });
    }
  });
}

function problemsOf(c: Case, executor: Executor, reference: Executor | null): string[] {
  const problems: string[] = [];
  const check = (body: () => void) => {
    try {
      body();
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  check(() => {
    const own = computed(c, executor);
    for (const kind of ["results", "gradients"] as const) {
      check(() => compareWithGolden(c, own, kind));
    }
    if (!reference || !isSampled(c)) return;
    const theirs = computed(c, reference);
    for (const kind of ["results", "gradients"] as const) {
      own[kind].forEach((x, i) => {
        const label = `${idOf(c)}: ${kind.slice(0, -1)} ${i}, against the reference executor`;
        check(() =>
          allClose(
            label,
            x.values,
            theirs[kind][i].values,
            toleranceOf(c, x.tensor.dtype, kind === "gradients"),
            x.tensor.shape,
          ),
        );
      });
    }
  });
  return problems;
}

/** True where the golden file holds only some of the numbers: the rest is compared with the reference executor's. */
function isSampled(c: Case): boolean {
  const { results, gradients = [] } = goldenOf(idOf(c));
  return [...results.map((r) => r.values), ...gradients].some((values) => values.length >= MOST_VALUES);
}

interface Numbers {
  readonly tensor: Tensor;
  readonly values: ArrayLike<number>;
}

interface Computed {
  readonly results: Numbers[];
  readonly gradients: Numbers[];
}

function computed(c: Case, on: Executor): Computed {
  const before = setExecutor(on);
  try {
    const take = (tensor: Tensor): Numbers => ({ tensor, values: numbersOf(tensor) });
    const results = resultsOf(c, inputsOf(c)).map(take);
    const wanted = goldenOf(idOf(c)).gradients ? differentiable(c) : [];
    return { results, gradients: wanted.length > 0 ? gradientsOf(c, wanted).map(take) : [] };
  } catch (error) {
    throw new Error(`${idOf(c)}: ${(error as Error).message}`, { cause: error });
  } finally {
    setExecutor(before);
  }
}

/** Gradients of a fixed linear functional of the float results. */
export function gradientsOf(c: Case, argnums: readonly number[], inputs = inputsOf(c)): Tensor[] {
  return valueAndGrad((...x: Tensor[]) => lossOf(c, x), argnums)(...inputs)[1];
}

export function lossOf(c: Case, inputs: Tensor[]): Tensor {
  const terms = resultsOf(c, inputs).flatMap((r, i) =>
    r.requiresGrad ? [r.mul(functional(r.shape, i + 1).to(r.dtype)).sum()] : [],
  );
  return terms.reduce((a, b) => a.add(b));
}

function compareWithGolden(c: Case, own: Computed, kind: "results" | "gradients"): void {
  const golden = goldenOf(idOf(c));
  const expected = kind === "results" ? golden.results.map((r) => r.values) : (golden.gradients ?? []);
  if (expected.length !== own[kind].length)
    throw new Error(`${idOf(c)}: ${own[kind].length} ${kind}, expected ${expected.length}`);
  own[kind].forEach(({ tensor, values }, i) => {
    const label = `${idOf(c)}: ${kind.slice(0, -1)} ${i}, against torch`;
    const type = kind === "results" ? golden.results[i].type : typeOf(tensor);
    if (typeOf(tensor) !== type) throw new Error(`${label}: ${typeOf(tensor)}, expected ${type}`);
    const numbers = goldenNumbers(expected[i]);
    const all = numbers.length === values.length;
    allClose(
      label,
      sampled(values, tensor.shape, numbers.length),
      numbers,
      toleranceOf(c, tensor.dtype, kind === "gradients"),
      all ? tensor.shape : undefined,
    );
  });
}
