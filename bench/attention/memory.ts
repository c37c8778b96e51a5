// What both passes take of memory beside inputs, output and gradients at a length where the scores alone would be a gigabyte.

import type { Table } from "../lib/contest.js";
import { inFreshProcess } from "../lib/fresh.js";
import { tiny } from "../lib/machine.js";
import { Peer } from "../lib/peer.js";
import { sampleOf } from "../lib/statistics.js";
import type { Request } from "./extra-memory.js";
import { sizes } from "./sizes.js";

/** 64 MB, in bytes. */
const MOST = 64e6;
/** Less than a page cannot be told from nothing. */
const PAGE = 4096;

export async function measureMemory({ report }: Table): Promise<void> {
  const { T, D } = sizes.memory;
  const request: Request = { T, D };
  const files = ["attention/extra-memory", "attention/texts", "lib/resident"];
  const ours = Math.max(PAGE, await inFreshProcess<number>(files, request));
  const peer = await Peer.start("attention.py"); // a new process, as the peak is one of a process
  const theirs = peer && Math.max(PAGE, await peer.about<number>({ name: "extra_memory", arguments: { T, D } }));
  peer?.close();
  const one = (value: number) => sampleOf([value]);
  report.add({
    work: `text, forward and backward, T=${T}, one head: extra memory`,
    unit: "bytes",
    heed: one(ours),
    peer: theirs ? { name: "fused function", value: one(theirs), ratio: one(theirs / ours) } : undefined,
    target: tiny ? undefined : { below: MOST },
  });
}
