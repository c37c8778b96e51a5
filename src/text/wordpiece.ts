// WordPiece, the tokenizer of BERT: a text is cut into words, signs and Chinese characters, each of which is written with the longest pieces
// of the vocabulary; those that go on a word begin with ##. (Schuster and Nakajima 2012; Devlin et al. 2019.) How a text is cleaned and cut
// is in wordpiece-words.ts; tokenizer.json is read and written in wordpiece-file.ts.

import { checkNumbers } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { checkOptions } from "../base/options.js";
import { type AddedToken, type Finder, finder, specialToken } from "./added-tokens.js";
import { IdList } from "./id-list.js";
import { PieceCache } from "./piece-cache.js";
import type { PairPart } from "./template-pair.js";
import {
  DECODE,
  type DecodeOptions,
  ENCODE,
  type EncodeOptions,
  type Tokenizer,
  type TokenizerFile,
} from "./tokenizer.js";
import { wellFormed } from "./unicode.js";
import { readWordPiece, SPECIAL, writeWordPiece } from "./wordpiece-file.js";
import { type CleanOptions, cleaner, cutWords } from "./wordpiece-words.js";

/** What a file says, read and checked. */
export interface WordPieceParts {
  /** Token to id. */
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly added: readonly AddedToken[];
  readonly clean: CleanOptions;
  readonly unknown: string;
  /** What a piece begins with that goes on a word: ##. */
  readonly prefix: string;
  /** The most characters of a word; longer ones are unknown. */
  readonly longest: number;
  /** What stands around one text and around two. */
  readonly single: readonly PairPart[];
  readonly pair: readonly PairPart[];
}

/** Two texts as one input: their token ids, and for each token the text it belongs to. */
export interface EncodedPair {
  readonly ids: Int32Array;
  /** 0 for the first text and the tokens around it, 1 for the second and the one behind it. */
  readonly tokenTypes: Int32Array;
}

const utf8 = new TextEncoder();

/**
 * BERT's tokenizer, of a vocab.txt or a tokenizer.json: `[CLS]` stands before each text and `[SEP]` behind it.
 *
 * ```ts
 * const tokenizer = WordPieceTokenizer.fromVocabulary(await readFile("bert-base-chinese/vocab.txt", "utf8"));
 * tokenizer.encode("我喜欢BERT");                                 // [CLS] 我 喜 欢 bert [SEP]
 * const { ids, tokenTypes } = tokenizer.encodePair("你好", "再见");   // [CLS] 你 好 [SEP] 再 见 [SEP], 0 0 0 0 1 1 1
 * ```
 */
export class WordPieceTokenizer implements Tokenizer {
  readonly kind = "wordpiece";
  readonly vocabularySize: number;
  readonly specialTokens: ReadonlyMap<string, number>;
  private readonly tokens: (string | undefined)[] = [];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly find: Finder;
  private readonly findClean: Finder;
  private readonly clean: (text: string) => string;
  private readonly cache = new PieceCache<readonly number[]>();

  /** @internal */
  constructor(private readonly parts: WordPieceParts) {
    const { vocabulary, added, unknown } = parts;
    this.ids = new Map([...vocabulary, ...added.map((token): [string, number] => [token.content, token.id])]);
    for (const [token, id] of this.ids) this.tokens[id] = token;
    this.vocabularySize = this.tokens.length;
    if (!vocabulary.has(unknown)) fail("WordPieceTokenizer", `a vocabulary with ${unknown}`, "none");
    this.specialTokens = new Map(added.filter((token) => token.special).map((token) => [token.content, token.id]));
    this.clean = cleaner(parts.clean);
    this.find = finder(added.filter((token) => !token.normalized));
    this.findClean = finder(
      added.filter((token) => token.normalized),
      this.clean,
    );
  }

  /**
   * The tokenizer of a vocabulary: the text of a vocab.txt, a token on each line, or the tokens themselves. The special tokens are those of
   * [PAD], [UNK], [CLS], [SEP] and [MASK] that are there.
   * @param options.lowercase whether capital and small letters are the same, and accents go; true unless told
   * @throws HeedError for a vocabulary without [UNK], [CLS] and [SEP], or with a token twice
   */
  static fromVocabulary(tokens: string | Iterable<string>, options: CleanOptions = {}): WordPieceTokenizer {
    const list = typeof tokens === "string" ? tokens.replace(/\r?\n$/, "").split(/\r?\n/) : [...tokens];
    const vocabulary = new Map(list.map((token, id) => [token, id]));
    if (vocabulary.size !== list.length) fail("WordPieceTokenizer", "different tokens", "one of them twice");
    const id = (token: string) =>
      vocabulary.get(token) ??
      fail("WordPieceTokenizer", `a vocabulary with ${token}`, `${list.length} tokens without`);
    const added = SPECIAL.filter((token) => vocabulary.has(token)).map((content) => specialToken(content, id(content)));
    const token = (name: string, type: number): PairPart => ({ ids: [id(name)], name, type });
    const single: PairPart[] = [token("[CLS]", 0), { text: "A", type: 0 }, token("[SEP]", 0)];
    const pair: PairPart[] = [...single, { text: "B", type: 1 }, token("[SEP]", 1)];
    return new WordPieceTokenizer({
      ...{ vocabulary, added, clean: options, unknown: "[UNK]", prefix: "##", longest: 100, single, pair },
    });
  }

  /** The tokenizer of a parsed tokenizer.json. @throws HeedError for one that is no BERT's */
  static fromFile(file: TokenizerFile): WordPieceTokenizer {
    return new WordPieceTokenizer(readWordPiece(file));
  }

  /** Whether capital and small letters are the same to it. */
  get lowercase(): boolean {
    return this.parts.clean.lowercase ?? true;
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    checkOptions("encode", options, ENCODE);
    const special = options.special ?? true;
    return special ? this.fill(this.parts.single, [text]).ids : this.encodeText(text);
  }

  /** Two texts as one input, for `Bert`: ids and token types. */
  encodePair(first: string, second: string): EncodedPair {
    return this.fill(this.parts.pair, [first, second]);
  }

  private fill(parts: readonly PairPart[], texts: readonly string[]): EncodedPair {
    const ids = new IdList();
    const types = new IdList();
    for (const part of parts) {
      const added = "text" in part ? this.encodeText(texts[part.text === "A" ? 0 : 1]!) : part.ids;
      ids.append(added);
      types.append(new Array<number>(added.length).fill(part.type));
    }
    return { ids: ids.toArray(), tokenTypes: types.toArray() };
  }

  private encodeText(text: string): Int32Array {
    const out = new IdList();
    const onToken = (id: number) => out.push(id);
    const onClean = (part: string) => {
      for (const word of cutWords(part)) out.append(this.encodeWord(word));
    };
    this.find(wellFormed(text), (part) => this.findClean(this.clean(part), onClean, onToken), onToken);
    return out.toArray();
  }

  private encodeWord(word: string): readonly number[] {
    const known = this.cache.get(word);
    if (known) return known;
    const ids = this.pieces([...word]) ?? [this.ids.get(this.parts.unknown) as number];
    this.cache.set(word, ids);
    return ids;
  }

  /** The longest piece first, then the longest that goes on with the rest; null for a word that cannot be written so. */
  private pieces(characters: readonly string[]): number[] | null {
    const { vocabulary, longest, prefix } = this.parts;
    if (characters.length > longest) return null;
    const ids: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocabulary.get((start > 0 ? prefix : "") + characters.slice(start, end).join(""));
        if (id !== undefined) break;
      }
      if (id === undefined) return null;
      ids.push(id);
      start = end;
    }
    return ids;
  }

  /** The words with a space between each two, none before signs such as the comma: the spaces of the text are not kept. */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkOptions("decode", options, DECODE);
    const hidden = new Set((options.special ?? true) ? [] : this.specialTokens.values());
    checkNumbers("decode", "an array of token ids", ids);
    const shown = Array.from(ids).filter((id) => !hidden.has(id));
    const words = shown.map((id, i) => tidied(i === 0 ? this.named(id) : this.spelled(id)));
    return words.join("");
  }

  token(id: number): string | undefined {
    return this.tokens[id];
  }

  id(token: string): number | undefined {
    return this.ids.get(token);
  }

  /** A piece that goes on a word as it reads, any other with a space before it. */
  bytes(id: number): Uint8Array {
    return utf8.encode(this.spelled(id));
  }

  private named(id: number): string {
    return this.tokens[id] ?? fail("decode", `token ids below ${this.vocabularySize} of this tokenizer`, `${id}`);
  }

  private spelled(id: number): string {
    const token = this.named(id);
    const { prefix } = this.parts;
    return token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
  }

  toJSON(): TokenizerFile {
    return writeWordPiece(this.parts);
  }
}

const TIDY = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " do not", " 's", " 've", " 're"];

/** English as it is written, one token at a time, as Hugging Face's decoder does it. */
function tidied(word: string): string {
  return TIDY.reduce((text, from) => text.replaceAll(from, from === " do not" ? " don't" : from.trim()), word);
}
