// Rowwise steps over rows that make a block each, against the reference executor: there, what a row has once is one vector in registers.

import { describe } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile } from "../../src/tensor/compiled.js";
import { tensor } from "../../src/tensor/create.js";
import { layerNorm, where } from "../../src/tensor/functions.js";
import { grad } from "../../src/tensor/grad.js";
import { crossEntropy } from "../../src/tensor/losses.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";
import { eachIsa, executor, noise, title } from "./native-steps.js";

/** Prepares its programs anew, so that they are for the instruction set in use. */
const fresh = (): Executor => ({
  name: executor.name,
  capabilities: executor.capabilities,
  allocate: (dtype, size) => executor.allocate(dtype, size),
  prepare: (program) => executor.prepare(program),
});

type Inputs = readonly [x: Tensor, row: Tensor, columns: Tensor, classes: Tensor];

function inputs(rows: number, columns: number): Inputs {
  const floats = (n: number, seed: number) => tensor(noise(n, seed).map((v) => 4 * v - 2));
  const classes = Int32Array.from({ length: rows }, (_, i) => (i * 911) % columns);
  return [
    floats(rows * columns, 1).reshape(rows, columns),
    floats(rows, 2).reshape(rows, 1),
    floats(columns, 3),
    tensor(classes),
  ];
}

const STEPS: Record<string, (...inputs: Inputs) => Tensor> = {
  "the value of a row, read and computed": (x, row) =>
    x
      .sub(row)
      .mul(x.amax(-1, { keepdim: true }).mul(row))
      .add(row),
  "a quotient by it, and it by a quotient": (x, row) => {
    const total = x.exp().sum(-1, { keepdim: true });
    return x
      .div(total)
      .add(total.div(x.square().add(1)))
      .sub(row);
  },
  "powers of it": (x, row) => x.abs().add(0.1).pow(row).sum(-1, { keepdim: true }).add(x),
  "choices by it": (x, row) => where(x.gt(row), x.sum(-1, { keepdim: true }), row).mul(x),
  "log-softmax, its gradient and its exponential": (x, row, columns) =>
    grad((t: Tensor) => t.logSoftmax(-1).mul(columns).sub(t.logSoftmax(-1).exp().mul(row)).sum())(x),
  "cross entropy with smoothed labels": (x, _, __, classes) =>
    grad((t: Tensor) => crossEntropy(t, classes, { labelSmoothing: 0.1, ignoreIndex: 0 }))(x),
  "layer normalisation and its gradient": (x, row, columns) =>
    grad((t: Tensor) => layerNorm(t.add(row), [t.shape[1]], columns, columns).square().sum())(x),
};

describe(title("rows that are blocks"), () => {
  for (const [name, step] of Object.entries(STEPS))
    eachIsa(name, () => {
      for (const columns of [600, 1078, 2051]) {
        const given = inputs(9, columns);
        const run = () => on(fresh(), () => compile(step)(...given));
        const expected = on(new ReferenceExecutor(), () => compile(step)(...given).dataSync());
        allClose(`${columns} columns`, run().dataSync(), expected, { rtol: 2e-5, atol: 2e-5 }, [9, columns]);
      }
    });

  eachIsa("divides by one number to the bit", () =>
    on(fresh(), () => {
      const { NaN: nan, POSITIVE_INFINITY: inf, MAX_VALUE: huge } = Number;
      const special = [0, -0, inf, -inf, nan, 1e-45, -1e-40, 1.2e-38, 3e38, -1, 2 ** -100, 2 ** 100];
      const values = Float32Array.from([
        ...special,
        ...[...new Array(20).fill(1), -0, ...new Array(31).fill(1)], // nothing but -0 in its vector is special
        ...noise(2000, 7).map((v, i) => (v - 0.5) * 2 ** ((i % 200) - 100)),
      ]);
      const divide = compile((x: Tensor, y: Tensor) => x.div(y));
      for (const divisor of [3, -0.1, 49, 1 / 3, 7e5, 2e6, 1e-7, 1e30, 1e-40, 0, -0, inf, nan, huge]) {
        const y = Math.fround(divisor);
        const quotients = divide(tensor(values), tensor([y]).reshape()).dataSync();
        const wrong = values.findIndex((x, i) => !Object.is(Math.fround(x / y), quotients[i]));
        if (wrong >= 0)
          throw new Error(
            `${values[wrong]} / ${y}: expected ${Math.fround(values[wrong] / y)}, got ${quotients[wrong]}`,
          );
      }
    }),
  );
});
