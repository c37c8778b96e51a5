// Sums that a product makes of one of its sides: which ones are joined to it, which must not be, and that the numbers are the same.

import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/base/shape.js";
import { compileRequest } from "../../src/compiler/compile.js";
import type { Node } from "../../src/graph/node.js";
import { grad, linear, type Tensor } from "../../src/index.js";
import { executor } from "../../src/tensor/evaluate.js";
import { leafValue } from "../../src/tensor/value.js";
import { allClose } from "../support/compare.js";
import { functional } from "../support/inputs.js";

function run(nodes: readonly Node[], matmulSums: boolean) {
  const on = executor();
  const { program, leaves } = compileRequest(
    { outputs: nodes, writes: [] },
    { capabilities: { ...on.capabilities, matmulSums } },
  );
  const results = nodes.map((n) => on.allocate(n.dtype, sizeOf(n.shape)));
  on.prepare(program).run([...leaves.map((leaf) => leafValue(leaf).memoryFor(on)), ...results]);
  const sums = program.steps.flatMap((s) => (s.kind === "matmul" && s.sums ? [s.sums.side] : []));
  return {
    sums,
    reductions: program.steps.filter((s) => s.kind === "reduce").length,
    numbers: results.map((r) => r.data),
  };
}

/** The sides that are summed and the reductions that are left, after the numbers were compared with those of the program without. */
function joined(...tensors: Tensor[]): { sums: string[]; reductions: number } {
  const nodes = tensors.map((t) => t.rawNode);
  const [withSums, without] = [run(nodes, true), run(nodes, false)];
  expect(without.sums).toEqual([]);
  withSums.numbers.forEach((numbers, i) =>
    allClose(`result ${i}`, numbers, without.numbers[i], { rtol: 2e-5, atol: 1e-6 }, tensors[i].shape),
  );
  return { sums: withSums.sums, reductions: withSums.reductions };
}

const x = () => functional([6, 10, 24], 1);
const seed = () => functional([6, 10, 40], 2);

describe("sums of a side", () => {
  it("the gradient of a bias comes with that of the weight", () => {
    const loss = (w: Tensor, b: Tensor) => linear(x(), w, b).mul(seed()).sum();
    expect(joined(...grad(loss, [0, 1])(functional([40, 24], 3), functional([40], 4)))).toEqual({
      sums: ["a"],
      reductions: 0,
    });
  });

  it("so it does where the weight lies the other way", () => {
    const loss = (w: Tensor, b: Tensor) => x().matmul(w).add(b).mul(seed()).sum();
    expect(joined(...grad(loss, [0, 1])(functional([24, 40], 3), functional([40], 4)))).toEqual({
      sums: ["b"],
      reductions: 0,
    });
  });

  it("through an activation, and through three layers", () => {
    const loss = (...w: Tensor[]) => {
      let h = x();
      for (let i = 0; i < 6; i += 2) h = linear(h, w[i], w[i + 1]).tanh();
      return h.mul(seed()).sum();
    };
    const sizes = [24, 32, 48, 40];
    const w = [0, 1, 2].flatMap((i) => [functional([sizes[i + 1], sizes[i]], i), functional([sizes[i + 1]], i + 7)]);
    expect(joined(...grad(loss, [0, 1, 2, 3, 4, 5])(...w)).sums).toEqual(["a", "a", "a"]);
  });

  it("columns of a slice are summed where the product takes the same slice", () => {
    const wide = functional([60, 50], 5).narrow(1, 7, 20);
    const left = functional([60, 30], 6);
    expect(joined(wide.transpose(0, 1).matmul(left), wide.sum(0))).toEqual({ sums: ["a"], reductions: 0 });
    const other = functional([60, 50], 5).narrow(1, 8, 20);
    expect(joined(wide.transpose(0, 1).matmul(left), other.sum(0)).reductions).toBe(1);
  });

  it("one product makes one sum", () => {
    const [a, b] = [functional([60, 30], 5), functional([60, 20], 6)];
    expect(joined(a.transpose(0, 1).matmul(b), a.sum(0), b.sum(0))).toEqual({ sums: ["a"], reductions: 1 });
  });

  it("what is not summed over the axis of the contraction, in another type, by batches or after more is left as it was", () => {
    const [a, b] = [functional([60, 60], 5), functional([60, 60], 6)];
    const product = () => a.transpose(0, 1).matmul(b);
    expect(joined(product(), a.sum(1)).sums).toEqual([]);
    expect(joined(product(), a.max(0).values).sums).toEqual([]);
    expect(joined(product(), a.square().sum(0)).sums).toEqual([]);
    expect(joined(product(), a.sum()).sums).toEqual([]);
    const [c, d] = [functional([3, 60, 60], 5), functional([3, 60, 60], 6)];
    expect(joined(c.transpose(1, 2).matmul(d), c.sum(1)).sums).toEqual([]);
    const half = functional([60, 60], 5).to("f16");
    expect(joined(half.transpose(0, 1).matmul(half), half.sum(0)).sums).toEqual([]);
  });

  it("a sum that the product itself needs is made before it", () => {
    const a = functional([60, 30], 5);
    const sum = a.sum(0);
    expect(joined(a.transpose(0, 1).matmul(functional([60, 20], 6).mul(sum.sum()))).sums).toEqual([]);
    expect(
      joined(
        a
          .transpose(0, 1)
          .matmul(functional([60, 30], 6))
          .add(sum),
      ),
    ).toEqual({ sums: [], reductions: 1 });
  });
});
