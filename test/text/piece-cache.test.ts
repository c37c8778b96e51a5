import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type Tokenizer, trainBPE, WordPieceTokenizer } from "../../src/text/index.js";
import { PieceCache } from "../../src/text/piece-cache.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const tokenizers: Record<string, () => Tokenizer> = {
  WordPiece: () => WordPieceTokenizer.fromVocabulary(["[UNK]", "[CLS]", "[SEP]", "a", "##b"]),
  BPE: () =>
    trainBPE("a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9", { vocabularySize: 256 }),
};

test.each(Object.keys(tokenizers))("%s lets go of the texts that it has read", (name) => {
  const tokenizer = tokenizers[name]();
  const read = (i: number) => tokenizer.encode(`${"ab".repeat(100_000)} averyveryverylongword${i}`);
  const held = () => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  for (let i = 0; i < 3; i++) read(i);
  const before = held();
  for (let i = 3; i < 23; i++) read(i);
  expect((held() - before) / 20).toBeLessThan(50_000); // a text: 200 000
});

test("finds pieces by their characters, a byte order mark and signs of two units among them", () => {
  const cache = new PieceCache<number>();
  const pieces = ["", "a", "\uFEFFa", "é", "e\u0301", "我喜欢", "😀x", "x".repeat(256)];
  pieces.forEach((piece, i) => {
    cache.set(piece, i);
  });
  expect(pieces.map((piece) => cache.get(piece))).toEqual(pieces.map((_, i) => i));
  cache.set("y".repeat(257), 1);
  expect(cache.get("y".repeat(257))).toBeUndefined();
});
