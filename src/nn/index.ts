// The public names of heed/nn.

export { Dropout, GELU, Identity, ReLU, Sigmoid, SiLU, Softmax, Tanh } from "./activations.js";
export { type BlockCall, TransformerBlock } from "./block.js";
export { type Layer, ModuleList, Sequential } from "./containers.js";
export { Embedding } from "./embedding.js";
export { FeedForward } from "./feed-forward.js";
export * as init from "./init.js";
export { skipInit } from "./init.js";
export { Linear } from "./linear.js";
export { BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss } from "./losses.js";
export { Module } from "./module.js";
export {
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from "./multihead-attention.js";
export { LayerNorm, RMSNorm } from "./norm.js";
export { Parameter } from "./parameter.js";
export type { LoadResult, StateDict } from "./state.js";
