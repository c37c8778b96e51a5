// Learns byte-level BPE from text: the most frequent adjacent pair becomes a token, again and again. Sennrich et al.,
// "Neural Machine Translation of Rare Words with Subword Units" (2016), algorithm 1, on the bytes of GPT-2's pieces.
//
// Pairs are counted once and then kept up to date. Ties, and which words a queued pair visits, follow `BpeTrainer` of
// Hugging Face's tokenizers, so that the same text gives the same merges.

import { checkList, checkText } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FUNCTION, kind, type OptionTable } from "../base/options.js";
import type { BPETokenizer } from "./bpe.js";
import { readBPE, writeBPE } from "./bpe-file.js";
import { characterOfByte } from "./byte-alphabet.js";
import { Heap } from "./heap.js";
import { gpt2Pattern, translatePattern } from "./pattern.js";
import { wellFormed } from "./unicode.js";

/** What `trainBPE` is told beside the text. */
export interface TrainBPEOptions {
  /** Tokens wanted: 256 bytes, the special tokens and the rest by merging; fewer come out when no pair is left. */
  vocabularySize: number;
  /** Tokens that stand for themselves, such as `<|endoftext|>`; they get the first ids. */
  specialTokens?: readonly string[];
  /** A pair met fewer times than this is not merged; 2 unless told. */
  minFrequency?: number;
  /** Called now and then with the tokens made so far and those wanted. */
  onProgress?: (done: number, wanted: number) => void;
}

const TRAIN_BPE: OptionTable<TrainBPEOptions> = {
  vocabularySize: CHECKED,
  specialTokens: kind<readonly string[]>("an array of tokens", Array.isArray),
  minFrequency: kind<number>("a number of at least 0", (x) => typeof x === "number" && x >= 0),
  onProgress: FUNCTION,
};
const REMEDIES = { vocabSize: "vocabularySize", special: "specialTokens", minCount: "minFrequency" };

/**
 * Trains a byte-level BPE tokenizer, cut like GPT-2's. Same text and options, same tokenizer; and the same as Hugging Face's
 * `BpeTrainer(initial_alphabet=ByteLevel.alphabet())` makes.
 * @param text a text, or several that are counted each on its own
 * @throws HeedError for an empty text and for a vocabulary smaller than 256 and the special tokens
 */
export function trainBPE(text: string | Iterable<string>, options: TrainBPEOptions): BPETokenizer {
  checkOptions("trainBPE", options, TRAIN_BPE, REMEDIES);
  const { vocabularySize, specialTokens = [], minFrequency = 2, onProgress } = options;
  checkList("trainBPE", "a text, or several", text, true);
  for (const token of specialTokens) checkText("trainBPE", token, "specialTokens as strings");
  const least = 256 + specialTokens.length;
  if (!Number.isInteger(vocabularySize) || vocabularySize < least || vocabularySize > 2 ** 22) {
    fail(
      "trainBPE",
      `a vocabularySize from ${least} (256 bytes and ${specialTokens.length} special tokens) to ${2 ** 22}`,
      `${vocabularySize}`,
    );
  }
  if (
    new Set(specialTokens).size < specialTokens.length ||
    specialTokens.some((t) => t === "" || t !== wellFormed(t))
  ) {
    fail("trainBPE", "different, well-formed special tokens that are not empty", JSON.stringify(specialTokens));
  }
  const tokens = [...specialTokens, ...[...characterOfByte].sort()];
  const clash = specialTokens.find((token) => characterOfByte.includes(token));
  if (clash !== undefined) fail("trainBPE", "special tokens unlike the tokens of bytes", JSON.stringify(clash));
  const words = countWords(text, tokens);
  const merges = learn(words, tokens, vocabularySize, minFrequency, onProgress);
  return readBPE(writeBPE(tokens, merges, specialTokens));
}

/** The different pieces of a text as tokens, one after another in `symbols`. */
interface Words {
  readonly symbols: Int32Array;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly counts: Float64Array;
}

function countWords(text: string | Iterable<string>, tokens: readonly string[]): Words {
  const counts = new Map<string, number>();
  const pattern = translatePattern(gpt2Pattern);
  for (const part of typeof text === "string" ? [text] : text) {
    for (const [piece] of wellFormed(part).matchAll(pattern)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  if (counts.size === 0) fail("trainBPE", "a text with characters", "an empty text");
  const idOfByte = Int32Array.from(characterOfByte, (character) => tokens.lastIndexOf(character));
  const utf8 = new TextEncoder();
  const bytes = utf8.encode([...counts.keys()].join(""));
  const starts = new Int32Array(counts.size);
  const lengths = new Int32Array(counts.size);
  let word = 0;
  let at = 0;
  for (const piece of counts.keys()) {
    starts[word] = at;
    lengths[word] = utf8.encode(piece).length;
    at += lengths[word++]!;
  }
  return {
    symbols: Int32Array.from(bytes, (byte) => idOfByte[byte]!),
    starts,
    lengths,
    counts: Float64Array.from(counts.values()),
  };
}

/** Two tokens next to each other. */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words in which the pair arose since it was last queued. */
  arose: number[];
}

/** A pair in the queue, with its count when it was put there and the words it will visit. */
interface Candidate {
  readonly pair: Pair;
  count: number;
  readonly words: number[];
}

/** The larger count first; at a tie the pair of smaller ids. */
function precedes(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.pair.left !== b.pair.left ? a.pair.left < b.pair.left : a.pair.right < b.pair.right;
}

/** Appends new tokens to `tokens` until there are `wanted`, and returns the merges that make them. */
function learn(
  words: Words,
  tokens: string[],
  wanted: number,
  minFrequency: number,
  onProgress: TrainBPEOptions["onProgress"],
): [string, string][] {
  const { symbols, starts, lengths, counts } = words;
  const pairs = new Map<number, Pair>();
  const queue = new Heap<Candidate>(precedes);
  const changed: Pair[] = [];
  const add = (left: number, right: number, change: number, word: number) => {
    const key = left * wanted + right;
    let pair = pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, arose: [] };
      pairs.set(key, pair);
    }
    pair.count += change;
    if (change < 0) return;
    if (pair.arose.length === 0) changed.push(pair);
    if (pair.arose.at(-1) !== word) pair.arose.push(word);
  };
  const enqueueChanged = () => {
    for (const pair of changed) {
      if (pair.count > 0) queue.push({ pair, count: pair.count, words: pair.arose });
      pair.arose = [];
    }
    changed.length = 0;
  };

  /** Replaces the pair in one word, from left to right, and counts what that changes around it. */
  const mergeInWord = (word: number, { left, right }: Pair, made: number) => {
    const start = starts[word]!;
    const end = start + lengths[word]!;
    const count = counts[word]!;
    let to = start;
    for (let from = start; from < end; from++) {
      if (symbols[from] !== left || from + 1 >= end || symbols[from + 1] !== right) {
        symbols[to++] = symbols[from]!;
        continue;
      }
      if (to > start) {
        add(symbols[to - 1]!, left, -count, word);
        add(symbols[to - 1]!, made, count, word);
      }
      if (from + 2 < end) {
        add(right, symbols[from + 2]!, -count, word);
        add(made, symbols[from + 2]!, count, word);
      }
      symbols[to++] = made;
      from++;
    }
    lengths[word] = to - start;
  };

  for (let word = 0; word < starts.length; word++) {
    const end = starts[word]! + lengths[word]!;
    for (let i = starts[word]!; i + 1 < end; i++) add(symbols[i]!, symbols[i + 1]!, counts[word]!, word);
  }
  enqueueChanged();
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  while (tokens.length < wanted) {
    const top = queue.pop();
    if (top === undefined) break;
    if (top.count !== top.pair.count) {
      top.count = top.pair.count;
      queue.push(top);
      continue;
    }
    if (top.count < Math.max(1, minFrequency)) break;
    const [left, right] = [tokens[top.pair.left]!, tokens[top.pair.right]!];
    const made = ids.get(left + right) ?? tokens.push(left + right) - 1; // a special token may read like a merge
    ids.set(left + right, made);
    merges.push([left, right]);
    for (const word of top.words) mergeInWord(word, top.pair, made);
    enqueueChanged();
    if (tokens.length % 64 === 0) onProgress?.(tokens.length, wanted);
  }
  onProgress?.(tokens.length, wanted);
  return merges;
}
