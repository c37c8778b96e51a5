// Runs in a process of its own, started by fresh.ts: trains for so many steps, each on a new batch, and prints how much memory the process
// held at the marked steps and at most. Its argument is the JSON of a Request.

import { type Size, Training } from "./gpt.js";
import { peakBytes } from "./resident.js";

export interface Request {
  readonly size: Size;
  /** After which steps to look, in order; the last is the end. */
  readonly marks: readonly number[];
}

/** Bytes. */
export interface Footprint {
  /** Resident before the model is made. */
  readonly base: number;
  /** The most that was ever resident. */
  readonly peak: number;
  readonly marks: readonly Mark[];
}

/** What there is when everything that nobody refers to has been collected. */
export interface Mark {
  /** Of the process; moves by some MiB as V8 sizes its heap and compiles. */
  readonly resident: number;
  /** JavaScript objects and the buffers they own. */
  readonly held: number;
}

const { size, marks } = JSON.parse(process.argv[2]) as Request;
const base = process.memoryUsage().rss;
const training = new Training(size);
const found: Mark[] = [];
for (let step = 1; step <= marks[marks.length - 1]; step++) {
  training.step(training.tokens(), training.tokens()).item();
  if (marks.includes(step)) found.push(await mark());
}
console.log(JSON.stringify({ base, marks: found, peak: peakBytes() } satisfies Footprint));

async function mark(): Promise<Mark> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve)); // finalizers run between turns of the event loop
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, held: heapUsed + external };
}
