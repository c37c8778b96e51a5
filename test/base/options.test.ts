// A typing mistake in an option is told: the unknown name, the known ones, the nearest one.

import { describe, expect, it } from "vitest";
import { shown } from "../../src/base/show.js";
import * as heed from "../../src/index.js";
import * as models from "../../src/models/index.js";
import * as nn from "../../src/nn/index.js";
import * as text from "../../src/text/index.js";
import * as train from "../../src/train/index.js";

const { ones, tensor } = heed;
/** Options that a typed program cannot pass, but JavaScript, or a spread, can. */
const wrong = (options: unknown) => options as never;

const ROWS: [options: string, body: () => unknown, message: string][] = [
  [
    "paddin",
    () => new nn.Conv2d(3, 8, 3, wrong({ paddin: 1 })),
    "Conv2d: expected options named stride, padding, dilation, groups, paddingMode, bias, dtype, got paddin; did you mean padding?",
  ],
  [
    "layers",
    () => new models.ResNet(wrong({ layers: [1, 1, 1, 1] })),
    "ResNet: expected options named blocks, classes, channels, width, got layers; write blocks",
  ],
  [
    "normfirst",
    () => new nn.TransformerEncoderLayer(8, 2, wrong({ normfirst: true })),
    "TransformerEncoderLayer: expected options named dimFeedforward, dropout, activation, layerNormEps, batchFirst, normFirst, bias, got normfirst; did you mean normFirst?",
  ],
  [
    "batch_first",
    () => new nn.MultiheadAttention(8, 2, wrong({ batch_first: true })),
    "MultiheadAttention: expected options named dropout, bias, addBiasKv, addZeroAttn, kdim, vdim, batchFirst, got batch_first; write batchFirst",
  ],
  [
    "batch",
    () => new train.DataLoader([1, 2], wrong({ batch: 2 })),
    "DataLoader: expected options named batchSize, shuffle, dropLast, generator, collate, got batch; write batchSize",
  ],
  [
    "lr",
    () => new train.Adam([ones(1).requiresGrad_()], wrong({ lr: 1 })),
    "Adam: expected options named learningRate, betas, eps, weightDecay, amsgrad, maximize, got lr; write learningRate",
  ],
  [
    "of a group of parameters",
    () => new train.SGD(wrong([{ params: [ones(1).requiresGrad_()], weight_decay: 1 }])),
    "SGD: expected options named learningRate, momentum, dampening, weightDecay, nesterov, maximize, got weight_decay; write weightDecay",
  ],
  [
    "warm",
    () => train.cosine(wrong({ learningRate: 1, steps: 2, warm: 1 })),
    "cosine: expected options named learningRate, warmup, steps, lowest, got warm; did you mean warmup?",
  ],
  [
    "keepDim",
    () => ones(2).sum(0, wrong({ keepDim: true })),
    "sum: expected options named keepdim, got keepDim; did you mean keepdim?",
  ],
  [
    "true for keepdim",
    () => ones(2).sum(0, wrong(true)),
    "sum: expected an object of options, got true; pass { keepdim: ... }",
  ],
  [
    "a tensor for options",
    () => heed.conv1d(ones(1, 2, 3), ones(1, 2, 3), null, wrong(ones(2))),
    "conv1d: expected an object of options, got f32[2]; pass { stride: ... }",
  ],
  [
    "dtypes",
    () => tensor([1], wrong({ dtypes: "f32" })),
    "tensor: expected options named dtype, requiresGrad, got dtypes; did you mean dtype?",
  ],
  [
    "names without a likeness",
    () => new nn.Linear(2, 2, wrong({ inplace: true })),
    "Linear: expected options named bias, dtype, got inplace",
  ],
  [
    "of another kind",
    () => new nn.Linear(2, 2, wrong({ bias: "no" })),
    'Linear: expected bias true or false, got "no"',
  ],
  [
    "of another set",
    () => heed.mseLoss(ones(2), ones(2), wrong({ reduction: "avg" })),
    'mseLoss: expected reduction "mean", "sum" or "none", got "avg"',
  ],
  ["NaN", () => new nn.LayerNorm(2, { eps: Number.NaN }), "LayerNorm: expected eps a number of at least 0, got NaN"],
  [
    "that every object has",
    () => new nn.Linear(2, 2, wrong({ toString: 1 })),
    "Linear: expected options named bias, dtype, got toString",
  ],
  ["of a call", () => new nn.GRU(2, 2).forward(ones(1, 1, 2), null, wrong({ length: 1 })), "GRU: expected options named lengths, got length; did you mean lengths?"], // biome-ignore format: short
  [
    "of a configuration",
    () => new models.GPT(wrong({ vocabularySize: 5, context: 4, n_layer: 1, heads: 1, width: 4 })),
    "GPT: expected options named vocabularySize, context, layers, heads, width, dropout, normEpsilon, got n_layer; write layers",
  ],
  [
    "of a tokenizer",
    () => text.WordTokenizer.train(["a"], wrong({ sise: 5 })),
    "WordTokenizer.train: expected options named size, minCount, lowercase, got sise; did you mean size?",
  ],
];

describe("an option that there is not", () => {
  it.each(ROWS)("%s", (_, body, message) => {
    let thrown: unknown;
    try {
      body();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(heed.HeedError);
    expect((thrown as Error).message).toBe(message);
  });

  it("is told by generate before anything is written", async () => {
    const model = new models.GPT({ vocabularySize: 5, context: 4, layers: 1, heads: 1, width: 4 });
    await expect(models.generate(model, [1], wrong({ tokens: 1, temprature: 1 }))).rejects.toThrow(
      "got temprature; did you mean temperature?",
    );
  });

  it("what is undefined was left out", () => {
    expect(new nn.Linear(2, 3, { bias: undefined }).bias?.shape).toEqual([3]);
    const adam = new train.Adam([ones(1).requiresGrad_()], { learningRate: undefined });
    expect(adam.learningRate).toBe(1e-3);
  });
});

it("values in errors are short and told apart", () => {
  const values = [1, "1", 2n, null, undefined, true, [1, 2], ["a"], [[1], [2]], [1, "a"], [], ones(2, 3), [ones(1)]];
  expect(values.map(shown)).toEqual([
    ...["1", '"1"', "2n", "null", "undefined", "true", "an array of 2 numbers", "an array of 1 string"],
    ...["an array of 2 arrays", "an array of 2", "an array of 0", "f32[2,3]", "an array of 1 tensor"],
  ]);
  expect([{ a: 1, b: 2 }, {}, new Map(), new Float32Array(3), () => 1, Promise.resolve(1)].map(shown)).toEqual([
    ...["an object with a, b", "an object with no keys", "a Map", "a Float32Array of 3", "a function", "a Promise"],
  ]);
});
