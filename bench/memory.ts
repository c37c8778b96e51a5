// Peak memory of training steps, each side in a fresh process, and whether memory grows over thousands of steps.

import type { Footprint, Request } from "./lib/footprint.js";
import { inFreshProcess } from "./lib/fresh.js";
import { SIZES, type Size, Training } from "./lib/gpt.js";
import { quick } from "./lib/machine.js";
import { Peer } from "./lib/peer.js";
import { Report } from "./lib/report.js";
import { writeStart } from "./lib/start.js";
import { type Sample, sampleOf } from "./lib/statistics.js";

const [EARLY, LATE] = quick ? [50, 200] : [200, 2000];
const FEW = quick ? 2 : 5;
const MiB = 2 ** 20;

type Peak = Pick<Footprint, "base" | "peak">;

let peer = await Peer.start("memory.py");
const report = new Report("memory", peer);
const small = await measure("small GPT", SIZES.small, [EARLY, LATE], EARLY);
await measure("large GPT", SIZES.large, [FEW], FEW);
const [early, late] = small.marks;
const growth = (of: string, bytes: number, below: number) =>
  report.add({
    work: `small GPT: growth of ${of}, step ${EARLY} to ${LATE}`,
    unit: "bytes",
    heed: one(bytes),
    target: { below },
  });
growth("objects and buffers", late.held - early.held, 1 * MiB);
growth("resident memory", late.resident - early.resident, 32 * MiB);
report.print();

async function measure(name: string, size: Size, marks: number[], theirSteps: number): Promise<Footprint> {
  const request: Request = { size, marks };
  const heed = await inFreshProcess<Footprint>(["lib/footprint", "lib/gpt", "lib/resident"], request);
  const torch = await peerFootprint(size, theirSteps);
  const row = (work: string, of: (footprint: Peak) => number, target?: { ratio: number }) =>
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
async function peerFootprint(size: Size, steps: number): Promise<Peak | undefined> {
  peer ??= await Peer.start("memory.py");
  if (!peer) return undefined;
  const { layers, heads, width, context, vocabularySize: vocabulary } = size;
  const shape = { layers, heads, width, context, vocabulary };
  const how = { attention: "sdpa", optimizer: "default", compiled: false };
  const file = writeStart(new Training(size));
  const footprint = await peer.about<Peak>({ name: "footprint", arguments: { file, ...shape, ...how, steps } });
  peer.close();
  peer = null;
  return footprint;
}

function one(value: number): Sample {
  return sampleOf([value]);
}
