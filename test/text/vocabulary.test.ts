// Vocabularies: torchtext's order, there and back, tokens that are not known.

import { describe, expect, it } from "vitest";
import { Vocabulary } from "../../src/text/index.js";

describe("Vocabulary", () => {
  const sequences = [
    ["b", "a", "c"],
    ["c", "a"],
    ["d", "c", "<end>"],
  ];

  it("puts special tokens first, then frequent ones, then in order", () => {
    const vocabulary = Vocabulary.from(sequences, { special: ["<pad>", "<end>"] });
    expect(vocabulary.decode([0, 1, 2, 3, 4, 5])).toEqual(["<pad>", "<end>", "c", "a", "b", "d"]);
    expect(vocabulary.size).toBe(6);
    expect(vocabulary.encode(["d", "<end>", "c"])).toEqual([5, 1, 2]);
    expect(vocabulary.decode(vocabulary.encode(sequences[2]))).toEqual(sequences[2]);
  });

  it("leaves out rare tokens and those beyond the size", () => {
    const options = { special: ["<unk>"], unknown: "<unk>" };
    const frequent = Vocabulary.from(sequences, { ...options, minCount: 2 });
    expect(frequent.encode(["a", "b", "c", "z"])).toEqual([2, 0, 1, 0]);
    expect(Vocabulary.from(sequences, { ...options, size: 2 }).encode("abc")).toEqual([0, 0, 1]);
    expect(Vocabulary.from(sequences, { ...options, size: 0 }).size).toBe(1);
  });

  it("takes the characters of a string", () => {
    const letters = new Vocabulary("acb😀");
    expect(letters.encode("😀ab")).toEqual([3, 0, 2]);
    expect(letters.decode([1, 3]).join("")).toBe("c😀");
  });

  it("tells mistakes", () => {
    const letters = new Vocabulary("ab");
    expect(() => letters.encode("abc")).toThrow(/Vocabulary: expected one of 2 tokens, got "c"; give an `unknown`/);
    expect(() => letters.decode([2])).toThrow(/Vocabulary: expected ids from 0 to 1, got 2/);
    expect(() => letters.token(-1)).toThrow(/ids from 0 to 1, got -1/);
    expect(() => new Vocabulary(["a", "b", "a"])).toThrow(/different tokens, got "a" twice/);
    expect(() => new Vocabulary(["a"], { unknown: "?" })).toThrow(/unknown to be one of the tokens, got "\?"/);
    expect(() => Vocabulary.from([], { special: ["x", "x"] })).toThrow(/"x" twice/);
  });
});
