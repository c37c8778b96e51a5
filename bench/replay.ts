// What calling a compiled function costs beside its kernels: finding the recording, binding memory, handing out results.

import "./lib/hollow.js"; // first, before the addon is loaded

import { compile, randn, type Tensor } from "heed";
import { timeCalls } from "./lib/compare.js";
import { SIZES, type Size, Training } from "./lib/gpt.js";
import { kernels } from "./lib/hollow.js";
import { quick } from "./lib/machine.js";
import { Report, type Row } from "./lib/report.js";
import { settle } from "./lib/settle.js";
import { sampleOf } from "./lib/statistics.js";

const TURNS = quick ? 5 : 21;
const CALLS = quick ? 1000 : 5000;

const report = new Report("replay");

const step = stepOf(SIZES.small);
step(); // for real once, so that it is compiled and its numbers are sound
if (!kernels.within) throw new Error("lib/hollow.ts was imported after the addon had been loaded");
kernels.work = false;
await add("training step of the small GPT, kernels left out", step, { below: 20e-6 });
kernels.work = true;

const a = randn(16).evaluate();
const increment = compile((x: Tensor) => x.add(1));
await add("16 numbers plus 1, whole call", () => void increment(a));
await add(
  "the same step of a GPT too small to matter, whole call",
  stepOf({ ...SIZES.small, width: 4, context: 1, batch: 1, vocabularySize: 2 }),
);
report.print();

/** One call of the compiled training step, its loss not read. */
function stepOf(size: Size): () => void {
  const training = new Training(size);
  const [x, y] = training.batches[0];
  return () => void training.step(x, y);
}

async function add(work: string, call: () => void, target?: Row["target"]): Promise<void> {
  timeCalls(call, CALLS, 0);
  const seconds: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    await settle();
    seconds.push(timeCalls(call, CALLS, 10));
  }
  report.add({ work, unit: "seconds", heed: sampleOf(seconds), target });
}
