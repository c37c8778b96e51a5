// Convolution, pooling and batch normalisation as layers: PyTorch's draws, names, texts and numbers, eagerly and compiled; and what
// bad input is told.

import { describe, expect, it } from "vitest";
import {
  avgPool2d,
  batchNorm,
  compile,
  conv1d,
  conv2d,
  crossEntropy,
  explain,
  manualSeed,
  maxPool2d,
  ones,
  randint,
  randn,
  type Tensor,
  zeros,
} from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import { SGD } from "../../src/train/index.js";
import { expectClose, golden, type Packed } from "./golden.js";

type State = Record<string, Packed>;
const { layers, norms, learned } = golden<{
  layers: Record<string, { state: State; text: string; shape: number[]; output: Packed }>;
  norms: Record<string, { outputs: Packed[]; gradients: Packed[]; state: State; eval: Packed }>;
  learned: { losses: number[]; state: State; eval: Packed };
}>("convolution");

function expectState(label: string, module: nn.Module, want: State, tolerance: number): void {
  const state = module.stateDict();
  expect(Object.keys(state), label).toEqual(Object.keys(want));
  for (const [key, packed] of Object.entries(want)) expectClose(`${label}.${key}`, state[key], packed, tolerance);
}

describe("layers draw, print and compute as in torch", () => {
  const make: Record<string, () => nn.Layer> = {
    conv1d: () => new nn.Conv1d(3, 4, 5),
    conv1dStrided: () => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1, dilation: 2, groups: 2, bias: false }),
    conv2d: () => new nn.Conv2d(3, 5, 3, { padding: 1 }),
    conv2dWide: () => new nn.Conv2d(2, 4, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 3] }),
    conv2dSame: () => new nn.Conv2d(2, 3, 4, { padding: "same" }),
    conv2dReflect: () => new nn.Conv2d(2, 3, 3, { padding: 2, paddingMode: "reflect" }),
    conv2dCircular: () => new nn.Conv2d(2, 3, [3, 4], { padding: "same", paddingMode: "circular" }),
    conv2dReplicate: () => new nn.Conv2d(4, 4, 3, { padding: [1, 2], groups: 4, paddingMode: "replicate" }),
    maxPool1d: () => new nn.MaxPool1d(3, { stride: 2 }),
    maxPool2d: () => new nn.MaxPool2d([3, 2], { stride: 2, padding: 1, ceilMode: true }),
    avgPool1d: () => new nn.AvgPool1d(3, { stride: 2, padding: 1 }),
    avgPool2d: () => new nn.AvgPool2d(3, { stride: [2, 1], padding: [1, 0], countIncludePad: false }),
    adaptiveAvgPool1d: () => new nn.AdaptiveAvgPool1d(4),
    adaptiveAvgPool2d: () => new nn.AdaptiveAvgPool2d([null, 3]),
    adaptiveAvgPool2dOne: () => new nn.AdaptiveAvgPool2d(1),
    flatten: () => new nn.Flatten(),
    batchNorm1d: () => new nn.BatchNorm1d(3),
    batchNorm2d: () => new nn.BatchNorm2d(3, { eps: 0.1, momentum: 0.3 }),
    batchNorm2dPlain: () => new nn.BatchNorm2d(3, { affine: false, trackRunningStats: false }),
    batchNorm1dMean: () => new nn.BatchNorm1d(3, { momentum: null }),
  };
  it("and every one of torch's is here", () => expect(Object.keys(make)).toEqual(Object.keys(layers)));
  for (const [name, want] of Object.entries(layers)) {
    it(name, () => {
      manualSeed(123);
      const module = make[name]();
      expectState(name, module, want.state, 0);
      expect(module.toString()).toBe(want.text);
      expectClose(name, module.forward(randn(want.shape)), want.output, 3e-6);
    });
  }
});

describe("pooling layers", () => {
  it("say how they pool, by torch's names", () => {
    const given = { stride: [2, 1], padding: 1, ceilMode: true } as const;
    expect(new nn.MaxPool2d(3, given)).toMatchObject({ kernelSize: 3, ...given, dilation: 1 });
    expect(new nn.MaxPool1d(3)).toMatchObject({ kernelSize: 3, stride: 3, padding: 0, dilation: 1, ceilMode: false });
    expect(new nn.AvgPool2d(2, { countIncludePad: false, divisorOverride: 3 })).toMatchObject({
      ...{ kernelSize: 2, stride: 2, padding: 0, ceilMode: false },
      ...{ countIncludePad: false, divisorOverride: 3 },
    });
  });
});

describe("running statistics follow the batches", () => {
  const make: Record<string, () => nn.BatchNorm2d> = {
    plain: () => new nn.BatchNorm2d(3),
    mean: () => new nn.BatchNorm2d(3, { momentum: null }),
    untracked: () => new nn.BatchNorm2d(3, { trackRunningStats: false }),
  };
  for (const compiled of [false, true]) {
    for (const [name, want] of Object.entries(norms)) {
      it(`${name}, ${compiled ? "compiled" : "eagerly"}`, () => {
        manualSeed(5);
        const module = make[name]();
        nn.init.normal_(module.weight as Tensor);
        nn.init.normal_(module.bias as Tensor);
        const forward = (x: Tensor) => module.forward(x);
        const run = compiled ? compile(forward) : forward;
        let [x, w] = [zeros(1), zeros(1)];
        let y = x;
        want.outputs.forEach((packed, i) => {
          [x, w] = [randn(2, 3, 4, 5).requiresGrad_(), randn(2, 3, 4, 5)];
          if (i < 2) y = run(x);
          else if (!compiled) y = module.forward(x);
          else {
            const step = compile((x: Tensor, w: Tensor) => {
              const y = module.forward(x);
              y.mul(w).sum().backward();
              return y;
            });
            y = step(x, w);
          }
          expectClose(`batch ${i}`, y, packed, 3e-6);
        });
        if (!compiled) y.mul(w).sum().backward();
        [x, module.weight, module.bias].forEach((t, i) =>
          expectClose(`gradient ${i}`, t?.grad as Tensor, want.gradients[i], 5e-6),
        );
        expectState(name, module, want.state, 2e-6);
        module.eval();
        expectClose("eval", run(x), want.eval, 3e-6);
      });
    }
  }
});

describe("a small network learns as in torch", () => {
  for (const compiled of [false, true]) {
    it(compiled ? "compiled" : "eagerly", () => {
      manualSeed(7);
      const model = new nn.Sequential(
        new nn.Conv2d(1, 4, 3, { stride: 2, padding: 1, bias: false }),
        new nn.BatchNorm2d(4),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Conv2d(4, 6, 3, { padding: 1, groups: 2 }),
        new nn.BatchNorm2d(6),
        new nn.ReLU(),
        new nn.AdaptiveAvgPool2d(1),
        new nn.Flatten(),
        new nn.Linear(6, 3),
      );
      const x = randn(8, 1, 12, 12);
      const y = randint(0, 3, [8]);
      const optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
      const step = (x: Tensor, y: Tensor) => {
        const loss = crossEntropy(model.forward(x), y);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const run = compiled ? compile(step) : step;
      learned.losses.forEach((want, i) => expect(run(x, y).item(), `loss ${i}`).toBeCloseTo(want, 4));
      expectState("model", model, learned.state, 2e-4);
      expectClose("eval", model.eval().forward(x), learned.eval, 1e-3);
    });
  }
});

describe("programs", () => {
  it("read windows where they lie, and finish what follows", () => {
    const model = new nn.Sequential(
      new nn.Conv2d(8, 16, 3, { bias: false }),
      new nn.BatchNorm2d(16),
      new nn.ReLU(),
    ).eval();
    const kinds = explain(model.forward(randn(1, 8, 9, 9)))
      .split("\n")
      .map((line) => line.split(" ")[0]);
    expect(kinds.filter((k) => k === "matmul").length).toBe(1);
    // The factor and the term of each channel, and nothing as large as the image.
    expect(kinds.slice(0, -1)).toEqual(["elementwise", "matmul"]);
  });

  it("multiply a kernel of one by the image as it is", () => {
    const text = explain(conv2d(randn(1, 8, 9, 9), randn(4, 8, 1, 1)));
    expect(text).toContain("f32[8,81]");
    expect(text).not.toContain("windows");
  });
});

describe("bad input is told so", () => {
  const [x, w] = [randn(2, 3, 8, 8), randn(4, 3, 3, 3)];
  const message = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      return (error as Error).message;
    }
    return "no error";
  };
  const table: [string, () => unknown, string][] = [
    [
      "channels",
      () => conv2d(x, randn(4, 5, 3, 3)),
      "conv2d: expected 5 input channels, for weight f32[4,5,3,3], got 3 of f32[2,3,8,8]",
    ],
    ["rank", () => conv2d(randn(8, 8), w), "conv2d: expected an input [B,C,H,W] or [C,H,W], got f32[8,8]"],
    [
      "rank of a signal",
      () => conv1d(x, randn(4, 3, 3)),
      "conv1d: expected an input [B,C,L] or [C,L], got f32[2,3,8,8]",
    ],
    ["weight", () => conv1d(x, w), "conv1d: expected a weight [O,C/groups,size], got f32[4,3,3,3]"],
    ["bias", () => conv2d(x, w, ones(3)), "conv2d: expected a bias [4], got f32[3]"],
    [
      "integers",
      () => conv2d(x.int(), w),
      "conv2d: expected a float tensor, got i32[2,3,8,8]; convert it with .float()",
    ],
    [
      "kernel",
      () => conv2d(x, randn(4, 3, 11, 3), null, { padding: 1 }),
      "conv2d: expected a kernel of at most [10,10], the padded axes of f32[2,3,8,8], got [11,3]",
    ],
    ["dilation", () => conv2d(x, w, null, { dilation: 4 }), "got [3,3], [9,9] with its dilation"],
    [
      "same",
      () => conv2d(x, w, null, { padding: "same", stride: 2 }),
      'conv2d: expected stride 1 with padding "same", got stride [2,2]; give the padding as a number',
    ],
    [
      "same in a layer",
      () => new nn.Conv2d(3, 4, 3, { padding: "same", stride: 2 }),
      'Conv2d: expected stride 1 with padding "same"',
    ],
    [
      "stride",
      () => conv2d(x, w, null, { stride: 0 }),
      "conv2d: expected stride: a whole number of at least 1, or 2 of them, got 0",
    ],
    ["pairs", () => conv2d(x, w, null, { stride: [1, 1, 1] }), "or 2 of them, got [1,1,1]"],
    [
      "groups",
      () => conv2d(x, w, null, { groups: 3 }),
      "conv2d: expected groups that divide the 4 output channels of weight f32[4,3,3,3], got 3",
    ],
    [
      "groups of a layer",
      () => new nn.Conv2d(3, 4, 3, { groups: 2 }),
      "Conv2d: expected groups that divide 3 input and 4 output channels, got 2",
    ],
    [
      "reflection",
      () => conv2d(x, w, null, { padding: 8, paddingMode: "reflect" }),
      'a padding of at most 7 with paddingMode "reflect"',
    ],
    [
      "pool",
      () => maxPool2d(x, 9),
      "maxPool2d: expected a kernel of at most [8,8], the padded axes of f32[2,3,8,8], got [9,9]",
    ],
    [
      "pool padding",
      () => avgPool2d(x, 3, { padding: 2 }),
      "avgPool2d: expected a padding of at most half the kernel [3,3], got [2,2]",
    ],
    [
      "features",
      () => new nn.BatchNorm2d(5).forward(x),
      "BatchNorm2d: expected an input [B,C,H,W] with 5 channels, got f32[2,3,8,8]",
    ],
    [
      "one value",
      () => new nn.BatchNorm1d(3).forward(randn(1, 3)),
      "batchNorm: expected more than one value per channel in training, got f32[1,3]",
    ],
    [
      "statistics",
      () => batchNorm(x, null, null),
      "batchNorm: expected running statistics to normalise by, got none; pass { training: true }",
    ],
    ["unfold", () => x.unfold(2, 9, 1), "unfold: expected a size from 1 to 8 on dimension 2 of f32[2,3,8,8], got 9"],
  ];
  for (const [name, act, text] of table) it(name, () => expect(message(act)).toContain(text));
});
