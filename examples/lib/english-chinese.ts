// The pairs of data/english-chinese.tsv as numbers: English in words, Chinese in characters. Examples read them from here.

import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "heed";
import { bleu, WordTokenizer } from "heed/text";

/** An English sentence and its translation. */
export type Pair = readonly [english: string, chinese: string];

const read = (name: string): Pair[] =>
  readFileSync(new URL(`../../data/${name}.tsv`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t") as [string, string]);

export const pairs = read("english-chinese");
/** Those of a length beside each other: they are translated together. */
export const heldOut = read("english-chinese-held-out").sort(([a], [b]) => a.length - b.length);

/** Words that occur once are [UNK]. */
export const english = WordTokenizer.train(
  pairs.map(([source]) => source),
  { minCount: 2 },
);
/** Every Chinese character is a word of its own. */
const spaced = (chinese: string) => [...chinese].join(" ");
const characters = WordTokenizer.train(
  pairs.map(([, target]) => spaced(target)),
  { lowercase: false },
);
/** The tokens before and behind a translation; the padding of both languages is token 0. */
export const [begin, end] = [characters.vocabularySize, characters.vocabularySize + 1];
export const vocabularySizes = [english.vocabularySize, characters.vocabularySize + 2] as const;

export const encodeChinese = (chinese: string): number[] => [...characters.encode(spaced(chinese))];
export const decodeChinese = (ids: readonly number[]): string[] => ids.map((id) => characters.token(id) ?? "");

/** Sentences as i32[B,T], filled up with 0 to a multiple of 8: few lengths, so that little is compiled. */
export function padded(sentences: readonly ArrayLike<number>[]): Tensor {
  const T = 8 * Math.ceil(Math.max(...sentences.map(({ length }) => length)) / 8);
  return tensor(sentences.map((ids) => Array.from({ length: T }, (_, t) => ids[t] ?? 0)));
}

/** Batches of pairs of about the same length, each i32[B,S] and i32[B,T]. */
export function batchesOf(all: readonly Pair[], B: number): { source: Tensor; target: Tensor }[] {
  const ids = all.map(([source, target]) => [english.encode(source), [begin, ...encodeChinese(target), end]] as const);
  ids.sort(([a, x], [b, y]) => x.length - y.length || a.length - b.length);
  return Array.from({ length: Math.ceil(ids.length / B) }, (_, i) => {
    const batch = ids.slice(i * B, (i + 1) * B);
    return { source: padded(batch.map(([source]) => source)), target: padded(batch.map(([, target]) => target)) };
  });
}

/** BLEU of characters. */
export const score = (translations: readonly (readonly number[])[], references: readonly string[]): number =>
  bleu(
    translations,
    references.map((reference) => [encodeChinese(reference)]),
  ).score;
