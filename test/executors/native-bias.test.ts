// A bias, and a ReLU after it, that the micro-kernel adds to its sums: the very numbers of the product alone with the row or column added to it
// afterwards, on every instruction set and number of threads. What only looks like a bias keeps its own numbers, too.

import { afterAll, describe, expect } from "vitest";
import { compile, type Tensor, tensor } from "../../src/index.js";
import { on } from "../support/run.js";
import { eachIsa, executor, found, noise, title } from "./native-steps.js";

const SHAPES: Record<string, readonly [m: number, k: number, n: number]> = {
  "a small product": [6, 8, 10],
  "a small one with ragged ends": [13, 5, 67],
  "rows of one number": [5, 1, 33],
  "one row": [1, 300, 70],
  "one column": [70, 300, 1],
  "few rows": [3, 40, 900],
  "few tokens against many weights": [26, 300, 410],
  "the same in two panels": [100, 530, 450],
  "rows against few columns": [90, 50, 7],
  "whole blocks": [192, 128, 256],
  "several depths and ragged ends": [151, 700, 203],
  "a long k": [20, 6000, 40],
  "columns in many panels": [300, 33, 1078],
  "nothing to sum": [4, 0, 5],
};

const matrix = (rows: number, columns: number, seed: number) =>
  tensor(noise(rows * columns, seed).map((x) => x * 2 - 1)).view(rows, columns);
const numbers = (x: Tensor) => [...x.dataSync()];

/** The row added to each row of the product, in f32. */
function withBias(product: Tensor, bias: Tensor, relu: boolean): number[] {
  const row = bias.dataSync();
  const cut = (x: number) => (relu && !(x > 0) && !Number.isNaN(x) ? 0 : x);
  return numbers(product).map((x, i) => cut(Math.fround(x + row[i % row.length])));
}

describe.runIf(found)(title("a bias in the product"), () => {
  const threads = found?.threads ?? 1;
  afterAll(() => executor.setThreads(threads));

  for (const [name, [m, k, n]] of Object.entries(SHAPES))
    eachIsa(name, () =>
      on(executor, () => {
        const [left, right, bias] = [matrix(m, k, 1), matrix(n, k, 2), matrix(1, n, 3).view(n)];
        for (const relu of [false, true])
          for (const turned of [false, true]) {
            const product = (a: Tensor, b: Tensor) => a.matmul(turned ? b : b.transpose(0, 1));
            const other = turned ? right.transpose(0, 1).contiguous().evaluate() : right;
            const f = compile((...[a, b, c]: Tensor[]) => (relu ? product(a, b).add(c).relu() : product(a, b).add(c)));
            const plain = compile((...[a, b]: Tensor[]) => product(a, b));
            executor.setThreads(1);
            const expected = withBias(plain(left, other), bias, relu);
            // As a convolution's, for all columns.
            const column = matrix(m, 1, 4);
            const down = withBias(plain(left, other), column.expand(m, n).contiguous(), relu);
            for (const count of [1, 2, 7]) {
              executor.setThreads(count);
              expect(numbers(f(left, other, bias))).toEqual(expected);
              expect(numbers(f(left, other, column))).toEqual(down);
            }
          }
      }),
    );

  eachIsa("in every batch entry", () =>
    on(executor, () => {
      const [left, right, bias] = [
        matrix(3 * 20, 30, 1).view(3, 20, 30),
        matrix(3 * 30, 40, 2).view(3, 30, 40),
        matrix(1, 40, 3),
      ];
      const f = compile((...[a, b, c]: Tensor[]) => a.matmul(b).add(c).relu());
      expect(numbers(f(left, right, bias))).toEqual(withBias(left.matmul(right), bias, true));
      // A row for each entry is no bias of the kind.
      const rows = matrix(3, 40, 4);
      const g = compile((...[a, b, c]: Tensor[]) => a.matmul(b).add(c.unsqueeze(1)));
      const product = numbers(left.matmul(right));
      const own = rows.dataSync();
      expect(numbers(g(left, right, rows))).toEqual(
        product.map((x, i) => Math.fround(x + own[Math.floor(i / 800) * 40 + (i % 40)])),
      );
    }),
  );

  eachIsa("what is not finite, and the sign of zero", () =>
    on(executor, () => {
      const bias = tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, -1]);
      const f = compile((...[a, b, c]: Tensor[]) => a.matmul(b).add(c));
      const g = compile((...[a, b, c]: Tensor[]) => a.matmul(b).add(c).relu());
      const [left, right] = [matrix(8, 3, 1).mul(0).sub(0), matrix(3, 6, 2)];
      const product = numbers(left.matmul(right));
      const row = [...bias.dataSync()];
      expect(numbers(f(left, right, bias))).toEqual(product.map((x, i) => x + row[i % 6]));
      expect(
        numbers(g(left, right, bias))
          .slice(0, 6)
          .map((x) => (x === 0 ? 0 : x)),
      ).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 0, 0, 0, 0]);
    }),
  );

  eachIsa("what is like it: columns, whole matrices, a ReLU before, the product asked for as well", () =>
    on(executor, () => {
      const [left, right] = [matrix(40, 50, 1), matrix(50, 60, 2)];
      const [row, column, whole] = [matrix(1, 60, 3), matrix(40, 1, 4), matrix(40, 60, 5)];
      const product = numbers(left.matmul(right));
      const [r, c, w] = [row, column, whole].map((x) => x.dataSync());
      const relu = (x: number) => Math.max(x, 0);
      const rows: [
        (p: Tensor, row: Tensor, column: Tensor, whole: Tensor) => Tensor,
        (x: number, i: number) => number,
      ][] = [
        [(p, _, column) => p.add(column), (x, i) => x + c[Math.floor(i / 60)]],
        [(p, _, __, whole) => p.add(whole), (x, i) => x + w[i]],
        [(p, row) => p.relu().add(row), (x, i) => relu(x) + r[i % 60]],
        [(p, row) => p.add(row).neg(), (x, i) => -Math.fround(x + r[i % 60])],
        [(p, row) => p.add(row).add(row), (x, i) => Math.fround(x + r[i % 60]) + r[i % 60]],
        [(p) => p.add(p), (x) => x + x],
        [(p) => p.relu(), relu],
      ];
      for (const [write, expected] of rows) {
        const f = compile((...[a, b, x, y, z]: Tensor[]) => write(a.matmul(b), x, y, z));
        expect(numbers(f(left, right, row, column, whole))).toEqual(product.map((x, i) => Math.fround(expected(x, i))));
      }
      const both = compile((...[a, b, x]: Tensor[]) => {
        const p = a.matmul(b);
        return [p, p.add(x)];
      });
      const [p, sum] = both(left, right, row);
      expect(numbers(p)).toEqual(product);
      expect(numbers(sum)).toEqual(withBias(p, row, false));
    }),
  );
});
