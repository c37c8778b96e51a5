// The character tokenizer: one token for each character (Unicode code point) of the text it was made from. Its file is a
// Hugging Face BPE model without merges and without a splitter, which other libraries read to the same ids and text.

import { checkList, checkNumbers, checkText } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { bpeJSON } from "./bpe-json.js";
import { asArray } from "./check.js";
import { IdList } from "./id-list.js";
import type { Tokenizer, TokenizerFile } from "./tokenizer.js";
import { describeCharacter, wellFormed } from "./unicode.js";

const utf8 = new TextEncoder();

/** A tokenizer with a token for each character it knows, in order of code points. */
export class CharacterTokenizer implements Tokenizer {
  readonly kind = "characters";
  readonly specialTokens: ReadonlyMap<string, number> = new Map();
  private readonly ids: ReadonlyMap<string, number>;
  private readonly idOfUnit: Int32Array;

  /** @param characters the character of each id */
  constructor(private readonly characters: readonly string[]) {
    if (!Array.isArray(characters)) fail("CharacterTokenizer", "an array of characters", shown(characters));
    for (const character of characters) checkText("CharacterTokenizer", character, "tokens of one character each");
    this.ids = new Map(characters.map((character, id) => [character, id]));
    if (characters.length === 0) fail("CharacterTokenizer", "at least one character", "none");
    for (const character of characters) {
      if ([...character].length !== 1 || wellFormed(character) !== character) {
        fail("CharacterTokenizer", "tokens of one character each", shown(character));
      }
    }
    if (this.ids.size !== characters.length) fail("CharacterTokenizer", "different characters", "one of them twice");
    // Most characters are one UTF-16 unit, and a table is quicker than a map.
    this.idOfUnit = new Int32Array(0x10000).fill(-1);
    for (const [character, id] of this.ids) if (character.length === 1) this.idOfUnit[character.charCodeAt(0)] = id;
  }

  /**
   * The tokenizer of all characters of a text.
   * @throws HeedError for an empty text
   */
  static train(text: string | Iterable<string>): CharacterTokenizer {
    checkList("CharacterTokenizer.train", "a text, or several", text, true);
    const found = new Set<string>();
    for (const part of typeof text === "string" ? [text] : text)
      for (const character of wellFormed(part)) found.add(character);
    if (found.size === 0) fail("CharacterTokenizer.train", "a text with characters", "an empty text");
    return new CharacterTokenizer([...found].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  get vocabularySize(): number {
    return this.characters.length;
  }

  encode(text: string): Int32Array {
    const given = wellFormed(text);
    const out = new IdList();
    for (let i = 0; i < given.length; i++) {
      let id = this.idOfUnit[given.charCodeAt(i)]!;
      if (id < 0) {
        const character = String.fromCodePoint(given.codePointAt(i)!);
        id = this.ids.get(character) ?? this.refuse(given);
        i += character.length - 1;
      }
      out.push(id);
    }
    return out.toArray();
  }

  /** Names the characters of a text that are not in the vocabulary, with where each is first met. */
  private refuse(text: string): never {
    const places = new Map<string, number>();
    let at = 0;
    for (const character of text) {
      if (!this.ids.has(character) && !places.has(character)) places.set(character, at);
      at += character.length;
    }
    const named = [...places]
      .slice(0, 8)
      .map(([character, index]) => `${describeCharacter(character)} at index ${index}`);
    const more = places.size > named.length ? ` and ${places.size - named.length} more` : "";
    fail(
      "encode",
      `characters of the vocabulary (${this.vocabularySize} characters)`,
      named.join(", ") + more,
      "leave them out, train on a text that has them, or train with a byte-level BPE tokenizer, which can write any text",
    );
  }

  decode(ids: ArrayLike<number>): string {
    checkNumbers("decode", "an array of token ids", ids);
    let text = "";
    for (let i = 0; i < ids.length; i++) text += this.character(ids[i]!);
    return text;
  }

  private character(id: number): string {
    const character = this.characters[id];
    if (character === undefined) fail("decode", `token ids below ${this.vocabularySize}`, `${id}`);
    return character;
  }

  token(id: number): string | undefined {
    return this.characters[id];
  }

  id(token: string): number | undefined {
    return this.ids.get(token);
  }

  bytes(id: number): Uint8Array {
    return utf8.encode(this.character(id));
  }

  toJSON(): TokenizerFile {
    const decoder = { type: "Fuse" };
    return bpeJSON({ addedTokens: [], preTokenizer: null, decoder, tokens: this.characters, merges: [] });
  }
}

/** Whether a file has the form that `CharacterTokenizer.toJSON` writes: no merges, no splitter, tokens joined as they are. */
export function isCharacterFile(file: TokenizerFile, model: Record<string, unknown>): boolean {
  const decoder = file.decoder as { type?: unknown } | null | undefined;
  const empty = [file.normalizer, file.pre_tokenizer, file.post_processor].every((part) => (part ?? null) === null);
  return empty && decoder?.type === "Fuse" && asArray(model.merges, "model.merges").length === 0;
}
