import { describe, expect, test } from "vitest";
import { Generator } from "../../src/base/random.js";
import { BPETokenizer, StreamDecoder, type Tokenizer, tokenizerFromJSON, trainBPE } from "../../src/text/index.js";
import { Merges } from "../../src/text/merges.js";
import { asUTF8, golden, noise, peerOf, shipped, trickyStrings } from "./support.js";

const tokenizers: Record<string, BPETokenizer> = {
  english: trainBPE(shipped("moby-dick", 30000), { vocabularySize: 600, specialTokens: ["<|endoftext|>"] }),
  chinese: trainBPE(shipped("tang-poems", 3000), { vocabularySize: 500, minFrequency: 0 }),
  noise: trainBPE(noise("aab bc\n", 6000), { vocabularySize: 900, minFrequency: 0 }),
  special: trainBPE(shipped("moby-dick", 5000), { vocabularySize: 400, specialTokens: ["the", "th", "<|endoftext|>"] }),
  runs: trainBPE(`${"a".repeat(500)} ${"ab".repeat(300)} ${"abc".repeat(100)}${"aaab".repeat(77)}`, {
    vocabularySize: 300,
    minFrequency: 0,
  }),
};
const english = tokenizers.english!;

describe("trainBPE", () => {
  test.each(Object.keys(tokenizers))("learns the merges of Python's tokenizers: %s", (name) => {
    const model = tokenizers[name]!.toJSON().model as { merges: string[] };
    expect(model.merges).toEqual(golden.trained[name]!.merges);
    expect(tokenizers[name]!.vocabularySize).toBe(golden.trained[name]!.size);
  });

  test("stops when no pair is left, and counts several texts each on its own", () => {
    expect(trainBPE("aa aa", { vocabularySize: 300 }).vocabularySize).toBe(257); // "Ġ" and "aa" meet but once
    const apart = trainBPE(["ab", "ab", "a", "b"], { vocabularySize: 300 });
    expect(apart.vocabularySize).toBe(257);
    expect(apart.token(256)).toBe("ab");
  });

  test("reports progress up to the size it reaches", () => {
    const seen: number[][] = [];
    trainBPE(shipped("moby-dick", 5000), { vocabularySize: 400, onProgress: (...now) => seen.push(now) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toEqual([400, 400]);
  });

  test("refuses what it cannot do", () => {
    expect(() => trainBPE("", { vocabularySize: 300 })).toThrow(
      "trainBPE: expected a text with characters, got an empty",
    );
    for (const vocabularySize of [255, 300.5, Number.NaN, 1e9]) {
      expect(() => trainBPE("a", { vocabularySize })).toThrow(
        "a vocabularySize from 256 (256 bytes and 0 special tokens) to 4194304",
      );
    }
    expect(() => trainBPE("a", { vocabularySize: 256, specialTokens: ["<a>"] })).toThrow("from 257");
    for (const specialTokens of [["<a>", "<a>"], [""], ["\ud800"], ["a"]]) {
      expect(() => trainBPE("a", { vocabularySize: 300, specialTokens })).toThrow("special tokens");
    }
  });
});

describe("BPETokenizer", () => {
  test.each(Object.keys(tokenizers))("encodes and decodes like Python's tokenizers: %s", (name) => {
    const tokenizer = tokenizers[name]!;
    const { ids, decoded, reversed } = golden.trained[name]!;
    golden.tricky.forEach((text, i) => {
      expect([...tokenizer.encode(text)]).toEqual(ids[i]);
      expect(tokenizer.decode(ids[i]!)).toBe(decoded[i]);
      expect(tokenizer.decode(ids[i]!)).toBe(text);
      expect(tokenizer.decode(ids[i]!.toReversed())).toBe(reversed[i]); // bytes in disorder, many not UTF-8
    });
  });

  test.each(Object.keys(tokenizers))("agrees with @huggingface/tokenizers on its own file: %s", (name) => {
    const tokenizer = tokenizers[name]!;
    const peer = peerOf(tokenizer);
    for (const text of trickyStrings(150, 2)) {
      const ids = [...tokenizer.encode(text)];
      expect(peer.encode(text).ids).toEqual(ids);
      expect(peer.decode(ids)).toBe(asUTF8(text));
      expect(tokenizer.decode(ids)).toBe(asUTF8(text));
    }
  });

  test("writes and reads back the same tokenizer", () => {
    const again = tokenizerFromJSON(JSON.stringify(english));
    expect(again).toBeInstanceOf(BPETokenizer);
    expect(again.toJSON()).toEqual(english.toJSON());
    expect(again.specialTokens).toEqual(new Map([["<|endoftext|>", 0]]));
    for (const text of golden.tricky) expect(again.encode(text)).toEqual(english.encode(text));
  });

  test("finds special tokens in text, and leaves them out of text on request", () => {
    const ids = english.encode("a<|endoftext|> b");
    expect(ids[1]).toBe(0);
    expect(english.decode(ids)).toBe("a<|endoftext|> b");
    expect(english.decode(ids, { special: false })).toBe("a b");
    expect(english.id("<|endoftext|>")).toBe(0);
    expect(english.token(english.id("Ġthe")!)).toBe("Ġthe");
  });

  test("merges long runs", () => {
    const run = "ab".repeat(10_000);
    const ids = tokenizers.runs!.encode(run);
    expect(tokenizers.runs!.decode(ids)).toBe(run);
    expect(ids.length).toBeLessThan(run.length / 8);
  });

  test("refuses ids that are no tokens", () => {
    for (const id of [600, -1, 1.5])
      expect(() => english.decode([id])).toThrow(`below 600 of this tokenizer, got ${id}`);
  });
});

describe("Merges", () => {
  test("merges a long piece as it does a short one", () => {
    const random = new Generator(5);
    for (let round = 0; round < 60; round++) {
      const merges = new Merges(200);
      for (let made = 4; made < 40; made++) merges.add(random.word() % made, random.word() % made, made);
      const piece = Int32Array.from({ length: random.word() % 64 }, () => random.word() % 4);
      expect(merges.applyLong(piece)).toEqual(merges.applyShort(piece));
    }
  });
});

describe("StreamDecoder", () => {
  const stream = (tokenizer: Tokenizer, ids: ArrayLike<number>, special = true) => {
    const decoder = new StreamDecoder(tokenizer, { special });
    return [...Array.from(ids, (id) => decoder.push(id)), decoder.end()];
  };

  test("gives whole characters only, and in all what decode gives", () => {
    for (const text of [...golden.tricky, ...trickyStrings(100, 3)]) {
      for (const ids of [english.encode(text), english.encode(text).reverse()]) {
        expect(stream(english, ids).join("")).toBe(english.decode(ids));
      }
    }
    const bytes = english.encode("😀");
    expect(bytes.length).toBe(4);
    expect(stream(english, bytes)).toEqual(["", "", "", "😀", ""]);
  });

  test("ends an unfinished character with U+FFFD and leaves out special tokens on request", () => {
    expect(stream(english, english.encode("😀").slice(0, 3))).toEqual(["", "", "", "\ufffd"]);
    expect(stream(english, english.encode("a<|endoftext|>b"), false)).toEqual(["a", "", "b", ""]);
  });
});
