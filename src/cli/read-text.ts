// The text to train on: a file, or a folder's .txt and .md files one after another. Anything but UTF-8 text is refused by name.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../base/errors.js";

/**
 * Reads a text file, or the .txt and .md files of a folder and the folders in it, sorted by path, a line break between two.
 * @param remedy what to do where nothing is there
 * @throws HeedError for what is missing, empty, or no UTF-8 text
 */
export async function readText(path: string, remedy?: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (!found) fail("heed train", `a text file or a folder at ${path}`, "nothing there", remedy);
  const files = found.isDirectory() ? await textFiles(path) : [path];
  if (files.length === 0) fail("heed train", `.txt or .md files in ${path}`, "none");
  const parts: string[] = [];
  for (const file of files) parts.push(decode(file, await readFile(file)));
  const text = parts.map((part, i) => (i < parts.length - 1 && !part.endsWith("\n") ? `${part}\n` : part)).join("");
  if (text.trim() === "") fail("heed train", `text in ${path}`, text === "" ? "an empty text" : "white space alone");
  return text;
}

async function textFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const named = entries.filter((entry) => /^[^.].*\.(txt|md)$/i.test(entry.name));
  const paths: string[] = [];
  for (const entry of named) {
    const path = join(entry.parentPath, entry.name);
    const isFile = entry.isSymbolicLink() ? (await stat(path).catch(() => null))?.isFile() : entry.isFile();
    if (isFile) paths.push(path);
  }
  return paths.sort((a, b) => (a < b ? -1 : 1));
}

function decode(file: string, bytes: Uint8Array): string {
  const remedy = "save it as UTF-8 first";
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    fail("heed train", `${file} to be UTF-8 text`, "UTF-16", remedy);
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0)
    fail("heed train", `${file} to be UTF-8 text`, `binary data (a zero byte at ${zero})`, "give plain text");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const at = firstInvalid(bytes);
    const byte = `0x${bytes[at].toString(16).padStart(2, "0")}`;
    return fail("heed train", `${file} to be UTF-8 text`, `other bytes (${byte} at ${at})`, remedy);
  }
}

/** Where valid UTF-8 ends: the longest beginning that decodes, less a character that it breaks off. */
function firstInvalid(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle;
  }
  while (!decodes(bytes.subarray(0, good), false)) good--;
  return good;
}

/** @param open whether the last character may be incomplete */
function decodes(bytes: Uint8Array, open: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: open });
    return true;
  } catch {
    return false;
  }
}
