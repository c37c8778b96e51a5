// Additive and multiplicative attention against PyTorch code, with gradients; and that what is large is never stored.

import { describe, expect, it } from "vitest";
import {
  type AttentionMasks,
  additiveAttention,
  additiveScores,
  compile,
  explain,
  grad,
  manualSeed,
  multiplicativeAttention,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "../../src/index.js";
import { AdditiveAttention, LuongAttention, type Module } from "../../src/nn/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

interface Result {
  mixed: Packed;
  pattern: Packed;
  gradients: Record<string, Packed>;
}
const results = golden<Record<string, Result>>("additive");
const [B, T, S, Q, K, A, E] = [2, 3, 4, 5, 6, 7, 3];

interface Attending extends Module {
  forward(query: Tensor, key: Tensor, value: Tensor, call?: { mask?: AttentionMasks }): [Tensor, Tensor];
}
const additive = (bias: boolean) => () => new AdditiveAttention(Q, K, A, { bias });
// biome-ignore format: two matrices
const keep = tensor([[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], [[0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]]).bool();
const masks: Record<string, (bias: Tensor) => AttentionMasks> = {
  none: () => null,
  lengths: () => ({ kind: "lengths", lengths: tensor([4, 2]) }),
  causal: () => ({ kind: "causal" }),
  boolean: () => ({ kind: "boolean", keep }),
  additive: (bias) => [{ kind: "additive", bias }, { kind: "none" }],
};
const cases: Record<string, [make: () => Attending, mask: string, keyWidth?: number]> = {
  ...Object.fromEntries(Object.keys(masks).map((mask) => [`additive ${mask}`, [additive(false), mask]])),
  "additive with biases": [additive(true), "lengths"],
  "dot causal": [() => new LuongAttention("dot", Q), "causal", Q],
  "general boolean": [() => new LuongAttention("general", Q, { keyWidth: K }), "boolean"],
  "general additive": [() => new LuongAttention("general", Q, { keyWidth: K }), "additive"],
  "concat lengths": [() => new LuongAttention("concat", Q, { keyWidth: K, hidden: A }), "lengths"],
};

function setUp(name: string) {
  const [make, kind, keyWidth = K] = cases[name];
  manualSeed(11);
  const module = make();
  manualSeed(12);
  const [query, key, value] = [randn(B, T, Q), randn(B, S, keyWidth), randn(B, S, E)];
  const bias = randn(T, S);
  const weight = randn(B, T, E);
  for (const leaf of [query, key, value, bias]) leaf.requiresGrad = true;
  return { module, query, key, value, bias, weight, mask: masks[kind](bias) };
}

describe("the numbers and gradients of PyTorch", () => {
  it("in every case", () => expect(Object.keys(cases).sort()).toEqual(Object.keys(results).sort()));
  for (const [name, want] of Object.entries(results)) {
    it(name, () => {
      const { module, query, key, value, bias, weight, mask } = setUp(name);
      const [mixed, pattern] = module.forward(query, key, value, { mask });
      expectClose("mixed", mixed, want.mixed, 1e-6);
      expectClose("pattern", pattern, want.pattern, 1e-6);
      mixed.mul(weight).sum().add(pattern.square().sum()).backward();
      const leaves: Record<string, Tensor> = {
        query,
        key,
        value,
        bias,
        ...Object.fromEntries(module.namedParameters()),
      };
      for (const [leaf, gradient] of Object.entries(want.gradients))
        expectClose(`gradient of ${leaf}`, leaves[leaf].grad as Tensor, gradient, 3e-6);
      expect(Object.keys(want.gradients)).toEqual(expect.arrayContaining(module.namedParameters().map(([n]) => n)));
    });
  }
});

describe("memory", () => {
  const [many, keys, wide] = [32, 48, 64];
  const [query, key, v] = [randn(2, many, wide), randn(2, keys, wide), randn(wide)];
  const sums = 2 * many * keys * wide * 4;
  /** The bytes of temporary memory that a program has by its last line. */
  const temporary = (text: string) => {
    const [, number, unit] = /([\d.]+) (B|kB|MB) of temporary/.exec(text) as RegExpExecArray;
    return Number(number) * { B: 1, kB: 1e3, MB: 1e6 }[unit as "B"];
  };

  it("holds the scores of additive attention, never the sums, and one step makes them", () => {
    const text = explain(additiveScores(query, key, v));
    expect(text.trim().split("\n")).toHaveLength(2);
    expect(temporary(text)).toBe(0);
  });

  it("holds no sums for the gradients either", () => {
    const weight = randn(2, many, keys);
    const slopes = grad((q: Tensor, k: Tensor, v: Tensor) => additiveScores(q, k, v).mul(weight).sum(), [0, 1, 2]);
    expect(temporary(explain(...slopes(query, key, v)))).toBeLessThan(sums / 8);
  });

  it("is not spent on a pattern that nobody asks for", () => {
    const module = new AdditiveAttention(wide, wide, wide);
    const train = compile((q: Tensor, k: Tensor) => {
      const loss = module.forward(q, k, k)[0].square().sum();
      loss.backward();
      return loss;
    });
    expect(temporary(explain(train, query, key))).toBeLessThan(sums / 4);
  });
});

describe("modules", () => {
  it("give a decoder the same from keys projected once", () => {
    const attend = new AdditiveAttention(Q, K, A);
    const [states, encoded] = [randn(B, T, Q), randn(B, S, K)];
    const [all] = attend.forward(states, encoded, encoded);
    const projected = attend.project(encoded);
    for (let t = 0; t < T; t++) {
      const [one] = attend.forward(states.narrow(1, t, 1), encoded, encoded, { projected });
      expect(
        one
          .sub(all.narrow(1, t, 1))
          .abs()
          .max()
          .item(),
      ).toBeLessThan(1e-6);
    }
  });

  it("work with heads, and without a batch", () => {
    const attend = new LuongAttention("concat", Q);
    const x = randn(B, 2, T, Q);
    const [mixed, pattern] = attend.forward(x, x, x, { mask: { kind: "causal" } });
    expect([mixed.shape, pattern.shape]).toEqual([[B, 2, T, Q], [B, 2, T, T]]); // biome-ignore format: shapes
    const one = x.at(1, 0);
    const [alone, itsPattern] = attend.forward(one, one, one, { mask: { kind: "causal" } });
    expect(alone.sub(mixed.at(1, 0)).abs().max().item()).toBeLessThan(1e-6);
    expect(itsPattern.shape).toEqual([T, T]);
  });

  it("drop weights in training alone, and show the pattern before it", () => {
    const attend = new AdditiveAttention(Q, K, A, { dropout: 0.5 });
    const [states, encoded] = [randn(B, T, Q), randn(B, S, K)];
    const eye = tensor([...Array(S).keys()].map((i) => [...Array(S).keys()].map((j) => Number(i === j)))).float();
    const value = eye.expand(B, S, S);
    const [dropped, pattern] = attend.forward(states, encoded, value);
    const ratio = dropped.div(pattern);
    const far = ratio.mul(ratio.sub(2)).abs().max().item(); // each is 0 or 2
    expect(far).toBeLessThan(1e-5);
    expect(ratio.eq(0).any().item()).toBe(1);
    const [kept] = attend.eval().forward(states, encoded, value);
    expect(kept.sub(pattern).abs().max().item()).toBeLessThan(1e-6);
  });

  it("keep 16-bit dtypes", () => {
    const attend = new AdditiveAttention(Q, K, A);
    const [states, encoded] = [randn(B, T, Q), randn(B, S, K)];
    const [wide] = attend.forward(states, encoded, encoded);
    const [mixed, pattern] = attend.bfloat16().forward(states.bfloat16(), encoded.bfloat16(), encoded.bfloat16());
    expect([mixed.dtype, pattern.dtype]).toEqual(["bf16", "bf16"]);
    expect(mixed.float().sub(wide).abs().max().item()).toBeLessThan(0.05);
  });

  it("print", () => {
    expect(new LuongAttention("general", 4, { keyWidth: 6 }).toString()).toBe(
      "LuongAttention(\n  method=general\n  (project): Linear(in_features=6, out_features=4, bias=False)\n)",
    );
  });
});

describe("what they refuse", () => {
  const [query, key] = [randn(B, T, Q), randn(B, S, Q)];
  const functions: Record<string, typeof multiplicativeAttention> = {
    additiveAttention: (query, key, value, options) => additiveAttention(query, key, value, zeros(Q), options),
    multiplicativeAttention,
  };
  it("widths and shapes", () => {
    expect(() => additiveScores(query, randn(B, S, 4), zeros(Q))).toThrow("query f32[2,3,5] and key f32[2,4,4]");
    expect(() => additiveScores(query, randn(3, S, Q), zeros(Q))).toThrow("and key f32[3,4,5]");
    expect(() => additiveScores(query, key, zeros(4))).toThrow("additiveScores: expected v [5], got f32[4]");
    expect(() => multiplicativeAttention(query, key, key, { weight: zeros(5, 4) })).toThrow("a weight [5,5]");
    expect(() => multiplicativeAttention(query, randn(B, S, 4), key)).toThrow(
      "multiplicativeAttention: expected query [...,T,D] and key [...,S,D], got query f32[2,3,5] and key f32[2,4,4]",
    );
    for (const [op, attend] of Object.entries(functions)) {
      expect(() => attend(query, key, randn(B, 3, Q))).toThrow(
        `${op}: expected key and value of equal length S, got key f32[2,4,5] and value f32[2,3,5]`,
      );
      expect(() => attend(query, key, randn(3, S, Q))).toThrow(
        `${op}: expected key [...,S,K] and value [...,S,E] with equal leading axes, got key f32[2,4,5] and value f32[3,4,5]`,
      );
      expect(() => attend(query, randn(3, S, Q), key)).toThrow(
        new RegExp(`^${op}: .*query f32.2,3,5. and key f32.3,4,5.`),
      );
      const many = randn(1, 1, 1, T, Q);
      expect(() => attend(many, many, many)).toThrow(`${op}: expected query, key and value of 2 to 4 axes`);
    }
  });
  it("what is no float tensor, under the name of the function that was called", () => {
    for (const [op, attend] of Object.entries(functions)) {
      const none = [[1, 2]] as unknown as Tensor;
      expect(() => attend(none, key, key)).toThrow(`${op}: expected query as a tensor, got `);
      expect(() => attend(query, none, key)).toThrow(`${op}: expected key as a tensor, got `);
      expect(() => attend(query, key, undefined as unknown as Tensor)).toThrow(`${op}: expected value as a tensor`);
      expect(() => attend(query.int(), key, key)).toThrow(new RegExp(`^${op}: expected float .*got query i32.2,3,5.`));
      expect(() => attend(query, key, key.int())).toThrow(new RegExp(`^${op}: expected float .*value i32.2,4,5.`));
    }
    expect(() => additiveAttention(query, key, key, zeros(4))).toThrow("additiveAttention: expected v [5], got f32[4]");
    expect(() => additiveScores(query.int(), key, zeros(Q))).toThrow("additiveScores: expected float query, key and v");
    expect(() => multiplicativeAttention(query, key, key, { weight: zeros(Q, Q).int() })).toThrow(
      "multiplicativeAttention: expected float query, key and weight",
    );
  });
  it("what is no option", () => {
    for (const [op, attend] of Object.entries(functions)) {
      expect(() => attend(query, key, key, zeros(Q, Q) as object)).toThrow(
        `${op}: expected an object of options, got f32[5,5]; pass {`,
      );
      expect(() => attend(query, key, key, { isCausal: true } as object)).toThrow(
        'got isCausal; write mask: { kind: "causal" }',
      );
      expect(() => attend(query, key, key, { dropout: "0.1" } as object)).toThrow(
        `${op}: expected a dropout from 0 to below 1, got "0.1"`,
      );
    }
  });
  it("masks that do not fit", () => {
    const attempt = (mask: unknown) => () => multiplicativeAttention(query, key, key, { mask: mask as AttentionMasks });
    expect(attempt({ kind: "boolean", keep: zeros(T, S) })).toThrow("keep as a bool tensor, got f32[3,4]");
    expect(attempt({ kind: "boolean", keep: zeros(T, T).bool() })).toThrow("broadcasts to the scores [2,3,4]");
    expect(attempt({ kind: "lengths", lengths: tensor([1, 2, 3]) })).toThrow("i32[2], one for each batch entry");
    expect(attempt(keep)).toThrow("a mask that says its kind");
  });
  it("methods and dropout", () => {
    expect(() => new LuongAttention("cosine" as "dot", 4)).toThrow(
      'a method "dot", "general" or "concat", got "cosine"',
    );
    expect(() => new LuongAttention("dot", 4, { keyWidth: 5 })).toThrow("got 4 and 5; take");
    expect(() => new AdditiveAttention(4, 0, 5)).toThrow(
      "AdditiveAttention: expected keyWidth a whole number of at least 1",
    );
    for (const dropout of [1, -0.5, Number.NaN]) {
      const message = `expected a dropout from 0 to below 1, got ${dropout}`;
      expect(() => new AdditiveAttention(4, 4, 5, { dropout })).toThrow(`AdditiveAttention: ${message}`);
      expect(() => new LuongAttention("dot", 4, { dropout })).toThrow(`LuongAttention: ${message}`);
    }
    expect(() => multiplicativeAttention(query, key, key, { dropout: 1 })).toThrow(
      "a dropout from 0 to below 1, got 1",
    );
  });
});
