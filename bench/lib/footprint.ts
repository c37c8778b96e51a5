// Runs in a process of its own, started by fresh.ts: trains for so many steps, each on a new batch, and prints how much memory the process
// held at the marked steps and at most. Its argument is the JSON of a Request.

import { readFileSync } from "node:fs";
import { type Size, Training } from "./gpt.js";

export interface Request {
  readonly size: Size;
  /** After which steps to look, in order; the last is the end. */
  readonly marks: readonly number[];
}

/** Bytes resident: before the model is made, at the marks, and at most. */
export interface Footprint {
  readonly base: number;
  readonly marks: readonly number[];
  readonly peak: number;
}

const { size, marks } = JSON.parse(process.argv[2]) as Request;
const base = process.memoryUsage().rss;
const training = new Training(size);
const found: number[] = [];
for (let step = 1; step <= marks[marks.length - 1]; step++) {
  training.step(training.tokens(), training.tokens()).item();
  if (marks.includes(step)) found.push(await held());
}
console.log(JSON.stringify({ base, marks: found, peak: peak() } satisfies Footprint));

/** What is still resident when what nobody refers to has been collected. */
async function held(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve)); // finalizers run between turns of the event loop
  }
  return process.memoryUsage().rss;
}

/** The system's own mark where it keeps one for this program alone; maxRSS may remember the parent that started it. */
function peak(): number {
  try {
    const line = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (line) return Number(line[1]) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
