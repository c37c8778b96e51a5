// Tokens to text: a token may hold part of a character, so bytes are decoded as a stream.

import { checkNumbers } from "../base/arguments.js";
import { checkOptions } from "../base/options.js";
import { DECODE, type DecodeOptions, type Tokenizer } from "./tokenizer.js";

/**
 * Turns token ids into text one at a time, for printing while a model writes.
 *
 * ```ts
 * const decoder = new StreamDecoder(tokenizer);
 * for (const id of ids) process.stdout.write(decoder.push(id));
 * process.stdout.write(decoder.end());
 * ```
 */
export class StreamDecoder {
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  private readonly hidden: ReadonlySet<number>;

  constructor(
    private readonly tokenizer: Tokenizer,
    options: DecodeOptions = {},
  ) {
    checkOptions("StreamDecoder", options, DECODE);
    this.hidden = new Set((options.special ?? true) ? [] : tokenizer.specialTokens.values());
  }

  /**
   * The text that this token completes: empty while a character is unfinished, U+FFFD for bytes that cannot be UTF-8.
   * @throws HeedError for an id that is no token
   */
  push(id: number): string {
    return this.hidden.has(id) ? "" : this.decoder.decode(this.tokenizer.bytes(id), { stream: true });
  }

  /** What is left at the end: U+FFFD for an unfinished character. The decoder can then start anew. */
  end(): string {
    return this.decoder.decode();
  }
}

/** The text of all ids at once. */
export function decodeAll(tokenizer: Tokenizer, ids: ArrayLike<number>, options: DecodeOptions = {}): string {
  checkOptions("decode", options, DECODE);
  const hidden = new Set((options.special ?? true) ? [] : tokenizer.specialTokens.values());
  checkNumbers("decode", "an array of token ids", ids);
  const parts = Array.from(ids, (id) => (hidden.has(id) ? nothing : tokenizer.bytes(id)));
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

const nothing = new Uint8Array(0);
