// Rotary embeddings turn what transformers turns, by the same angles, however a model stretches them.

import { describe, expect, it } from "vitest";
import { arange, attention, compile, explain, grad, manualSeed, randn, type Tensor, tensor } from "../../src/index.js";
import { rotaryFromConfig } from "../../src/models/index.js";
import {
  RotaryEmbedding,
  type RotaryOptions,
  type RotaryScaling,
  rotary,
  rotaryFrequencies,
} from "../../src/nn/index.js";
import { expectClose, golden, type Packed, unpack } from "./golden.js";

interface Scaled {
  config: Record<string, unknown>;
  frequencies: Packed;
  scale: number;
  near: Packed;
  far: Packed;
  bfloat16?: Packed;
}
interface Part {
  value: Packed;
  gradient: Packed;
}
const goldens = golden<{
  near: number[][];
  far: number[][];
  rotary: Record<string, Scaled>;
  parts: { halves: Part; interleaved: Part; interleavedWhole: { value: Packed } };
}>("positions");
const [B, H, T, D] = [2, 2, 5, 16];

function heads(seed: number): Tensor {
  manualSeed(seed);
  return randn(B, H, T, D);
}

describe("frequencies are those of transformers", () => {
  for (const [name, { config, frequencies, scale }] of Object.entries(goldens.rotary)) {
    it(name, () => {
      const { headWidth, width, base, scaling } = rotaryFromConfig(config);
      expect([headWidth, width]).toEqual([D, D]);
      const ours = rotaryFrequencies(width, base, scaling);
      unpack(frequencies).forEach((f, i) => {
        // Their powers may be off by one unit in the last place.
        expect(Math.abs(ours.frequencies[i] - f), `pair ${i}: ${ours.frequencies[i]}, golden ${f}`).toBeLessThanOrEqual(
          f * 2 ** -22,
        );
      });
      expect(ours.scale).toBeCloseTo(scale, 12);
    });
  }
});

describe("queries are turned as in transformers", () => {
  for (const [name, { config, near, far }] of Object.entries(goldens.rotary)) {
    it(name, () => {
      const turn = rotaryFromConfig(config);
      expectClose("near", turn.forward(heads(3), tensor(goldens.near)), near, 2e-5);
      // An angle of thousands of radians is known to a few ten-thousandths.
      expectClose("far", turn.forward(heads(3), tensor(goldens.far)), far, 3e-3);
    });
  }

  it("in bfloat16, where they round", () => {
    const x = heads(3).bfloat16();
    const turned = rotary(x, tensor(goldens.near));
    expect(turned.dtype).toBe("bf16");
    expectClose("bf16", turned, goldens.rotary.default.bfloat16 as Packed, 1 / 64);
  });

  const cases: [string, RotaryOptions, Packed, Packed | null][] = [
    ["a part of each head, by halves", { width: 6 }, goldens.parts.halves.value, goldens.parts.halves.gradient],
    [
      "a part of each head, in turn",
      { width: 6, pairs: "interleaved" },
      goldens.parts.interleaved.value,
      goldens.parts.interleaved.gradient,
    ],
    ["whole heads, in turn", { pairs: "interleaved" }, goldens.parts.interleavedWhole.value, null],
  ];
  for (const [name, options, value, gradient] of cases) {
    it(name, () => {
      const x = heads(4);
      const weight = randn(B, H, T, D);
      expectClose("value", rotary(x, 0, options), value, 1e-6);
      if (!gradient) return;
      const slope = grad((x: Tensor) => rotary(x, 0, options).mul(weight).sum());
      expectClose("gradient", slope(x), gradient, 1e-6);
    });
  }
});

describe("positions", () => {
  const x = heads(4);
  const same = (a: Tensor, b: Tensor) => expect(a.sub(b).abs().max().item()).toBeLessThan(1e-6);

  it("come as a list, a list for each batch entry, a first one, or a first one known when run", () => {
    const list = rotary(x, arange(3, 8));
    same(rotary(x, 3), list);
    same(rotary(x, tensor(3)), list);
    same(rotary(x, arange(3, 8).view(1, T).expand(B, T)), list);
    const turn = compile((x: Tensor, start: Tensor) => rotary(x, start));
    same(turn(x, tensor(3)), list);
    same(turn(x, tensor(9)), rotary(x, 9));
  });

  it("leave the product of two vectors to their distance", () => {
    const key = randn(B, H, T, D);
    const products = (start: number) =>
      rotary(x, start + 4)
        .mul(rotary(key, start))
        .sum(-1);
    const difference = products(0).sub(products(50)).abs().max().item();
    expect(difference).toBeLessThan(1e-4);
  });

  it("may be batched without heads, and without a batch", () => {
    const one = x.select(1, 0); // [B,T,D]
    const at = tensor([[4, 9, 2, 0, 1], [8, 8, 3, 1, 0]]); // biome-ignore format: a matrix
    const whole = rotary(x, at);
    same(rotary(one, at), whole.select(1, 0));
    same(rotary(one.select(0, 1), at.select(0, 1)), whole.at(1, 0));
  });
});

describe("the length that scaling goes by", () => {
  const x = heads(4);
  const difference = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
  const scalings: RotaryScaling[] = [
    { kind: "dynamic", factor: 2, context: 8 },
    { kind: "longrope", context: 8, shortFactors: Array(8).fill(1), longFactors: Array(8).fill(3) },
  ];
  for (const scaling of scalings) {
    it(`may be told, ${scaling.kind}`, () => {
      const turn = new RotaryEmbedding(D, { scaling });
      const plain = new RotaryEmbedding(D);
      expect(difference(turn.forward(x), plain.forward(x))).toBe(0);
      const long = turn.forward(x, 0, { length: 20 });
      expect(difference(long, plain.forward(x))).toBeGreaterThan(1e-2);
      expect(difference(turn.forward(x, 0, { length: tensor(20) }), long)).toBe(0);
      // As if the text went on to position 19.
      const longer = turn.forward(randn(B, H, 20, D).withAt([":", ":", ":5"], x));
      expect(difference(longer.narrow(2, 0, T), long)).toBeLessThan(1e-6);
    });
  }
});

it("layers of equal settings share one table of cosines, queries and keys as well", () => {
  const x = heads(4);
  const layers = Array.from({ length: 3 }, () => new RotaryEmbedding(D, { base: 4321 }));
  const run = compile((x: Tensor, at: Tensor) =>
    layers.reduce((x, turn) => attention(turn.forward(x, at), turn.forward(x, at), x), x),
  );
  const steps = explain(run, x, tensor(7)).split("\n");
  expect(steps.filter((line) => /\bcos\b/.test(line))).toHaveLength(1);
  expect(steps.filter((line) => /\bsin\b/.test(line))).toHaveLength(1);
});

describe("what it refuses", () => {
  const x = heads(4);
  it("sizes", () => {
    expect(() => new RotaryEmbedding(7)).toThrow("rotary: expected an even width of at least 2, got 7");
    expect(() => new RotaryEmbedding(8, { width: 10 })).toThrow("a width of at most 8, the width of a head, got 10");
    expect(() => new RotaryEmbedding(8, { base: 0 })).toThrow("a finite base above 0, got 0");
    expect(() => new RotaryEmbedding(8).forward(x)).toThrow("whose last axis is 8, got f32[2,2,5,16]");
    expect(() => rotary(tensor([1, 2]))).toThrow("queries or keys [...,T,D]");
  });
  it("positions", () => {
    const wrong = (positions: Tensor | number) => () => rotary(x, positions);
    expect(wrong(arange(4))).toThrow("positions i32[5], i32[2,5] or i32[] for f32[2,2,5,16], got i32[4]");
    expect(wrong(arange(5).float())).toThrow("got f32[5]");
    expect(wrong(arange(15).view(3, 5))).toThrow("got i32[3,5]");
    expect(wrong(0.5)).toThrow("a whole number as first position, got 0.5");
  });
  it("scaling", () => {
    const wrong = (scaling: unknown) => () => new RotaryEmbedding(16, { scaling: scaling as RotaryScaling });
    expect(wrong({ kind: "ntk" })).toThrow('longrope or proportional, got "ntk"');
    expect(wrong({ kind: "linear", factor: 0 })).toThrow("a finite factor above 0, got 0");
    expect(wrong({ kind: "yarn", factor: 2 })).toThrow("a finite context above 0, got undefined");
    expect(wrong({ kind: "longrope", context: 9, shortFactors: [1] })).toThrow(
      "8 shortFactors, one for each pair, got 1",
    );
    const llama3 = { kind: "llama3", factor: 8, context: 64, lowFrequencyFactor: 4, highFrequencyFactor: 1 };
    expect(wrong(llama3)).toThrow("highFrequencyFactor above lowFrequencyFactor");
  });
  it("configurations", () => {
    const sizes = { hidden_size: 64, num_attention_heads: 4 };
    const both = { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } };
    const perLayer = { ...sizes, rope_parameters: both };
    expect(rotaryFromConfig(perLayer, { layerType: "full_attention" }).base).toBe(1e6);
    expect(() => rotaryFromConfig(perLayer)).toThrow("a layerType of full_attention or sliding_attention");
    expect(() => rotaryFromConfig(null)).toThrow("a configuration as an object, got null");
    expect(() => rotaryFromConfig({})).toThrow("hidden_size as a number, got none");
    expect(() => rotaryFromConfig({ ...sizes, rope_scaling: { type: "mrope" } })).toThrow("proportional, got mrope");
    expect(rotaryFromConfig({ ...sizes, rotary_pct: 0.25, rotary_emb_base: 500 }).width).toBe(4);
    expect(rotaryFromConfig({ ...sizes, rotary_dim: 8 }, { pairs: "interleaved" }).toString()).toBe(
      "RotaryEmbedding(16, width=8, base=10000, pairs=interleaved)",
    );
  });
});
