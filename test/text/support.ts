// What the tests of text share: the golden numbers, strings made to trip tokenizers, and the peer library.

import { readFileSync } from "node:fs";
import { Tokenizer as Peer } from "@huggingface/tokenizers";
import { Generator } from "../../src/base/random.js";
import type { Tokenizer } from "../../src/text/index.js";

export interface Golden {
  tricky: string[];
  trained: Record<string, { merges: string[]; size: number; ids: number[][]; decoded: string[]; reversed: string[] }>;
  characters: { file: object; ids: number[][]; decoded: string[] };
  split: Record<string, { pattern: string; pieces: string[][] }>;
  epochs: number[][][];
}

export const golden = JSON.parse(readFileSync(new URL("../golden/text.json", import.meta.url), "utf8")) as Golden;

/** The first characters of a shipped text. */
export function shipped(name: "moby-dick" | "tang-poems", characters: number): string {
  const text = readFileSync(new URL(`../../data/${name}.txt`, import.meta.url), "utf8");
  return [...text.slice(0, 2 * characters)].slice(0, characters).join("");
}

/** The same noise as test/golden/text.py makes. */
export function noise(alphabet: string, length: number): string {
  let state = 1;
  let out = "";
  for (let i = 0; i < length; i++) {
    state = Number((BigInt(state) * 1103515245n + 12345n) % 2n ** 31n);
    out += alphabet[(state >> 16) % alphabet.length];
  }
  return out;
}

const ingredients = [
  ..."aabcsStTlLvVrRdDmM''   \n\n\r\t0123.,!?-_{}[]()/\\\"<>|",
  ...["é", "e\u0301", "Å", "ﬁ", "ß", "ſ", "K", "ǅ", "ª", "ʰ", "²", "Ⅷ", "９", "٣"],
  ...["中", "文", "龥", "ぁ", "ヿ", "。", "，", "\u3000", "한국어", "नमस्ते", "עברית", "\u{20000}"],
  ...["😀", "👩‍👩‍👧", "🇨🇳", "\u200d", "\u200b", "\u0640", "\u0000", "\u0001", "\u007f", "\u00a0", "\u2028", "\ufffd"],
  ...[" the", " don't", " I'LL", "hello", "<|endoftext|>", "\u{10ffff}"],
  ...["\ud83d", "\ude00"], // halves of a pair: sometimes they meet
];

/** Random strings of the ingredients, always the same. */
export function trickyStrings(count: number, seed = 1): string[] {
  const random = new Generator(seed);
  return Array.from({ length: count }, () => {
    const length = 1 + (random.word() % 40);
    return Array.from({ length }, () => ingredients[random.word() % ingredients.length]).join("");
  });
}

/** The text after a journey through UTF-8, which has no half surrogate pairs. */
export function asUTF8(text: string): string {
  return Buffer.from(text).toString();
}

/** The Hugging Face library reading the tokenizer.json that `tokenizer` writes, by way of text as in a file. */
export function peerOf(tokenizer: Tokenizer): Peer {
  return new Peer(JSON.parse(JSON.stringify(tokenizer)), { clean_up_tokenization_spaces: false });
}
