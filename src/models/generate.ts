// Writing text with a language model, token by token. The prompt is read in one go, padded to a power of two so that few programs are
// ever compiled; then each token costs one position, against the cached keys and values of all before it.
//
// Beyond the model's context it goes on with a shorter memory: when the cache is full, it is filled anew with the last half of the
// context, so that reading again costs little per token.

import { checkNumbers } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FUNCTION, kind, type OptionTable } from "../base/options.js";
import { defaultGenerator, GENERATOR, Generator } from "../base/random.js";
import { shown } from "../base/show.js";
import { type CompiledFunction, compile } from "../tensor/compiled.js";
import { tensor } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import type { Tensor } from "../tensor/tensor.js";
import type { KeyValueCache } from "./kv-cache.js";
import { checkSampling, SAMPLING, type SamplingOptions, sampleToken } from "./sampling.js";

/** What generation asks of a model; GPT is one. */
export interface LanguageModel {
  /** The most positions it sees at once. */
  readonly context: number;
  readonly vocabularySize: number;
  readonly training: boolean;
  train(mode: boolean): unknown;
  newCache(capacity: number): KeyValueCache;
  /** i32[B,T] to f32[B,T,C] */
  residual(ids: Tensor, cache?: KeyValueCache): Tensor;
  /** f32[B,T,C] to f32[B,T,V] */
  logits(residual: Tensor): Tensor;
}

/** How `generate` and `stream` write. */
export interface GenerateOptions extends SamplingOptions {
  /** How many tokens to write at most. */
  tokens: number;
  /** Draws from a stream of its own that begins here; without it, from the default generator. */
  seed?: number | bigint;
  /** The stream to draw from, instead of a seed. */
  generator?: Generator;
  /** Tokens that end the text; the one that does is the last to come. */
  stop?: readonly number[];
}

type WholeOptions = GenerateOptions & { onToken?: (id: number) => void };

const GENERATE: OptionTable<WholeOptions> = {
  ...SAMPLING,
  tokens: CHECKED,
  seed: CHECKED,
  generator: GENERATOR,
  stop: kind<readonly number[]>("an array of token ids", Array.isArray),
  onToken: FUNCTION,
};
const REMEDIES = { maxNewTokens: "tokens", maxTokens: "tokens", maxLength: "tokens", eosTokenId: "stop" };

const SMALLEST_BUCKET = 8;
const CAPACITY_STEP = 64;
/** Between tokens other things get their turn, such as a signal to stop: this often. */
const TURN_MILLISECONDS = 10;

/** A model at work on one text: reads tokens, gives the logits of the next. Dropout is off while it reads. */
export class Decoder {
  readonly cache: KeyValueCache;
  private readonly text: number[] = [];
  private readonly read: CompiledFunction<[Tensor, Tensor], Tensor>;

  /** @param capacity positions to make room for: at most the model's context */
  constructor(
    private readonly model: LanguageModel,
    capacity = model.context,
  ) {
    checkModel("Decoder", model);
    this.cache = model.newCache(Math.min(capacity, model.context));
    this.read = compile((ids: Tensor, last: Tensor) => {
      const residual = model.residual(ids, this.cache); // [1,T,C]
      const C = residual.shape[2];
      const row = ids.shape[1] === 1 ? residual : residual.gather(1, last.view(1, 1, 1).expand(1, 1, C)); // [1,1,C]
      return model.logits(row);
    });
  }

  /**
   * Reads more tokens and returns the logits f32[V] of the one to follow. What does not fit the context is forgotten, oldest first.
   * @throws HeedError for no tokens, and for ids outside the vocabulary
   */
  next(ids: readonly number[]): Float32Array {
    checkNumbers("Decoder.next", "an array of token ids", ids);
    checkIds(ids, this.model.vocabularySize);
    for (const id of ids) this.text.push(id);
    const { cache } = this;
    let fresh: readonly number[] = ids;
    if (cache.size + ids.length > cache.capacity) {
      // A text that begins longer than the context is read whole as far as it fits; one that grows past it, by half.
      const kept = cache.size === 0 ? cache.capacity : Math.max(1, cache.capacity >> 1);
      fresh = this.text.slice(-kept);
      cache.reset();
    }
    if (this.text.length > 2 * cache.capacity) this.text.splice(0, this.text.length - cache.capacity);
    let logits: Float32Array = new Float32Array(0);
    for (let at = 0; at < fresh.length; at += cache.chunk) logits = this.run(fresh.slice(at, at + cache.chunk));
    return logits;
  }

  private run(ids: readonly number[]): Float32Array {
    const { cache, model } = this;
    const padded = new Int32Array(bucket(ids.length, Math.min(cache.chunk, cache.capacity - cache.size)));
    padded.set(ids);
    const training = model.training;
    if (training) model.train(false);
    try {
      const last = tensor(ids.length - 1);
      const logits = noGrad(() => this.read(tensor(padded).view(1, padded.length), last));
      cache.advance(ids.length);
      return logits.dataSync() as Float32Array;
    } finally {
      if (training) model.train(true);
    }
  }
}

/** The length to pad to: few lengths mean few programs. What is read beyond the end is overwritten before anything looks at it. */
function bucket(length: number, room: number): number {
  if (length === 1) return 1;
  return Math.min(room, Math.max(SMALLEST_BUCKET, 2 ** Math.ceil(Math.log2(length))));
}

function checkModel(op: string, model: LanguageModel): void {
  if (typeof model?.newCache !== "function" || typeof model.residual !== "function")
    fail(op, "a language model such as GPT", shown(model));
}

function checkIds(ids: readonly number[], vocabularySize: number): void {
  if (ids.length === 0)
    fail("generate", "at least one token to begin with", "none", "begin with an end-of-text token or a line break");
  const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (wrong >= 0) fail("generate", `token ids from 0 to ${vocabularySize - 1}`, `${ids[wrong]} at position ${wrong}`);
}

/**
 * Tokens that continue `prompt`, one by one as they are drawn. The same model, prompt, options and seed give the same tokens.
 * @throws HeedError for an empty prompt, ids outside the vocabulary, options out of range, and logits that are not finite
 * @example for await (const id of stream(model, ids, { tokens: 200, temperature: 0.8, topK: 40, seed: 1 })) write(id);
 */
export async function* stream(
  model: LanguageModel,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): AsyncGenerator<number, void, undefined> {
  checkOptions("generate", options, GENERATE, REMEDIES);
  const { tokens, seed, stop = [], temperature, topK, topP } = options;
  const sampling = { temperature, topK, topP };
  if (!Number.isInteger(tokens) || tokens < 0) fail("generate", "a whole number of tokens", String(tokens));
  checkSampling("generate", sampling);
  checkModel("generate", model);
  checkNumbers("generate", "the prompt as an array of token ids", prompt);
  let unread = Array.from(prompt);
  checkIds(unread, model.vocabularySize);
  const generator = options.generator ?? (seed === undefined ? defaultGenerator : new Generator(seed));
  const room = Math.ceil((unread.length + tokens) / CAPACITY_STEP) * CAPACITY_STEP;
  const decoder = new Decoder(model, room);
  let turn = performance.now();
  for (let i = 0; i < tokens; i++) {
    const id = sampleToken(decoder.next(unread), sampling, generator);
    yield id;
    if (stop.includes(id)) return;
    unread = [id];
    if (performance.now() - turn > TURN_MILLISECONDS) {
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
  }
}

/**
 * As `stream`, all tokens at once; `onToken` hears of each as it comes.
 * @example const ids = await generate(model, tokenizer.encode("Call me"), { tokens: 200, seed: 1 });
 */
export async function generate(
  model: LanguageModel,
  prompt: ArrayLike<number>,
  options: WholeOptions,
): Promise<number[]> {
  const ids: number[] = [];
  for await (const id of stream(model, prompt, options)) {
    ids.push(id);
    options.onToken?.(id);
  }
  return ids;
}
