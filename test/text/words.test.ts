import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tokenizerFromJSON, WordTokenizer } from "../../src/text/index.js";

interface Trained {
  size: number;
  minCount: number;
  lowercase: boolean;
  file: { model: { vocab: Record<string, number> } };
  ids: number[][];
  decoded: string[];
  plain: string[];
}

const golden = JSON.parse(readFileSync(new URL("../golden/words.json", import.meta.url), "utf8")) as {
  tricky: string[];
  moby: Trained[];
  known: Trained[];
};
const moby = readFileSync(new URL("../../data/moby-dick.txt", import.meta.url), "utf8")
  .slice(0, 20000)
  .split("\n");

describe("WordTokenizer", () => {
  test.each([
    ...golden.moby.map((expected) => ["moby-dick", moby, expected] as const),
    ...golden.known.map((expected) => ["tricky texts", golden.tricky, expected] as const),
  ])("learns and reads as Python's tokenizers do: %s", (_, texts, expected) => {
    const { size, minCount, lowercase } = expected;
    const tokenizer = WordTokenizer.train(texts, { size, minCount, lowercase });
    expect(JSON.parse(JSON.stringify(tokenizer))).toEqual(expected.file);
    const again = tokenizerFromJSON(JSON.stringify(expected.file));
    expect(again).toBeInstanceOf(WordTokenizer);
    golden.tricky.forEach((text, i) => {
      for (const each of [tokenizer, again]) {
        const ids = each.encode(text);
        expect([...ids]).toEqual(expected.ids[i]);
        expect(each.decode(ids)).toBe(expected.decoded[i]);
        expect(each.decode(ids, { special: false })).toBe(expected.plain[i]);
      }
    });
  });

  test("has tokens for padding and unknown words", () => {
    const tokenizer = WordTokenizer.train(["the whale", "The sea!"], { size: 5 });
    expect([tokenizer.paddingId, tokenizer.unknownId, tokenizer.vocabularySize]).toEqual([0, 1, 5]);
    expect([0, 1, 2, 3, 4, 5].map((id) => tokenizer.token(id))).toEqual([
      "[PAD]",
      "[UNK]",
      "the",
      "!",
      "sea",
      undefined,
    ]);
    expect([...tokenizer.encode("the white whale")]).toEqual([2, 1, 1]);
    expect(tokenizer.id("sea")).toBe(4);
    expect(new TextDecoder().decode(tokenizer.bytes(4))).toBe("sea");
    expect([...tokenizer.encode("half \ud83d a pair")]).toEqual([1, 1, 1, 1]);
  });

  test("says what is wrong", () => {
    expect(() => WordTokenizer.train([" "])).toThrow(
      "WordTokenizer.train: expected texts with words that occur 1 times, got none",
    );
    expect(() => WordTokenizer.train(["a"], { size: 2 })).toThrow("a size of at least 3, got 2");
    expect(() => new WordTokenizer(["a"])).toThrow("WordTokenizer: expected words with [UNK]");
    expect(() => new WordTokenizer(["[UNK]", "a", "a"])).toThrow("different words");
    expect(() => new WordTokenizer(["[UNK]"]).paddingId).toThrow("a vocabulary with [PAD]");
    expect(() => new WordTokenizer(["[UNK]"]).decode([3])).toThrow("decode: expected token ids below 1, got 3");
    const good = new WordTokenizer(["[UNK]", "a"]).toJSON();
    const model = good.model as object;
    for (const [bad, why] of [
      [{ normalizer: { type: "NFC" } }, "the normalizer NFC"],
      [{ pre_tokenizer: null }, "the pre_tokenizer null"],
      [{ decoder: { type: "Fuse" } }, "words with a decoder"],
      [{ added_tokens: [{ id: 1, content: "a" }] }, 'the added token "a"'],
      [{ model: { ...model, unk_token: "<unk>" } }, '"<unk>" for unknown ones'],
      [{ model: { ...model, vocab: { "[UNK]": 0, a: 2 } } }, "ids from 0 to 1 without gaps"],
    ] as const)
      expect(() => tokenizerFromJSON({ ...good, ...bad })).toThrow(why);
  });
});
