// The added tokens of a tokenizer.json, such as <|endoftext|>: found in the text before anything else, never cut or merged.
// Their rules follow `AddedVocabulary` of Hugging Face's tokenizers.

import { fail } from "../base/errors.js";
import { asArray, asFlag, asId, asObject, asString } from "./check.js";
import type { Normalizer } from "./normalizer.js";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Special tokens can be left out when decoding. */
  readonly special: boolean;
  /** Takes the white space before it, after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Only where no letter or digit touches it. */
  readonly singleWord: boolean;
  /** Looked for in the normalized text, not in the text as it came. */
  readonly normalized: boolean;
}

/** A special token that is found wherever it stands in the text as it came. */
export function specialToken(content: string, id: number): AddedToken {
  return { id, content, special: true, lstrip: false, rstrip: false, singleWord: false, normalized: false };
}

/** Added tokens in the words of tokenizer.json, as `readAddedTokens` reads them. */
export function writeAddedTokens(tokens: readonly AddedToken[]) {
  return tokens.map(({ id, content, singleWord, lstrip, rstrip, normalized, special }) => ({
    ...{ id, content, single_word: singleWord, lstrip, rstrip, normalized, special },
  }));
}

export function readAddedTokens(value: unknown): AddedToken[] {
  if (value === undefined || value === null) return [];
  const ids = new Set<number>();
  return asArray(value, "added_tokens").map((item, i) => {
    const where = `added_tokens[${i}]`;
    const token = asObject(item, where);
    const content = asString(token.content, `${where}.content`);
    const id = asId(token.id, `${where}.id`);
    if (content === "") fail("tokenizer.json", `${where}.content not to be empty`, '""');
    if (ids.has(id)) fail("tokenizer.json", "added_tokens with different ids", `${id} again at ${where}`);
    ids.add(id);
    const special = asFlag(token.special, `${where}.special`, false);
    return {
      id,
      content,
      special,
      lstrip: asFlag(token.lstrip, `${where}.lstrip`, false),
      rstrip: asFlag(token.rstrip, `${where}.rstrip`, false),
      singleWord: asFlag(token.single_word, `${where}.single_word`, false),
      normalized: asFlag(token.normalized, `${where}.normalized`, !special),
    };
  });
}

/** Cuts a text at added tokens: the stretches between go to `onText`, the tokens to `onToken`, all in order. */
export type Finder = (text: string, onText: (text: string) => void, onToken: (id: number) => void) => void;

/** The finder of these tokens; where two match at a place the longer wins. */
export function finder(tokens: readonly AddedToken[], normalize?: Normalizer): Finder {
  const found = new Map(tokens.map((token) => [normalize ? normalize(token.content) : token.content, token]));
  found.delete("");
  if (found.size === 0) return (text, onText) => text !== "" && onText(text);
  const longestFirst = [...found.keys()].sort((a, b) => b.length - a.length);
  const expression = new RegExp(longestFirst.map((s) => s.replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gu");
  return (text, onText, onToken) => {
    let from = 0;
    for (const { 0: content, index } of text.matchAll(expression)) {
      const token = found.get(content)!;
      let start = index;
      let end = index + content.length;
      if (start < from || (token.singleWord && inWord(text, start, end))) continue;
      if (token.lstrip) while (start > from && isSpace(text[start - 1]!)) start--;
      if (token.rstrip) while (end < text.length && isSpace(text[end]!)) end++;
      if (start > from) onText(text.slice(from, start));
      onToken(token.id);
      from = end;
    }
    if (from < text.length) onText(text.slice(from));
  };
}

/** Whether a character of a word (letter, mark, digit, underscore, joiner) stands right before `start` or right at `end`. */
function inWord(text: string, start: number, end: number): boolean {
  const word = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
  const before = new RegExp(`${word}$`, "u").test(text.slice(Math.max(0, start - 2), start));
  return before || new RegExp(`^${word}`, "u").test(text.slice(end, end + 2));
}

function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}
