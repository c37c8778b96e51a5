// The second derivative of gelu in its tanh form where the gate is nearly 0 or 1: relative to its own size, against its formula in double
// precision.

import { describe, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { tensor } from "../../src/tensor/create.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * LINEAR;

/** (xσ(v))'' = σ(1-σ) (2v' + x v'' + x (1-2σ) v'²), with v = LINEAR x + CUBIC x³. */
function bend(x: number): number {
  const [v, slope, curve] = [LINEAR * x + CUBIC * x ** 3, LINEAR + 3 * CUBIC * x * x, 6 * CUBIC * x];
  const [gate, rest] = [1 / (1 + Math.exp(-v)), 1 / (1 + Math.exp(v))];
  return gate * rest * (2 * slope + x * curve + x * (rest - gate) * slope ** 2);
}

describe("the second derivative of gelu", () => {
  for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null))
    it(`does not cancel (${executor.name})`, () => {
      const x = Array.from({ length: 45 }, (_, i) => (i - 22) / 4);
      const slope = grad((t: Tensor) => t.gelu({ approximate: "tanh" }).sum());
      const numbers = on(executor, () => grad((t: Tensor) => slope(t).sum())(tensor(x)).dataSync());
      allClose("gelu''", numbers as Float32Array, x.map(bend), { rtol: 2e-5, atol: 1e-7 });
    });
});
