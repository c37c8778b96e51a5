// The names of data/names.tsv as a classifier reads them, each with its nationality; 1200 of them are held out. A word is three letters in a
// row: kowalski is _ko kow owa wal als lsk ski ki_.

import { readFileSync } from "node:fs";
import { padSequence, type Tensor, tensor } from "heed";
import { WordTokenizer } from "heed/text";

/** A name, its words, and the number of its nationality. */
export interface Sample {
  readonly name: string;
  readonly words: readonly string[];
  readonly label: number;
}

export const nationalities = ["Czech", "English", "German", "Italian", "Polish", "Romanian", "Turkish"];

const lines = readFileSync(new URL("../../data/names.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");
const samples: Sample[] = lines.map((line) => {
  const [nationality, name] = line.split("\t");
  const letters = `_${name.toLowerCase()}_`;
  const words = Array.from(name, (_, i) => letters.slice(i, i + 3));
  return { name, words, label: nationalities.indexOf(nationality) };
});
export const [heldOut, known] = [samples.slice(0, 1200), samples.slice(1200)];

const tokenizer = WordTokenizer.train(
  known.map(({ words }) => words.join(" ")),
  { size: 5000 },
);

/** Names as words i32[B,T], filled up with 0, and their nationalities i32[B]. */
export function collate(batch: readonly Sample[]): { ids: Tensor; labels: Tensor } {
  const ids = batch.map(({ words }) => tensor(tokenizer.encode(words.join(" "))));
  return { ids: padSequence(ids, { batchFirst: true }), labels: tensor(batch.map(({ label }) => label)) };
}

const count = (label: number) => heldOut.filter((sample) => sample.label === label).length;
/** How many of the held out names would be right, were the answer always the most frequent one. */
export const mostFrequent = Math.max(...nationalities.map((_, label) => count(label))) / heldOut.length;
