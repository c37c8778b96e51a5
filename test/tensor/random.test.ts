// Random tensors of every dtype against torch, to the bit: one table, drawn in a row from one seed, so that what one call leaves for the
// next (half of a pair of normal numbers, the place in the stream) is compared as well.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as heed from "../../src/index.js";
import { Embedding, init, Linear, MultiheadAttention, Parameter } from "../../src/nn/index.js";

type DType = heed.DType;
type Row = [op: string, dtype: DType, size: number, digest: string];
const golden = JSON.parse(readFileSync(new URL("../golden/random_tensors.json", import.meta.url), "utf8"));
const { orthogonal } = golden.pop() as { orthogonal: Record<string, number[]> };
const tables = golden as { seed: number; rows: Row[]; state: string }[];

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

/** The bytes of the elements in order, halves as their 16 bits. */
function digest(x: heed.Tensor): string {
  const raw = x.detach().raw().slice() as Uint16Array;
  return hash(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength));
}

function ramp(n: number, low: number, high: number, dtype: DType): heed.Tensor {
  const numbers = Float64Array.from({ length: n }, (_, i) => low + ((high - low) * ((i * 37) % 101)) / 128);
  return heed.tensor(numbers, { dtype });
}

const { dropout, normal, uniform } = heed;
const eye = (n: number, dtype: DType) => heed.eye(n, { dtype });
const blank = (n: number, dtype: DType) => new Parameter(heed.zeros(n, 3, { dtype }));

/** The calls of draw in random_tensors.py. */
const DRAW: Record<string, (n: number, dtype: DType) => heed.Tensor> = {
  rand: (n, dtype) => heed.rand(n, { dtype }),
  randn: (n, dtype) => heed.randn(n, { dtype }),
  randLike: (n, dtype) =>
    heed.randLike(
      ramp(3 * n, -1, 3, dtype)
        .reshape(3, n)
        .transpose(0, 1),
    ),
  randnLike: (n, dtype) =>
    heed.randnLike(
      ramp(3 * n, -1, 3, dtype)
        .reshape(3, n)
        .transpose(0, 1)
        .mul(2),
    ),
  randintLike: (n, dtype) => heed.randintLike(ramp(3 * n, -1, 3, dtype).reshape(n, 3), -5, 10),
  uniform: (n, dtype) => uniform([n], -0.1, 0.3, { dtype }),
  uniformFar: (n, dtype) => uniform([n], 2, 7.5, { dtype }),
  normal: (n, dtype) => normal([n], -3.5, 1.7, { dtype }),
  normalTensors: (n, dtype) => normal(ramp(n, -1, 3, dtype), ramp(n, 0.5, 2, dtype)),
  normalMeans: (n, dtype) => normal(ramp(n, -1, 3, dtype), 1.7),
  normalSpreads: (n, dtype) => normal(0.3, ramp(n, 0.5, 2, dtype)),
  normalGrid: (n, dtype) => normal(ramp(3, -1, 3, dtype).unsqueeze(1), ramp(n, 0.5, 2, dtype)),
  exponential: (n, dtype) => heed.exponential([n], 2.5, { dtype }),
  randint: (n, dtype) => heed.randint(-5, 10, [n], { dtype }),
  randintWide: (n, dtype) => heed.randint(-5, 2 ** 28 - 5, [n], { dtype }),
  randintBits: (n, dtype) => heed.randint(0, 2, [n], { dtype }),
  randperm: (n, dtype) => heed.randperm(n, { dtype }),
  bernoulli: (n, dtype) => heed.bernoulli(0.3, [n], { dtype }),
  bernoulliTensor: (n, dtype) => heed.bernoulli(ramp(n, 0, 1, dtype)),
  dropout: (n, dtype) => dropout(ramp(n, -1, 3, dtype), { p: 0.3 }),
  dropoutTransposed: (n, dtype) =>
    dropout(
      ramp(3 * n, -1, 3, dtype)
        .reshape(3, n)
        .transpose(0, 1),
      { p: 0.1 },
    ),
  dropoutPermuted: (n, dtype) =>
    dropout(
      ramp(6 * n, -1, 3, dtype)
        .reshape(2, n, 3)
        .permute(2, 0, 1)
        .relu()
        .mul(2),
      { p: 0.6 },
    ),
  dropoutExpanded: (n, dtype) => dropout(ramp(n, -1, 3, dtype).unsqueeze(1).expand(n, 4), { p: 0.6 }),
  dropoutSliced: (n, dtype) =>
    dropout(
      ramp(4 * n, -1, 3, dtype)
        .reshape(4, n)
        .transpose(0, 1)
        .at(":", "1:3"),
      { p: 0.6 },
    ),
  dropoutLinear: (n, dtype) =>
    dropout(
      heed.linear(
        ramp(4 * n, -1, 3, dtype)
          .reshape(n, 4)
          .transpose(0, 1),
        eye(n, dtype),
      ),
      { p: 0.5 },
    ),
  dropoutSum: (n, dtype) =>
    dropout(
      ramp(2 * n, -1, 3, dtype)
        .reshape(2, n)
        .transpose(0, 1)
        .add(
          heed
            .arange(2 * n)
            .reshape(n, 2)
            .to(dtype),
        ),
      { p: 0.5 },
    ),
  multinomial: (n, dtype) => heed.multinomial(ramp(n, 0.5, 1, dtype), 1),
  multinomialSome: (n, dtype) => heed.multinomial(ramp(2 * n, 0.5, 1, dtype).reshape(2, n), Math.min(n, 4)),
  multinomialAgain: (n, dtype) => heed.multinomial(ramp(3 * n, 0.5, 1, dtype).reshape(3, n), 7, { replacement: true }),
  multinomialOneAgain: (n, dtype) =>
    heed.multinomial(ramp(3 * n, 0.5, 1, dtype).reshape(3, n), 1, { replacement: true }),
  bernoulliTransposed: (n, dtype) =>
    heed.bernoulli(
      ramp(3 * n, 0, 1, dtype)
        .reshape(3, n)
        .transpose(0, 1),
    ),
  multinomialTransposed: (n, dtype) =>
    heed.multinomial(
      ramp(3 * n, 0.5, 1, dtype)
        .reshape(n, 3)
        .transpose(0, 1),
      Math.min(n, 2),
    ),
  dropoutLayer: (n, dtype) => {
    const x = ramp(6 * n, -1, 3, dtype).reshape(2, 3, n);
    const [mixed] = new MultiheadAttention(n, 1, { batchFirst: true, dropout: 0.3 }).forward(x, x, x);
    return dropout(mixed, { p: 0.2 }).ne(0);
  },
  initTruncNormal: (n, dtype) => init.truncNormal_(blank(n, dtype), { std: 0.02 }),
  initTruncated: (n, dtype) => init.truncNormal_(blank(n, dtype), { mean: 0.1, a: -0.7, b: 1.2 }),
  initTruncatedFar: (n, dtype) => init.truncNormal_(blank(n, dtype), { a: 1.5, b: 3 }),
  initXavierUniform: (n, dtype) => init.xavierUniform_(blank(n, dtype), { gain: 0.7 }),
  initXavierNormal: (n, dtype) => init.xavierNormal_(blank(n, dtype), { gain: 0.7 }),
  initKaimingUniform: (n, dtype) => init.kaimingUniform_(blank(n, dtype), { mode: "fanOut" }),
  initKaimingNormal: (n, dtype) => init.kaimingNormal_(blank(n, dtype), { nonlinearity: "relu" }),
  initSparse: (n, dtype) => init.sparse_(blank(n, dtype), 0.4),
  linear: (n, dtype) => new Linear(3, n, { dtype }).weight,
  linearBias: (n, dtype) => new Linear(n, 17, { dtype }).bias as Parameter,
  embedding: (n, dtype) => new Embedding(n, 3, { dtype }).weight,
  embeddingPadded: (n, dtype) => new Embedding(n, 3, { paddingIdx: -1, dtype }).weight,
  attention: (n) => new MultiheadAttention(n, 1).inProjWeight as Parameter,
};

describe("tables of draws are torch's", () => {
  for (const { seed, rows, state } of tables) {
    it(`seed ${seed}, ${rows.length} draws in a row`, () => {
      heed.manualSeed(seed);
      const drawn = rows.map(([op, dtype, n]): Row => [op, dtype, n, digest(DRAW[op](n, dtype))]);
      expect(drawn).toEqual(rows);
      expect(hash(heed.getRngState())).toBe(state);
    });
  }

  it("and use every call there is", () => {
    expect(new Set(tables.flatMap(({ rows }) => rows.map(([op]) => op)))).toEqual(new Set(Object.keys(DRAW)));
  });
});

describe("orthogonal matrices are torch's to rounding", () => {
  for (const [size, want] of Object.entries(orthogonal)) {
    it(size, () => {
      const [rows, columns] = size.split("x").map(Number);
      heed.manualSeed(7);
      const got = init.orthogonal_(new Parameter(heed.zeros(rows, columns)), { gain: 1.5 }).dataSync();
      want.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 5));
      const product = heed.tensor(got).reshape(rows, columns);
      const gram = rows < columns ? product.matmul(product.mT) : product.mT.matmul(product);
      const error = gram
        .sub(heed.eye(Math.min(rows, columns)).mul(1.5 ** 2))
        .abs()
        .max();
      expect(error.item()).toBeLessThan(1e-5);
    });
  }
});

describe("random tensors", () => {
  it("draw from the generator they are given, and leave the default one alone", () => {
    heed.manualSeed(5);
    const before = heed.getRngState();
    const generator = new heed.Generator(5);
    const options = { generator };
    const drawn = [
      heed.randn(3, options),
      normal(heed.zeros(3), 1, options),
      heed.bernoulli(heed.rand(4, options), options),
    ];
    expect(heed.getRngState()).toEqual(before);
    const again = [heed.randn(3), normal(heed.zeros(3), 1), heed.bernoulli(heed.rand(4))];
    expect(drawn.map((t) => t.toArray())).toEqual(again.map((t) => t.toArray()));
  });

  it("go on from a state that was kept, the half pair of normal numbers included", () => {
    heed.manualSeed(11);
    heed.randn(3);
    const kept = heed.getRngState();
    expect(kept).toHaveLength(5056);
    const draw = () => [heed.randn(2).toArray(), dropout(heed.ones(9)).toArray(), heed.randperm(7).toArray()];
    const first = draw();
    heed.setRngState(kept);
    expect(draw()).toEqual(first);
    expect(() => heed.setRngState(kept.subarray(1))).toThrow("setRngState: expected the 5056 bytes");
  });

  it("require gradients when asked, and pass none to means and spreads", () => {
    expect(heed.randn(2, { requiresGrad: true }).requiresGrad).toBe(true);
    const mean = heed.zeros(2, { requiresGrad: true });
    expect(normal(mean, 1).requiresGrad).toBe(false);
    expect(normal(mean, 1, { requiresGrad: true }).requiresGrad).toBe(true);
  });

  it("say what is wrong with an argument", () => {
    expect(() => normal(heed.zeros(2), heed.tensor([1, -1.5]))).toThrow(
      "normal: expected std >= 0, got a negative one",
    );
    expect(() => normal(heed.zeros(2), heed.ones(3))).toThrow("normal");
    expect(() => normal(heed.arange(3), 1)).toThrow("means and spreads of a float dtype, got i32");
    expect(() => uniform([2], 1, 0)).toThrow("uniform: expected from <= to, got 1 and 0");
    expect(() => heed.rand(2, { dtype: "i32" })).toThrow("rand: expected a float dtype, got i32");
    expect(() => heed.randLike(heed.zeros(2, { dtype: "i32" }))).toThrow("rand: expected a float dtype, got i32");
    expect(() => heed.randint(0, 10, 2 as unknown as number[], 3 as never)).toThrow("write randint(0, 10, [2, 3])");
    expect(() => heed.rand(2, { dtype: "f64" as DType })).toThrow("rand: expected dtype one of f32");
    expect(() => heed.randint(0, 3, [2], { dtype: "bool" })).toThrow("bounds from 0 to 1, for bool, got 0, 3");
    expect(() => heed.randint(3, [2, -1])).toThrow("whole, non-negative sizes");
    expect(() => heed.bernoulli(heed.tensor([1, 0]))).toThrow("probabilities of a float dtype, got i32");
    expect(() => heed.bernoulli(0.5)).toThrow("a shape beside the probability");
    expect(() => heed.exponential([2], 0)).toThrow("lambda > 0");
    expect(() => init.sparse_(heed.zeros(2, 2), 1.5)).toThrow("a share from 0 to 1");
    expect(() => init.eye_(heed.zeros(2))).toThrow("eye_: expected a matrix, got f32[2]");
    expect(() => init.orthogonal_(heed.zeros(2))).toThrow("at least two dimensions");
    expect(init.eye_(heed.zeros(2, 3)).toArray()).toEqual([[1, 0, 0], [0, 1, 0]]); // biome-ignore format: a matrix
  });
});
