// MultiheadAttention against torch's, with every kind of mask.

import { describe, expect, it } from "vitest";
import { causalMask, compile, manualSeed, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import {
  init,
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from "../../src/nn/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

interface Result {
  output: Packed;
  weights: Packed | null;
}
const { attentions, dropped } = golden<{ attentions: Record<string, Result>; dropped: Result }>("nn");
const [T, S, B] = [3, 4, 2];

interface Case extends MultiheadAttentionCall {
  module?: MultiheadAttentionOptions;
  selfAttention?: boolean;
  batched?: boolean;
  widths?: [number, number, number];
}

manualSeed(8);
const additive = randn(T, S);
const perHead = randn(B * 2, T, S);
const banned = tensor([[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]]).bool(); // biome-ignore format: a matrix
const padding = tensor([[0, 0, 0, 1], [0, 0, 1, 1]]).bool(); // biome-ignore format: a matrix
const batchFirst = { batchFirst: true };

const CASES: Record<string, Case> = {
  plain: {},
  batchFirst: { module: batchFirst, selfAttention: true },
  perHead: { module: batchFirst, averageAttnWeights: false },
  noWeights: { module: batchFirst, needWeights: false },
  unbatched: { batched: false },
  noBias: { module: { bias: false } },
  widths: { module: { kdim: 6, vdim: 5, batchFirst: true }, widths: [8, 6, 5] },
  additive: { module: batchFirst, attnMask: additive },
  additivePerHead: { module: batchFirst, attnMask: perHead },
  boolean: { module: batchFirst, attnMask: banned },
  padding: { module: batchFirst, keyPaddingMask: padding },
  paddingAndBoolean: {
    module: batchFirst,
    keyPaddingMask: padding,
    attnMask: banned.indexSelect(0, tensor([0, 1, 0])),
  },
  causal: { module: batchFirst, selfAttention: true, attnMask: causalMask(T), isCausal: true },
  extraKeys: {
    module: { batchFirst: true, addBiasKv: true, addZeroAttn: true },
    keyPaddingMask: padding,
    attnMask: banned,
    averageAttnWeights: false,
  },
};

function run(item: Case, given?: MultiheadAttentionCall): [Tensor, Tensor | null] {
  const { module: options = {}, selfAttention = false, batched = true, widths = [8, 8, 8], ...own } = item;
  const call = given ?? own;
  manualSeed(5);
  const module = new MultiheadAttention(8, 2, options).eval();
  if (module.outProj.bias) init.normal_(module.outProj.bias);
  manualSeed(6);
  const lengths = selfAttention ? [T, T, T] : [T, S, S];
  let inputs = lengths.map((n, i) => (batched ? randn(B, n, widths[i]) : randn(n, widths[i])));
  if (selfAttention) inputs = [inputs[0], inputs[0], inputs[0]];
  if (batched && !options.batchFirst) inputs = inputs.map((x) => x.transpose(0, 1));
  return module.forward(inputs[0], inputs[1], inputs[2], call);
}

describe("MultiheadAttention gives torch's output and weights", () => {
  it("in every case torch has", () => expect(Object.keys(CASES)).toEqual(Object.keys(attentions)));
  for (const [name, want] of Object.entries(attentions)) {
    it(name, () => {
      const [output, weights] = run(CASES[name]);
      expectClose(`${name} output`, output, want.output, 2e-6);
      if (want.weights) expectClose(`${name} weights`, weights as Tensor, want.weights, 1e-6);
      else expect(weights).toBeNull();
    });
  }

  it("with dropout on the weights, drawn from the same stream", () => {
    manualSeed(9);
    const module = new MultiheadAttention(8, 2, { dropout: 0.4, batchFirst: true });
    const x = randn(B, T, 8);
    const [output, weights] = module.forward(x, x, x);
    expectClose("output", output, dropped.output, 2e-6);
    expectClose("weights", weights as Tensor, dropped.weights as Packed, 1e-6);
  });
});

describe("MultiheadAttention", () => {
  it("needs no mask beside isCausal", () => {
    const item = CASES.causal;
    const [byFlag] = run(item, { isCausal: true });
    expectClose("causal", byFlag, attentions.causal.output, 2e-6);
  });

  it("gives the same inside compile", () => {
    const module = new MultiheadAttention(8, 2, { batchFirst: true });
    const x = randn(B, T, 8);
    const step = compile((q: Tensor) => module.forward(q, q, q));
    const [plain, compiled] = [module.forward(x, x, x), step(x)];
    for (const i of [0, 1]) {
      const difference = (plain[i] as Tensor).sub(compiled[i] as Tensor);
      expect(difference.abs().max().item()).toBeLessThan(1e-6);
    }
  });

  it("takes an empty batch and sequences without a position, as torch does", () => {
    for (const batchFirst of [true, false])
      for (const shape of [
        [0, 3],
        [2, 0],
        [0, 0],
      ] as const) {
        const module = new MultiheadAttention(8, 2, { batchFirst });
        const x = zeros(...shape, 8);
        const [length, batch] = batchFirst ? [shape[1], shape[0]] : shape;
        for (const [output, weights] of [module.forward(x, x, x), module.eval().forward(x, x, x)]) {
          expect(output.shape).toEqual([...shape, 8]);
          expect(weights?.shape).toEqual([batch, length, length]);
        }
      }
  });

  it("names what it refuses", () => {
    expect(() => new MultiheadAttention(10, 3)).toThrow("embedDim divisible by numHeads, got 10 and 3");
    const module = new MultiheadAttention(8, 2, { batchFirst: true });
    const x = randn(B, T, 8);
    expect(() => module.forward(x, randn(B, S, 8), x)).toThrow("key and value of one length");
    expect(() => module.forward(x, randn(3, T, 8), randn(3, T, 8))).toThrow("one batch size");
    expect(() => module.forward(randn(B, T, 7), x, x)).toThrow("last axes of 8, 8 and 8");
    expect(() => module.forward(x, x, x, { attnMask: randn(T, S) })).toThrow("attnMask [3,3]");
    expect(() => module.forward(x, x, x, { attnMask: tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]]) })).toThrow("bool or float"); // biome-ignore format: a matrix
    expect(() => module.forward(x, x, x, { keyPaddingMask: padding })).toThrow("keyPaddingMask [2,3]");
  });
});
