// Runs the command inside the test's own process, with what it prints caught, in a folder that is removed afterwards.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { main } from "../../src/cli/heed.js";
import type { Io } from "../../src/cli/io.js";
import type { StepMetrics } from "../../src/train/loop.js";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @param options.stopAtStep as Ctrl-C while that step runs */
export async function heed(
  words: string | readonly string[],
  options: Partial<Io> & { terminal?: boolean; stopAtStep?: number } = {},
): Promise<Outcome> {
  const { terminal = false, stopAtStep, ...rest } = options;
  let [out, err] = ["", ""];
  let stop: ((code: number) => void) | undefined;
  const stdout = {
    isTTY: terminal || stopAtStep !== undefined,
    columns: 100,
    write(text: string) {
      out += text;
      if (stopAtStep !== undefined && new RegExp(` ${stopAtStep}/\\d`).test(text)) {
        const once = stop;
        stop = undefined;
        once?.(130);
      }
    },
  };
  const stderr = {
    isTTY: terminal,
    write(text: string) {
      err += text;
    },
  };
  const onStop = (callback: (code: number) => void) => {
    stop = callback;
    return () => {};
  };
  const list = typeof words === "string" ? words.split(" ") : words;
  const code = await main(list, { stdout, stderr, env: {}, onStop, onExit: () => () => {}, ...rest });
  return { code, out, err };
}

/** A folder for one test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "heed-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** 2,400 characters in which the next one can be learnt. */
export const RHYME = "one two three four five, once I caught a fish alive.\n".repeat(46);

/** Flags of a model that trains in no time. */
export const TINY = "--layers 1 --heads 2 --width 16 --context 16 --batch 4 --warmup 2";

/** The metrics of a run without what the clock says. */
export function metricsOf(file: string): Omit<StepMetrics, "tokensPerSecond">[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const { tokensPerSecond, ...rest } = JSON.parse(line) as StepMetrics;
    if (!(tokensPerSecond > 0)) throw new Error(`tokensPerSecond ${tokensPerSecond}`);
    return rest;
  });
}
