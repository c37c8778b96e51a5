// What a BERT says to masks and configurations that are not as it reads them.

import { expect, it } from "vitest";
import { ones, tensor, zeros } from "../../src/index.js";
import { Bert } from "../../src/models/bert.js";
import { bertConfigFromHuggingFace, checkBertConfig } from "../../src/models/bert-config.js";
import { tokenizerFromJSON } from "../../src/text/load.js";
import { Vocabulary } from "../../src/text/vocabulary.js";
import { WordPieceTokenizer } from "../../src/text/wordpiece.js";

const sizes = { vocabularySize: 9, context: 4, layers: 1, heads: 1, width: 4 };

it("a mask that is added to scores, or hides all of a row, is refused", () => {
  const model = new Bert(sizes);
  const run = (attentionMask: number[][]) => () =>
    model.forward(tensor([[1, 2, 3]]), { attentionMask: tensor(attentionMask) });
  const remedy = "a mask that is added to scores becomes one by mask.eq(0)";
  expect(run([[0, 0, -10000]])).toThrow(
    `Bert: expected attentionMask of true and false, or of 1 and 0, got -10000; ${remedy}`,
  );
  expect(run([[0, 0, 0]])).toThrow("got row 0 of 0; 1 is for tokens, 0 for padding");
  expect(run([[1, 1, 0]])).not.toThrow();
  expect(() => model.forward(ones(1, 3))).toThrow("Bert: expected token ids i32[B,T], got f32[1,3]");
  expect(() => model.forward(zeros(1, 3).int(), { mask: ones(1, 3) } as never)).toThrow(
    "got mask; write attentionMask",
  );
});

it("what config.json leaves as null is the default", () => {
  const json = { vocab_size: 9, num_hidden_layers: 1, num_attention_heads: 1, hidden_size: 4 };
  const nulls = { hidden_dropout_prob: null, attention_probs_dropout_prob: null, layer_norm_eps: null };
  expect(checkBertConfig(bertConfigFromHuggingFace({ ...json, ...nulls }))).toEqual(
    checkBertConfig(bertConfigFromHuggingFace(json)),
  );
  expect(() => checkBertConfig({ ...sizes, dropout: null as never })).toThrow(
    "dropout a probability from 0 to 1, got null",
  );
});

it("a tokenizer.json whose special tokens do not agree is refused", () => {
  const file = WordPieceTokenizer.fromVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"]).toJSON() as {
    added_tokens: { id: number; content: string }[];
    post_processor: { special_tokens: Record<string, { ids: number[] }> };
  };
  const spoilt = (change: (copy: typeof file) => void) => () => {
    const copy = structuredClone(file);
    change(copy);
    return tokenizerFromJSON(copy);
  };
  expect(spoilt(() => {})).not.toThrow();
  expect(spoilt((copy) => { copy.post_processor.special_tokens["[CLS]"].ids = [77]; })).toThrow("ids of tokens in post_processor, got 77"); // biome-ignore format: short
  expect(spoilt((copy) => { copy.added_tokens.push({ ...copy.added_tokens[0], id: 8 }); })).toThrow("different added_tokens"); // biome-ignore format: short
  expect(spoilt((copy) => { copy.added_tokens[0].content = "b"; })).toThrow("one token for id 0"); // biome-ignore format: short
});

it("a vocabulary is of strings", () => {
  expect(() => new Vocabulary([1, 2] as never)).toThrow("Vocabulary: expected tokens as strings, got 1");
});
