import { describe, expect, test } from "vitest";
import { HeedError } from "../../src/base/errors.js";
import { type TokenizerFile, tokenizerFromJSON, trainBPE } from "../../src/text/index.js";
import { golden, shipped } from "./support.js";

const trained = trainBPE(shipped("moby-dick", 8000), { vocabularySize: 300, specialTokens: ["<|endoftext|>"] });

/** The file with parts replaced; the model's parts are named `model.x`. */
function file(changes: Record<string, unknown> = {}): TokenizerFile {
  const copy = JSON.parse(JSON.stringify(trained)) as TokenizerFile & { model: Record<string, unknown> };
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith("model.")) copy.model[name.slice(6)] = value;
    else copy[name] = value;
  }
  return copy;
}

const model = file().model as { vocab: Record<string, number>; merges: string[] };
const token = (content: string, id: number, flags: object = {}) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ...flags,
});
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const he = trained.id("he")!;

describe("tokenizerFromJSON", () => {
  test.each<[string, TokenizerFile]>([
    ["merges as pairs", file({ "model.merges": model.merges.map((merge) => merge.split(" ")) })],
    ["no model type, as in old files", file({ "model.type": undefined })],
    ["empty prefix and suffix", file({ "model.continuing_subword_prefix": "", "model.end_of_word_suffix": "" })],
    ["a ByteLevel post_processor", file({ post_processor: byteLevel })],
    ["a Sequence of one", file({ pre_tokenizer: { type: "Sequence", pretokenizers: [byteLevel] } })],
    ["truncation and other keys", file({ truncation: { max_length: 2 }, remark: [1] })],
  ])("reads %s", (_, json) => {
    for (const given of [json, JSON.stringify(json), `\ufeff${JSON.stringify(json)}`]) {
      const tokenizer = tokenizerFromJSON(given);
      for (const text of golden.tricky) expect(tokenizer.encode(text)).toEqual(trained.encode(text));
    }
  });

  test("puts the tokens of the post_processor around a text", () => {
    const single = [{ SpecialToken: { id: "A" } }, { Sequence: { id: "A" } }, { SpecialToken: { id: "B" } }];
    const special_tokens = { A: { id: "A", ids: [0], tokens: [""] }, B: { id: "B", ids: [5, 6], tokens: ["", ""] } };
    const template = { type: "TemplateProcessing", single, pair: [], special_tokens };
    const plain = [...trained.encode("the whale")];
    const read = (post_processor: object) => tokenizerFromJSON(file({ post_processor }));
    expect([...read(template).encode("the whale")]).toEqual([0, ...plain, 5, 6]);
    expect([...read(template).encode("the whale", { special: false })]).toEqual(plain);
    const sequence = read({ type: "Sequence", processors: [byteLevel, template] });
    expect([...sequence.encode("")]).toEqual([0, 5, 6]);
    const roberta = read({ type: "RobertaProcessing", cls: ["<s>", 3], sep: ["</s>", 4] });
    expect([...roberta.encode("the whale")]).toEqual([3, ...plain, 4]);
  });

  test("puts a space before each stretch of text on request", () => {
    const spaced = tokenizerFromJSON(file({ pre_tokenizer: { ...byteLevel, add_prefix_space: true } }));
    expect(spaced.encode("the<|endoftext|>the")).toEqual(trained.encode(" the<|endoftext|> the"));
    expect(spaced.encode(" the")).toEqual(trained.encode(" the"));
  });

  test("takes a piece that is a token as it is where merges are to be ignored", () => {
    const vocab = { ...model.vocab, whale: 300 };
    const whole = tokenizerFromJSON(file({ "model.vocab": vocab, "model.ignore_merges": true }));
    expect([...whole.encode("whale")]).toEqual([300]);
    const merged = tokenizerFromJSON(file({ "model.vocab": vocab }));
    expect(merged.encode("whale")).toEqual(trained.encode("whale"));
  });

  test("finds added tokens by their rules", () => {
    const added_tokens = [
      token("<l>", 300, { lstrip: true }),
      token("<r>", 301, { rstrip: true }),
      token("<w>", 302, { single_word: true }),
      token("<long>", 303),
      token("<long>er", 304),
      token("e\u0301!", 305, { normalized: true, special: false }),
      token("he", he, { special: false }),
    ];
    const tokenizer = tokenizerFromJSON(file({ added_tokens, normalizer: { type: "NFC" } }));
    const ids = (text: string) => [...tokenizer.encode(text)];
    const plain = (text: string) => [...trained.encode(text)];
    expect(ids("a \n<l> b")).toEqual([...plain("a"), 300, ...plain(" b")]);
    expect(ids("a <r> \n b<r>")).toEqual([...plain("a "), 301, ...plain("b"), 301]);
    expect(ids("a <w>, <w>")).toEqual([...plain("a "), 302, ...plain(", "), 302]);
    expect(ids("a<w>b 1<w> <w>_ <w>²")).toEqual([...plain("a<w>b 1<w> <w>_ "), 302, ...plain("²")]);
    expect(ids("<long>er<long>e")).toEqual([304, 303, ...plain("e")]);
    expect(ids("\u00e9!e\u0301!")).toEqual([305, 305]);
    expect(ids("other")).toEqual([...plain("o"), ...plain("t"), he, ...plain("r")]);
    expect(tokenizer.decode([305, 304], { special: false })).toBe("e\u0301!");
    expect(tokenizer.specialTokens.has("e\u0301!")).toBe(false);
  });

  test("writes a byte that is missing as the unknown token, or says that it cannot", () => {
    const { Q: _, ...vocab } = model.vocab;
    const holed = tokenizerFromJSON(file({ "model.vocab": vocab }));
    expect(() => holed.encode("a Queen")).toThrow(
      "encode: expected text whose bytes are all in the vocabulary, got byte 0x51",
    );
    expect(() => holed.decode([model.vocab.Q!])).toThrow("below 300");
    const unknown = tokenizerFromJSON(file({ "model.vocab": vocab, "model.unk_token": "<|endoftext|>" }));
    expect(unknown.encode("Q")).toEqual(Int32Array.of(0));
  });

  test.each<[string, unknown, string]>([
    ["no JSON", "{", "tokenizer.json: expected JSON, got "],
    ["null", null, "expected the file to be an object, got null"],
    ["an array", [], "expected the file to be an object, got an array of 0"],
    ["no model", {}, "expected model to be an object, got undefined"],
    ["WordPiece cut by bytes", file({ "model.type": "WordPiece" }), 'got WordPiece with the pre_tokenizer "ByteLevel"'],
    ["Unigram", file({ "model.type": "Unigram" }), 'got the model "Unigram"'],
    ["no type and no merges", file({ "model.type": undefined, "model.merges": 3 }), "got the model undefined"],
    ["vocab a list", file({ "model.vocab": ["a"] }), "model.vocab to be an object, got an array of 1"],
    ["vocab empty", file({ "model.vocab": {} }), "model.vocab to hold tokens"],
    ["an id below 0", file({ "model.vocab": { a: -1 } }), 'model.vocab["a"] to be an id from 0'],
    ["a huge id", file({ "model.vocab": { a: 4e9 } }), "got 4000000000"],
    ["an id as text", file({ "model.vocab": { a: "1" } }), 'got "1"'],
    ["an id twice", file({ "model.vocab": { a: 1, b: 1 } }), 'one token for each id, got a second one for 1, "b"'],
    ["merges an object", file({ "model.merges": {} }), "model.merges to be an array, got an object with no keys"],
    ["a merge of three", file({ "model.merges": ["a b c"] }), 'model.merges[0] to be two tokens, got "a b c"'],
    ["a merge of numbers", file({ "model.merges": [[1, 2]] }), "model.merges[0] to be two tokens, got an array of 2"],
    ["a merge of strangers", file({ "model.merges": ["a ☃"] }), 'tokens of model.merges[0] in model.vocab, got "☃"'],
    ["a merge to no token", file({ "model.merges": ["~ ~"] }), 'got "~~", not in it'],
    ["dropout", file({ "model.dropout": 0.1 }), "got model.dropout 0.1"],
    ["a suffix", file({ "model.end_of_word_suffix": "</w>" }), 'got model.end_of_word_suffix "</w>"'],
    ["byte fallback", file({ "model.byte_fallback": true }), "got model.byte_fallback"],
    ["a flag as text", file({ "model.ignore_merges": "yes" }), 'model.ignore_merges to be true or false, got "yes"'],
    ["another decoder", file({ decoder: { type: "Metaspace" } }), 'got the decoder "Metaspace"'],
    ["no decoder", file({ decoder: null }), "got the decoder null"],
    ["another normalizer", file({ normalizer: { type: "Lowercase" } }), 'got the normalizer "Lowercase"'],
    ["no splitter", file({ pre_tokenizer: null }), "got no pre_tokenizer"],
    ["another post_processor", file({ post_processor: { type: "Odd" } }), 'got the post_processor "Odd"'],
    [
      "a post_processor with an unknown name",
      file({
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "toString" } }],
          special_tokens: {},
        },
      }),
      'special_tokens["toString"] to be an object, got undefined',
    ],
    ["added tokens an object", file({ added_tokens: {} }), "added_tokens to be an array"],
    ["an empty added token", file({ added_tokens: [token("", 9)] }), "added_tokens[0].content not to be empty"],
    ["an added id twice", file({ added_tokens: [token("x", 900), token("y", 900)] }), "different ids, got 900 again"],
    ["an id of two tokens", file({ added_tokens: [token("<x>", 5)] }), "one token for id 5, got"],
    ["a token of two ids", file({ added_tokens: [token("he", 900)] }), 'one id for "he", got'],
    ["characters with a gap", file({ ...characters({ a: 0, b: 2 }) }), "ids from 0 to 1 without gaps, got 2"],
    ["characters of two", file({ ...characters({ ab: 0 }) }), 'tokens of one character each, got "ab"'],
    ["characters with more", file({ ...characters({ a: 0 }), added_tokens: [token("<x>", 1)] }), "with added_tokens"],
  ])("refuses %s", (_, json, message) => {
    expect(() => tokenizerFromJSON(json)).toThrow(HeedError);
    expect(() => tokenizerFromJSON(json)).toThrow(message);
  });

  test("keeps messages short whatever the file holds", () => {
    const long = "x".repeat(100_000);
    for (const json of [
      file({ "model.type": long }),
      file({ "model.vocab": { [long]: -1 } }),
      file({ "model.merges": [`${long} a`] }),
      file({ pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: long }] } }),
    ]) {
      let message = "";
      try {
        tokenizerFromJSON(json);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toContain("xxx...");
      expect(message.length).toBeLessThan(400);
    }
  });
});

function characters(vocab: Record<string, number>): Record<string, unknown> {
  const none = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] };
  return { ...none, decoder: { type: "Fuse" }, "model.vocab": vocab, "model.merges": [] };
}
