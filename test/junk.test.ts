// Junk in the place of every argument of everything Heed exports: what is thrown is Heed's own error, never one of JavaScript's. Each
// export has a call that is in order; the test then spoils one argument, or one option, at a time.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as heed from "../src/index.js";
import * as inspect from "../src/inspect/index.js";
import * as models from "../src/models/index.js";
import * as nn from "../src/nn/index.js";
import * as text from "../src/text/index.js";
import * as train from "../src/train/index.js";

const { ones, tensor, zeros } = heed;
const FOLDER = mkdtempSync(join(tmpdir(), "heed-junk-"));

const JUNK: readonly unknown[] = [
  ...[undefined, null, "junk", "", true, Number.NaN, -1, 1.5, 0, 7, 1e12, Number.POSITIVE_INFINITY],
  ...[[], [1, 2, 3], [null], ["a"], {}, { length: 2 }, () => 1, new Map(), new Date(0), new Float32Array(2)],
  ...[zeros(0), ones(2), ones(1, 2, 1, 2, 1, 2), tensor([1, -5]), tensor(true), zeros(2, 2, { dtype: "f16" })],
];

/** A call in order: arguments, and for what it gives back, arguments of its methods. */
interface Case {
  readonly args: () => unknown[];
  readonly methods?: Readonly<Record<string, () => unknown[]>>;
  /** Arguments (by place) and options (by name) that are data, callbacks or numbers of rounds: not spoilt. */
  readonly spare?: readonly (number | string)[];
}

const x3 = () => ones(2, 3, 8);
const image = () => ones(1, 3, 6, 6);
const q = () => ones(1, 2, 3, 4);
const call = (...args: unknown[]): Case => ({ args: () => args });
const lazy = (args: () => unknown[], rest: Omit<Case, "args"> = {}): Case => ({ args, ...rest });
const layer = (args: unknown[], forward: () => unknown[]): Case => ({ args: () => args, methods: { forward } });
const OPTIONAL = { dtype: "f32", requiresGrad: false };
const RANDOM = { ...OPTIONAL, generator: new heed.Generator(1) };
const same = (...args: unknown[]) => lazy(() => [x3(), ...args]);
const loss = () => lazy(() => [ones(2, 3), ones(2, 3), { reduction: "mean" }]);
const initialise = (...args: unknown[]) => lazy(() => [zeros(4, 3), ...args]);
const pooling = (shape: number[], options: object) => lazy(() => [ones(shape), 2, options]);
const POOL = { stride: 1, padding: 0, ceilMode: false };
const AVERAGE = { ...POOL, countIncludePad: true, divisorOverride: null };
const CONVOLUTION = { stride: 1, padding: 0, dilation: 1, groups: 1, paddingMode: "zeros" };
const LAYER = { dimFeedforward: 4, dropout: 0, activation: "relu", layerNormEps: 1e-5, batchFirst: true, normFirst: false, bias: true }; // biome-ignore format: short
const BLOCK = { hidden: 8, dropout: 0, bias: true, approximate: "none" };
const RECURRENT = { numLayers: 1, bias: true, batchFirst: true, dropout: 0, bidirectional: false };
const NORM = { eps: 1e-5, momentum: 0.1, affine: true, bias: true, trackRunningStats: true, dtype: "f32" };
const GPT = { vocabularySize: 5, context: 8, layers: 1, heads: 1, width: 4, dropout: 0, normEpsilon: 1e-5 };
const BERT = { ...GPT, hidden: 8, tokenTypes: 2, approximate: "none", patternDropout: 0, paddingId: 0, pooler: true, maskedHead: true, nextSentenceHead: false }; // biome-ignore format: short
const ids = () => tensor([[1, 2, 3]]);
const gpt = new models.GPT(GPT).eval();
const next = (tokens: heed.Tensor) => zeros(tokens.shape[0], 4);
const SEARCH = { begin: 1, end: 2, maxLength: 3, batch: 1 };
const SAMPLING = { temperature: 1, topK: 2, topP: 0.9 };
const words = text.WordTokenizer.train(["the whale", "the sea"]);
const tokens = Int32Array.from({ length: 40 }, (_, i) => i % 5);
const WINDOWS = { batch: 2, length: 3, stride: 3 };
const parameter = () => ones(2).requiresGrad_();
const sampler = () => new text.WindowSampler(tokens, { ...WINDOWS, generator: new heed.Generator(1) });
const ADAM = { learningRate: 1e-3, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false };
const SCHEDULE = { learningRate: 1, warmup: 1, steps: 5, lowest: 0 };
const HEAT = { rows: ["a", "b"], columns: ["a", "b"], title: "t", axes: ["q", "k"], range: [0, 1] };
const encoding = {
  encode: () => ["the whale"],
  decode: () => [[1, 2]],
  token: () => [1],
  id: () => ["the"],
  bytes: () => [1],
};
const trainer = () => {
  const model = new models.GPT(GPT);
  return { model, optimizer: new train.SGD(model.parameters()), sampler: sampler(), generator: new heed.Generator(1) };
};

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  heed: {
    Generator: { ...call(1), methods: { manualSeed: () => [1], setState: () => [heed.getRngState()], uniform: () => [new Float32Array(2), 0, 1], normal: () => [new Float32Array(2), 0, 1], bernoulli: () => [new Float32Array(2), 0.5], randint: () => [new Int32Array(2), 0, 4], randperm: () => [3], exponential: () => [new Float32Array(2), 1] } }, // biome-ignore format: short
    manualSeed: call(1),
    setRngState: lazy(() => [heed.getRngState()]),
    additiveAttention: lazy(() => [x3(), x3(), x3(), ones(8), { mask: null, dropout: 0 }]),
    additiveScores: lazy(() => [x3(), x3(), ones(8)]),
    multiplicativeAttention: lazy(() => [x3(), x3(), x3(), { mask: null, dropout: 0, weight: null }]),
    attention: lazy(() => [q(), q(), q(), { mask: { kind: "causal", offset: 0 }, scale: 1, softcap: null, dropout: 0, score: null, sink: null }]), // biome-ignore format: short
    scaledDotProductAttention: lazy(() => [q(), q(), q(), { attnMask: null, dropoutP: 0, isCausal: false, scale: 1, enableGqa: false }]), // biome-ignore format: short
    batchNorm: lazy(() => [x3(), zeros(3), ones(3), ones(3), zeros(3), { training: false, momentum: 0.1, eps: 1e-5 }]),
    allclose: lazy(() => [ones(2), ones(2), { rtol: 0, atol: 0, equalNan: true }]),
    isclose: lazy(() => [ones(2), ones(2), { rtol: 0, atol: 0, equalNan: true }]),
    equal: lazy(() => [ones(2), ones(2)]),
    compile: call((x: heed.Tensor) => x),
    conv1d: lazy(() => [x3(), ones(4, 3, 2), ones(4), CONVOLUTION]),
    conv2d: lazy(() => [image(), ones(4, 3, 2, 2), ones(4), CONVOLUTION]),
    arange: call(0, 4, 1, OPTIONAL),
    causalMask: call(2, 3, { offset: 0 }),
    eye: call(2, 3, OPTIONAL),
    full: call([2], 1, OPTIONAL),
    fullLike: same(1, OPTIONAL),
    linspace: call(0, 1, 3, OPTIONAL),
    ones: call(2, 3, OPTIONAL),
    onesLike: same(OPTIONAL),
    tensor: call([[1, 2]], OPTIONAL),
    tril: same(0),
    triu: same(0),
    zeros: call([2, 3], OPTIONAL),
    zerosLike: same(OPTIONAL),
    randLike: same(OPTIONAL),
    randnLike: same(OPTIONAL),
    randintLike: same(0, 5, OPTIONAL),
    einsum: lazy(() => ["ij,jk->ik", ones(2, 3), ones(3, 2)]),
    explain: lazy(() => [ones(2).add(1)]),
    setPrintOptions: call({ precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: undefined, profile: "default" }), // biome-ignore format: short
    grad: call((x: heed.Tensor) => x.sum(), 0),
    valueAndGrad: call((x: heed.Tensor) => x.sum(), 0),
    enableGrad: call(() => 1),
    noGrad: call(() => 1),
    padSequence: lazy(() => [[ones(2), ones(3)], { batchFirst: true, paddingValue: 0, paddingSide: "left" }]),
    adaptiveAvgPool1d: same(2),
    adaptiveAvgPool2d: lazy(() => [image(), [2, null]]),
    avgPool1d: pooling([2, 3, 8], AVERAGE),
    avgPool2d: pooling([1, 3, 6, 6], AVERAGE),
    maxPool1d: pooling([2, 3, 8], { ...POOL, dilation: 1 }),
    maxPool2d: pooling([1, 3, 6, 6], { ...POOL, dilation: 1 }),
    profile: lazy(() => [heed.compile((x: heed.Tensor) => x.add(1)), [ones(2)], { repeat: 1 }], {
      spare: [1, "repeat"],
    }),
    bernoulli: call(0.5, [2], RANDOM),
    exponential: call([2], 1, RANDOM),
    normal: call([2], 0, 1, RANDOM),
    rand: call(2, 3, RANDOM),
    randint: call(0, 4, [2], { ...RANDOM, dtype: "i32" }),
    randn: call([2, 3], RANDOM),
    randperm: call(3, { ...RANDOM, dtype: "i32" }),
    uniform: call([2], 0, 1, RANDOM),
    loadSafetensors: lazy(() => [join(FOLDER, "none"), { select: () => true }]),
    parseSafetensors: call(new Uint8Array(8)),
    saveSafetensors: lazy(() => [join(FOLDER, "a.safetensors"), { a: ones(2) }, { metadata: { a: "b" }, maxShardBytes: 1e9, as: "f16" }], { spare: ["a"] }), // biome-ignore format: short
    cat: lazy(() => [[ones(2), ones(3)], 0]),
    stack: lazy(() => [[ones(2), ones(2)], 0]),
    hstack: lazy(() => [[ones(2), ones(3)]]),
    vstack: lazy(() => [[ones(2), ones(2)]]),
    meshgrid: lazy(() => [[ones(2), ones(3)], { indexing: "ij" }]),
    where: lazy(() => [tensor([true, false]), ones(2), 0]),
    bmm: lazy(() => [ones(2, 3, 4), ones(2, 4, 5)]),
    outer: lazy(() => [ones(2), ones(3)]),
    oneHot: lazy(() => [ids(), 5]),
    linear: lazy(() => [x3(), ones(4, 8), ones(4)]),
    embedding: lazy(() => [ids(), ones(5, 4), { paddingIdx: 0 }]),
    layerNorm: lazy(() => [x3(), [8], ones(8), ones(8), 1e-5]),
    rmsNorm: lazy(() => [x3(), [8], ones(8), 1e-5]),
    dropout: same({ p: 0.5, training: true }),
    crossEntropy: lazy(() => [ones(2, 3), tensor([0, 1]), { reduction: "mean", ignoreIndex: -100, labelSmoothing: 0, weight: ones(3) }]), // biome-ignore format: short
    nllLoss: lazy(() => [ones(2, 3), tensor([0, 1]), { reduction: "mean", ignoreIndex: -100, weight: ones(3) }]),
    mseLoss: loss(),
    l1Loss: loss(),
    klDiv: lazy(() => [zeros(2, 3), ones(2, 3), { reduction: "mean", logTarget: false }]),
    binaryCrossEntropyWithLogits: lazy(() => [ones(2), ones(2), { reduction: "mean", posWeight: ones(2), weight: ones(2) }]), // biome-ignore format: short
    multinomial: lazy(() => [ones(3), 2, { replacement: true, generator: new heed.Generator(1) }]),
    maximum: same(1),
    minimum: same(1),
    matmul: lazy(() => [ones(2, 3), ones(3, 2)]),
    softmax: same(-1),
    logSoftmax: same(-1),
    relu: same(),
    gelu: same({ approximate: "none" }),
    silu: same(),
    tanh: same(),
    sigmoid: same(),
  },
  methods: Object.fromEntries(
    Object.entries({
      ...{
        size: [0],
        requiresGrad_: [true],
        backward: [undefined],
        assign: [1],
        fill: [1],
        at: [0, ":"],
        withAt: [0, 1],
      },
      ...{ maskedSelect: [() => ones(2, 3, 8).gt(0)], take: [[0, 1]], matmul: [() => ones(8, 2)], reshape: [6, -1] },
      ...{ view: [[6, 8]], flatten: [0, -1], unflatten: [2, [4, 2]], squeeze: [0], unsqueeze: [0], transpose: [0, 1] },
      ...{ permute: [0, 2, 1], expand: [2, 3, 8], expandAs: [x3], repeat: [1, 2, 1], repeatInterleave: [2, 0] },
      ...{
        narrow: [0, 0, 1],
        slice: [0, 0, 1, 1],
        select: [0, 0],
        split: [2, 2],
        chunk: [2, 2],
        unbind: [0],
        flip: [0],
      },
      ...{ roll: [1, 0], pad: [[1, 1], 0], unfold: [2, 2, 1], tril: [0], triu: [0], diagonal: [0], to: ["f16"] },
      ...{ indexSelect: [2, () => tensor([0, 1])], gather: [0, () => zeros(1, 1, 1).int()] },
      ...{
        scatterAdd: [0, () => zeros(1, 1, 1).int(), () => ones(1, 1, 1)],
        scatter: [0, () => zeros(1, 1, 1).int(), 1],
      },
      ...Object.fromEntries(["sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "any", "all", "logsumexp", "norm"].map((name) => [name, [0, { keepdim: true }]])), // biome-ignore format: short
      ...{ var: [0, { keepdim: true, correction: 1 }], std: [0, { keepdim: true, correction: 1 }], cumsum: [0] },
      ...{ softmax: [0], logSoftmax: [0], sort: [0, { descending: true }], argsort: [0, { descending: true }] },
      ...{ topk: [1, 0, { largest: true }], kthvalue: [1, 0], gelu: [{ approximate: "tanh" }], leakyRelu: [0.1] },
      ...Object.fromEntries(["add", "sub", "mul", "div", "pow", "remainder", "floorDivide", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "logicalAnd", "logicalOr", "logicalXor"].map((name) => [name, [1]])), // biome-ignore format: short
      ...{ clamp: [0, 1], maskedFill: [() => x3().gt(0), 1], where: [() => x3().gt(0), 1], lerp: [x3, 0.5] },
    }).map(([name, args]) => [name, lazy(() => (args as unknown[]).map((x) => (typeof x === "function" ? x() : x)))]),
  ),
  nn: {
    Dropout: layer([0.5], () => [x3()]),
    GELU: layer([{ approximate: "tanh" }], () => [x3()]),
    Identity: call(),
    ReLU: layer([], () => [x3()]),
    Sigmoid: layer([], () => [x3()]),
    SiLU: layer([], () => [x3()]),
    LeakyReLU: layer([0.1], () => [x3()]),
    LogSoftmax: layer([-1], () => [x3()]),
    Softmax: layer([-1], () => [x3()]),
    Tanh: layer([], () => [x3()]),
    AdditiveAttention: layer([8, 8, 4, { bias: true, dropout: 0 }], () => [x3(), x3(), x3(), { mask: null }]),
    alibi: call(2, { queryPositions: heed.arange(2), keyPositions: heed.arange(2) }),
    alibiBias: lazy(() => [2, heed.arange(3), heed.arange(3)]),
    alibiSlopes: call(2),
    BatchNorm1d: layer([3, NORM], () => [x3()]),
    BatchNorm2d: layer([3, NORM], () => [image()]),
    TransformerBlock: layer([8, 2, BLOCK], () => [x3(), { keyPaddingMask: null, attnMask: null, isCausal: true }]),
    ModuleDict: { ...lazy(() => [{ first: new nn.ReLU() }]), methods: { set: () => ["second", new nn.ReLU()], update: () => [{ second: new nn.ReLU() }] } }, // biome-ignore format: short
    ModuleList: { ...lazy(() => [[new nn.ReLU()]]), methods: { append: () => [new nn.ReLU()], extend: () => [[new nn.ReLU()]], at: () => [0] } }, // biome-ignore format: short
    Sequential: { ...lazy(() => [new nn.ReLU(), new nn.Tanh()]), methods: { forward: () => [x3()] } },
    Conv1d: layer([3, 4, 2, { ...CONVOLUTION, bias: true, dtype: "f32" }], () => [x3()]),
    Conv2d: layer([3, 4, 2, { ...CONVOLUTION, bias: true, dtype: "f32" }], () => [image()]),
    countParameters: lazy(() => [new nn.Linear(2, 2), { trainableOnly: true }]),
    deepCopy: lazy(() => [new nn.Linear(2, 2)]),
    Embedding: layer([5, 4, { paddingIdx: 0, dtype: "f32" }], () => [ids()]),
    FeedForward: layer([8, BLOCK], () => [x3()]),
    skipInit: call(() => 1),
    Linear: layer([8, 4, { bias: true, dtype: "f32" }], () => [x3()]),
    BCEWithLogitsLoss: layer([{ reduction: "mean", posWeight: ones(2), weight: ones(2) }], () => [ones(2), ones(2)]),
    KLDivLoss: layer([{ reduction: "mean", logTarget: false }], () => [zeros(2, 2), ones(2, 2)]),
    L1Loss: layer([{ reduction: "mean" }], () => [ones(2), ones(2)]),
    MSELoss: layer([{ reduction: "mean" }], () => [ones(2), ones(2)]),
    NLLLoss: layer([{ reduction: "mean", ignoreIndex: -100, weight: ones(3) }], () => [ones(2, 3), tensor([0, 1])]),
    CrossEntropyLoss: layer([{ reduction: "mean", ignoreIndex: -100, labelSmoothing: 0, weight: ones(3) }], () => [ones(2, 3), tensor([0, 1])]), // biome-ignore format: short
    LuongAttention: layer(["general", 8, { keyWidth: 8, hidden: 4, dropout: 0 }], () => [
      x3(),
      x3(),
      x3(),
      { mask: null },
    ]),
    Module: { ...call(), methods: { loadStateDict: () => [{}, { strict: true }], to: () => ["f32"], registerBuffer: () => ["a", ones(2), { persistent: true }], countParameters: () => [{ trainableOnly: true }], apply: () => [() => 1] } }, // biome-ignore format: short
    MultiheadAttention: layer([8, 2, { dropout: 0, bias: true, addBiasKv: true, addZeroAttn: true, kdim: 8, vdim: 8, batchFirst: true }], () => [x3(), x3(), x3(), { keyPaddingMask: null, attnMask: null, isCausal: false, needWeights: true, averageAttnWeights: true }]), // biome-ignore format: short
    LayerNorm: layer([8, { eps: 1e-5, elementwiseAffine: true, bias: true, dtype: "f32" }], () => [x3()]),
    RMSNorm: layer([[8], { eps: null, elementwiseAffine: true, dtype: "f32" }], () => [x3()]),
    Parameter: lazy(() => [ones(2), { requiresGrad: true }]),
    AdaptiveAvgPool1d: layer([2], () => [x3()]),
    AdaptiveAvgPool2d: layer([[2, null]], () => [image()]),
    AvgPool1d: layer([2, AVERAGE], () => [x3()]),
    AvgPool2d: layer([2, AVERAGE], () => [image()]),
    MaxPool1d: layer([2, { ...POOL, dilation: 1 }], () => [x3()]),
    MaxPool2d: layer([2, { ...POOL, dilation: 1 }], () => [image()]),
    Flatten: layer([1, -1], () => [x3()]),
    LearnedPositions: layer([5, 8, { paddingIdx: 0, dtype: "f32" }], () => [3]),
    PositionalEncoding: layer([8, { dropout: 0, context: 9, base: 10, layout: "halves" }], () => [x3(), 0]),
    sinusoidalPositions: call(3, 4, { base: 10, layout: "halves" }),
    RNN: layer([8, 4, { ...RECURRENT, nonlinearity: "tanh" }], () => [x3(), zeros(1, 2, 4), { lengths: [1, 2] }]),
    GRU: layer([8, 4, RECURRENT], () => [x3(), zeros(1, 2, 4), { lengths: [1, 2] }]),
    LSTM: layer([8, 4, RECURRENT], () => [x3(), [zeros(1, 2, 4), zeros(1, 2, 4)], { lengths: [1, 2] }]),
    RNNCell: layer([8, 4, { bias: true, nonlinearity: "relu" }], () => [ones(2, 8), zeros(2, 4)]),
    GRUCell: layer([8, 4, { bias: true }], () => [ones(2, 8), zeros(2, 4)]),
    LSTMCell: layer([8, 4, { bias: true }], () => [ones(2, 8), [zeros(2, 4), zeros(2, 4)]]),
    RelativePositionBias: layer([4, 2, { maxDistance: 8, bidirectional: true }], () => [3, 3, 0]),
    relativePositionBuckets: call(4, 8, true),
    RotaryEmbedding: layer([8, { width: 8, base: 10, pairs: "halves", scaling: null }], () => [x3(), 0, { length: 3 }]),
    rotary: same(0, { width: 8, base: 10, pairs: "halves", scaling: null }),
    rotaryFrequencies: call(8, 10, { kind: "linear", factor: 2 }),
    Transformer: layer([8, 2, { ...LAYER, numEncoderLayers: 1, numDecoderLayers: 1, customEncoder: null, customDecoder: null }], () => [x3(), x3(), { srcMask: null, tgtMask: null, srcIsCausal: true }]), // biome-ignore format: short
    TransformerDecoder: { ...lazy(() => [new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 4 }), 1, new nn.LayerNorm(8)]), methods: { forward: () => [x3(), x3(), { tgtIsCausal: true }] } }, // biome-ignore format: short
    TransformerDecoderLayer: layer([8, 2, LAYER], () => [
      x3(),
      x3(),
      { tgtMask: null, memoryMask: null, tgtIsCausal: true },
    ]),
    TransformerEncoder: { ...lazy(() => [new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 4 }), 1, new nn.LayerNorm(8)]), methods: { forward: () => [x3(), { mask: null, isCausal: true }] } }, // biome-ignore format: short
    TransformerEncoderLayer: layer([8, 2, LAYER], () => [
      x3(),
      { srcMask: null, srcKeyPaddingMask: null, isCausal: true },
    ]),
  },
  init: {
    uniform_: initialise(0, 1, { generator: new heed.Generator(1) }),
    normal_: initialise(0, 1, { generator: new heed.Generator(1) }),
    constant_: initialise(1),
    zeros_: initialise(),
    ones_: initialise(),
    eye_: initialise(),
    orthogonal_: initialise({ gain: 1 }),
    sparse_: initialise(0.5, { std: 1 }),
    calculateGain: call("leakyRelu", 0.1),
    kaimingUniform_: initialise({ a: 0, mode: "fanIn", nonlinearity: "relu" }),
    kaimingNormal_: initialise({ a: 0, mode: "fanIn", nonlinearity: "relu" }),
    xavierUniform_: initialise({ gain: 1 }),
    xavierNormal_: initialise({ gain: 1 }),
    truncNormal_: lazy(() => [zeros(4, 3), { mean: 0, std: 1, a: -2, b: 2 }], { spare: ["mean", "std", "a", "b"] }),
    skipInit: call(() => 1),
  },
  models: {
    beamSearch: lazy(() => [next, { ...SEARCH, beamWidth: 2, lengthPenalty: 0.6, results: 1 }], { spare: ["maxLength", "batch", "beamWidth"] }), // biome-ignore format: short
    greedySearch: lazy(() => [next, { ...SEARCH, end: 0 }], { spare: ["maxLength", "batch"] }),
    Bert: { ...call(BERT), methods: { forward: () => [ids(), { tokenTypes: zeros(1, 3).int(), attentionMask: ones(1, 3) }], loss: () => [ids(), ids(), {}], logits: () => [ones(1, 3, 4)] } }, // biome-ignore format: short
    loadBert: lazy(() => [join(FOLDER, "none")]),
    saveBert: lazy(() => [join(FOLDER, "bert"), {}], { spare: [0] }),
    maskTokens: lazy(() => [ids(), { maskId: 4, vocabularySize: 5, special: zeros(1, 3).bool(), probability: 0.5, generator: new heed.Generator(1) }]), // biome-ignore format: short
    Decoder: { ...call(gpt, 8), methods: { next: () => [[1, 2]] } },
    generate: lazy(() => [gpt, [1, 2], { tokens: 2, seed: 1, generator: new heed.Generator(1), stop: [3], onToken: () => 1, ...SAMPLING }], { spare: ["tokens"] }), // biome-ignore format: short
    stream: lazy(() => [gpt, [1, 2], { tokens: 2, seed: 1, generator: new heed.Generator(1), stop: [3], ...SAMPLING }], { spare: ["tokens"] }), // biome-ignore format: short
    GPT: { ...call(GPT), methods: { forward: () => [ids(), undefined], residual: () => [ids(), undefined], logits: () => [ones(1, 3, 4)], loss: () => [ids(), ids()], newCache: () => [8] } }, // biome-ignore format: short
    checkGPTConfig: lazy(() => [GPT]),
    KeyValueCache: { ...call({ layers: 1, heads: 1, headWidth: 4, valueWidth: 4, capacity: 8, batch: 1, dtype: "f32", window: null, chunk: 1 }), methods: { advance: () => [1], checkRoom: () => [1], positions: () => [2] } }, // biome-ignore format: short
    ResNet: layer([{ blocks: [1, 1, 1, 1], classes: 2, channels: 3, width: 2 }], () => [ones(2, 3, 33, 33)]),
    Bottleneck: layer([8, 2, 1, null], () => [ones(1, 8, 6, 6)]),
    rotaryFromConfig: call({ hidden_size: 8, num_attention_heads: 2 }, { layerType: undefined, pairs: "halves" }),
    sampleToken: lazy(() => [new Float32Array(4), SAMPLING, new heed.Generator(1)]),
  },
  text: {
    bleu: call([["a", "b"]], [[["a", "b"]]], {
      maxOrder: 2,
      smoothing: "exp",
      smoothingValue: 0.1,
      effectiveOrder: true,
    }),
    sentenceBleu: call(["a", "b"], [["a", "b"]], {
      maxOrder: 2,
      smoothing: "exp",
      smoothingValue: 0.1,
      effectiveOrder: true,
    }),
    trainBPE: call("the whale", { vocabularySize: 258, specialTokens: ["<e>"], minFrequency: 1, onProgress: () => 1 }),
    CharacterTokenizer: { ...call(["a", "b"]), methods: { encode: () => ["ab"], decode: () => [[0, 1]], token: () => [0], id: () => ["a"], bytes: () => [0] } }, // biome-ignore format: short
    evaluationBatches: call(tokens, { ...WINDOWS, limit: 2 }),
    splitTokens: call(tokens, { validation: 0.5, length: 3 }),
    editDistance: call("ab", "ac"),
    errorRate: call([["a"]], [["b"]]),
    tokenizerFromJSON: lazy(() => [words.toJSON()]),
    WindowSampler: { ...lazy(() => [tokens, { ...WINDOWS, generator: new heed.Generator(1), dropLast: true }]), methods: { restore: () => [{ epoch: 0, position: 0, seed: null, windows: 13 }], nextBatch: () => [] } }, // biome-ignore format: short
    StreamDecoder: { ...lazy(() => [words, { special: true }]), methods: { push: () => [1] } },
    normaliseText: call("a"),
    Vocabulary: { ...call(["a", "b"], { unknown: "a" }), methods: { id: () => ["a"], token: () => [0], encode: () => [["a"]], decode: () => [[0]] } }, // biome-ignore format: short
    WordTokenizer: { ...call(["[UNK]", "the"], { lowercase: true }), methods: encoding },
  },
  train: {
    lossChart: call({ train: [[1, 2]], validation: [[1, 2]], title: "a" }),
    packTraining: lazy(() => [trainer(), { step: 1, settings: {}, best: null }]),
    packWeights: lazy(() => [new nn.Linear(2, 2), "a."]),
    clipGradNorm_: lazy(() => [[parameter()], 1, { normType: 2, errorIfNonfinite: false }]),
    clipGradValue_: lazy(() => [[parameter()], 1]),
    defaultCollate: lazy(() => [[ones(2), ones(2)]]),
    DataLoader: { ...call([1, 2], { batchSize: 1, shuffle: true, dropLast: true, generator: new heed.Generator(1), collate: (x: unknown) => x }), methods: { [Symbol.iterator.description as string]: () => [] } }, // biome-ignore format: short
    randomSplit: call([1, 2], [1, 1], { generator: new heed.Generator(1) }),
    Subset: { ...call([1, 2], [0]), methods: { get: () => [0] } },
    TensorDataset: { ...lazy(() => [ones(2, 3), ones(2)]), methods: { get: () => [0], batch: () => [[0, 1]] } },
    evaluation: lazy(() => [new models.GPT(GPT), tokens, { batch: 1, length: 3, batches: 2 }]),
    train: lazy(() => [{ ...trainer(), schedule: () => 1, steps: 1, start: 0, accumulate: 1, clipNorm: 1, onStep: () => 1 }], { spare: ["steps", "accumulate"] }), // biome-ignore format: short
    Adam: { ...lazy(() => [[parameter()], ADAM]), methods: { loadStateDict: () => [{ state: {}, groups: [{ params: [0], learningRate: 1 }] }], addParamGroup: () => [{ params: [parameter()], ...ADAM }] } }, // biome-ignore format: short
    AdamW: lazy(() => [[parameter()], ADAM]),
    SGD: lazy(() => [[{ params: [parameter()], momentum: 0.1 }], { learningRate: 1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false }]), // biome-ignore format: short
    loadRun: lazy(() => [join(FOLDER, "none")]),
    loadTokenizer: lazy(() => [join(FOLDER, "none")]),
    loadTrainingFile: lazy(() => [join(FOLDER, "none")]),
    constant: call(SCHEDULE),
    cosine: call(SCHEDULE),
    linear: call(SCHEDULE),
    noam: call({ modelWidth: 8, warmup: 2, factor: 1 }),
    TrainingStep: lazy(() => [trainer().model, trainer().optimizer, 1, 1]),
  },
  inspect: {
    heatMapSvg: lazy(() => [ones(2, 2), { ...HEAT, across: 1 }]),
    heatMapText: lazy(() => [ones(2, 2), { ...HEAT, colours: "none", width: 40, theme: "dark" }]),
    summary: lazy(() => [new nn.Linear(8, 2), [2, 8], { dtype: "f32", depth: 1 }]),
  },
};
const SPACES: Readonly<Record<string, object>> = { heed, nn, init: nn.init, models, text, train, inspect };

/** Made by others, or taking what only Heed makes. */
const EXEMPT = new Set(
  "HeedError DivergedError Tensor getPrintOptions getRngState initialSeed isGradEnabled BertOutput LayerCache BPETokenizer WordPieceTokenizer Summary readRunState restoreTraining saveRunFiles".split(" "), // biome-ignore format: short
);

/** The spoilt calls of one that is in order, each with what was spoilt. */
function* spoilt(args: unknown[], spare: Case["spare"] = []): Generator<[what: string, args: unknown[]]> {
  for (const [i, arg] of args.entries()) {
    if (!spare.includes(i))
      for (const [j, junk] of JUNK.entries()) yield [`argument ${i} = junk ${j}`, args.with(i, junk)];
    if (typeof arg !== "object" || arg === null || Object.getPrototypeOf(arg) !== Object.prototype) continue;
    for (const name of Object.keys(arg))
      if (!spare.includes(name))
        for (const [j, junk] of JUNK.entries()) yield [`${name} = junk ${j}`, args.with(i, { ...arg, [name]: junk })];
  }
}

/** Everything a result may still hide: numbers that are pending, promises, iterators. */
async function used(result: unknown): Promise<void> {
  const value = await result;
  if (value instanceof heed.Tensor) value.dataSync();
  else if (Array.isArray(value)) for (const item of value) await used(item);
  else if (typeof value === "object" && value !== null && Symbol.asyncIterator in value)
    for await (const _ of value as AsyncIterable<unknown>) break;
}

async function refused(body: () => unknown): Promise<unknown> {
  try {
    await used(body());
    return undefined;
  } catch (error) {
    return error;
  }
}

type Callable = ((...args: unknown[]) => unknown) & (new (...args: unknown[]) => Record<string, Callable>);

function* bodies(
  space: string,
  name: string,
  one: Case,
): Generator<[where: string, body: (args: unknown[]) => unknown, args: () => unknown[]]> {
  if (space === "methods") {
    yield [name, (args) => (x3() as unknown as Record<string, Callable>)[name](...args), one.args];
    return;
  }
  const made = (SPACES[space] as Record<string, Callable>)[name];
  const isClass = /^class\b/.test(Function.prototype.toString.call(made));
  yield [name, (args) => (isClass ? new made(...args) : made(...args)), one.args];
  for (const [method, args] of Object.entries(one.methods ?? {})) {
    const own = method === "Symbol.iterator" ? undefined : method;
    if (own) yield [`${name}.${own}`, (given) => new made(...one.args())[own](...given), args];
  }
}

describe("junk", () => {
  it("has a case for every export", () => {
    for (const [space, names] of Object.entries(SPACES)) {
      const functions = Object.entries(names).filter(([name, x]) => typeof x === "function" && !EXEMPT.has(name));
      expect(functions.map(([name]) => name).sort()).toEqual(Object.keys(CASES[space]).sort());
    }
  });

  for (const [space, cases] of Object.entries(CASES))
    it(`is refused by ${space} in Heed's own words`, async () => {
      const raw: string[] = [];
      for (const [name, one] of Object.entries(cases))
        for (const [where, body, args] of bodies(space, name, one))
          for (const [what, given] of spoilt(args(), one.spare)) {
            const error = await refused(() => body(given));
            if (error !== undefined && !(error instanceof heed.HeedError)) raw.push(`${where}: ${what}: ${error}`);
          }
      expect(raw).toEqual([]);
    });
});
