// Running a body on one executor, and asking for several tensors in one program.

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

/** All of them computed by one program. */
export function together(tensors: readonly Tensor[]): readonly Tensor[] {
  evaluate(tensors.map((t) => t.rawNode));
  return tensors;
}
