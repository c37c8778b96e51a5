// Makes data/tang-poems.txt from the npm package chinese-poetry: the quatrains and eight-line poems in lines of five or
// of seven characters by the poets named below, as the package spells them (traditional characters). A poem is its
// title, its author and its couplets, one a line; an empty line follows. Usage: node scripts/data-tang-poems.mjs
// (downloads 85 MB)

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPackage } from "./data-package.mjs";

const source = "chinese-poetry@2.0.1";
const poets =
  "王勃 駱賓王 陳子昂 賀知章 張九齡 王之渙 孟浩然 王昌齡 王維 李白 高適 杜甫 岑參 劉長卿 韋應物 孟郊 " +
  "盧綸 錢起 張籍 王建 韓愈 劉禹錫 白居易 柳宗元 元稹 賈島 李賀 張祜 許渾 杜牧 溫庭筠 李商隱 韋莊 羅隱";
/** A character that is met fewer times than this in their poems teaches a model nothing: its poems are left out. */
const leastCount = 5;

const couplet = (width) => `\\p{Script=Han}{${width}}[，。？！；]\\p{Script=Han}{${width}}[，。？！；]`;
const regular = new RegExp(
  `^(?:${[5, 7].flatMap((w) => [2, 4].map((n) => `(?:${couplet(w)}){${n}}`)).join("|")})$`,
  "u",
);
const titled = /^\p{Script=Han}[\p{Script=Han} ]*$/u;

const wanted = new Set(poets.split(" "));
const poems = withPackage(source, (folder) => {
  const shelf = join(folder, "dist", "quantangshi");
  const number = (name) => Number(/\d+/.exec(name)[0]);
  return readdirSync(shelf)
    .filter((name) => /^poet\.tang\.\d+\.json$/.test(name))
    .sort((a, b) => number(a) - number(b))
    .flatMap((name) => JSON.parse(readFileSync(join(shelf, name), "utf8")));
})
  .filter(({ author }) => wanted.has(author))
  .map(({ title, author, paragraphs }) => ({
    title: title
      .replace(/（[^）]*）/g, "")
      .replace(/\s+/g, " ")
      .trim(), // editors' notes go
    author,
    verse: paragraphs.join(""),
  }))
  .filter(({ title, verse }) => titled.test(title) && regular.test(verse))
  .filter(once(({ verse }) => verse))
  .map(
    ({ title, author, verse }) => `${title}\n${author}\n${verse.replace(/([^，。？！；]+.[^，。？！；]+.)/gu, "$1\n")}`,
  );

function once(key) {
  const seen = new Set();
  return (poem) => !seen.has(key(poem)) && seen.add(key(poem));
}

const counts = new Map();
for (const poem of poems) for (const character of poem) counts.set(character, (counts.get(character) ?? 0) + 1);
const kept = poems.filter((poem) => [...poem].every((character) => counts.get(character) >= leastCount));
const text = kept.join("\n");
const target = new URL("../data/tang-poems.txt", import.meta.url);
writeFileSync(target, text);
console.log(
  `data/tang-poems.txt: ${kept.length} of ${poems.length} poems, ${Buffer.byteLength(text)} bytes, ` +
    `${[...text].length} characters, ${new Set(text).size} different`,
);
