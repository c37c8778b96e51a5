// The vocabulary of a tokenizer.json, which all kinds of tokenizers have, and what added tokens and templates must agree with it about.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import type { AddedToken } from "./added-tokens.js";
import { asId, asObject, isId } from "./check.js";

/** Token to id, every id once. */
export function readVocabulary(value: unknown): Map<string, number> {
  const vocabulary = new Map<string, number>();
  const seen = new Set<unknown>();
  for (const [token, id] of Object.entries(asObject(value, "model.vocab"))) {
    if (!isId(id)) asId(id, `model.vocab[${shown(token)}]`);
    if (seen.has(id)) fail("tokenizer.json", "one token for each id", `a second one for ${id}, ${shown(token)}`);
    seen.add(id);
    vocabulary.set(token, id as number);
  }
  if (vocabulary.size === 0) fail("tokenizer.json", "model.vocab to hold tokens", "an empty object");
  return vocabulary;
}

/** The tokens of a vocabulary by their ids. @throws HeedError unless these are 0, 1, 2, ... */
export function tokensById(vocabulary: ReadonlyMap<string, number>): string[] {
  const tokens: string[] = new Array(vocabulary.size);
  for (const [token, id] of vocabulary) {
    // The ids differ, so none beyond the size means none missing below it.
    if (id >= vocabulary.size) fail("tokenizer.json", `ids from 0 to ${vocabulary.size - 1} without gaps`, `${id}`);
    tokens[id] = token;
  }
  return tokens;
}

/** A token that is both added and in the vocabulary must have one id, and no id may mean two tokens. */
export function checkAgreement(vocabulary: ReadonlyMap<string, number>, added: readonly AddedToken[]): void {
  const tokenOfId = new Map<number, string>();
  for (const [token, id] of vocabulary) tokenOfId.set(id, token);
  const contents = new Set<string>();
  for (const { content, id } of added) {
    if (contents.has(content)) fail("tokenizer.json", "different added_tokens", `${shown(content)} twice`);
    contents.add(content);
    const there = vocabulary.get(content) ?? id;
    if (there !== id)
      fail("tokenizer.json", `one id for ${shown(content)}`, `${there} in model.vocab, ${id} in added_tokens`);
    const token = tokenOfId.get(id) ?? content;
    if (token !== content) fail("tokenizer.json", `one token for id ${id}`, `${shown(token)} and ${shown(content)}`);
  }
}

/** What stands around a text must be tokens. */
export function checkTemplate(
  ids: readonly number[],
  vocabulary: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
): void {
  const known = new Set([...vocabulary.values(), ...added.map(({ id }) => id)]);
  const wrong = ids.find((id) => !known.has(id));
  if (wrong !== undefined)
    fail("tokenizer.json", "ids of tokens in post_processor", `${wrong}, which no token has`, "the files of two models may be mixed"); // biome-ignore format: short
}
