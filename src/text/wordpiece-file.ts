// tokenizer.json of BERT: reading what Hugging Face's tokenizers write, and writing it.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { readAddedTokens, writeAddedTokens } from "./added-tokens.js";
import { asFlag, asObject, asString, unsupported } from "./check.js";
import { readPairTemplate, writePairTemplate } from "./template-pair.js";
import type { TokenizerFile } from "./tokenizer.js";
import { checkAgreement, checkTemplate, readVocabulary } from "./vocabulary-file.js";
import type { WordPieceParts } from "./wordpiece.js";
import type { CleanOptions } from "./wordpiece-words.js";

/** The special tokens of BERT. */
export const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/** @throws HeedError for a file that is no BERT's */
export function readWordPiece(file: TokenizerFile): WordPieceParts {
  const model = asObject(file.model, "model");
  const splitter = asObject(file.pre_tokenizer ?? {}, "pre_tokenizer").type;
  if (splitter !== "BertPreTokenizer") unsupported(`WordPiece with the pre_tokenizer ${shown(splitter)}`);
  const vocabulary = readVocabulary(model.vocab);
  const added = readAddedTokens(file.added_tokens);
  checkAgreement(vocabulary, added);
  const template = readPairTemplate(file.post_processor);
  const around = [...template.single, ...template.pair].flatMap((part) => ("ids" in part ? part.ids : []));
  checkTemplate(around, vocabulary, added);
  const longest = model.max_input_chars_per_word ?? 100;
  if (!Number.isInteger(longest) || (longest as number) < 1)
    fail("tokenizer.json", "model.max_input_chars_per_word a whole number of at least 1", shown(longest));
  return {
    vocabulary,
    added,
    clean: readCleaning(file.normalizer),
    unknown: asString(model.unk_token ?? "[UNK]", "model.unk_token"),
    prefix: asString(model.continuing_subword_prefix ?? "##", "model.continuing_subword_prefix"),
    longest: longest as number,
    ...template,
  };
}

function readCleaning(value: unknown): CleanOptions {
  if (value === null || value === undefined)
    return { cleanText: false, splitChinese: false, stripAccents: false, lowercase: false };
  const settings = asObject(value, "normalizer");
  if (settings.type !== "BertNormalizer") unsupported(`WordPiece with the normalizer ${shown(settings.type)}`);
  const flag = (key: string) => asFlag(settings[key], `normalizer.${key}`, true);
  const lowercase = flag("lowercase");
  return {
    cleanText: flag("clean_text"),
    splitChinese: flag("handle_chinese_chars"),
    stripAccents: asFlag(settings.strip_accents, "normalizer.strip_accents", lowercase),
    lowercase,
  };
}

export function writeWordPiece(parts: WordPieceParts): TokenizerFile {
  const { clean, vocabulary, unknown, prefix, longest } = parts;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: writeAddedTokens(parts.added),
    normalizer: {
      type: "BertNormalizer",
      clean_text: clean.cleanText ?? true,
      handle_chinese_chars: clean.splitChinese ?? true,
      strip_accents: clean.stripAccents ?? null,
      lowercase: clean.lowercase ?? true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: writePairTemplate(parts),
    decoder: { type: "WordPiece", prefix, cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: unknown,
      continuing_subword_prefix: prefix,
      max_input_chars_per_word: longest,
      vocab: Object.fromEntries(vocabulary),
    },
  };
}
