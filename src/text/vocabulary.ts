// Tokens by number, where a text is cut into tokens already: words, phonemes, letters. What torchtext calls a Vocab. Tokenizers cut the text
// themselves.

import { checkList, checkNumbers, checkText } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, kind, type OptionTable, whole } from "../base/options.js";
import { shown } from "../base/show.js";

/** How `Vocabulary.from` chooses tokens. */
export interface VocabularyOptions {
  /** Tokens that come first, whether they occur or not: padding, begin, end, unknown. */
  special?: readonly string[];
  /** How often a token occurs at least; once unless told. */
  minCount?: number;
  /** The most tokens, special ones among them. */
  size?: number;
  /** The token, one of the others, that stands for all that are not in the vocabulary; without it, they are refused. */
  unknown?: string;
}

type OwnOptions = Pick<VocabularyOptions, "unknown">;

const OWN: OptionTable<OwnOptions> = { unknown: CHECKED };
const FROM: OptionTable<VocabularyOptions> = {
  ...OWN,
  special: kind<readonly string[]>("an array of tokens", Array.isArray),
  minCount: kind<number>("a number of at least 0", (x) => typeof x === "number" && x >= 0),
  size: whole(0),
};
const REMEDIES = { specials: "special", minFreq: "minCount", maxTokens: "size", unk: "unknown" };

/**
 * Tokens and their ids, which count from 0.
 * @example
 * const phonemes = Vocabulary.from([["N", "AY", "T"], ["D", "EY"]], { special: ["<pad>", "<begin>", "<end>"] });
 * phonemes.encode(["D", "AY"]);   // [4, 3]
 * const letters = new Vocabulary("abcdefghijklmnopqrstuvwxyz");
 * letters.encode("night");        // [13, 8, 6, 7, 19]
 */
export class Vocabulary {
  private readonly tokens: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly unknown: number | undefined;

  /**
   * @param tokens the token of each id; of a string its characters
   * @throws HeedError for a token that comes twice, and where `unknown` is none of them
   */
  constructor(tokens: Iterable<string>, options: OwnOptions = {}) {
    checkOptions("Vocabulary", options, OWN, REMEDIES);
    checkList("Vocabulary", "tokens as an array of strings", tokens, true);
    this.tokens = [...tokens];
    for (const token of this.tokens) checkText("Vocabulary", token, "tokens as strings");
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    const twice = this.tokens.find((token, id) => this.ids.get(token) !== id);
    if (twice !== undefined) fail("Vocabulary", "different tokens", `${shown(twice)} twice`);
    if (options.unknown !== undefined) {
      this.unknown = this.ids.get(options.unknown);
      if (this.unknown === undefined) fail("Vocabulary", "unknown to be one of the tokens", shown(options.unknown));
    }
  }

  /**
   * The special tokens, then those of the sequences, frequent ones first and equally frequent ones in order of their characters.
   * @throws HeedError as the constructor
   */
  static from(sequences: Iterable<Iterable<string>>, options: VocabularyOptions = {}): Vocabulary {
    checkOptions("Vocabulary.from", options, FROM, REMEDIES);
    const { special = [], minCount = 1, size = Number.POSITIVE_INFINITY } = options;
    checkList("Vocabulary.from", "sequences of tokens", sequences);
    const counts = new Map<string, number>();
    for (const sequence of sequences) {
      checkList("Vocabulary.from", "sequences of tokens", sequence, true);
      for (const token of sequence) counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    for (const token of special) counts.delete(token);
    const found = [...counts].filter(([, count]) => count >= minCount);
    found.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const room = Math.max(0, size - special.length);
    return new Vocabulary([...special, ...found.slice(0, room).map(([token]) => token)], { unknown: options.unknown });
  }

  /** How many tokens there are. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token, or of the unknown one. @throws HeedError for a token that is not there, where none stands for it */
  id(token: string): number {
    return (
      this.ids.get(token) ??
      this.unknown ??
      fail("Vocabulary", `one of ${this.size} tokens`, shown(token), "give an `unknown` token to stand for others")
    );
  }

  /** @throws HeedError for an id that is not there */
  token(id: number): string {
    return this.tokens[id] ?? fail("Vocabulary", `ids from 0 to ${this.size - 1}`, String(id));
  }

  /** The ids of tokens; of a string, of its characters. @throws HeedError as `id` */
  encode(tokens: Iterable<string>): number[] {
    checkList("Vocabulary.encode", "tokens as an array of strings", tokens, true);
    return Array.from(tokens, (token) => this.id(token));
  }

  /** @throws HeedError as `token` */
  decode(ids: ArrayLike<number>): string[] {
    checkNumbers("Vocabulary.decode", "an array of ids", ids);
    return Array.from(ids, (id) => this.token(id));
  }
}
