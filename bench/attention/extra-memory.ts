// Runs in a process of its own, started by memory.ts: one head, forward and backward, once; prints the bytes that were resident at most beside
// inputs, output and gradients. Its argument is the JSON of a Request.

import { forgetPeak, peakBytes, residentBytes } from "../lib/resident.js";
import { bothPasses, draw } from "./texts.js";

export interface Request {
  readonly T: number;
  readonly D: number;
}

const { T, D } = JSON.parse(process.argv[2]) as Request;
const passes = bothPasses();
passes(...inputs(64)); // the addon, its threads and the JavaScript engine are warm before anything is counted
const long = inputs(T);
globalThis.gc?.();
forgetPeak();
const before = residentBytes();
const results = passes(...long);
const made = results.reduce((sum, result) => sum + result.numel * 4, 0);
console.log(JSON.stringify(peakBytes() - before - made));

function inputs(length: number) {
  return draw(4, 1, length, D) as Parameters<typeof passes>;
}
