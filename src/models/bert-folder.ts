// A BERT as it lies on a disk: a folder as Hugging Face's hub or save_pretrained leaves it, unconverted.

import { checkText } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { writeFileAtomically } from "../tensor/safetensors-file.js";
import { loadSafetensors, saveSafetensors } from "../tensor/safetensors-tensors.js";
import { tokenizerFromJSON } from "../text/load.js";
import { WordPieceTokenizer } from "../text/wordpiece.js";
import type { CleanOptions } from "../text/wordpiece-words.js";
import { Bert } from "./bert.js";

/** A model and the tokenizer it was trained with. */
export interface LoadedBert {
  readonly model: Bert;
  readonly tokenizer: WordPieceTokenizer;
}

/**
 * The model and the tokenizer of a folder with config.json, model.safetensors (or its index) and tokenizer.json or vocab.txt.
 * @throws HeedError naming the file that is missing or what is wrong in it
 * @example
 * const { model, tokenizer } = await loadBert("bert-base-chinese");
 * const { patterns } = model.forward(tensor([[...tokenizer.encode("今天天气很好")]]));
 */
export async function loadBert(folder: string): Promise<LoadedBert> {
  checkText("loadBert", folder, "the path of a folder");
  const config = await readJSON(folder, "config.json");
  const tokenizer = await readTokenizer(folder);
  return { model: Bert.fromHuggingFace(config, await loadSafetensors(folder)), tokenizer };
}

/** Writes a model and its tokenizer to a folder that transformers, and `loadBert`, read. */
export async function saveBert(folder: string, bert: LoadedBert): Promise<void> {
  const { model, tokenizer } = (bert ?? {}) as LoadedBert;
  checkText("saveBert", folder, "the path of a folder");
  if (!(model instanceof Bert)) fail("saveBert", "{ model, tokenizer } with a Bert", shown(model));
  if (!(tokenizer instanceof WordPieceTokenizer))
    fail("saveBert", "{ model, tokenizer } with a WordPieceTokenizer", shown(tokenizer));
  const { mkdir } = await import("node:fs/promises");
  const { join } = await import("node:path");
  await mkdir(folder, { recursive: true });
  const { config, state } = model.toHuggingFace();
  await saveSafetensors(join(folder, "model.safetensors"), state, { metadata: { format: "pt" } });
  for (const [name, json] of Object.entries({
    "config.json": config,
    "tokenizer.json": tokenizer.toJSON(),
    "tokenizer_config.json": { tokenizer_class: "BertTokenizer", do_lower_case: tokenizer.lowercase },
  }))
    await writeFileAtomically(join(folder, name), [`${JSON.stringify(json, null, 2)}\n`]);
}

async function readTokenizer(folder: string): Promise<WordPieceTokenizer> {
  const json = await readText(folder, "tokenizer.json");
  if (json !== undefined) {
    const tokenizer = tokenizerFromJSON(json);
    if (tokenizer instanceof WordPieceTokenizer) return tokenizer;
    fail("loadBert", "a WordPiece tokenizer in tokenizer.json", `one of ${tokenizer.kind}`);
  }
  const vocabulary = await readText(folder, "vocab.txt");
  if (vocabulary === undefined) fail("loadBert", `tokenizer.json or vocab.txt in ${folder}`, "neither");
  const settings = await readJSON(folder, "tokenizer_config.json", {});
  return WordPieceTokenizer.fromVocabulary(vocabulary.replace(/^\uFEFF/, ""), cleaning(settings));
}

/** What tokenizer_config.json says of cleaning, in the words of transformers. */
function cleaning(settings: unknown): CleanOptions {
  if (typeof settings !== "object" || settings === null)
    fail("loadBert", "an object in tokenizer_config.json", JSON.stringify(settings));
  const given = settings as Readonly<Record<string, unknown>>;
  const flag = (name: string, absent: boolean): boolean => {
    const value = given[name] ?? absent;
    if (typeof value !== "boolean")
      fail("loadBert", `true or false for ${name} in tokenizer_config.json`, JSON.stringify(value));
    return value;
  };
  const lowercase = flag("do_lower_case", true);
  return {
    lowercase,
    stripAccents: flag("strip_accents", lowercase),
    splitChinese: flag("tokenize_chinese_chars", true),
  };
}

/** The contents of a file, or `absent` where that is given and the file is not there. */
async function readJSON(folder: string, name: string, absent?: unknown): Promise<unknown> {
  const text = await readText(folder, name);
  if (text === undefined && absent !== undefined) return absent;
  if (text === undefined) fail("loadBert", `${name} in ${folder}`, "none", "pass the folder of a Hugging Face model");
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("loadBert", `${name} in ${folder} to be JSON`, (error as Error).message);
  }
}

async function readText(folder: string, name: string): Promise<string | undefined> {
  const { readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    return fail("loadBert", `a readable ${name} in ${folder}`, (error as Error).message);
  }
}
