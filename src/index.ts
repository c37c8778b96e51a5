// The public surface, names only.

export type { DType } from "./base/dtype.js";
export { HeedError } from "./base/errors.js";
export { defaultGenerator, Generator, getRngState, initialSeed, manualSeed, setRngState } from "./base/random.js";
export type { Shape } from "./base/shape.js";
export {
  additiveAttention,
  additiveScores,
  type MixOptions,
  type MultiplicativeAttentionOptions,
  multiplicativeAttention,
} from "./tensor/additive-attention.js";
export {
  type AttentionOptions,
  attention,
  type ScaledDotProductAttentionOptions,
  type ScoreIndices,
  scaledDotProductAttention,
} from "./tensor/attention.js";
export type { AttentionMask, AttentionMasks, QueryOffset } from "./tensor/attention-mask.js";
export { type BatchNormOptions, batchNorm } from "./tensor/batch-norm.js";
export { allclose, type CloseOptions, equal, isclose } from "./tensor/close.js";
export { type CompiledFunction, compile } from "./tensor/compiled.js";
export { type ConvolutionOptions, conv1d, conv2d, type PaddingMode } from "./tensor/convolution.js";
export type { NestedNumbers } from "./tensor/core.js";
export type { TensorOptions } from "./tensor/create.js";
export {
  arange,
  causalMask,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  tensor,
  tril,
  triu,
  zeros,
  zerosLike,
} from "./tensor/create.js";
export { einsum } from "./tensor/einsum.js";
export { explain } from "./tensor/explain.js";
export { getPrintOptions, type PrintOptions, setPrintOptions } from "./tensor/format.js";
export * from "./tensor/functions.js";
export { grad, valueAndGrad } from "./tensor/grad.js";
export { enableGrad, isGradEnabled, noGrad } from "./tensor/grad-mode.js";
export type { Index } from "./tensor/indexing.js";
export { hstack, meshgrid, vstack } from "./tensor/joining.js";
export * from "./tensor/losses.js";
export { type PadSequenceOptions, padSequence } from "./tensor/pad-sequence.js";
export {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
} from "./tensor/pooling.js";
export { profile } from "./tensor/profile.js";
export type { RandomOptions } from "./tensor/random.js";
export { bernoulli, exponential, normal, rand, randint, randn, randperm, uniform } from "./tensor/random.js";
export { randintLike, randLike, randnLike } from "./tensor/random-like.js";
export {
  loadSafetensors,
  parseSafetensors,
  type SaveSafetensorsOptions,
  saveSafetensors,
} from "./tensor/safetensors-tensors.js";
export type { PerAxis } from "./tensor/spatial.js";
export { Tensor } from "./tensor/tensor.js";
