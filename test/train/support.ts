// A model and everything to train it, small enough for any executor.

import { Generator, manualSeed } from "../../src/index.js";
import { GPT } from "../../src/models/gpt.js";
import { CharacterTokenizer } from "../../src/text/characters.js";
import { splitTokens } from "../../src/text/dataset.js";
import { WindowSampler } from "../../src/text/sampler.js";
import { AdamW } from "../../src/train/optimizers.js";

const TEXT = "the quick brown fox jumps over the lazy dog; ".repeat(40);

export function setUp(options: { dropout?: number; seed?: number; batch?: number } = {}) {
  const { dropout = 0, seed = 5, batch = 4 } = options;
  const tokenizer = CharacterTokenizer.train(TEXT);
  const tokens = splitTokens(tokenizer.encode(TEXT), { length: 8 });
  manualSeed(seed);
  const vocabularySize = tokenizer.vocabularySize;
  const model = new GPT({ vocabularySize, context: 8, layers: 1, heads: 2, width: 8, dropout });
  const optimizer = new AdamW(model.parameters(), { learningRate: 0.01 });
  const generator = new Generator(seed);
  const sampler = new WindowSampler(tokens.train, { batch, length: 8, generator });
  return { model, optimizer, generator, sampler, tokens, parts: { model, optimizer, generator, sampler } };
}

/** All weights of a model, one after another. */
export function weightsOf(model: GPT): number[] {
  return model.parameters().flatMap((p) => [...p.dataSync()]);
}
