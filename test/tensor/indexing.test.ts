// at and withAt against torch, values and gradients; then errors, repeated writes, and compiled functions.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arange, compile, type Tensor, tensor, where } from "../../src/index.js";
import type { Index } from "../../src/tensor/indexing.js";

type Spec = number | string | null | number[] | boolean[] | { i32: number[] } | { bool: boolean[] };
interface Golden {
  reads: { shape: number[]; index: Spec[]; to: number[]; data: number[]; grad: number[] }[];
  writes: {
    shape: number[];
    index: Spec[];
    value: number | number[];
    data: number[];
    grad: number[];
    valueGrad?: number[];
  }[];
  nonzero: number[][];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/indexing.json", import.meta.url), "utf8"));

function indexOf(spec: Spec): Index {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return spec;
  return "i32" in spec ? tensor(spec.i32, { dtype: "i32" }) : tensor(spec.bool, { dtype: "bool" });
}

/** 0, 1, 2, ... of a shape, as a leaf that wants gradients. */
function counted(shape: readonly number[], from = 0): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tensor(Float32Array.from({ length: size }, (_, i) => from + i))
    .reshape([...shape])
    .requiresGrad_();
}

/** Gradients of sum(y * (1, 2, 3, ...)). */
function backward(y: Tensor): void {
  const upstream = tensor(Float32Array.from({ length: y.numel }, (_, i) => i + 1)).reshape([...y.shape]);
  y.mul(upstream).sum().backward();
}

const numbers = (t: Tensor | null): number[] => Array.from(t!.dataSync());
const message = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    return (error as Error).message;
  }
  return "no error";
};

describe("at reads what torch reads", () => {
  for (const { shape, index, to, data, grad } of golden.reads) {
    it(`[${shape}] at ${JSON.stringify(index)}`, () => {
      const x = counted(shape);
      const y = x.at(...index.map(indexOf));
      expect(y.shape).toEqual(to);
      expect(numbers(y)).toEqual(data);
      backward(y);
      expect(numbers(x.grad)).toEqual(grad);
    });
  }
});

describe("withAt writes what torch writes", () => {
  for (const { shape, index, value, data, grad, valueGrad } of golden.writes) {
    it(`[${shape}] with ${JSON.stringify(value)} at ${JSON.stringify(index)}`, () => {
      const x = counted(shape);
      const v = typeof value === "number" ? value : counted(value, 100);
      const y = x.withAt(index.map(indexOf), v);
      expect(y.shape).toEqual(shape);
      expect(numbers(y)).toEqual(data);
      backward(y);
      // What is replaced as a whole does not depend on x at all.
      expect(x.grad ? numbers(x.grad) : new Array(x.numel).fill(0)).toEqual(grad);
      if (valueGrad) expect(numbers((v as Tensor).grad)).toEqual(valueGrad);
    });
  }

  it("the last of several values for one place stays, and takes the gradient", () => {
    const v = counted([4], 100);
    const y = counted([3]).withAt([[1, 0, 1, 1]], v);
    expect(numbers(y)).toEqual([101, 103, 2]);
    backward(y);
    expect(numbers(v.grad)).toEqual([0, 1, 0, 2]);
  });

  it("takes a lone index, and keeps the dtype", () => {
    expect(arange(4).withAt(1, 7.9).toArray()).toEqual([0, 7, 2, 3]);
    expect(
      arange(4)
        .withAt("2:", tensor([0.5, 9.5]))
        .toArray(),
    ).toEqual([0, 1, 0, 9]);
    const x = arange(4);
    expect(x.withAt(x.lt(2), -1).toArray()).toEqual([-1, -1, 2, 3]);
    expect(x.gt(1).withAt(0, 1).toArray()).toEqual([true, false, true, true]);
    expect(
      tensor([1, 2, 3], { dtype: "bf16" })
        .withAt([[0, 2]], tensor([0.5, 0.25]))
        .toArray(),
    ).toEqual([0.5, 2, 0.25]);
  });

  it("leaves the tensor itself alone", () => {
    const x = tensor([1, 2, 3]);
    x.withAt(0, 9).dataSync();
    expect(x.toArray()).toEqual([1, 2, 3]);
  });
});

describe("other dtypes and ways to choose", () => {
  it("reads every dtype", () => {
    for (const dtype of ["f32", "f16", "bf16", "i32"] as const) {
      const x = tensor(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { dtype },
      );
      expect(x.at([1, 0], [2, 0]).toArray()).toEqual([6, 1]);
      expect(x.at(1, "::2").toArray()).toEqual([4, 6]);
      expect(x.at(1).dtype).toBe(dtype);
    }
    expect(tensor([true, false, true]).at([2, 1]).toArray()).toEqual([true, false]);
  });

  it("indices that are computed need no evaluation", () => {
    const x = tensor([3, 1, 2]);
    expect(x.at(x.argsort()).toArray()).toEqual([1, 2, 3]);
    expect(counted([3, 3]).at(arange(3), x.sub(1)).toArray()).toEqual([2, 3, 7]);
    expect(counted([3, 3]).at(arange(3), arange(3).sub(3)).toArray()).toEqual([0, 4, 8]);
  });

  it("nonzero lists indices in order", () => {
    const x = tensor([
      [0, 2, 0],
      [NaN, 0, -1],
    ]);
    expect(x.nonzero().toArray()).toEqual(golden.nonzero);
    expect(x.nonzero().dtype).toBe("i32");
    expect(x.eq(7).nonzero().shape).toEqual([0, 2]);
    expect(tensor(3).nonzero().shape).toEqual([1, 0]);
  });

  it("maskedSelect broadcasts both, with gradient", () => {
    const x = counted([2, 3]);
    const y = x.maskedSelect(tensor([true, false, true]));
    expect(y.toArray()).toEqual([0, 2, 3, 5]);
    backward(y);
    expect(numbers(x.grad)).toEqual([1, 0, 2, 3, 0, 4]);
    expect(
      counted([3])
        .maskedSelect(tensor([[true], [false], [true]]))
        .toArray(),
    ).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it("take reads the flattened tensor", () => {
    const x = counted([2, 3]);
    expect(
      x
        .take(
          tensor([
            [0, -1],
            [4, 4],
          ]),
        )
        .toArray(),
    ).toEqual([
      [0, 5],
      [4, 4],
    ]);
    expect(x.take([5, -6]).toArray()).toEqual([5, 0]);
  });
});

describe("inside compile", () => {
  it("views, index tensors and writes are traced", () => {
    const read = compile((x: Tensor, i: Tensor) => x.at(i, "1:").add(x.at(0, -1)));
    expect(read(counted([3, 4]), tensor([2, -3])).toArray()).toEqual([
      [12, 13, 14],
      [4, 5, 6],
    ]);
    expect(read(counted([3, 4]), tensor([1, 1])).toArray()).toEqual([
      [8, 9, 10],
      [8, 9, 10],
    ]);
  });

  it("a position that changes needs no new program", () => {
    let traces = 0;
    const write = compile((cache: Tensor, row: Tensor, position: Tensor) => {
      traces++;
      return cache.withAt(position, row);
    });
    const cache = tensor([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(write(cache, tensor([1, 2]), tensor(1)).toArray()).toEqual([
      [0, 0],
      [1, 2],
      [0, 0],
    ]);
    expect(write(cache, tensor([3, 4]), tensor(2)).toArray()).toEqual([
      [0, 0],
      [0, 0],
      [3, 4],
    ]);
    expect(traces).toBe(1);
  });

  it("a mask may write, an array of booleans may read, but a mask that is computed may not", () => {
    const x = tensor([1, -2, 3]);
    expect(compile((t: Tensor) => t.withAt(t.lt(0), 0))(x).toArray()).toEqual([1, 0, 3]);
    expect(compile((t: Tensor) => t.at([true, false, true]))(x).toArray()).toEqual([1, 3]);
    const expected = /a result whose shape is known inside compile.*where or maskedFill/;
    expect(message(() => compile((t: Tensor) => t.at(t.lt(0)))(x))).toMatch(expected);
    expect(message(() => compile((t: Tensor) => t.nonzero())(x))).toMatch(/^nonzero: /);
    expect(message(() => compile((t: Tensor) => t.maskedSelect(t.lt(0)))(x))).toMatch(/^maskedSelect: /);
    expect(compile((t: Tensor) => where(t.lt(0), t, 0))(x).toArray()).toEqual([0, -2, 0]);
  });
});

describe("mistakes are named", () => {
  const x = counted([3, 4]);
  const mistakes: [string, () => unknown, string][] = [
    ["range", () => x.at(5), "at: expected an index from -3 to 2 on dimension 0 of f32[3,4], got 5"],
    [
      "range of a later axis",
      () => x.at(":", -5),
      "at: expected an index from -4 to 3 on dimension 1 of f32[3,4], got -5",
    ],
    ["range in an array", () => x.at([0, 3]), "at: expected an index from -3 to 2 on dimension 0 of f32[3,4], got 3"],
    ["fraction", () => x.at(0.5), "at: expected an index from -3 to 2 on dimension 0 of f32[3,4], got 0.5"],
    [
      "empty axis",
      () => counted([0, 2]).at(0),
      "at: expected no single index on dimension 0 of f32[0,2], which is empty, got 0",
    ],
    ["too many", () => x.at(0, ":", 1), "at: expected indices for at most 2 dimensions of f32[3,4], got indices for 3"],
    ["two ellipses", () => x.at("...", "..."), 'at: expected at most one "...", got 2'],
    [
      "negative step",
      () => x.at("::-1"),
      'at: expected a step of at least 1, got "::-1"; reverse an axis with .flip(dim)',
    ],
    ["step zero", () => x.at("::0"), 'at: expected a step of at least 1, got "::0"'],
    ["no slice", () => x.at("1,2"), 'at: expected a slice such as "1:3", "::2", ":" or "...", got "1,2"'],
    [
      "number as text",
      () => x.at("1"),
      'at: expected a slice such as "1:3", "::2", ":" or "...", got "1"; a single index is a number: 1',
    ],
    [
      "boolean",
      () => x.at(true as never),
      'at: expected a whole number, a slice such as "1:3", null, a tensor or an array as index, got true; a mask is a bool tensor',
    ],
    [
      "float tensor",
      () => x.at(tensor([0.5])),
      "at: expected an i32 or bool tensor as index, got f32[1]; convert indices with .int(), or a mask with .bool()",
    ],
    [
      "mask shape",
      () => x.at(tensor([true, false])),
      "at: expected a mask of shape [3] from dimension 0 of f32[3,4] on, got bool[2]",
    ],
    ["ragged array", () => x.at([[0, 1], [2]]), "at: expected rows of equal length in an index array, got a row of 1"],
    [
      "no common shape",
      () => x.at([0, 1], [0, 1, 2]),
      "at: expected shapes that broadcast (equal, or 1, from the last axis on), got i32[2] and i32[3]",
    ],
    [
      "value",
      () => x.withAt("1:", counted([3])),
      "withAt: expected a value that broadcasts to the indexed part [2,4] of f32[3,4], got f32[3]",
    ],
    [
      "value under a mask",
      () => x.withAt(x.lt(2), counted([2])),
      "withAt: expected a value that broadcasts to the indexed part [1] of f32[3,4], got f32[2]; for a different value in each place, use where(mask, values, tensor)",
    ],
    [
      "new axis",
      () => x.withAt([null, 0], 1),
      "withAt: expected indices of axes that are there, got null; give the value that axis instead",
    ],
    [
      "separated",
      () => counted([2, 3, 2]).withAt([[0], ":", [1]], 1),
      "withAt: expected index tensors on neighbouring dimensions, got dimensions 0, 2; permute the tensor first",
    ],
    [
      "mask and array",
      () => x.withAt([x.at(":", 0).lt(1), [0]], 1),
      "withAt: expected one mask, or index tensors, got 1 masks and 1 index tensors",
    ],
    ["float take", () => x.take(tensor([0.5])), "take: expected i32 indices, got f32[1]; convert them with .int()"],
  ];
  for (const [name, body, text] of mistakes) it(name, () => expect(message(body)).toBe(text));

  it("values of index tensors are checked when they are used, each on its own axis", () => {
    for (const bad of [3, -4]) {
      expect(message(() => x.at(tensor([0, bad])).dataSync())).toMatch(new RegExp(`got ${bad}`));
      expect(message(() => x.withAt([tensor([0, bad])], 0).dataSync())).toMatch(new RegExp(`got ${bad}`));
      expect(message(() => x.withAt(tensor(bad), 0).dataSync())).toMatch(new RegExp(`got ${bad}`));
    }
    // Within the twelve elements, but not within the four of its axis.
    for (const bad of [4, -5]) {
      expect(message(() => x.at(tensor([0]), tensor([bad])).dataSync())).not.toBe("no error");
      expect(message(() => x.at(tensor([bad]), tensor([1])).dataSync())).not.toBe("no error");
      expect(message(() => x.withAt([tensor([0]), tensor([bad])], 1).dataSync())).not.toBe("no error");
    }
  });
});
