// How a classifier of names is shown: what it says of a name, and where it looks in it.

import type { Tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { heldOut, nationalities, type Sample } from "./names.js";
import { draw } from "./show.js";

/** Names that are long enough to look at. */
export const wide = heldOut.filter(({ words }) => words.length > 7);

/** A name and its nationality as `said`; in capitals the letters that stand in a word of more than one and a half times its even share. */
export function inCapitals({ name, words, label }: Sample, share: ArrayLike<number>, said: number): string {
  const seen = (letter: number) => [0, 1, 2].some((i) => (share[letter + 1 - i] ?? 0) * words.length > 1.5);
  const letters = Array.from(name.toLowerCase(), (c, letter) => (seen(letter) ? c.toUpperCase() : c)).join("");
  const is = said === label ? "" : `, is ${nationalities[label]}`;
  return `  ${letters.padEnd(16)} said to be ${nationalities[said]}${is}`;
}

/** Heat maps of what each head makes of the words: here the mean over the queries, in runs/ all of the pattern f32[H,T,T]. */
export function drawHeads(file: string, { name, words }: Sample, pattern: Tensor): void {
  const rows = Array.from({ length: pattern.size(0) }, (_, head) => `head ${head}`);
  const options = { rows, columns: words, axes: ["heads", "words"], title: name } as const;
  console.log(`\n${heatMapText(pattern.mean(1), options)}\n`);
  draw(file, heatMapSvg(pattern, { rows: words, title: name }));
}
