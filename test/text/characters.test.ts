import { describe, expect, test } from "vitest";
import { CharacterTokenizer, StreamDecoder, tokenizerFromJSON } from "../../src/text/index.js";
import { asUTF8, golden, peerOf, shipped, trickyStrings } from "./support.js";

const text = "a b\n\nc\t😀 é e\u0301 中0\r\n\u0000\u200d\ufeff  \u3000x\u{20000}\uffff";

describe("CharacterTokenizer", () => {
  test("gives ids in order of code points", () => {
    const tokenizer = CharacterTokenizer.train("b😀a\uffff\nb");
    expect(tokenizer.vocabularySize).toBe(5);
    expect([...tokenizer.encode("\nab\uffff😀")]).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.token(4)).toBe("😀");
    expect(tokenizer.id("b")).toBe(2);
    expect(tokenizer.id("c")).toBeUndefined();
    expect(tokenizer.token(5)).toBeUndefined();
  });

  test("writes back any text it knows, and reads its own file", () => {
    const known = [text, ...golden.tricky, shipped("tang-poems", 2000)];
    const tokenizer = CharacterTokenizer.train(known);
    const again = tokenizerFromJSON(JSON.stringify(tokenizer));
    expect(again).toBeInstanceOf(CharacterTokenizer);
    for (const part of known) {
      const ids = tokenizer.encode(part);
      expect(ids.length).toBe([...part].length);
      expect(tokenizer.decode(ids)).toBe(part);
      expect(again.encode(part)).toEqual(ids);
    }
    expect(again.toJSON()).toEqual(tokenizer.toJSON());
  });

  test("is read to the same ids and text by Python's tokenizers", () => {
    const tokenizer = CharacterTokenizer.train(golden.tricky);
    const { file, ids, decoded } = golden.characters;
    expect(JSON.parse(JSON.stringify(tokenizer))).toEqual(file);
    golden.tricky.forEach((part, i) => {
      expect([...tokenizer.encode(part)]).toEqual(ids[i]);
      expect(tokenizer.decode(ids[i]!)).toBe(decoded[i]);
    });
  });

  test("is read to the same ids and text by @huggingface/tokenizers", () => {
    const strings = trickyStrings(150).map(asUTF8);
    const tokenizer = CharacterTokenizer.train([...strings, ...golden.tricky]);
    const peer = peerOf(tokenizer);
    for (const part of [...strings, ...golden.tricky]) {
      const ids = [...tokenizer.encode(part)];
      expect(peer.encode(part).ids).toEqual(ids);
      if (ids.length > 0) expect(peer.decode(ids)).toBe(part);
    }
  });

  test("survives names of object properties and digits as tokens", () => {
    const tokenizer = CharacterTokenizer.train("9876543210_proto");
    const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect([...again.encode("0189")]).toEqual([0, 1, 8, 9]);
  });

  test("takes half a surrogate pair for U+FFFD", () => {
    const tokenizer = CharacterTokenizer.train("a\ud83d");
    expect(tokenizer.decode(tokenizer.encode("\ude00a\ufffd"))).toBe("\ufffda\ufffd");
  });

  test("names characters outside the vocabulary, where they are and what to do", () => {
    const tokenizer = CharacterTokenizer.train("abc");
    expect(() => tokenizer.encode("ab中c😀z中")).toThrow(
      'encode: expected characters of the vocabulary (3 characters), got "中" (U+4E2D) at index 2, ' +
        '"😀" (U+1F600) at index 4, "z" (U+007A) at index 6; leave them out, train on a text that has them',
    );
    expect(() => tokenizer.encode("ABCDEFGHIJKL")).toThrow('"H" (U+0048) at index 7 and 4 more');
  });

  test("refuses an empty text, and ids that are no tokens", () => {
    expect(() => CharacterTokenizer.train("")).toThrow(
      "CharacterTokenizer.train: expected a text with characters, got",
    );
    expect(() => CharacterTokenizer.train(["", ""])).toThrow("empty text");
    const tokenizer = CharacterTokenizer.train("ab");
    for (const id of [2, -1, 0.5, Number.NaN]) expect(() => tokenizer.decode([0, id])).toThrow(`got ${id}`);
    expect(() => new CharacterTokenizer(["ab"])).toThrow("one character each");
    expect(() => new CharacterTokenizer(["a", "a"])).toThrow("twice");
  });

  test("streams", () => {
    const tokenizer = CharacterTokenizer.train(text);
    const decoder = new StreamDecoder(tokenizer);
    const pieces = [...tokenizer.encode(text)].map((id) => decoder.push(id));
    expect(pieces).toEqual([...text]);
    expect(decoder.end()).toBe("");
  });
});
