// Products so small that they are multiplied whole, and elementwise steps behind them that move from batch entry to batch entry.

import { describe } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { compile } from "../../src/tensor/compiled.js";
import { tensor } from "../../src/tensor/create.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";
import { eachIsa, executor, noise, title } from "./native-steps.js";

const filled = (shape: readonly number[], seed: number) =>
  tensor(
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ).map((x) => x - 0.5),
  ).reshape(...shape);

/** C = A B of one pair of matrices, summed in double precision. */
function product(a: number[][], b: number[][]): number[] {
  return a.flatMap((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

const check = (label: string, actual: Tensor, expected: readonly number[]) =>
  allClose(label, actual.dataSync(), expected, { rtol: 1e-5, atol: 1e-5 }, actual.shape);

/** Prepares its programs anew, so that they are for the instruction set in use. */
const fresh = (): Executor => ({
  name: executor.name,
  capabilities: executor.capabilities,
  allocate: (dtype, size) => executor.allocate(dtype, size),
  prepare: (program) => executor.prepare(program),
});

describe(title("small products"), () => {
  eachIsa("multiplies ragged matrices in any layout", () =>
    on(fresh(), () => {
      const multiply = compile((a: Tensor, b: Tensor) => a.matmul(b));
      const multiplyTurned = compile((a: Tensor, b: Tensor) => a.transpose(0, 1).matmul(b));
      const multiplyByTurned = compile((a: Tensor, b: Tensor) => a.matmul(b.transpose(0, 1)));
      for (const m of [1, 4, 5, 13, 15, 29])
        for (const n of [1, 3, 8, 16, 17, 33, 40])
          for (const k of [1, 3, 5, 16, 31]) {
            const [a, b] = [filled([m, k], m * 64 + k).evaluate(), filled([k, n], n * 64 + k).evaluate()];
            const expected = product(a.toArray() as number[][], b.toArray() as number[][]);
            const turned = (t: Tensor) => t.transpose(0, 1).contiguous().evaluate();
            check(`${m} ${k} ${n}`, multiply(a, b), expected);
            check(`${m} ${k} ${n}, A turned`, multiplyTurned(turned(a), b), expected);
            check(`${m} ${k} ${n}, B turned`, multiplyByTurned(a, turned(b)), expected);
          }
    }),
  );

  eachIsa("shares matrices among batch entries, with a step behind the product", () =>
    on(fresh(), () => {
      const [H, T, D, E] = [3, 6, 7, 5];
      const a = filled([2, H, T, D], 1).evaluate();
      const b = filled([H, D, E], 2).evaluate();
      const bias = filled([2, 1, 1, E], 3).evaluate();
      const rest = filled([2, T, H, E], 4).evaluate();
      const run = compile((x: Tensor) => x.matmul(b).add(bias).relu().add(rest.transpose(1, 2)));
      const [as, bs] = [a.toArray() as number[][][][], b.toArray() as number[][][]];
      const [biases, rests] = [bias.toArray() as number[][][][], rest.toArray() as number[][][][]];
      const expected = as.flatMap((heads, i) =>
        heads.flatMap((rows, h) =>
          product(rows, bs[h]).map(
            (x, at) => Math.max(0, x + biases[i][0][0][at % E]) + rests[i][Math.floor(at / E)][h][at % E],
          ),
        ),
      );
      check("with a bias, relu and a residual", run(a), expected);
    }),
  );

  eachIsa("takes keys and values of 16 bits", () =>
    on(fresh(), () => {
      for (const dtype of ["f16", "bf16"] as const) {
        const a = filled([9, 11], 1).evaluate();
        const b = filled([11, 19], 2).to(dtype).evaluate();
        const expected = product(a.toArray() as number[][], b.float().toArray() as number[][]);
        check(dtype, compile((x: Tensor, y: Tensor) => x.matmul(y.float()))(a, b), expected);
      }
    }),
  );
});
