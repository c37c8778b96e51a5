// What heed train says before its first step and after its last.

import { join } from "node:path";
import type { RunState } from "../train/checkpoint.js";
import { RUN_FILES } from "../train/run-folder.js";
import { duration, short } from "./progress.js";
import type { RunParts } from "./training-run.js";

/** What there is to learn, and by what. */
export function introduction(
  { settings, tokenizer, model, folder }: RunParts,
  { characters, tokens, start }: { readonly characters: number; readonly tokens: number; readonly start: number },
): string {
  const { text, steps, batch, context, accumulate } = settings;
  const count = (n: number) => n.toLocaleString("en");
  const vocabulary = `${count(tokens)} tokens of ${count(tokenizer.vocabularySize)} kinds`;
  const size = short(model.countParameters());
  const verb =
    start === 0 ? `Training to step ${count(steps)}` : `Going on from step ${count(start)} to ${count(steps)}`;
  return `${text}: ${count(characters)} characters, ${vocabulary}; a GPT of ${size} parameters\n${verb} in ${folder}, ${count(batch * context * accumulate)} tokens a step`;
}

/** What a run came to. */
export interface Result {
  readonly seconds: number;
  /** Of the last step. */
  readonly loss: number;
  /** The last loss on held-back text. */
  readonly validation: readonly [step: number, loss: number] | undefined;
  readonly best: RunState["best"];
}

/** What came of a run, and what to do with it. */
export function summary({ folder, tokenizer, validation: heldBack }: RunParts, result: Result): string {
  const { seconds, loss, validation, best } = result;
  const held = validation ? `, ${validation[1].toFixed(4)} on held-back text` : "";
  const better =
    validation && best && best.step !== validation[0] ? ` (best ${best.loss.toFixed(4)} at step ${best.step})` : "";
  // The prompt is the beginning of the text held back: letters that the model knows.
  const text = tokenizer.decode(heldBack.subarray(1, 64)).replaceAll("\ufffd", "").replace(/\s+/g, " ").trim();
  const prompt = text.split(" ").slice(1, 4).join(" ").slice(0, 24) || [...text].slice(0, 8).join("");
  return `\nTrained in ${duration(seconds)}: loss ${loss.toFixed(4)}${held}${better}.
The model is in ${folder}, its course in ${join(folder, RUN_FILES.chart)}. Let it write:
  npx heed generate ${quoted(folder)} --prompt ${quoted(prompt)}\n`;
}

export function stopped(folder: string, step: number): string {
  return `\nStopped and saved at step ${step}. To go on: ${resuming(folder)}\n`;
}

/** The command that goes on with the run in a folder. */
export function resuming(folder: string): string {
  return `npx heed train --resume --out ${quoted(folder)}`;
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
