// heed/text: text to token ids and back, tokenizers to train, and batches of windows to train on.

export { type Bleu, type BleuOptions, type BleuSmoothing, bleu, sentenceBleu, type Tokens } from "./bleu.js";
export { BPETokenizer } from "./bpe.js";
export { type TrainBPEOptions, trainBPE } from "./bpe-train.js";
export { CharacterTokenizer } from "./characters.js";
export { type Batch, evaluationBatches, splitTokens, type WindowOptions } from "./dataset.js";
export { editDistance, errorRate, type Sequence } from "./edit-distance.js";
export { tokenizerFromJSON } from "./load.js";
export { type SamplerState, WindowSampler, type WindowSamplerOptions } from "./sampler.js";
export { StreamDecoder } from "./stream.js";
export type { DecodeOptions, EncodeOptions, Tokenizer, TokenizerFile } from "./tokenizer.js";
export { normaliseText } from "./unicode.js";
export { Vocabulary, type VocabularyOptions } from "./vocabulary.js";
export { type EncodedPair, WordPieceTokenizer } from "./wordpiece.js";
export type { CleanOptions } from "./wordpiece-words.js";
export { type TrainWordsOptions, WordTokenizer } from "./words.js";
