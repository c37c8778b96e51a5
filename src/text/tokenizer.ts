// What every tokenizer is to the rest of Heed: text to token ids and back, and the Hugging Face tokenizer.json that holds
// it. The kinds are in characters.ts, words.ts, wordpiece.ts and bpe.ts; load.ts reads a file into the right one.

import { FLAG, type OptionTable } from "../base/options.js";

/** A parsed Hugging Face `tokenizer.json`: what `JSON.stringify` writes and `tokenizerFromJSON` reads. */
export type TokenizerFile = Record<string, unknown>;

/** Options of `Tokenizer.encode`. */
export interface EncodeOptions {
  /** Whether to add the tokens that the file puts around a text, such as `<|begin_of_text|>`; true unless told. */
  special?: boolean;
}

/** Options of `Tokenizer.decode`. */
export interface DecodeOptions {
  /** Whether special tokens such as `<|endoftext|>` appear in the text; true unless told. */
  special?: boolean;
}

/** @internal */
export const ENCODE: OptionTable<EncodeOptions> = { special: FLAG };
/** @internal */
export const DECODE: OptionTable<DecodeOptions> = ENCODE;

/** Text to token ids and back. */
export interface Tokenizer {
  readonly kind: "characters" | "bpe" | "words" | "wordpiece";
  /** The largest token id plus one: the rows that an embedding needs at least. */
  readonly vocabularySize: number;
  /** The special tokens, such as `<|endoftext|>`, with their ids; none for a character tokenizer. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /**
   * The token ids of a text. Half a surrogate pair, which UTF-8 cannot write, counts as U+FFFD.
   * @throws HeedError naming characters that the vocabulary cannot write
   */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /**
   * The text of token ids; bytes that are not UTF-8 become U+FFFD.
   * @throws HeedError for an id that is no token
   */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The token with this id as tokenizer.json spells it (`"Ġthe"` for `" the"` in byte-level BPE), if there is one. */
  token(id: number): string | undefined;
  /** The id of a token as tokenizer.json spells it, if it is one. */
  id(token: string): number | undefined;
  /**
   * The UTF-8 bytes that a token stands for: a token may be part of a character.
   * @throws HeedError for an id that is no token
   */
  bytes(id: number): Uint8Array;
  /** The tokenizer as the content of a Hugging Face `tokenizer.json`. */
  toJSON(): TokenizerFile;
}
