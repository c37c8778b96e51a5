// The public names of heed/models.

export { Decoder, type GenerateOptions, generate, type LanguageModel, stream } from "./generate.js";
export { GPT } from "./gpt.js";
export { checkGPTConfig, type GPTConfig } from "./gpt-config.js";
export { type CacheSizes, KeyValueCache, LayerCache } from "./kv-cache.js";
export { rotaryFromConfig } from "./rotary-config.js";
export { type SamplingOptions, sampleToken } from "./sampling.js";
