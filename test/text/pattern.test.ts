import { describe, expect, test } from "vitest";
import { translatePattern } from "../../src/text/pattern.js";
import { readSplitter } from "../../src/text/splitter.js";
import { golden } from "./support.js";

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };

function pieces(steps: object[], text: string): string[] {
  const out: string[] = [];
  readSplitter({ type: "Sequence", pretokenizers: [...steps, byteLevel] })(text, (piece) => out.push(piece));
  return out;
}

const split = (Regex: string, behavior = "Isolated", invert = false) => ({
  type: "Split",
  pattern: { Regex },
  behavior,
  invert,
});

describe("patterns", () => {
  test.each(Object.keys(golden.split))("cut as in Python's tokenizers: %s", (name) => {
    const { pattern, pieces: expected } = golden.split[name]!;
    golden.tricky.forEach((text, i) => {
      expect(pieces([split(pattern)], text)).toEqual(expected[i]);
    });
  });

  test.each([
    ["^a", '"^" in the pattern'],
    ["a$", '"$" in the pattern'],
    ["\\w+", '"\\w" in the pattern'],
    ["\\bx", '"\\b"'],
    ["(a)\\1", '"\\1"'],
    ["(?m:.)", 'the group "(?m:."'],
    ["(?<n>a)", 'the group "(?<n>"'],
    ["(?>a)", 'the group "(?>a)"'],
    ["[a&&b]", '"&&" in a class'],
    ["[[:alpha:]]", "a class inside a class"],
    ["(?i:[a-f])", "a range of letters in (?i:...)"],
    ["[ab", '"[" without "]"'],
    ["(ab", '"(" without ")"'],
    ["ab)", '")" without "("'],
    ["a\\", '"\\" at the end'],
    ["a{,2}", '"{,n}"'],
    ["a**", 'a quantifier after "*"'],
    ["\\p{Nonsense}", 'the property "Nonsense"'],
    ["[b-a]", "the pattern"],
    ["(".repeat(60), "nested more than 50 deep"],
    ["a".repeat(10_001), "a pattern of 10001 characters"],
  ])("are refused by name: %s", (pattern, message) => {
    expect(() => translatePattern(pattern)).toThrow(message);
    expect(() => translatePattern(pattern)).toThrow(
      /^tokenizer\.json: expected a character, word, WordPiece or byte-level BPE/,
    );
  });
});

describe("splitters", () => {
  test("isolate and remove, matches or what lies between", () => {
    expect(pieces([split("b+")], "abbcb")).toEqual(["a", "bb", "c", "b"]);
    expect(pieces([split("b+", "Isolated", true)], "abbcb")).toEqual(["a", "bb", "c", "b"]);
    expect(pieces([split("b+", "Removed")], "abbcb")).toEqual(["a", "c"]);
    expect(pieces([split("b+", "Removed", true)], "abbcb")).toEqual(["bb", "b"]);
    expect(pieces([{ ...split(""), pattern: { String: "a.b" } }], "aXba.b")).toEqual(["aXb", "a.b"]);
  });

  test("cut digits apart, one by one on request", () => {
    expect(pieces([{ type: "Digits", individual_digits: true }], "a12²b")).toEqual(["a", "1", "2", "²", "b"]);
    expect(pieces([{ type: "Digits", individual_digits: false }], "a12²b")).toEqual(["a", "12²", "b"]);
  });

  test("are refused by name where they are not byte-level", () => {
    expect(() => readSplitter({ type: "Metaspace" })).toThrow('the pre_tokenizer "Metaspace"');
    expect(() => readSplitter({ type: "Sequence", pretokenizers: [{ type: "Punctuation" }, byteLevel] })).toThrow(
      'the pre_tokenizer "Punctuation"',
    );
    expect(() => pieces([split("a", "MergedWithNext")], "")).toThrow('the Split behavior "MergedWithNext"');
    expect(() => readSplitter({ type: "Sequence", pretokenizers: [byteLevel, split("a")] })).toThrow("last step");
    expect(() => readSplitter({ type: "Sequence", pretokenizers: [] })).toThrow("Sequence of 0");
    expect(() => readSplitter(null)).toThrow("no pre_tokenizer");
  });
});
