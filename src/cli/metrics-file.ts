// metrics.jsonl: a line of JSON for each step. A run that goes on keeps the lines up to its checkpoint and writes the rest anew.

import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail } from "../base/errors.js";
import { writeFileAtomically } from "../tensor/safetensors-file.js";
import type { StepMetrics } from "../train/loop.js";

export class MetricsFile {
  private constructor(
    private readonly path: string,
    private readonly file: number,
    /** The metrics of the steps before. */
    readonly kept: readonly StepMetrics[],
  ) {}

  /** Opens a file for the steps after `step`; what it holds of later ones is dropped, as are lines that a crash cut short. */
  static async open(path: string, step: number): Promise<MetricsFile> {
    const found = statSync(path, { throwIfNoEntry: false });
    const device = found !== undefined && !found.isFile();
    const kept = step === 0 || device ? [] : readMetrics(path).filter((metrics) => metrics.step <= step);
    if (!device) await writeFileAtomically(path, [kept.map((metrics) => `${JSON.stringify(metrics)}\n`).join("")]);
    return new MetricsFile(path, openSync(path, "a"), kept);
  }

  write(metrics: StepMetrics): void {
    this.attempt(() => writeSync(this.file, `${JSON.stringify(metrics)}\n`));
  }

  /** Returns when all lines are on the disk. */
  flush(): void {
    this.attempt(() => fsyncSync(this.file));
  }

  close(): void {
    closeSync(this.file);
  }

  private attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EINVAL" || code === "ENOTSUP") return; // a pipe or a device, which has nothing to flush
      fail(
        "metrics",
        `to be able to write ${this.path}`,
        code === "ENOSPC" ? "a full disk (ENOSPC)" : message,
        "the last checkpoint is untouched",
      );
    }
  }
}

/**
 * Says before anything is made whether metrics can go to this file: a new one, a device, or one that holds metrics and nothing else.
 * @throws HeedError for a folder that is not there, and a file of something else, which writing would destroy
 */
export function checkMetricsFile(path: string): void {
  const label = "heed train --metrics";
  if (path === "-") fail(label, "a file", "-", "/dev/stdout prints them; ./- is a file of that name");
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) fail(label, "a file", `the folder ${path}`, "give a file in it");
  if (found === undefined && !statSync(dirname(resolve(path)), { throwIfNoEntry: false })?.isDirectory())
    fail(label, `a folder ${dirname(path)} for ${path}`, "none", "make it first");
  if (!found?.isFile() || found.size === 0) return;
  const [line] = readFileSync(path, "utf8").split("\n", 1);
  if (!isMetrics(line))
    fail(label, "a new file, or one of metrics", `${path}, which holds something else`, "give another file");
}

function isMetrics(line: string): boolean {
  try {
    return typeof JSON.parse(line)?.step === "number";
  } catch {
    return false;
  }
}

function readMetrics(path: string): StepMetrics[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  const lines = text.split("\n").filter(isMetrics);
  return lines.map((line) => JSON.parse(line) as StepMetrics);
}
