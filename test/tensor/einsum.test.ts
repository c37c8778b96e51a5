// einsum against torch, values and gradients, to the bit: the numbers are chosen so that every sum is exact. Then how it runs, and errors.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile, randn, type Tensor, tensor } from "../../src/index.js";
import { einsum } from "../../src/tensor/einsum.js";

interface Case {
  equation: string;
  shapes: number[][];
  to: number[];
  data: number[];
  grads: number[][];
}

const cases: Case[] = JSON.parse(readFileSync(new URL("../golden/einsum.json", import.meta.url), "utf8"));

function filled(shape: readonly number[], value: (i: number) => number): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => value(i))).reshape([...shape]);
}

const operand = (shape: readonly number[], k: number): Tensor => filled(shape, (i) => (((7 * i + 3 * k) % 11) - 5) / 4);
/** Plain zeros: -0 and 0 are the same number here. */
const numbers = (t: Tensor): number[] => Array.from(t.dataSync(), (x) => x + 0);

describe("einsum gives torch's numbers and gradients", () => {
  for (const { equation, shapes, to, data, grads } of cases) {
    it(`"${equation}" of ${shapes.map((s) => `[${s}]`).join(" ")}`, () => {
      const operands = shapes.map((shape, k) => operand(shape, k).requiresGrad_());
      const y = einsum(equation, ...operands);
      expect(y.shape).toEqual(to);
      expect(numbers(y)).toEqual(data);
      y.mul(filled(to, (i) => (i % 5) - 2))
        .sum()
        .backward();
      expect(operands.map((t) => numbers(t.grad as Tensor))).toEqual(grads);
    });
  }

  it("works on permuted and sliced operands, integers, truth values and halves", () => {
    const [a, b] = [operand([2, 3, 4], 0), operand([4, 2, 5], 1)];
    const straight = numbers(einsum("itd,dis->its", a, b));
    expect(numbers(einsum("tid,ids->its", a.permute(1, 0, 2), b.permute(1, 0, 2)))).toEqual(straight);
    expect(numbers(einsum("itd,dis->its", a.at(":", "::2"), b))).toEqual(
      numbers(einsum("itd,dis->its", a, b).at(":", "::2")),
    );
    const big = tensor([
      [16777217, 1],
      [0, 1],
    ]);
    expect(
      einsum(
        "ij,jk->ik",
        big,
        tensor([
          [1, 0],
          [0, 1],
        ]),
      ).toArray(),
    ).toEqual([
      [16777217, 1],
      [0, 1],
    ]);
    expect(einsum("i,i->", tensor([true, true, false]), tensor([true, true, true])).item()).toBe(2);
    const half = einsum("ij,jk->ik", a.at(0).half(), b.at(":", 0).half());
    expect(half.dtype).toBe("f16");
    expect(numbers(half)).toEqual(numbers(einsum("ij,jk->ik", a.at(0), b.at(":", 0))));
  });
});

describe("einsum runs as one matrix product", () => {
  const kinds = (equation: string, ...shapes: number[][]) =>
    compile((...t: Tensor[]) => einsum(equation, ...t))
      .program(...shapes.map((s) => randn(s)))
      .steps.map((s) => s.kind);

  it.each([
    ["ij,jk->ik", [3, 4], [4, 2]],
    ["ij,kj->ki", [3, 4], [2, 4]],
    ["bhtd,bhsd->bhts", [2, 2, 3, 4], [2, 2, 5, 4]],
    ["bthd,bshd->bhts", [2, 3, 2, 4], [2, 5, 2, 4]],
    ["bhts,bshd->bthd", [2, 2, 3, 5], [2, 5, 2, 4]],
    ["btc,chd->bthd", [2, 3, 4], [4, 2, 3]],
    ["bthd,hdc->btc", [2, 3, 2, 4], [2, 4, 5]],
    ["bthd,hdc->bthc", [2, 3, 2, 4], [2, 4, 5]],
    ["...ij,jk->...ik", [2, 5, 3, 4], [4, 2]],
    ["bij,bjk->bik", [2, 3, 4], [1, 4, 2]],
  ])("%s without a copy", (equation, a, b) => {
    expect(kinds(equation, a, b)).toEqual(["matmul"]);
  });

  it("a product that is only summed, an outer product, or a diagonal is one step of its own", () => {
    const single: [string, ...number[][]][] = [
      ["bi,bi->b", [2, 3], [2, 3]],
      ["i,j->ij", [3], [4]],
      ["ijk->k", [2, 3, 4]],
      ["bii->b", [2, 3, 3]],
      ["bii->bi", [2, 3, 3]],
    ];
    for (const [equation, ...shapes] of single) {
      const steps = kinds(equation, ...shapes);
      expect(steps).toHaveLength(1);
      expect(["reduce", "elementwise"]).toContain(steps[0]);
    }
  });

  it("an axis order that the product cannot write is a view for the next one", () => {
    const heads = (x: Tensor, query: Tensor, key: Tensor) =>
      einsum("bhtd,bhsd->bhts", einsum("btc,chd->bhtd", x, query), einsum("btc,chd->bhtd", x, key));
    const steps = compile(heads).program(randn(2, 3, 4), randn(4, 2, 3), randn(4, 2, 3)).steps;
    expect(steps.map((s) => s.kind)).toEqual(["matmul", "matmul", "matmul"]);
  });

  it("contracts the cheapest pair first", () => {
    const program = compile((a: Tensor, b: Tensor, c: Tensor) => einsum("ij,jk,k->i", a, b, c)).program(
      randn(64, 64),
      randn(64, 64),
      randn(64),
    );
    const flops = program.steps.reduce((sum, s) => sum + s.flops, 0);
    expect(flops).toBeLessThan(5 * 64 * 64);
  });
});

describe("mistakes are named", () => {
  const [a, b] = [operand([3, 4], 0), operand([5, 6], 1)];
  const message = (body: () => unknown): string => {
    try {
      body();
    } catch (error) {
      return (error as Error).message;
    }
    return "no error";
  };
  const mistakes: [string, () => unknown, string][] = [
    ["operands", () => einsum("ij,jk->ik", a), 'einsum: expected 2 operands for "ij,jk->ik", got 1'],
    ["none", () => einsum("->"), 'einsum: expected 1 operand for "->", got 0'],
    ["rank", () => einsum("ijk->i", a), 'einsum: expected 3 dimensions for "ijk", operand 0 of "ijk->i", got f32[3,4]'],
    [
      "rank with dots",
      () => einsum("...ijk->i", a),
      'einsum: expected at least 3 dimensions for "...ijk", operand 0 of "...ijk->i", got f32[3,4]',
    ],
    [
      "sizes",
      () => einsum("ij,jk->ik", a, b),
      'einsum: expected one size for "j", or 1, got 4 in f32[3,4] and 5 in f32[5,6]',
    ],
    [
      "sizes under dots",
      () => einsum("...,...", a, b),
      'einsum: expected one size for axis -2 of "...", or 1, got 3 in f32[3,4] and 5 in f32[5,6]',
    ],
    [
      "diagonal",
      () => einsum("ii->i", a),
      'einsum: expected one size for "i" in operand 0, whose diagonal it takes, got 3 and 4 in f32[3,4]',
    ],
    [
      "unknown output",
      () => einsum("ij->iz", a),
      'einsum: expected output letters that an operand has, got "z" in "ij->iz"',
    ],
    [
      "repeated output",
      () => einsum("ij->ii", a),
      'einsum: expected each output letter once, got "i" twice in "ij->ii"',
    ],
    ["symbols", () => einsum("i1->i", a), 'einsum: expected letters, "...", "," and "->", got "1" in "i1->i"'],
    [
      "two dots",
      () => einsum("...i...->i", a),
      'einsum: expected at most one "..." in an operand, got "...i..." in "...i...->i"',
    ],
    ["two arrows", () => einsum("ij->i->j", a), 'einsum: expected at most one "->", got "ij->i->j"'],
  ];
  for (const [name, body, text] of mistakes) it(name, () => expect(message(body)).toBe(text));
});
