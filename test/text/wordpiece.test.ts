// BERT's tokenizer against transformers' BertTokenizer, from a vocab.txt and from a tokenizer.json.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { StreamDecoder, type TokenizerFile, tokenizerFromJSON, WordPieceTokenizer } from "../../src/text/index.js";
import { peerOf } from "./support.js";

interface Table {
  lowercase: boolean;
  ids: number[][];
  plain: number[][];
  pairs: [ids: number[], types: number[]][];
  decoded: string[];
  bare: string[];
  file: TokenizerFile | null;
}
const { vocabulary, strings, tables } = JSON.parse(
  readFileSync(new URL("../golden/wordpiece.json", import.meta.url), "utf8"),
) as { vocabulary: string[]; strings: string[]; tables: Table[] };

const made = (lowercase: boolean) => WordPieceTokenizer.fromVocabulary(vocabulary, { lowercase });
const original = tables[0].file as TokenizerFile;

describe.each(tables)("transformers' ids, lowercase $lowercase", ({ lowercase, ids, plain, pairs, decoded, bare }) => {
  const tokenizers: [string, WordPieceTokenizer][] = [
    ["from tokens", made(lowercase)],
    ["from a vocab.txt", WordPieceTokenizer.fromVocabulary(`${vocabulary.join("\r\n")}\r\n`, { lowercase })],
    ["written and read", tokenizerFromJSON(JSON.stringify(made(lowercase))) as WordPieceTokenizer],
  ];
  if (lowercase) tokenizers.push(["from transformers' file", tokenizerFromJSON(original) as WordPieceTokenizer]);
  test.each(tokenizers)("%s", (_, tokenizer) => {
    strings.forEach((text, i) => {
      expect([...tokenizer.encode(text)], text).toEqual(ids[i]);
      expect([...tokenizer.encode(text, { special: false })], text).toEqual(plain[i]);
      expect(tokenizer.decode(ids[i]), text).toBe(decoded[i]);
      expect(tokenizer.decode(ids[i], { special: false }), text).toBe(bare[i]);
      if (i + 1 === strings.length) return;
      const pair = tokenizer.encodePair(text, strings[i + 1]);
      expect([[...pair.ids], [...pair.tokenTypes]]).toEqual(pairs[i]);
    });
  });
});

test("other libraries read the file that is written", () => {
  const tokenizer = made(true);
  const peer = peerOf(tokenizer);
  for (const text of ["我喜欢自然语言处理。", "The whale's unaffable!", "BERT在2018年发布"])
    expect([...tokenizer.encode(text)]).toEqual(peer.encode(text).ids);
});

test("a tokenizer says what it is", () => {
  const tokenizer = made(true);
  expect(tokenizer.kind).toBe("wordpiece");
  expect(tokenizer.vocabularySize).toBe(vocabulary.length);
  expect([...tokenizer.specialTokens.keys()].sort()).toEqual(["[CLS]", "[MASK]", "[PAD]", "[SEP]", "[UNK]"]);
  expect(tokenizer.token(5)).toBe("[MASK]");
  expect(tokenizer.id("##able")).toBe(vocabulary.indexOf("##able"));
  expect(tokenizer.id("whales")).toBeUndefined();
  const stream = new StreamDecoder(tokenizer, { special: false });
  const ids = tokenizer.encode("the whales");
  expect([...ids].map((id) => stream.push(id)).join("")).toBe(" the whales");
});

test("mistakes are named", () => {
  expect(() => WordPieceTokenizer.fromVocabulary(["a", "a"])).toThrow("different tokens");
  expect(() => WordPieceTokenizer.fromVocabulary(["[UNK]", "[CLS]"])).toThrow("a vocabulary with [SEP]");
  expect(() => WordPieceTokenizer.fromVocabulary(["[CLS]", "[SEP]"])).toThrow("a vocabulary with [UNK]");
  expect(() => made(true).decode([99999])).toThrow(`below ${vocabulary.length}`);
  const changed = (change: object) => () => tokenizerFromJSON({ ...original, ...change });
  expect(changed({ pre_tokenizer: { type: "Whitespace" } })).toThrow('WordPiece with the pre_tokenizer "Whitespace"');
  expect(changed({ normalizer: { type: "NFKC" } })).toThrow('WordPiece with the normalizer "NFKC"');
  expect(changed({ post_processor: { type: "RobertaProcessing" } })).toThrow('the post_processor "RobertaProcessing"');
  const model = (change: object) => changed({ model: { ...(original.model as object), ...change } });
  expect(model({ max_input_chars_per_word: 0 })).toThrow("max_input_chars_per_word");
  expect(model({ unk_token: "[NONE]" })).toThrow("a vocabulary with [NONE]");
  expect(model({ vocab: { a: 0 } })).toThrow();
});

test("files with Bert's own post-processor, and without cleaning, are read", () => {
  const bert = { type: "BertProcessing", cls: ["[CLS]", 3], sep: ["[SEP]", 4] };
  const read = tokenizerFromJSON({ ...original, post_processor: bert }) as WordPieceTokenizer;
  expect(read.encodePair("the", "whale")).toEqual(made(true).encodePair("the", "whale"));
  const raw = tokenizerFromJSON({ ...original, normalizer: null, post_processor: null });
  expect([...raw.encode("the THE")]).toEqual([vocabulary.indexOf("the"), 2]);
});
