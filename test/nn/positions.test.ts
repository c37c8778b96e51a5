// Positions that are added to vectors or to scores, against transformers.

import { describe, expect, it } from "vitest";
import { arange, attention, compile, manualSeed, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import {
  alibi,
  alibiBias,
  alibiSlopes,
  LearnedPositions,
  PositionalEncoding,
  RelativePositionBias,
  relativePositionBuckets,
  sinusoidalPositions,
} from "../../src/nn/index.js";
import { expectClose, golden, type Packed, unpack } from "./golden.js";

const goldens = golden<{
  alibi: { slopes: Record<string, Packed>; mpt: Record<string, Packed>; mixed: Packed };
  sinusoids: Record<string, Packed>;
  buckets: Record<string, number[]>;
  relative: Record<string, { weight: Packed; bias: Packed; gradient: Packed }>;
}>("positions");
const causal = { kind: "causal" } as const;
const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();

describe("ALiBi", () => {
  for (const [heads, slopes] of Object.entries(goldens.alibi.slopes)) {
    it(`has Bloom's and MPT's slopes for ${heads} heads`, () => {
      expectClose("Bloom", alibiSlopes(Number(heads)), slopes, 1e-7);
      expectClose("MPT", alibiSlopes(Number(heads)), goldens.alibi.mpt[heads], 1e-7);
    });
  }

  manualSeed(5);
  const [query, key, value] = [0, 0, 0].map(() => randn(1, 6, 7, 8));
  it("changes attention as its authors' bias does", () => {
    expectClose("mixed", attention(query, key, value, { mask: causal, score: alibi(6) }), goldens.alibi.mixed, 1e-6);
    const bias = alibiBias(6, arange(7), arange(7));
    expect(bias.shape).toEqual([6, 7, 7]);
    const added = attention(query, key, value, { mask: [causal, { kind: "additive", bias }] });
    expectClose("additive", added, goldens.alibi.mixed, 1e-6);
  });

  it("counts from the last key for fewer queries, and from where it is told", () => {
    const whole = attention(query, key, value, { mask: causal, score: alibi(6) });
    const last = query.narrow(2, 5, 2);
    const two = attention(last, key, value, { mask: causal, score: alibi(alibiSlopes(6)) });
    expect(largest(two, whole.narrow(2, 5, 2))).toBeLessThan(1e-6);
    const order = tensor([3, 0, 6, 2, 5, 1, 4]);
    const mixed = (x: Tensor) => x.indexSelect(2, order);
    const keep = order.le(arange(5, 7).view(2, 1));
    const shuffled = attention(last, mixed(key), mixed(value), {
      mask: { kind: "boolean", keep },
      score: alibi(6, { queryPositions: arange(5, 7), keyPositions: order }),
    });
    expect(largest(shuffled, two)).toBeLessThan(1e-6);
  });

  it("takes positions of their own for each batch entry", () => {
    const at = tensor([[0, 1, 2], [4, 8, 9]]); // biome-ignore format: a matrix
    const bias = alibiBias(2, at, arange(4));
    expect(bias.shape).toEqual([2, 2, 3, 4]);
    expect(bias.at(1, 0, 2).toArray()).toEqual([-9 / 16, -8 / 16, -7 / 16, -6 / 16]);
  });

  it("names what it refuses", () => {
    expect(() => alibiSlopes(0)).toThrow("heads a whole number of at least 1, got 0");
    expect(() => attention(query, key, value, { score: alibi(4) })).toThrow("scores of 4 heads, got f32[1,6,7,7]");
    expect(() => alibiBias(2, zeros(3), arange(3))).toThrow("query positions i32[n] or i32[B,n], got f32[3]");
    expect(() => alibiBias(zeros(2, 2), arange(3), arange(3))).toThrow("slopes f32[H], got f32[2,2]");
  });
});

describe("sinusoids", () => {
  it("are the paper's, and Marian's", () => {
    expectClose("paper", sinusoidalPositions(9, 6), goldens.sinusoids.interleaved, 1e-7);
    const marian = sinusoidalPositions(300, 6, { layout: "halves" });
    expectClose("Marian", marian.slice(0, 0, 300, 23), goldens.sinusoids.halves, 0);
    expectClose("odd", sinusoidalPositions(4, 5, { layout: "halves" }), goldens.sinusoids.halvesOdd, 0);
  });

  it("are added to what stands there, from any position on", () => {
    const encode = new PositionalEncoding(6, { context: 20 });
    const x = randn(2, 9, 6);
    const added = encode.forward(x);
    expectClose("table", added.sub(x).at(1), goldens.sinusoids.interleaved, 1e-6);
    const table = sinusoidalPositions(20, 6);
    expect(largest(encode.forward(x, 11), x.add(table.narrow(0, 11, 9)))).toBe(0);
    const run = compile((x: Tensor, start: Tensor) => encode.forward(x, arange(9).add(start)));
    expect(largest(run(x, tensor(11)), encode.forward(x, 11))).toBe(0);
    expect(Object.keys(encode.stateDict())).toEqual([]);
    expect(encode.bfloat16().forward(x.bfloat16()).dtype).toBe("bf16");
  });

  it("are dropped with the rest in training", () => {
    const encode = new PositionalEncoding(6, { dropout: 0.5, context: 9 });
    const x = randn(2, 9, 6);
    expect(encode.forward(x).eq(0).float().mean().item()).toBeGreaterThan(0.2);
    expect(largest(encode.eval().forward(x), x.add(sinusoidalPositions(9, 6)))).toBe(0);
  });

  it("refuse what has no place", () => {
    const encode = new PositionalEncoding(6, { context: 8 });
    expect(() => encode.forward(randn(2, 9, 6))).toThrow("at most 8 positions, the context, got 9 from 0");
    expect(() => encode.forward(randn(2, 3, 6), 6)).toThrow("got 3 from 6");
    expect(() => encode.forward(randn(2, 3, 5))).toThrow("an input [...,T,6], got f32[2,3,5]");
    expect(() => sinusoidalPositions(2.5, 4)).toThrow("T a whole number");
    expect(() => sinusoidalPositions(2, 4, { layout: "columns" as "halves" })).toThrow('"interleaved" or "halves"');
  });
});

describe("learned positions", () => {
  const positions = new LearnedPositions(8, 4);
  it("are the first rows of a table, or those listed", () => {
    expect(positions.forward(3).toArray()).toEqual(positions.weight.narrow(0, 0, 3).toArray());
    expect(positions.forward(tensor([[7, 0]])).shape).toEqual([1, 2, 4]);
    expect(Object.keys(positions.stateDict())).toEqual(["weight"]);
  });
  it("end with the context", () => {
    expect(() => positions.forward(9)).toThrow("at most 8 positions");
    expect(() => positions.forward(tensor([8]))).toThrow("indices from 0 to 7, got 8");
  });
});

describe("relative position bias", () => {
  for (const [name, buckets] of Object.entries(goldens.buckets)) {
    it(`has T5's buckets: ${name}`, () => {
      const [bidirectional, count, farthest] = name.split(" ");
      const found = relativePositionBuckets(Number(count), Number(farthest), bidirectional === "True");
      expect([...found]).toEqual(buckets.slice(20, -20));
      // Beyond the largest distance nothing changes any more.
      expect(new Set(buckets.slice(0, 20))).toEqual(new Set([found[0]]));
      expect(new Set(buckets.slice(-20))).toEqual(new Set([found[found.length - 1]]));
    });
  }

  const make = (name: string, bidirectional: boolean) => {
    const bias = new RelativePositionBias(8, 3, { maxDistance: 6, bidirectional });
    const { weight } = goldens.relative[name];
    bias.embedding.weight.assign(tensor(unpack(weight)).view(8, 3));
    return bias;
  };
  for (const [name, bidirectional, T, S] of [
    ["encoder", true, 5, 5],
    ["decoder", false, 2, 7],
    ["cross", true, 3, 6],
  ] as const) {
    it(`gives T5's bias and gradient: ${name}`, () => {
      const bias = make(name, bidirectional);
      const want = goldens.relative[name];
      const values = name === "cross" ? bias.forward(T, S, 0) : bias.forward(T, S);
      expectClose("bias", values, want.bias, 0);
      values.mul(arange(values.numel).view(values.shape)).sum().backward();
      expectClose("gradient", bias.embedding.weight.grad as Tensor, want.gradient, 1e-3);
    });
  }

  it("follows an offset known when run, and positions in any order", () => {
    const bias = make("decoder", false);
    const run = compile((start: Tensor) => bias.forward(2, 7, start));
    expect(largest(run(tensor(5)), bias.forward(2, 7))).toBe(0);
    const order = tensor([6, 2, 0, 1, 5, 3, 4]);
    const shuffled = bias.between(arange(5, 7), order);
    expect(largest(shuffled, bias.forward(2, 7).indexSelect(3, order))).toBe(0);
  });

  it("names what it refuses", () => {
    expect(() => new RelativePositionBias(7, 2)).toThrow("an even number of at least 4 buckets, got 7");
    expect(() => new RelativePositionBias(1, 2, { bidirectional: false })).toThrow("at least 2 buckets, got 1");
    expect(() => new RelativePositionBias(32, 2, { maxDistance: 8 })).toThrow("a maxDistance above 8");
    expect(() => new RelativePositionBias(8, 2).between(zeros(3), arange(3))).toThrow("got f32[3]");
  });
});
