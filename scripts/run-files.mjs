// What npm run bench and npm run example share: finding the TypeScript files of a folder by name, and running them.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, run } from "./build.mjs";

/** The names in a folder that can be run: its .ts files, and its folders with a main.ts. */
export function namesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .map((entry) => entry.replace(/\.ts$/, ""))
    .filter((name) => fileOf(folder, name) !== undefined)
    .sort();
}

export function runFile(folder, name, args) {
  const hooks = pathToFileURL(join(root, "scripts", "run-typescript.mjs")).href;
  return run(process.execPath, [
    "--expose-gc",
    "--enable-source-maps",
    "--no-warnings",
    "--import",
    hooks,
    fileOf(folder, name),
    ...args,
  ]);
}

/** The names, each with the first sentence of the comment it opens with. */
export function listed(folder) {
  const names = namesIn(folder);
  const width = Math.max(0, ...names.map((name) => name.length));
  return names
    .map((name) => `  ${name.padEnd(width)}  ${firstSentence(readFileSync(fileOf(folder, name), "utf8"))}`.trimEnd())
    .join("\n");
}

function fileOf(folder, name) {
  const plain = /^[a-z0-9][\w-]*$/i.test(name);
  return plain
    ? [join(root, folder, `${name}.ts`), join(root, folder, name, "main.ts")].find((file) => existsSync(file))
    : undefined;
}

function firstSentence(text) {
  const comment = /^(?:\/\/.*\r?\n)+/.exec(text)?.[0] ?? "";
  return comment
    .replace(/^\/\/ ?/gm, "")
    .replace(/\s+/g, " ")
    .split(/(?<=[.:])\s/)[0]
    .replace(/:$/, "")
    .trim();
}
