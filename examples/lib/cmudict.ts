// The words of data/cmudict.txt as ids: letters in, phonemes out. Every twentieth word is held out; no word stands there twice.

import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "heed";
import { Vocabulary } from "heed/text";
import { TensorDataset } from "heed/train";

/** A word and its phonemes. */
export interface Entry {
  readonly word: string;
  readonly phonemes: readonly string[];
}

const lines = readFileSync(new URL("../../data/cmudict.txt", import.meta.url), "utf8")
  .trim()
  .split("\n");
const entries: Entry[] = lines.map((line) => {
  const [word, ...phonemes] = line.split(" ");
  return { word, phonemes };
});
const isHeldOut = (_: Entry, i: number) => i % 20 === 10;
export const heldOut = entries.filter(isHeldOut);
/** One of them. */
export const [physicist] = heldOut.filter(({ word }) => word === "physicist");
const known = entries.filter((entry, i) => !isHeldOut(entry, i));

export const letters = new Vocabulary("-abcdefghijklmnopqrstuvwxyz"); // 0 is padding
export const phonemes = Vocabulary.from(
  entries.map((entry) => entry.phonemes),
  { special: ["<pad>", "<begin>", "<end>"] },
);
export const [begin, end] = phonemes.encode(["<begin>", "<end>"]);

/** The most letters, and the most phonemes. */
const [S, T] = [9, 10];

/** Words as letters i32[B,S], filled up with 0, and how many each has, i32[B]. */
export function spelled(words: readonly string[]): [letters: Tensor, lengths: Tensor] {
  return [tensor(words.map((word) => letters.encode(word.padEnd(S, "-")))), tensor(words.map((word) => word.length))];
}

/** Pronunciations between begin and end, filled up with 0: i32[B,T+2]. */
export function spoken(pronunciations: readonly (readonly string[])[]): Tensor {
  return tensor(
    pronunciations.map((list) =>
      phonemes.encode(["<begin>", ...list, "<end>", ...Array<string>(T - list.length).fill("<pad>")]),
    ),
  );
}

/** The words that are not held out: letters, lengths, phonemes. */
export const samples = new TensorDataset(
  ...spelled(known.map(({ word }) => word)),
  spoken(known.map((entry) => entry.phonemes)),
);
