// The word tokenizer: one token for each word, or run of other signs, that is frequent enough, and one for all the rest. What classifiers
// read. Its file is a Hugging Face WordLevel model with the pre-tokenizer Whitespace, which other libraries read to the same ids.

import { checkList, checkNumbers, checkText } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";
import {
  type AddedToken,
  type Finder,
  finder,
  readAddedTokens,
  specialToken,
  writeAddedTokens,
} from "./added-tokens.js";
import { asObject, asString, unsupported } from "./check.js";
import { IdList } from "./id-list.js";
import { DECODE, type DecodeOptions, type Tokenizer, type TokenizerFile } from "./tokenizer.js";
import { wellFormed } from "./unicode.js";
import { readVocabulary, tokensById } from "./vocabulary-file.js";

/** How `WordTokenizer.train` chooses its words. */
export interface TrainWordsOptions {
  /** The most tokens, those for padding and unknown words among them; 30,000 unless told. */
  size?: number;
  /** How often a word occurs at least; once unless told. */
  minCount?: number;
  /** Whether capital and small letters are the same; true unless told. */
  lowercase?: boolean;
}

const TRAIN_WORDS: OptionTable<TrainWordsOptions> = { size: CHECKED, minCount: CHECKED, lowercase: FLAG };

const PADDING = "[PAD]";
const UNKNOWN = "[UNK]";
/** What Hugging Face calls Whitespace: letters, digits and what joins them, or anything else but spaces. */
const PIECES =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

const utf8 = new TextEncoder();

/**
 * A tokenizer with a token for each word it knows: `[PAD]` is 0 and `[UNK]`, any other word, is 1; then the words, frequent ones first.
 *
 * ```ts
 * const tokenizer = WordTokenizer.train(["the whale", "The sea!"], { size: 5000 });
 * tokenizer.encode("the white whale");      // [2, 1, 5]
 * padSequence(texts.map((text) => tensor(tokenizer.encode(text).slice(0, 30))), { batchFirst: true });   // i32[B,T], T at most 30
 * ```
 */
export class WordTokenizer implements Tokenizer {
  readonly kind = "words";
  readonly specialTokens: ReadonlyMap<string, number>;
  private readonly ids: ReadonlyMap<string, number>;
  private readonly find: Finder;

  /**
   * @param words the word of each id; `[PAD]` and `[UNK]` are where they stand
   * @param options.lowercase whether texts are read in small letters; true unless told
   */
  constructor(
    private readonly words: readonly string[],
    private readonly options: { lowercase?: boolean } = {},
  ) {
    checkOptions("WordTokenizer", options, { lowercase: FLAG });
    if (!Array.isArray(words)) fail("WordTokenizer", "an array of words", shown(words));
    for (const word of words) checkText("WordTokenizer", word, "words");
    this.ids = new Map(words.map((word, id) => [word, id]));
    if (this.ids.size !== words.length) fail("WordTokenizer", "different words", "one of them twice");
    if (!this.ids.has(UNKNOWN)) fail("WordTokenizer", `words with ${UNKNOWN}`, `${words.length} words without it`);
    const special = [PADDING, UNKNOWN].flatMap((name) => {
      const id = this.ids.get(name);
      return id === undefined ? [] : [[name, id] as const];
    });
    this.specialTokens = new Map(special);
    this.find = finder(this.addedTokens());
  }

  /**
   * The tokenizer of the words of these texts; of words as frequent as each other the first in the alphabet come first.
   * @throws HeedError for texts without a word, or a size that has no room for one
   */
  static train(texts: Iterable<string>, options: TrainWordsOptions = {}): WordTokenizer {
    checkOptions("WordTokenizer.train", options, TRAIN_WORDS, { vocabularySize: "size", minFrequency: "minCount" });
    const { size = 30000, minCount = 1, lowercase = true } = options;
    if (!Number.isInteger(size) || size < 3) fail("WordTokenizer.train", "a size of at least 3", String(size));
    if (!(minCount >= 0)) fail("WordTokenizer.train", "minCount to be a number of at least 0", String(minCount));
    checkList("WordTokenizer.train", "texts", texts, true);
    const counts = new Map<string, number>();
    for (const text of typeof texts === "string" ? [texts] : texts)
      for (const piece of pieces(checked(text), lowercase)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    for (const name of [PADDING, UNKNOWN]) counts.delete(name);
    const frequent = [...counts]
      .filter(([, count]) => count >= minCount)
      .sort(([a, n], [b, m]) => m - n || byPoints(a, b));
    if (frequent.length === 0) fail("WordTokenizer.train", `texts with words that occur ${minCount} times`, "none");
    return new WordTokenizer([PADDING, UNKNOWN, ...frequent.slice(0, size - 2).map(([word]) => word)], { lowercase });
  }

  get vocabularySize(): number {
    return this.words.length;
  }

  /** The id to fill up shorter texts with. @throws HeedError for a file without `[PAD]` */
  get paddingId(): number {
    return this.ids.get(PADDING) ?? fail("paddingId", `a vocabulary with ${PADDING}`, "none");
  }

  /** The id of any word that is not in the vocabulary. */
  get unknownId(): number {
    return this.ids.get(UNKNOWN) as number;
  }

  encode(text: string): Int32Array {
    const out = new IdList();
    const unknown = this.unknownId;
    const onText = (part: string) => {
      for (const piece of pieces(part, this.options.lowercase ?? true)) out.push(this.ids.get(piece) ?? unknown);
    };
    this.find(wellFormed(text), onText, (id) => out.push(id));
    return out.toArray();
  }

  /** The words with a space between each two: what stood between them in the text is not kept. */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    checkOptions("decode", options, DECODE);
    const hidden = new Set((options.special ?? true) ? [] : this.specialTokens.values());
    checkNumbers("decode", "an array of token ids", ids);
    return Array.from(ids, (id) => this.word(id))
      .filter((_, i) => !hidden.has(ids[i]!))
      .join(" ");
  }

  private word(id: number): string {
    return this.words[id] ?? fail("decode", `token ids below ${this.vocabularySize}`, `${id}`);
  }

  token(id: number): string | undefined {
    return this.words[id];
  }

  id(token: string): number | undefined {
    return this.ids.get(token);
  }

  bytes(id: number): Uint8Array {
    return utf8.encode(this.word(id));
  }

  private addedTokens(): AddedToken[] {
    return [...this.specialTokens].map(([content, id]) => specialToken(content, id));
  }

  toJSON(): TokenizerFile {
    return {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: writeAddedTokens(this.addedTokens()),
      normalizer: (this.options.lowercase ?? true) ? { type: "Lowercase" } : null,
      pre_tokenizer: { type: "Whitespace" },
      post_processor: null,
      decoder: null,
      model: { type: "WordLevel", vocab: Object.fromEntries(this.ids), unk_token: UNKNOWN },
    };
  }

  /** The tokenizer of a file as `toJSON` writes it. @throws HeedError for anything else */
  static fromFile(file: TokenizerFile): WordTokenizer {
    const model = asObject(file.model, "model");
    const normalizer = typeOf(file.normalizer, "normalizer");
    const splitter = typeOf(file.pre_tokenizer, "pre_tokenizer");
    if (normalizer !== null && normalizer !== "Lowercase") unsupported(`words with the normalizer ${normalizer}`);
    if (splitter !== "Whitespace") unsupported(`words with the pre_tokenizer ${splitter}`);
    for (const part of ["post_processor", "decoder"])
      if ((file[part] ?? null) !== null) unsupported(`words with a ${part}`);
    const unknown = asString(model.unk_token, "model.unk_token");
    if (unknown !== UNKNOWN) unsupported(`words with ${shown(unknown)} for unknown ones`);
    const vocabulary = readVocabulary(model.vocab);
    for (const { content, id } of readAddedTokens(file.added_tokens))
      if ((content !== PADDING && content !== UNKNOWN) || vocabulary.get(content) !== id)
        unsupported(`words with the added token ${shown(content)}`);
    return new WordTokenizer(tokensById(vocabulary), { lowercase: normalizer !== null });
  }
}

function checked(text: string): string {
  checkText("WordTokenizer.train", text);
  return text;
}

function typeOf(part: unknown, where: string): string | null {
  return part === null || part === undefined ? null : asString(asObject(part, where).type, `${where}.type`);
}

function pieces(text: string, lowercase: boolean): readonly string[] {
  // Letter by letter, as in Hugging Face's Lowercase: only a sigma would heed its neighbours.
  const read = lowercase ? text.replaceAll("Σ", "σ").toLowerCase() : text;
  return read.match(PIECES) ?? [];
}

/** The order of code points, which is that of UTF-8. */
function byPoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((character, i) => character !== right[i]);
  if (at < 0) return left.length - right.length;
  return at >= right.length ? 1 : left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!;
}
