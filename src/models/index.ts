// The public names of heed/models.

export { type BeamSearchOptions, beamSearch } from "./beam-search.js";
export { Bert, type BertCall, BertOutput } from "./bert.js";
export type { BertConfig } from "./bert-config.js";
export { type LoadedBert, loadBert, saveBert } from "./bert-folder.js";
export { type MaskOptions, maskTokens } from "./bert-mask.js";
export { Decoder, type GenerateOptions, generate, type LanguageModel, stream } from "./generate.js";
export { GPT } from "./gpt.js";
export { checkGPTConfig, type GPTConfig } from "./gpt-config.js";
export { greedySearch } from "./greedy-search.js";
export { type CacheSizes, KeyValueCache, LayerCache } from "./kv-cache.js";
export type { Hypothesis, NextToken, SearchOptions } from "./next-token.js";
export { Bottleneck, ResNet, type ResNetOptions } from "./resnet.js";
export { rotaryFromConfig } from "./rotary-config.js";
export { type SamplingOptions, sampleToken } from "./sampling.js";
