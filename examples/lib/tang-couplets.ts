// Couplets of data/tang-poems.txt that follow one another, in poems with five characters to a line, as BERT reads them: every character and
// sign is a token. Examples read them from here.

import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "heed";
import { WordPieceTokenizer } from "heed/text";

/** A couplet and the one behind it: 床前明月光，疑是地上霜。 and 舉頭望明月，低頭思故鄉。 */
export type Pair = readonly [first: string, second: string];

const poems = readFileSync(new URL("../../data/tang-poems.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n\n")
  .map((poem) => poem.split("\n").slice(2)) // without title and author
  .filter((couplets) => couplets.every(({ length }) => length === 12));

const pairsOf = (couplets: readonly string[]): Pair[] => couplets.slice(1).map((second, i) => [couplets[i], second]);
/** Every hundredth poem is held out. */
export const pairs = poems.filter((_, i) => i % 100 !== 99).flatMap(pairsOf);
export const heldOut = poems.filter((_, i) => i % 100 === 99).flatMap(pairsOf);

const characters = [...new Set(poems.flat().join(""))].sort();
export const tokenizer = WordPieceTokenizer.fromVocabulary(
  ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...characters],
  { lowercase: false },
);

/** [CLS] first [SEP] second [SEP], i32[N,T], T = 27, and the couplet of each token, i32[T]: the same for all pairs. */
export function encodePairs(all: readonly Pair[]): { ids: Tensor; tokenTypes: Tensor } {
  const encoded = all.map(([first, second]) => tokenizer.encodePair(first, second));
  return { ids: tensor(encoded.map(({ ids }) => [...ids])), tokenTypes: tensor([...encoded[0].tokenTypes]) };
}
