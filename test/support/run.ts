// Running a body or a suite on one executor, and asking for several tensors in one program.

import { afterAll, beforeAll } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { evaluate, setExecutor } from "../../src/tensor/evaluate.js";
import type { Tensor } from "../../src/tensor/tensor.js";

export function on<R>(executor: Executor, body: () => R): R {
  const before = setExecutor(executor);
  try {
    return body();
  } finally {
    setExecutor(before);
  }
}

/** The tests of the suite that calls this run on the executor. */
export function runSuiteOn(executor: Executor): void {
  let before: Executor;
  beforeAll(() => {
    before = setExecutor(executor);
  });
  afterAll(() => {
    setExecutor(before);
  });
}

/** All of them computed by one program. */
export function together(tensors: readonly Tensor[]): readonly Tensor[] {
  evaluate(tensors.map((t) => t.rawNode));
  return tensors;
}
