// tokenizer.json of byte-level BPE: reading any that Heed, GPT-2, Llama 3 or Qwen write, and writing Heed's own.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { readAddedTokens, specialToken, writeAddedTokens } from "./added-tokens.js";
import { BPETokenizer } from "./bpe.js";
import { bpeJSON } from "./bpe-json.js";
import { characterOfByte } from "./byte-alphabet.js";
import { asArray, asFlag, asObject, asString, unsupported } from "./check.js";
import { Merges } from "./merges.js";
import { readNormalizer } from "./normalizer.js";
import { readSplitter } from "./splitter.js";
import { readTemplate } from "./template.js";
import type { TokenizerFile } from "./tokenizer.js";
import { checkAgreement, checkTemplate, readVocabulary } from "./vocabulary-file.js";

/** The tokenizer of a parsed file with a byte-level BPE model. */
export function readBPE(file: TokenizerFile): BPETokenizer {
  const model = asObject(file.model, "model");
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
    if ((model[key] ?? "") !== "" && model[key] !== 0) unsupported(`model.${key} ${shown(model[key])}`);
  }
  if (asFlag(model.byte_fallback, "model.byte_fallback", false)) unsupported("model.byte_fallback, as in Llama 2");
  readDecoder(file.decoder);
  const vocabulary = readVocabulary(model.vocab);
  const added = readAddedTokens(file.added_tokens);
  checkAgreement(vocabulary, added);
  const template = readTemplate(file.post_processor);
  checkTemplate([...template.before, ...template.after], vocabulary, added);
  return new BPETokenizer({
    file,
    vocabulary,
    merges: readMerges(model.merges, vocabulary),
    ignoreMerges: asFlag(model.ignore_merges, "model.ignore_merges", false),
    unknown: readUnknown(model, vocabulary),
    added,
    normalizer: readNormalizer(file.normalizer),
    splitter: readSplitter(file.pre_tokenizer),
    template,
  });
}

function readMerges(value: unknown, vocabulary: ReadonlyMap<string, number>): Merges {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const merges = new Merges(size);
  const id = (token: string, place: number) =>
    vocabulary.get(token) ??
    fail("tokenizer.json", `the tokens of model.merges[${place}] in model.vocab`, `${shown(token)}, not in it`);
  asArray(value, "model.merges").forEach((merge, i) => {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== "string" || typeof pair[1] !== "string") {
      fail("tokenizer.json", `model.merges[${i}] to be two tokens`, shown(merge));
    }
    const [left, right] = pair as [string, string];
    merges.add(id(left, i), id(right, i), id(left + right, i));
  });
  return merges;
}

function readUnknown(model: Record<string, unknown>, vocabulary: ReadonlyMap<string, number>): number | undefined {
  if (model.unk_token === undefined || model.unk_token === null) return undefined;
  const name = asString(model.unk_token, "model.unk_token");
  const complete = characterOfByte.every((character) => vocabulary.has(character));
  if (!complete && asFlag(model.fuse_unk, "model.fuse_unk", false)) unsupported("model.fuse_unk with missing bytes");
  return vocabulary.get(name);
}

function readDecoder(value: unknown): void {
  const settings = asObject(value ?? {}, "decoder");
  const steps = settings.type === "Sequence" ? asArray(settings.decoders, "decoder.decoders") : [settings];
  const types = steps.map((step, i) => asObject(step, `decoder.decoders[${i}]`).type);
  if (types.length !== 1 || types[0] !== "ByteLevel") {
    unsupported(`the decoder ${types.length === 1 ? shown(types[0] ?? null) : `Sequence of ${types.length}`}`);
  }
}

/** The file of a vocabulary and merges trained by Heed; the special tokens come first in the vocabulary. */
export function writeBPE(
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[],
  specialTokens: readonly string[],
): TokenizerFile {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const addedTokens = writeAddedTokens(specialTokens.map(specialToken));
  return bpeJSON({ addedTokens, preTokenizer: byteLevel, decoder: byteLevel, tokens, merges });
}
