// Attention against PyTorch in the textbook's text forward and backward, masks and score functions, decoding, a small layer, and memory.
// Each row begins with both sides computing the same numbers. --only text,backward,window,scores,decode,layer,memory: some of the rows.

import type { Table } from "../lib/contest.js";
import { listOf } from "../lib/machine.js";
import { Peer } from "../lib/peer.js";
import { Report } from "../lib/report.js";
import { measureDecode } from "./decode.js";
import { measureLayer } from "./layer.js";
import { measureMemory } from "./memory.js";
import { measureScores, measureWindow } from "./scores.js";
import { measureBothPasses, measureText } from "./text.js";

const SECTIONS: { readonly [name: string]: (table: Table) => Promise<void> } = {
  text: measureText,
  backward: measureBothPasses,
  window: measureWindow,
  scores: measureScores,
  decode: measureDecode,
  layer: measureLayer,
  memory: measureMemory,
};

const names = listOf("only") ?? Object.keys(SECTIONS);
const unknown = names.find((name) => !(name in SECTIONS));
if (unknown !== undefined) {
  console.error(`--only: there is no ${unknown || "empty name"}; there are ${Object.keys(SECTIONS).join(", ")}`);
  process.exit(1);
}
const peer = await Peer.start("attention.py");
const report = new Report("attention", peer);
for (const name of names) await SECTIONS[name]({ peer, report });
peer?.close();
report.print();
