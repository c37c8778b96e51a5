// Makes data/names.tsv from the npm package @faker-js/faker: first names and family names of seven nationalities, one a line: the nationality,
// a tab, the name in plain letters (é is e, ł is l), since letters of their own would tell too much. Names that two of the
// nationalities share are left out. Usage: node scripts/data-names.mjs

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { withPackage } from "./data-package.mjs";

const source = "@faker-js/faker@10.6.0";
const MOST = 1600;
const locales = {
  Czech: "cs_CZ",
  English: "en",
  German: "de",
  Italian: "it",
  Polish: "pl",
  Romanian: "ro",
  Turkish: "tr",
};

const persons = withPackage(source, (folder) => {
  const url = pathToFileURL(join(folder, "dist", "index.js")).href;
  const program = `
    const { allLocales } = await import(${JSON.stringify(url)});
    const names = (code) => ["last_name", "first_name"].flatMap((kind) => Object.values(allLocales[code].person[kind]).flat());
    console.log(JSON.stringify(Object.entries(${JSON.stringify(locales)}).map(([nationality, code]) => [nationality, names(code)])));`;
  const options = { encoding: "utf8", maxBuffer: 2 ** 26 };
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", program], options));
});

const plain = (name) =>
  name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/ł/g, "l")
    .replace(/Ł/g, "L")
    .replace(/ı/g, "i")
    .replace(/ß/g, "ss");

const nationalitiesOf = new Map();
for (const [nationality, names] of persons)
  for (const name of names.map(plain))
    if (/^[A-Z][a-z]{2,14}$/.test(name))
      nationalitiesOf.set(name, (nationalitiesOf.get(name) ?? new Set()).add(nationality));

// In an order, and with a choice where there are many, that depend on the names alone.
const hash = (name) => createHash("sha256").update(name).digest("hex");
const counts = new Map();
const lines = [...nationalitiesOf]
  .filter(([, nationalities]) => nationalities.size === 1)
  .map(([name, [nationality]]) => ({ name, nationality, hash: hash(name) }))
  .sort((a, b) => (a.hash < b.hash ? -1 : 1))
  .filter(({ nationality }) => {
    counts.set(nationality, (counts.get(nationality) ?? 0) + 1);
    return counts.get(nationality) <= MOST;
  })
  .map(({ name, nationality }) => `${nationality}\t${name}\n`);
writeFileSync(new URL("../data/names.tsv", import.meta.url), lines.join(""));
const shown = [...counts].map(([nationality, count]) => `${nationality} ${Math.min(count, MOST)}`).join(", ");
console.log(`data/names.tsv: ${lines.join("").length} bytes, ${lines.length} names (${shown})`);
