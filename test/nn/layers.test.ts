// Layers draw PyTorch's initial numbers to the bit, carry its names, and print as it does.

import { afterEach, describe, expect, it } from "vitest";
import { manualSeed, ones, rand, randn, setPrintOptions, type Tensor, tensor, zeros } from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

const { drawn, inits, texts } = golden<{
  drawn: Record<string, { state: Record<string, Packed>; text: string; next: number }>;
  inits: Record<string, Packed>;
  texts: Record<string, string>;
}>("nn");

afterEach(() => setPrintOptions({ profile: "default" }));

describe("layers draw what torch draws, and nothing more", () => {
  const make: Record<string, () => nn.Module> = {
    linear: () => new nn.Linear(3, 2),
    linearWide: () => new nn.Linear(20, 17),
    linearNoBias: () => new nn.Linear(5, 4, { bias: false }),
    embedding: () => new nn.Embedding(7, 5),
    embeddingSmall: () => new nn.Embedding(2, 3),
    embeddingPadded: () => new nn.Embedding(6, 5, { paddingIdx: -2 }),
    layerNorm: () => new nn.LayerNorm([2, 3]),
    rmsNorm: () => new nn.RMSNorm(4),
    attention: () => new nn.MultiheadAttention(8, 2),
    attentionNoBias: () => new nn.MultiheadAttention(8, 4, { bias: false }),
    attentionWidths: () => new nn.MultiheadAttention(8, 2, { kdim: 6, vdim: 5, addBiasKv: true }),
    sequential: () => new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2)),
  };
  it("and every one of torch's is here", () => expect(Object.keys(make)).toEqual(Object.keys(drawn)));
  for (const [name, want] of Object.entries(drawn)) {
    it(name, () => {
      manualSeed(123);
      const module = make[name]();
      expect(rand(1).item()).toBe(want.next);
      const state = module.stateDict();
      expect(Object.keys(state)).toEqual(Object.keys(want.state));
      for (const [key, packed] of Object.entries(want.state)) expectClose(`${name}.${key}`, state[key], packed, 0);
      const ours = module.toString().replace("(out_proj): Linear", "(out_proj): NonDynamicallyQuantizableLinear");
      expect(ours).toBe(want.text);
    });
  }
});

describe("initialisations draw what torch draws", () => {
  const { init } = nn;
  const fill: Record<string, (w: Tensor) => Tensor> = {
    uniform: (w) => init.uniform_(w, -0.3, 2.5),
    normal: (w) => init.normal_(w, 1, 0.02),
    constant: (w) => init.constant_(w, 0.3),
    kaimingUniform: (w) => init.kaimingUniform_(w, { mode: "fanOut", nonlinearity: "relu" }),
    kaimingNormal: (w) => init.kaimingNormal_(w, { a: 0.2 }),
    xavierUniform: (w) => init.xavierUniform_(w, { gain: 5 / 3 }),
    xavierNormal: (w) => init.xavierNormal_(w),
    truncNormal: (w) => init.truncNormal_(w, { mean: 0.1, a: -0.7, b: 1.2 }),
    truncNormalNarrow: (w) => init.truncNormal_(w, { a: 0.5, b: 0.8 }),
    truncNormalFar: (w) => init.truncNormal_(w, { a: 1.5, b: 3 }),
  };
  it("and every one of torch's is here", () => expect(Object.keys(fill)).toEqual(Object.keys(inits)));
  for (const [name, want] of Object.entries(inits)) {
    it(name, () => {
      manualSeed(7);
      expectClose(name, fill[name](new nn.Parameter(zeros(6, 5, 2))), want, 0);
    });
  }

  it("take a generator, refuse vectors, and are left out by skipInit", () => {
    expect(() => init.xavierUniform_(new nn.Parameter(zeros(3)))).toThrow("at least two dimensions");
    expect(() => init.truncNormal_(zeros(2, 2), { a: 1, b: 1 })).toThrow("a < b");
    manualSeed(1);
    const layer = nn.skipInit(() => new nn.Linear(4, 4));
    expect(layer.weight.abs().sum().item()).toBe(0);
    const after = rand(1).item();
    manualSeed(1);
    expect(rand(1).item()).toBe(after);
  });
});

describe("modules print as in torch", () => {
  it("nested, equal neighbours of a list in one line", () => {
    const module = new nn.Sequential(
      new nn.Linear(2, 3),
      new nn.ModuleList<nn.Module>([new nn.Linear(2, 2), new nn.Linear(2, 2), new nn.ReLU()]) as unknown as nn.Layer,
      new nn.Sequential(
        new nn.Embedding(5, 3, { paddingIdx: 0 }),
        new nn.LayerNorm(4),
        new nn.RMSNorm([4, 2], { eps: 1e-6 }),
      ),
      new nn.GELU({ approximate: "tanh" }),
      new nn.Dropout(0.1),
      new nn.CrossEntropyLoss() as unknown as nn.Layer,
      new nn.LayerNorm(3, { eps: 0.5, elementwiseAffine: false }),
      new nn.LayerNorm(3, { bias: false }),
      new nn.Identity(),
      new nn.Softmax(-1),
    );
    expect(`${module}`).toBe(texts.nested);
    expect(`${new nn.Sequential()}`).toBe(texts.empty);
    const activations = new nn.Sequential(new nn.LeakyReLU(0.2), new nn.LeakyReLU(), new nn.LogSoftmax(1));
    expect(`${activations}`).toBe(texts.activations);
    const layers = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2)]);
    const dictionary = new nn.ModuleDict({ embedding: new nn.Embedding(5, 2), layers, loss: new nn.KLDivLoss() });
    expect(`${dictionary}`).toBe(texts.dictionary);
  });

  it("and so do parameters", () => {
    const parameter = new nn.Parameter(tensor([[1, 2.5], [3, 4]])); // biome-ignore format: a matrix
    expect(`${parameter}`).toBe(texts.parameter);
  });
});

describe("layers compute", () => {
  it("what their functions compute", () => {
    manualSeed(3);
    const x = randn(2, 5, 8);
    const linear = new nn.Linear(8, 3);
    const byHand = x.matmul(linear.weight.transpose(0, 1)).add(linear.bias as nn.Parameter);
    expect(linear.forward(x).toArray()).toEqual(byHand.toArray());
    const norm = new nn.LayerNorm(8).forward(x);
    expect(norm.mean(-1).abs().max().item()).toBeLessThan(1e-6);
    expect(norm.var(-1, { correction: 0 }).sub(1).abs().max().item()).toBeLessThan(1e-4);
    expect(new nn.RMSNorm(8).forward(x).square().mean(-1).sub(1).abs().max().item()).toBeLessThan(1e-4);
    const layers: [nn.Layer, Tensor][] = [
      [new nn.ReLU(), x.relu()],
      [new nn.GELU(), x.gelu()],
      [new nn.GELU({ approximate: "tanh" }), x.gelu({ approximate: "tanh" })],
      [new nn.SiLU(), x.silu()],
      [new nn.Tanh(), x.tanh()],
      [new nn.Sigmoid(), x.sigmoid()],
      [new nn.Softmax(1), x.softmax(1)],
      [new nn.LogSoftmax(1), x.logSoftmax(1)],
      [new nn.LeakyReLU(), x.leakyRelu()],
      [new nn.LeakyReLU(0.2), x.leakyRelu(0.2)],
      [new nn.Identity(), x],
    ];
    for (const [layer, want] of layers) expect(layer.forward(x).toArray()).toEqual(want.toArray());
    expect(() => new nn.LogSoftmax(undefined as never)).toThrow("LogSoftmax: expected a dimension as a whole number");
    expect(() => new nn.LeakyReLU("0.2" as never)).toThrow("LeakyReLU: expected a finite slope");
  });

  it("an embedding whose padding row takes no gradient, and refuses ids outside", () => {
    const table = new nn.Embedding(4, 3, { paddingIdx: 1 });
    table
      .forward(tensor([0, 1, 1, 3]))
      .sum()
      .backward();
    expect((table.weight.grad as Tensor).sum(1).toArray()).toEqual([3, 0, 0, 3]);
    expect(() => table.forward(tensor([0, 4])).dataSync()).toThrow(/4/);
    expect(() => table.forward(tensor([0.5]))).toThrow("i32");
  });

  it("dropout in training alone", () => {
    const layer = new nn.Dropout(0.5);
    const x = ones(1000);
    const kept = layer.forward(x).sum().item();
    expect(kept).toBeGreaterThan(800);
    expect(kept).toBeLessThan(1200);
    expect(layer.eval().forward(x).sum().item()).toBe(1000);
  });

  it("a block whose attention looks back only where told to", () => {
    manualSeed(4);
    const block = new nn.TransformerBlock(8, 2).eval();
    const x = randn(1, 4, 8);
    const changed = x.add(
      tensor([0, 0, 0, 1])
        .view(1, 4, 1)
        .mul(randn(1, 1, 8)),
    );
    const early = (out: Tensor) => out.narrow(1, 0, 3).toArray();
    expect(early(block.forward(changed, { isCausal: true }))).toEqual(early(block.forward(x, { isCausal: true })));
    expect(early(block.forward(changed))).not.toEqual(early(block.forward(x)));
    expect(block.countParameters()).toBe(2 * 16 + (24 * 8 + 24) + (8 * 8 + 8) + (32 * 8 + 32) + (32 * 8 + 8));
  });

  it("losses", () => {
    const logits = randn(4, 3);
    const targets = tensor([0, 2, 1, 1]);
    const whole = new nn.CrossEntropyLoss().forward(logits, targets).item();
    expect(new nn.NLLLoss().forward(logits.logSoftmax(-1), targets).item()).toBeCloseTo(whole, 6);
    expect(new nn.CrossEntropyLoss({ ignoreIndex: 1, reduction: "sum" }).forward(logits, targets).item()).toBeCloseTo(
      new nn.CrossEntropyLoss({ reduction: "sum" }).forward(logits.narrow(0, 0, 2), targets.narrow(0, 0, 2)).item(),
      5,
    );
    expect(new nn.MSELoss().forward(tensor([1, 2.5]), tensor([0, 0.5])).item()).toBe(2.5);
    expect(new nn.L1Loss({ reduction: "sum" }).forward(tensor([1, 2.5]), tensor([0, 0.5])).item()).toBe(3);
    const [logQ, p] = [logits.logSoftmax(-1), randn(...logits.shape).softmax(-1)];
    const divergence = p.mul(p.log().sub(logQ)).sum().div(logits.shape[0]).item();
    expect(new nn.KLDivLoss({ reduction: "batchmean" }).forward(logQ, p).item()).toBeCloseTo(divergence, 6);
    expect(() => new nn.KLDivLoss({ reduction: "median" as never })).toThrow("KLDivLoss: expected");
    expect(new nn.BCEWithLogitsLoss().forward(tensor([0.5]), tensor([1.0]).float()).item()).toBeCloseTo(0.474077, 6);
  });

  it("and name what they refuse", () => {
    expect(() => new nn.Linear(0, 3)).toThrow("Linear: expected inFeatures a whole number of at least 1, got 0");
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow("paddingIdx from -3 to 2, got 3");
    expect(() => new nn.Dropout(1.5)).toThrow("a probability from 0 to 1");
    expect(() => new nn.LayerNorm([])).toThrow();
    expect(() => new nn.GELU({ approximate: "exact" as "none" })).toThrow('"none" or "tanh"');
  });
});
