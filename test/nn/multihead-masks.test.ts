// MultiheadAttention against torch's: every combination of masks, layouts and arguments that multihead-attention.test.ts has not, with
// gradients; and that weights nobody needs are not computed.

import { describe, expect, it } from "vitest";
import { explain, manualSeed, ones, randn, type Tensor, tensor } from "../../src/index.js";
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
  gradients?: Record<string, Packed>;
}
const results = golden<Record<string, Result>>("multihead");
const [B, T, S, E, H] = [2, 3, 4, 8, 2];

interface Case extends MultiheadAttentionCall {
  module?: MultiheadAttentionOptions;
  heads?: number;
  batchFirst?: boolean;
  inputs?: "cross" | "self" | "memory" | "unbatched";
  training?: boolean;
  widths?: readonly [number, number, number];
}

manualSeed(8);
const added = randn(T, S);
const paddingScores = randn(B, S);
const perHead = randn(B * H, T, S);
const banned = perHead.gt(0.8);
const padding = tensor([[0, 0, 0, 1], [0, 1, 0, 1]]).bool(); // biome-ignore format: a matrix
const causal = ones(T, T).triu(1).bool();
const others = padding.repeatInterleave(H, 0).unsqueeze(1).logicalNot();
const isCausal = true;

const CASES: Record<string, Case> = {
  floatPadding: { keyPaddingMask: paddingScores },
  floatBoth: { keyPaddingMask: paddingScores, attnMask: added },
  boolPaddingFloatMask: { keyPaddingMask: padding, attnMask: added },
  floatPaddingBoolMask: { keyPaddingMask: paddingScores, attnMask: banned.select(0, 0) },
  boolPerHead: { attnMask: banned, averageAttnWeights: false },
  boolPerHeadPadding: { attnMask: banned.logicalAnd(others), keyPaddingMask: padding },
  unbatchedPadding: { inputs: "unbatched", keyPaddingMask: padding.select(0, 1) },
  unbatchedPerHead: { inputs: "unbatched", attnMask: perHead.narrow(0, 0, H), averageAttnWeights: false },
  memory: { inputs: "memory", keyPaddingMask: padding },
  memorySequenceFirst: { inputs: "memory", batchFirst: false, attnMask: banned.select(0, 1) },
  selfSequenceFirst: { inputs: "self", batchFirst: false, attnMask: causal, isCausal },
  hintWithoutWeights: { inputs: "self", attnMask: causal, isCausal, needWeights: false },
  hintWithPadding: {
    inputs: "self",
    attnMask: causal,
    isCausal,
    keyPaddingMask: padding.narrow(1, 0, T),
    needWeights: false,
  },
  oneHead: { heads: 1, attnMask: added },
  asManyHeadsAsWidth: { heads: 8, keyPaddingMask: padding },
  biasKvFloatMask: { module: { addBiasKv: true }, attnMask: perHead, keyPaddingMask: paddingScores },
  zeroKeySequenceFirst: { module: { addZeroAttn: true }, batchFirst: false, keyPaddingMask: padding },
  widthsNoBias: { module: { kdim: 6, vdim: 5, bias: false }, widths: [8, 6, 5], attnMask: added },
  onlyKeysWider: { module: { kdim: 10 }, widths: [8, 10, 8], needWeights: false },
  gradients: { keyPaddingMask: padding, attnMask: added },
  gradientsSelf: { inputs: "self", attnMask: causal, needWeights: false },
  gradientsMemory: { inputs: "memory", averageAttnWeights: false },
  gradientsEverything: {
    module: { kdim: 6, vdim: 5, addBiasKv: true, addZeroAttn: true },
    widths: [8, 6, 5],
    attnMask: banned,
    keyPaddingMask: paddingScores,
  },
  dropped: { module: { dropout: 0.3 }, training: true, attnMask: added },
  droppedWithoutWeights: { module: { dropout: 0.3 }, training: true, attnMask: added, needWeights: false },
};

function setUp({
  module: options = {},
  heads = H,
  batchFirst = true,
  inputs = "cross",
  training,
  widths = [E, E, E],
}: Case) {
  manualSeed(5);
  const module = new MultiheadAttention(E, heads, { batchFirst, ...options }).train(training ?? false);
  if (module.inProjBias && module.outProj.bias)
    for (const bias of [module.inProjBias, module.outProj.bias]) init.normal_(bias);
  manualSeed(6);
  const batch = inputs === "unbatched" ? [] : [B];
  const lengths = inputs === "self" ? [T, T, T] : [T, S, S];
  const drawn = lengths.map((n, i) => randn([...batch, n, widths[i]]));
  const sources = inputs === "self" ? [0, 0, 0] : inputs === "memory" ? [0, 1, 1] : [0, 1, 2];
  const turned = drawn.map((x) => (batch.length > 0 && !batchFirst ? x.transpose(0, 1) : x));
  const [query, key, value] = sources.map((i) => turned[i]);
  return { module, query, key, value, leaves: [...new Set(sources)].map((i) => drawn[i]) };
}

describe("MultiheadAttention gives torch's output and weights", () => {
  it("in every case torch has", () => expect(Object.keys(CASES)).toEqual(Object.keys(results)));
  for (const [name, want] of Object.entries(results)) {
    it(name, () => {
      const { module, query, key, value, leaves } = setUp(CASES[name]);
      if (want.gradients) for (const leaf of leaves) leaf.requiresGrad = true;
      const { module: _, heads, batchFirst, inputs, training, widths, ...call } = CASES[name];
      const [output, weights] = module.forward(query, key, value, call);
      expectClose(`${name} output`, output, want.output, 3e-6);
      if (want.weights) expectClose(`${name} weights`, weights as Tensor, want.weights, 1e-6);
      else expect(weights).toBeNull();
      if (!want.gradients) return;
      const loss = output.square().sum();
      (weights ? loss.add(weights.square().sum().mul(3)) : loss).backward();
      const names = new Map(module.namedParameters());
      for (const [leaf, gradient] of Object.entries(want.gradients)) {
        const [, number] = /^input (\d)$/.exec(leaf) ?? [];
        const source = number === undefined ? names.get(leaf) : leaves[Number(number)];
        expectClose(`${name}: gradient of ${leaf}`, source?.grad as Tensor, gradient, 4e-5);
      }
      const covered = Object.keys(want.gradients).filter((leaf) => !leaf.startsWith("input"));
      expect(covered).toEqual(module.namedParameters().map(([parameter]) => parameter));
    });
  }
});

describe("MultiheadAttention", () => {
  const x = randn(B, T, E);
  const module = new MultiheadAttention(E, H, { batchFirst: true }).eval();

  it("builds nothing for weights that are not needed, and little where they are not read", () => {
    const [fused] = module.forward(x, x, x, { needWeights: false });
    const [output, weights] = module.forward(x, x, x);
    expect(explain(output)).toBe(explain(fused));
    expect(explain(output, weights as Tensor)).not.toBe(explain(fused));
  });

  it("reads one input once: a single product projects queries, keys and values, another a memory's keys and values", () => {
    const products = (query: Tensor, memory: Tensor, layer = module) => {
      const [output] = layer.forward(query, memory, memory, { needWeights: false });
      return explain(output).match(/^matmul .* @ f32\[8,(8|16|24)\]/gm)?.length;
    };
    const sequenceFirst = new MultiheadAttention(E, H).eval();
    expect(products(x, x)).toBe(2); // projection and output
    expect(products(x, x, sequenceFirst)).toBe(2);
    expect(products(x, randn(B, S, E))).toBe(3);
  });

  it("adds float masks in the dtype of the scores", () => {
    const half = new MultiheadAttention(E, H, { batchFirst: true }).bfloat16().eval();
    const [output, weights] = half.forward(x.bfloat16(), x.bfloat16(), x.bfloat16(), { attnMask: randn(T, T) });
    expect([output.dtype, weights?.dtype]).toEqual(["bf16", "bf16"]);
  });

  it("wants masks of torch's ranks", () => {
    const one = randn(T, E);
    const attempt = (input: Tensor, call: MultiheadAttentionCall) => () => module.forward(input, input, input, call);
    const row = ones(T).bool();
    expect(attempt(x, { keyPaddingMask: row })).toThrow("keyPaddingMask [2,3], bool or float, got bool[3]");
    expect(attempt(one, { keyPaddingMask: row.unsqueeze(0) })).toThrow(
      "keyPaddingMask [3], bool or float, got bool[1,3]",
    );
    expect(attempt(one, { attnMask: randn(B * H, T, T) })).toThrow("attnMask [3,3] or [2,3,3], bool or float");
    expect(attempt(x, { attnMask: randn(H, T, T) })).toThrow(
      "attnMask [3,3] or [4,3,3], bool or float, got f32[2,3,3]",
    );
    expect(attempt(x, { attnMask: randn(B, H, T, T) })).toThrow("got f32[2,2,3,3]");
  });
});
