// A GPT's training step (forward, backward, clipping, AdamW) in two sizes, against PyTorch eager and torch.compile; both start from the
// same weights, and their first losses are compared before anything is timed.

import { type Contest, compare } from "./lib/compare.js";
import { SIZES, type Size, Training } from "./lib/gpt.js";
import { quick } from "./lib/machine.js";
import { type Case, Peer } from "./lib/peer.js";
import { Report, versus } from "./lib/report.js";
import { writeStart } from "./lib/start.js";

const LOSSES = 5;
const TOLERANCE = 1e-4;

/** How the step is written in PyTorch: attention and AdamW each in the two ways there are, and the model compiled or not. */
const EAGER = {
  eager: { attention: "sdpa", optimizer: "default", compiled: false },
  "eager, fused AdamW": { attention: "sdpa", optimizer: "fused", compiled: false },
  "eager, attention spelled out": { attention: "naive", optimizer: "default", compiled: false },
};
const COMPILED = {
  "torch.compile": { attention: "sdpa", optimizer: "default", compiled: true },
  "torch.compile, fused AdamW": { attention: "sdpa", optimizer: "fused", compiled: true },
};

const peer = await Peer.start("training.py");
const report = new Report("training", peer);
await measure("small", SIZES.small, { eager: 2, compiled: 1.5 }, { turnMs: 150, turns: 15 });
await measure("large", SIZES.large, { eager: 1.2 }, { turnMs: 1, turns: 7, warmup: 0 });
peer?.close();
report.print();

async function measure(
  name: string,
  size: Size,
  targets: { eager: number; compiled?: number },
  pace: Pick<Contest, "turnMs" | "turns" | "warmup">,
): Promise<void> {
  const training = new Training(size);
  const { layers, heads, width, context, batch } = size;
  const file = writeStart(training);
  const losses = Array.from({ length: LOSSES }, () => training.next());
  const variants = targets.compiled && !quick ? { ...EAGER, ...COMPILED } : EAGER;
  const peers: { [name: string]: Case } = {};
  for (const [variant, how] of Object.entries(variants)) {
    const shape = { layers, heads, width, context, vocabulary: size.vocabularySize };
    const work: Case = { name: "step", arguments: { file, ...shape, ...how, first: LOSSES } };
    if (await agrees(variant, work, losses)) peers[variant] = work;
  }
  const result = await compare(peer, { heed: () => training.next(), peers, ...pace });
  const work = `${name} GPT: ${layers} layers, ${heads} heads, width ${width}, context ${context}, batch ${batch}`;
  const [eager, compiled] = [EAGER, COMPILED].map((group) => fastest(Object.keys(group)));
  for (const variant of Object.keys(peers)) {
    const least = variant === eager ? targets.eager : variant === compiled ? targets.compiled : undefined;
    const target = least === undefined ? undefined : { ratio: least };
    report.add({ work, unit: "seconds", ...versus(result, variant), target });
  }
  if (!peer) report.add({ work, unit: "seconds", heed: result.heed });

  /** Of the ways that were measured, the one that leaves Heed the least lead. */
  function fastest(names: readonly string[]): string | undefined {
    const lead = (name: string) => result.peers[name]?.ratio.median ?? Number.POSITIVE_INFINITY;
    return names.filter((name) => result.peers[name]).sort((a, b) => lead(a) - lead(b))[0];
  }
}

/** Whether PyTorch can run it here; that both then do the same work is a condition of all that follows. */
async function agrees(variant: string, work: Case, losses: readonly number[]): Promise<boolean> {
  if (!peer) return false;
  let theirs: readonly number[];
  try {
    theirs = await peer.about<number[]>(work);
  } catch (error) {
    if (!work.arguments.compiled) throw error;
    report.note(`${variant} is left out, as it does not run here: ${error instanceof Error ? error.message : error}`);
    return false;
  }
  const apart = Math.max(...losses.map((loss, i) => Math.abs(loss - theirs[i])));
  if (!(apart <= TOLERANCE))
    throw new Error(`${variant}: losses ${theirs.join(", ")} where Heed has ${losses.join(", ")}`);
  return true;
}
