// tokenizer.json to a tokenizer: looks at the kind and hands over. The file may come from anywhere, so all of it is checked.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { readBPE } from "./bpe-file.js";
import { CharacterTokenizer, isCharacterFile } from "./characters.js";
import { asArray, asObject, unsupported } from "./check.js";
import type { Tokenizer } from "./tokenizer.js";
import { readVocabulary, tokensById } from "./vocabulary-file.js";
import { WordPieceTokenizer } from "./wordpiece.js";
import { WordTokenizer } from "./words.js";

/**
 * The tokenizer of a Hugging Face `tokenizer.json`, given as text or parsed: character and word tokenizers that Heed wrote,
 * WordPiece (BERT) and byte-level BPE (GPT-2, Llama 3, Qwen and their kin).
 * @throws HeedError naming what is wrong in the file, or what in it is not supported
 */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const file = asObject(typeof json === "string" ? parse(json) : json, "the file");
  const model = asObject(file.model, "model");
  // Old files leave the type out; a list of merges says what they are.
  const type = model.type ?? (Array.isArray(model.merges) ? "BPE" : undefined);
  if (type === "WordLevel") return WordTokenizer.fromFile(file);
  if (type === "WordPiece") return WordPieceTokenizer.fromFile(file);
  if (type !== "BPE") unsupported(`the model ${shown(type)}`);
  if (!isCharacterFile(file, model)) return readBPE(file);
  if (asArray(file.added_tokens ?? [], "added_tokens").length > 0)
    unsupported("a character tokenizer with added_tokens");
  return new CharacterTokenizer(tokensById(readVocabulary(model.vocab)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    fail("tokenizer.json", "JSON", (error as Error).message);
  }
}
