// heed train: a text becomes a run folder with a model in it. The steps are those of src/train; here are the order of things, what is said
// meanwhile, and what happens when something is in the way.

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { fail, HeedError } from "../base/errors.js";
import { Generator, manualSeed } from "../base/random.js";
import { GPT } from "../models/gpt.js";
import type { LoadedSafetensors } from "../tensor/safetensors-file.js";
import { trainBPE } from "../text/bpe-train.js";
import { CharacterTokenizer } from "../text/characters.js";
import { splitTokens } from "../text/dataset.js";
import { WindowSampler } from "../text/sampler.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { readRunState } from "../train/checkpoint.js";
import { inspectRunFolder, loadTokenizer, loadTrainingFile, RUN_FILES } from "../train/run-folder.js";
import { type Io, UsageError } from "./io.js";
import { makeFolder } from "./make-folder.js";
import { checkMetricsFile } from "./metrics-file.js";
import { readText } from "./read-text.js";
import { RunLock, refuseBusyFolder } from "./run-lock.js";
import { newSettings, type RunSettings, resumedSettings, type TrainWords } from "./run-settings.js";
import { TrainingRun } from "./training-run.js";

/** Runs the verb. Returns 0, or 130 and the like when it was stopped. */
export async function train(words: TrainWords, io: Io): Promise<number> {
  const { flags, positionals } = words;
  for (const key of ["out", "metrics"] as const)
    if (flags[key] === "") throw new UsageError(`train --${key}: expected a path, got ""`);
  if (flags.resume && flags.overwrite)
    throw new UsageError(
      "train --overwrite: expected either --resume, which goes on with a run, or --overwrite, which replaces it, got both",
    );
  if (flags.metrics !== undefined) checkMetricsFile(flags.metrics);
  if (flags.resume) return await resumeRun(words, io);
  const settings = newSettings(words);
  const folder = flags.out ?? join("runs", nameOf(positionals[0]));
  await refuseBusyFolder(folder);
  await refuseUsedFolder(folder, flags.overwrite);
  const text = await readText(settings.text);
  const tokenizer = await makeTokenizer(settings.tokenizer, text, io, flags.quiet);
  const material = { folder, text, tokenizer, settings: { ...settings, textHash: hash(text) } };
  return await begin(words, io, material, () => refuseUsedFolder(folder, flags.overwrite));
}

async function refuseUsedFolder(folder: string, overwrite: boolean): Promise<void> {
  const found = await inspectRunFolder(folder);
  if (found === "run" && !overwrite) {
    fail(
      "heed train",
      `a new folder for a new run`,
      `${folder}, which holds one`,
      "go on with it by --resume, replace it by --overwrite, or give another --out",
    );
  }
  if (found === "foreign") {
    fail("heed train", `a new or empty folder for the run`, `${folder}, which holds other files`, "give another --out");
  }
}

async function resumeRun(words: TrainWords, io: Io): Promise<number> {
  const { flags, positionals } = words;
  const folder = flags.out ?? join("runs", positionals[0] ? nameOf(positionals[0]) : "");
  if (!flags.out && !positionals[0]) fail("heed train --resume", "the run's folder as --out, or its text", "neither");
  await refuseBusyFolder(folder);
  const checkpoint = join(folder, RUN_FILES.training);
  const before = await editionOf(checkpoint);
  const file = await loadTrainingFile(folder);
  const { step, settings: saved } = readRunState(file);
  const settings = resumedSettings(words, saved as unknown as RunSettings);
  if (step >= settings.steps) {
    if (!flags.quiet)
      io.stdout.write(`${folder} is at step ${step} of ${settings.steps}; give more --steps to train on.\n`);
    return 0;
  }
  // A path as it was given, from the folder that the run was begun in.
  const moved = "say where it is now: heed train <text> --resume --out <folder>";
  const text = await readText(settings.text, positionals[0] === undefined ? moved : undefined);
  if (hash(text) !== settings.textHash) {
    fail(
      "heed train --resume",
      `the text that the run began with (${settings.text})`,
      "a text that differs",
      "give the text as it was, or begin another run",
    );
  }
  const own = join(folder, RUN_FILES.tokenizer);
  const kept = (await stat(own).catch(() => null)) !== null;
  const tokenizer = kept ? await loadTokenizer(own) : await makeTokenizer(settings.tokenizer, text, io, flags.quiet);
  return await begin(words, io, { folder, text, tokenizer, settings, file }, async () => {
    if ((await editionOf(checkpoint)) !== before)
      fail("heed train --resume", "a checkpoint that nothing else changes", "one that another run has just replaced", "go on from that: give the command again"); // biome-ignore format: short
  });
}

/** What tells a file from the one that takes its place. */
async function editionOf(path: string): Promise<string> {
  const { ino, mtimeMs, size } = (await stat(path).catch(() => null)) ?? {};
  return `${ino} ${mtimeMs} ${size}`;
}

interface Material {
  readonly folder: string;
  readonly text: string;
  readonly tokenizer: Tokenizer;
  readonly settings: RunSettings;
  /** The checkpoint to go on from. */
  readonly file?: LoadedSafetensors;
}

/** @param check once the folder is this run's own: throws where it is not what it was when it was looked at */
async function begin(
  { flags }: TrainWords,
  io: Io,
  { folder, text, tokenizer, settings, file }: Material,
  check: () => Promise<void>,
): Promise<number> {
  const { context, layers, heads, width, dropout, batch, seed } = settings;
  const tokens = tokenizer.encode(text, { special: false });
  const split = inFlags(() => splitTokens(tokens, { length: context }));
  manualSeed(seed);
  const model = new GPT({ vocabularySize: tokenizer.vocabularySize, context, layers, heads, width, dropout });
  const generator = new Generator(seed);
  const sampler = inFlags(() => new WindowSampler(split.train, { batch, length: context, generator }));
  try {
    makeFolder(folder);
  } catch (error) {
    fail("heed train", `to be able to make ${folder}`, (error as Error).message, "give another --out");
  }
  const lock = await RunLock.take(folder, (sentence) => {
    if (!flags.quiet) io.stdout.write(`${sentence}\n`);
  });
  const endListening = io.onExit(() => lock.release());
  try {
    await check();
    const { validation } = split;
    const confirm = () => lock.confirm();
    const run = new TrainingRun({ folder, settings, tokenizer, model, sampler, generator, validation, io, confirm });
    if (file) run.restore(file);
    return await run.go({
      quiet: flags.quiet,
      characters: text.length,
      tokens: tokens.length,
      metricsPath: extraMetrics(folder, flags.metrics),
    });
  } finally {
    endListening();
    lock.release();
  }
}

/** Too short a text is said in the words of the command line, not of the library. */
function inFlags<R>(make: () => R): R {
  try {
    return make();
  } catch (error) {
    if (error instanceof HeedError) {
      const [what] = error.message.split("; give more text");
      error.message = `${what.replace(/^\w+: /, "train: ")}; give more text, or a smaller --context or --batch`;
    }
    throw error;
  }
}

/** The run folder's own metrics file need not be written twice. */
function extraMetrics(folder: string, path: string | undefined): string | undefined {
  return path !== undefined && resolve(path) !== resolve(folder, RUN_FILES.metrics) ? path : undefined;
}

async function makeTokenizer(choice: string, text: string, io: Io, quiet: boolean): Promise<Tokenizer> {
  if (choice === "char") return CharacterTokenizer.train(text);
  const [, size] = /^bpe:(\d+)$/.exec(choice) ?? [];
  if (size === undefined) return await loadTokenizer(choice);
  if (!quiet) io.stdout.write(`Training a tokenizer of ${size} tokens ...\n`);
  return trainBPE(text, { vocabularySize: Number(size) });
}

function nameOf(path: string): string {
  return basename(resolve(path), extname(path)) || "run";
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
