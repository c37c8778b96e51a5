// Transformer and its parts against torch's: names, initial weights to the bit, outputs and gradients with every argument.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { compile, explain, manualSeed, noGrad, ones, randn, type Tensor, tensor } from "../../src/index.js";
import {
  type DecoderCall,
  deepCopy,
  type EncoderCall,
  type EncoderLayerCall,
  init,
  LayerNorm,
  Linear,
  type Module,
  Transformer,
  type TransformerCall,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "../../src/nn/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

interface Result {
  names?: string[];
  weights: string;
  output: Packed;
  inputs: Packed[];
  sums: Packed;
}
const results = golden<Record<string, Result>>("transformer");
const [B, S, T, C, H] = [2, 4, 3, 8, 2];

manualSeed(8);
const scores = { src: randn(S, S), tgt: randn(T, T), memory: randn(T, S) };
const perHead = { src: randn(B * H, S, S), tgt: randn(B * H, T, T), memory: randn(B * H, T, S) };
const paddingScores = { src: randn(B, S), tgt: randn(B, T) };
const banned = { src: scores.src.gt(0.8), memory: scores.memory.gt(0.8) };
const padding = {
  src: tensor([[0, 0, 0, 1], [0, 0, 1, 1]]).bool(), // biome-ignore format: a matrix
  tgt: tensor([[0, 0, 0], [0, 0, 1]]).bool(), // biome-ignore format: a matrix
};
const causal = { src: Transformer.generateSquareSubsequentMask(S), tgt: Transformer.generateSquareSubsequentMask(T) };
const future = ones(T, T).triu(1).bool();

type Calls = TransformerCall & EncoderCall & EncoderLayerCall;
interface Case {
  kind?: "transformer" | "encoderLayer" | "decoderLayer" | "encoder" | "decoder";
  options?: TransformerLayerOptions;
  batched?: boolean;
  training?: boolean;
  norm?: boolean;
  layers?: number;
  call?: Calls;
}

const sequenceFirst = { batchFirst: false };
const CASES: Record<string, Case> = {
  plain: {},
  sequenceFirst: { options: sequenceFirst },
  unbatched: { batched: false },
  normFirst: { options: { normFirst: true } },
  gelu: { options: { activation: "gelu" } },
  ownActivation: { options: { activation: (x) => x.silu() } },
  noBias: { options: { bias: false } },
  eps: { options: { layerNormEps: 0.1 } },
  booleanMasks: { call: { srcMask: banned.src, tgtMask: future, memoryMask: banned.memory } },
  floatMasks: { call: { srcMask: scores.src, tgtMask: causal.tgt, memoryMask: scores.memory } },
  masksPerHead: { call: { srcMask: perHead.src, tgtMask: perHead.tgt, memoryMask: perHead.memory } },
  padding: {
    call: {
      tgtMask: future,
      srcKeyPaddingMask: padding.src,
      tgtKeyPaddingMask: padding.tgt,
      memoryKeyPaddingMask: padding.src,
    },
  },
  floatPadding: {
    call: {
      tgtMask: causal.tgt,
      srcKeyPaddingMask: paddingScores.src,
      tgtKeyPaddingMask: paddingScores.tgt,
      memoryKeyPaddingMask: paddingScores.src,
    },
  },
  paddingSequenceFirst: {
    options: { batchFirst: false, normFirst: true },
    call: { tgtMask: future, srcKeyPaddingMask: padding.src, memoryKeyPaddingMask: padding.src },
  },
  unbatchedPadding: {
    batched: false,
    call: {
      tgtMask: future,
      srcKeyPaddingMask: padding.src.select(0, 1),
      tgtKeyPaddingMask: padding.tgt.select(0, 1),
      memoryKeyPaddingMask: padding.src.select(0, 1),
    },
  },
  // Heed needs no mask beside the hints.
  hints: { call: { srcIsCausal: true, tgtIsCausal: true, memoryIsCausal: true } },
  dropped: { options: { dropout: 0.3 }, training: true, layers: 1, call: { tgtMask: causal.tgt } },
  encoderLayer: {
    kind: "encoderLayer",
    call: { srcMask: banned.src, srcKeyPaddingMask: padding.src.logicalAnd(false) },
  },
  encoderLayerDropped: { kind: "encoderLayer", options: { dropout: 0.2 }, training: true },
  encoderLayerCausal: { kind: "encoderLayer", call: { isCausal: true } },
  encoder: { kind: "encoder", layers: 3, call: { srcKeyPaddingMask: padding.src } },
  encoderWithNorm: { kind: "encoder", norm: true, call: { mask: causal.src, isCausal: true } },
  encoderNormFirst: {
    kind: "encoder",
    norm: true,
    options: { normFirst: true, activation: "gelu" },
    call: { mask: scores.src },
  },
  decoderLayer: { kind: "decoderLayer", call: { tgtMask: causal.tgt, memoryKeyPaddingMask: padding.src } },
  decoderLayerNormFirst: {
    kind: "decoderLayer",
    options: { normFirst: true },
    call: { memoryMask: scores.memory },
  },
  decoderLayerDropped: {
    kind: "decoderLayer",
    options: { dropout: 0.2 },
    training: true,
    call: { tgtMask: causal.tgt },
  },
  decoder: { kind: "decoder", layers: 3, call: { tgtMask: future, memoryMask: banned.memory } },
  decoderWithNorm: {
    kind: "decoder",
    norm: true,
    call: { tgtIsCausal: true, tgtKeyPaddingMask: padding.tgt.float().neg() },
  },
};

function make({ kind = "transformer", norm = false, layers = 2, ...item }: Case) {
  const options = { dimFeedforward: 12, batchFirst: true, dropout: 0, ...item.options };
  const last = () => (norm ? new LayerNorm(C) : null);
  const call = item.call ?? {};
  switch (kind) {
    case "transformer": {
      const module = new Transformer(C, H, { ...options, numEncoderLayers: layers, numDecoderLayers: layers });
      return { module, forward: (src: Tensor, tgt: Tensor) => module.forward(src, tgt, call) };
    }
    case "encoderLayer": {
      const module = new TransformerEncoderLayer(C, H, options);
      return { module, forward: (src: Tensor) => module.forward(src, call) };
    }
    case "decoderLayer": {
      const module = new TransformerDecoderLayer(C, H, options);
      return { module, forward: (src: Tensor, tgt: Tensor) => module.forward(tgt, src, call) };
    }
    case "encoder": {
      const module = new TransformerEncoder(new TransformerEncoderLayer(C, H, options), layers, last());
      return { module, forward: (src: Tensor) => module.forward(src, call) };
    }
    case "decoder": {
      const module = new TransformerDecoder(new TransformerDecoderLayer(C, H, options), layers, last());
      return { module, forward: (src: Tensor, tgt: Tensor) => module.forward(tgt, src, call) };
    }
  }
}

function run(item: Case) {
  const { kind = "transformer", batched = true, training = false } = item;
  manualSeed(5);
  const made = make(item);
  const module: Module = made.module;
  const weights = createHash("sha256");
  for (const p of module.parameters()) weights.update(Buffer.from((p.dataSync() as Float32Array).slice().buffer));
  for (const p of module.parameters()) if (p.ndim === 1) init.normal_(p);
  module.train(training);
  manualSeed(6);
  const [src, tgt] = [S, T].map((n) => (batched ? randn(B, n, C) : randn(n, C)).requiresGrad_());
  const turn = (x: Tensor) => (item.options?.batchFirst === false && batched ? x.transpose(0, 1) : x);
  manualSeed(9);
  const output = made.forward(turn(src), turn(tgt));
  const inputs = kind.startsWith("encoder") ? [src] : kind.startsWith("decoder") ? [tgt, src] : [src, tgt];
  return { module, output, inputs, weights: weights.digest("hex") };
}

describe("Transformer, its encoder, its decoder and their layers", () => {
  it("have torch's arguments", () => expect(Object.keys(CASES)).toEqual(Object.keys(results)));
  it.each(Object.entries(results))("%s: torch's weights, output and gradients", (name, want) => {
    const { module, output, inputs, weights } = run(CASES[name]);
    expect(weights, "initial weights to the bit").toBe(want.weights);
    if (want.names) expect(module.namedParameters().map(([parameter]) => parameter)).toEqual(want.names);
    expectClose(`${name} output`, output, want.output, 5e-6);
    output.square().sum().backward();
    inputs.forEach((x, i) => {
      expectClose(`${name}: gradient of input ${i}`, x.grad as Tensor, want.inputs[i], 5e-5);
    });
    const gradients = module.parameters().map((p) => p.grad as Tensor);
    const sums = gradients.map((g) => [g.sum().item(), Math.sqrt(g.square().sum().item())]);
    expectClose(`${name}: sums and norms of the gradients`, tensor(sums), want.sums, 4e-4);
  });
});

describe("a stack of layers", () => {
  it("runs every attention fused, forward and backward", () => {
    const { module, output, inputs } = run(CASES.padding);
    const kernels = (text: string, kernel: string) => text.match(new RegExp(`^${kernel}\\b`, "gm"))?.length;
    expect(kernels(explain(output), "attention")).toBe(6); // 2 of the encoder, 2 and 2 of the decoder
    expect(explain(output)).not.toMatch(/softmax/);
    output.square().sum().backward();
    const gradient = module.parameters()[0].grad as Tensor;
    expect(explain(gradient, inputs[0].grad as Tensor)).not.toMatch(/softmax/);
  });

  it("gives the same inside compile, where torch would take its short cut", () => {
    const { module } = run(CASES.padding);
    module.eval();
    manualSeed(6);
    const [src, tgt] = [randn(B, S, C), randn(B, T, C)];
    const step = compile((src: Tensor, tgt: Tensor) =>
      (module as Transformer).forward(src, tgt, CASES.padding.call as TransformerCall),
    );
    noGrad(() => expectClose("compiled", step(src, tgt), results.padding.output, 5e-6));
  });

  it("takes layers and stacks that users write", () => {
    class Half extends TransformerEncoderLayer {
      override forward(src: Tensor): Tensor {
        return src.mul(0.5);
      }
    }
    class Echo extends TransformerDecoder {
      override forward(tgt: Tensor, memory: Tensor, _: DecoderCall = {}): Tensor {
        return tgt.add(memory.sum(1, { keepdim: true }));
      }
    }
    const customEncoder = new TransformerEncoder(new Half(C, H), 3);
    const customDecoder = new Echo(new TransformerDecoderLayer(C, H), 1);
    const model = new Transformer(C, H, { customEncoder, customDecoder, batchFirst: true });
    expect(model.encoder).toBe(customEncoder);
    expect(
      model
        .forward(ones(B, S, C), ones(B, T, C))
        .at(0, 0, 0)
        .item(),
    ).toBe(1 + S / 8);
    expect([...customEncoder.layers].every((layer) => layer instanceof Half)).toBe(true);
  });

  it("prints as torch's, names apart", () => {
    const text = String(new TransformerEncoder(new TransformerEncoderLayer(C, H), 2));
    expect(text).toContain(
      "(layers): ModuleList(\n    (0-1): 2 x TransformerEncoderLayer(\n      (self_attn): Multihead",
    );
    expect(text).toContain("(linear1): Linear(in_features=8, out_features=2048, bias=True)");
  });

  it("names what it refuses", () => {
    expect(() => new TransformerEncoderLayer(10, 3)).toThrow(
      "TransformerEncoderLayer: expected dModel divisible by nhead, got 10 and 3",
    );
    expect(() => new TransformerEncoderLayer(8, 2, { dimFeedforward: 0 })).toThrow("dimFeedforward a whole number");
    expect(() => new TransformerDecoderLayer(8, 2, { dropout: 2 })).toThrow("a probability from 0 to 1, got 2");
    const unknown = { activation: "tanh" } as unknown as TransformerLayerOptions;
    expect(() => new TransformerDecoderLayer(8, 2, unknown)).toThrow('activation "relu", "gelu" or a function');
    expect(() => new TransformerEncoder(new TransformerEncoderLayer(8, 2), 0)).toThrow("numLayers a whole number");
    expect(() => new Transformer(8, 2, 1 as never)).toThrow("got 1; pass { numEncoderLayers: ... }");
    const model = new Transformer(8, 2, { numEncoderLayers: 1, numDecoderLayers: 1, batchFirst: true });
    expect(() => model.forward(ones(2, 4, 8), ones(3, 4, 8))).toThrow("src and tgt with one batch size, at axis 0");
    expect(() => model.forward(ones(2, 4, 6), ones(2, 4, 8))).toThrow("src and tgt of width 8, got src f32[2,4,6]");
  });
});

describe("deepCopy", () => {
  it("copies all numbers, keeps ties, modes, frozen parameters and buffers, and shares nothing", () => {
    const model = new Transformer(C, H, { numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 4 });
    model.encoder.eval();
    const tied = Object.assign(new LayerNorm(C), { model, list: [new Linear(C, C), model], own: new Linear(C, C) });
    tied.own.weight = tied.list[0] instanceof Linear ? tied.list[0].weight : tied.own.weight;
    tied.own.bias?.requiresGrad_(false);
    tied.registerBuffer("steps", tensor([3, 4]), { persistent: false });
    const copy = deepCopy(tied);
    expect(copy).toBeInstanceOf(LayerNorm);
    expect(Object.keys(copy.stateDict())).toEqual(Object.keys(tied.stateDict()));
    for (const [name, value] of Object.entries(copy.stateDict())) {
      expect(value).not.toBe(tied.stateDict()[name]);
      expect(value.toArray()).toEqual(tied.stateDict()[name].toArray());
    }
    expect(copy.own.weight).toBe((copy.list[0] as Linear).weight);
    expect(copy.list[1]).toBe(copy.model);
    expect([copy.own.bias?.requiresGrad, copy.model.training, copy.model.encoder.training]).toEqual([
      false,
      true,
      false,
    ]);
    expect(copy.model.encoder.modules().some((part) => part.training)).toBe(false);
    expect(copy.namedBuffers().map(([name, buffer]) => [name, buffer.toArray()])).toEqual([["steps", [3, 4]]]);
    init.ones_(copy.own.weight);
    expect(tied.own.weight.eq(1).any().item()).toBe(0);
  });
});
