// Peak memory of training steps, each side in a fresh process, and whether memory grows over thousands of steps.

import type { Footprint } from "./lib/footprint.js";
import { footprintOf } from "./lib/fresh.js";
import { SIZES, type Size, Training } from "./lib/gpt.js";
import { quick } from "./lib/machine.js";
import { Peer } from "./lib/peer.js";
import { Report } from "./lib/report.js";
import { writeStart } from "./lib/start.js";
import { type Sample, sampleOf } from "./lib/statistics.js";

const [EARLY, LATE] = quick ? [50, 200] : [200, 2000];
const FEW = quick ? 2 : 5;
/** Two samples of a process that does not grow differ by about as much. */
const NOISE = 4 * 2 ** 20;

let peer = await Peer.start("memory.py");
const report = new Report("memory", peer);
const small = await measure("small GPT", SIZES.small, [EARLY, LATE], [EARLY]);
await measure("large GPT", SIZES.large, [FEW], [FEW]);
report.add({
  work: `small GPT: growth from step ${EARLY} to ${LATE}`,
  unit: "bytes",
  heed: one(small.marks[1] - small.marks[0]),
  target: { below: NOISE },
});
report.print();

async function measure(name: string, size: Size, marks: number[], theirMarks: number[]): Promise<Footprint> {
  const heed = await footprintOf({ size, marks });
  const torch = await peerFootprint(size, theirMarks);
  const row = (work: string, of: (footprint: Footprint) => number, target?: { ratio: number }) =>
    report.add({
      work: `${name}: ${work}`,
      unit: "bytes",
      heed: one(of(heed)),
      peer: torch && { name: "eager", value: one(of(torch)), ratio: one(of(torch) / of(heed)) },
      target,
    });
  row("runtime alone", ({ base }) => base);
  row("peak", ({ peak }) => peak, { ratio: 1 });
  row("peak above the runtime", ({ peak, base }) => peak - base, { ratio: 1 });
  return heed;
}

/** A new process for each, as the peak is one of a process. */
async function peerFootprint(size: Size, marks: number[]): Promise<Footprint | undefined> {
  peer ??= await Peer.start("memory.py");
  if (!peer) return undefined;
  const { layers, heads, width, context, vocabularySize: vocabulary } = size;
  const shape = { layers, heads, width, context, vocabulary };
  const how = { attention: "sdpa", optimizer: "default", compiled: false };
  const file = writeStart(new Training(size));
  const footprint = await peer.about<Footprint>({ name: "footprint", arguments: { file, ...shape, ...how, marks } });
  peer.close();
  peer = null;
  return footprint;
}

function one(value: number): Sample {
  return sampleOf([value]);
}
