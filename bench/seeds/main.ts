// The examples against their PyTorch originals: forward passes, and steps of those that train. Heed's side is compiled, PyTorch's is eager,
// its forward passes in inference mode; both have the same weights, and must give the same numbers. --only 01,10: some of the examples.

import { readdirSync } from "node:fs";
import { contest } from "../lib/contest.js";
import { listOf } from "../lib/machine.js";
import { Peer } from "../lib/peer.js";
import { Report } from "../lib/report.js";
import type { Seed } from "../lib/seed.js";

const FIRST_STEPS = 3; // of a training, compared before anything is timed

const only = listOf("only");
const examples = readdirSync(new URL(".", import.meta.url))
  .filter((file) => /^\d\d-.*\.ts$/.test(file))
  .map((file) => file.slice(0, -3))
  .sort();
const unknown = only?.find((start) => !examples.some((example) => example.startsWith(start)));
if (unknown !== undefined) {
  console.error(`--only: there is no ${unknown || "empty name"}; there are ${examples.join(", ")}`);
  process.exit(1);
}

const peer = await Peer.start("seeds.py");
const report = new Report("seeds", peer);
for (const example of examples.filter((name) => !only || only.some((start) => name.startsWith(start)))) {
  const seeds = (await import(new URL(`${example}.ts`, import.meta.url).href)) as { readonly [name: string]: Seed };
  for (const [name, { work, least, pace, make }] of Object.entries(seeds)) {
    const first = name.startsWith("training") ? FIRST_STEPS : 1;
    await contest(
      { peer, report },
      {
        work: `${example.slice(0, 2)} ${work}`,
        heed: make(),
        rivals: { eager: { case: { name: "seed", arguments: { example, name, first } }, least } },
        pace,
        first,
      },
    );
  }
}
peer?.close();
report.print();
