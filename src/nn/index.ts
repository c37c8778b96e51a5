// The public names of heed/nn.

export { Dropout, GELU, Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh } from "./activations.js";
export {
  AdditiveAttention,
  type AdditiveAttentionCall,
  type AdditiveAttentionOptions,
  type MaskedCall,
} from "./additive-attention.js";
export { type AlibiOptions, alibi, alibiBias, alibiSlopes } from "./alibi.js";
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from "./batch-norm.js";
export { type BlockCall, TransformerBlock } from "./block.js";
export { type Layer, ModuleList, Sequential } from "./containers.js";
export { Conv1d, Conv2d, type ConvolutionLayerOptions } from "./convolution.js";
export { countParameters } from "./count-parameters.js";
export { deepCopy } from "./deep-copy.js";
export { Embedding } from "./embedding.js";
export { FeedForward } from "./feed-forward.js";
export * as init from "./init.js";
export { skipInit } from "./init.js";
export { Linear } from "./linear.js";
export { BCEWithLogitsLoss, CrossEntropyLoss, KLDivLoss, L1Loss, MSELoss, NLLLoss } from "./losses.js";
export { LuongAttention, type LuongAttentionOptions, type LuongMethod } from "./luong-attention.js";
export { Module } from "./module.js";
export { ModuleDict } from "./module-dict.js";
export { MultiheadAttention, type MultiheadAttentionOptions } from "./multihead-attention.js";
export type { MultiheadAttentionCall } from "./multihead-masks.js";
export { LayerNorm, RMSNorm } from "./norm.js";
export { Parameter } from "./parameter.js";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  Flatten,
  MaxPool1d,
  MaxPool2d,
} from "./pooling.js";
export {
  LearnedPositions,
  PositionalEncoding,
  type PositionalEncodingOptions,
  type SinusoidOptions,
  sinusoidalPositions,
} from "./positions.js";
export { GRU, LSTM, RNN, type RNNOptions } from "./recurrent.js";
export { type CellOptions, GRUCell, LSTMCell, RNNCell, type RNNCellOptions } from "./recurrent-cells.js";
export type { RecurrentCall, RecurrentOptions } from "./recurrent-layers.js";
export {
  RelativePositionBias,
  type RelativePositionBiasOptions,
  relativePositionBuckets,
} from "./relative-position-bias.js";
export { type Positions, RotaryEmbedding, type RotaryOptions, type RotaryTables, rotary } from "./rotary.js";
export { type RotaryFrequencies, type RotaryScaling, rotaryFrequencies } from "./rotary-frequencies.js";
export type { LoadResult, StateDict } from "./state.js";
export { Transformer, type TransformerCall, type TransformerOptions } from "./transformer.js";
export {
  type DecoderCall,
  type DecoderLayer,
  TransformerDecoder,
  TransformerDecoderLayer,
} from "./transformer-decoder.js";
export {
  type EncoderCall,
  type EncoderLayer,
  type EncoderLayerCall,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "./transformer-encoder.js";
export type { Activation, TransformerLayerOptions } from "./transformer-options.js";
