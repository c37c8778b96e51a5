// A run folder: all that is needed to use a model, and to go on training it.
//
//   config.json          the model's shape                 metrics.jsonl          a line of JSON for each step
//   model.safetensors    its weights                       loss.svg               the same as a picture
//   tokenizer.json       its tokenizer, for Hugging Face's libraries too
//   training.safetensors everything for --resume (checkpoint.ts); complete in itself, so that the others may be a save older or newer
//   training.lock        there while heed train writes to the folder (cli/run-lock.ts)
//
// A save writes all files beside the old ones first and then puts one after the other in place, training.safetensors before the rest: a crash
// or a full disk at any moment leaves a run that can be resumed and a model that can be used. Node is imported when it is used.

import { fail, naming } from "../base/errors.js";
import { GPT } from "../models/gpt.js";
import { skipInit } from "../nn/init.js";
import { type Chunk, type StagedFile, stageFile } from "../tensor/safetensors-atomic.js";
import { type LoadedSafetensors, loadSafetensorsFile } from "../tensor/safetensors-file.js";
import { loadSafetensors } from "../tensor/safetensors-tensors.js";
import { tokenizerFromJSON } from "../text/load.js";
import type { Tokenizer } from "../text/tokenizer.js";

/** The files of a run's folder, by what they hold. */
export const RUN_FILES = {
  training: "training.safetensors",
  config: "config.json",
  tokenizer: "tokenizer.json",
  model: "model.safetensors",
  metrics: "metrics.jsonl",
  chart: "loss.svg",
} as const;
/** Who trains in the folder. */
export const RUN_LOCK = "training.lock";
export type RunFile = keyof typeof RUN_FILES;

/** Writes a file beside its place; what stageFile does, or something in its stead. */
export type Stage = (path: string, chunks: Iterable<Chunk>) => Promise<StagedFile>;

/**
 * Writes files of a run: all of them, or none where one cannot be written. They are put in place in the order of RUN_FILES.
 * @throws HeedError where the disk is full or refuses; what was there is then still there
 */
export async function saveRunFiles(
  folder: string,
  files: Partial<Record<RunFile, Iterable<Chunk>>>,
  stage: Stage = stageFile,
): Promise<void> {
  const { join } = await import("node:path");
  const staged: StagedFile[] = [];
  try {
    for (const [name, file] of Object.entries(RUN_FILES)) {
      const chunks = files[name as RunFile];
      if (chunks) staged.push(await stage(join(folder, file), chunks));
    }
    for (const file of staged) await file.commit();
  } catch (error) {
    for (const file of staged) await file.discard();
    throw error;
  }
}

/** What a folder is to a new run: nothing there (or only what a crash left), a Heed run, or something else's. */
export async function inspectRunFolder(folder: string): Promise<"free" | "run" | "foreign"> {
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    return fail("run folder", `a folder at ${folder}`, error.code === "ENOTDIR" ? "a file" : error.message);
  });
  if (names.includes(RUN_FILES.training)) return "run";
  return names.every((name) => name === RUN_LOCK || isLeftover(name)) ? "free" : "foreign";
}

/** Removes the temporary files that a crash left behind. */
export async function removeLeftovers(folder: string): Promise<void> {
  const { readdir, rm } = await import("node:fs/promises");
  const { join } = await import("node:path");
  for (const name of await readdir(folder)) if (isLeftover(name)) await rm(join(folder, name), { force: true });
}

function isLeftover(name: string): boolean {
  return [...Object.values(RUN_FILES), RUN_LOCK].some((file) => name.startsWith(`.${file}.`) && name.endsWith(".tmp"));
}

/** The file that --resume goes on from. @throws HeedError where there is none, or it is damaged */
export async function loadTrainingFile(folder: string): Promise<LoadedSafetensors> {
  const { join } = await import("node:path");
  if ((await inspectRunFolder(folder)) !== "run") {
    fail(
      "resume",
      `a run with ${RUN_FILES.training} in ${folder}`,
      await whatIsIn(folder),
      "leave out --resume to begin one",
    );
  }
  return await loadSafetensorsFile(join(folder, RUN_FILES.training));
}

/**
 * The model and tokenizer of a run folder, or of a GPT-2 in a folder of Hugging Face's, unconverted.
 * @throws HeedError naming what is missing from the folder, or which file is damaged
 * @example const { model, tokenizer } = await loadRun("runs/demo");
 */
export async function loadRun(folder: string): Promise<{ model: GPT; tokenizer: Tokenizer }> {
  const { readdir } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const names = await readdir(folder).catch(() => null);
  const shards = names?.includes(SHARDS);
  const missing = [RUN_FILES.config, RUN_FILES.model, RUN_FILES.tokenizer].filter(
    (file) => !names?.includes(file) && !(file === RUN_FILES.model && shards),
  );
  if (missing.length > 0) {
    const remedy = "give the folder that heed train wrote, its --out, or one of a GPT-2 from Hugging Face";
    fail("load", `a run folder with ${missing.join(", ")}`, await whatIsIn(folder), remedy);
  }
  const tokenizer = await loadTokenizer(join(folder, RUN_FILES.tokenizer));
  const config = await inFile(join(folder, RUN_FILES.config), (text) => {
    const json = parseJson(text);
    // A run's own configuration is known to be one before its weights are read.
    return isHuggingFace(json) ? json : skipInit(() => GPT.fromConfig(json));
  });
  const weights = join(folder, names?.includes(RUN_FILES.model) ? RUN_FILES.model : SHARDS);
  const state = await loadSafetensors(weights);
  const model = naming(weights, () => {
    if (!(config instanceof GPT)) return GPT.fromHuggingFace(config, state);
    config.loadStateDict(state);
    return config;
  });
  model.eval();
  return { model, tokenizer };
}

const SHARDS = "model.safetensors.index.json";

/** Heed's own config.json says GPT as `model`, those of transformers their `model_type`. */
function isHuggingFace(json: unknown): json is object {
  return typeof json === "object" && json !== null && "model_type" in json && !("model" in json);
}

/** The tokenizer of a tokenizer.json, given by its path or that of its folder. @throws HeedError naming the file */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const { stat } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const found = await stat(path).catch(() => null);
  if (!found) {
    const remedy = "a tokenizer to be made is char or bpe:2048";
    fail("tokenizer", `a tokenizer.json, or a folder with one, at ${path}`, "nothing", remedy);
  }
  return await inFile(found.isDirectory() ? join(path, RUN_FILES.tokenizer) : path, tokenizerFromJSON);
}

/** Reads a text file and makes something of it; errors name the file. */
async function inFile<R>(path: string, make: (text: string) => R): Promise<R> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(path, "utf8").catch((error: Error) =>
    fail("load", `to be able to read ${path}`, error.message),
  );
  return naming(path, () => make(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("load", "valid JSON", (error as Error).message, "the file is damaged");
  }
}

async function whatIsIn(folder: string): Promise<string> {
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => error.code);
  if (!Array.isArray(names))
    return names === "ENOENT" ? `${folder}, which does not exist` : `${folder}, which is no folder`;
  if (names.length === 0) return `${folder}, which is empty`;
  return `${folder} with ${names.sort().slice(0, 8).join(", ")}${names.length > 8 ? ", ..." : ""}`;
}
