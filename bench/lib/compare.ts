// Heed and its peers by turns in one run, A B A B ...: what else the machine does, and how warm it is, meets all alike. While one
// works the other has come to rest, and neither waits on the other inside its timed part.

import { quick } from "./machine.js";
import type { Case, Peer } from "./peer.js";
import { settle } from "./settle.js";
import { quotients, type Sample, sampleOf } from "./statistics.js";

export interface Contest {
  /** One call of Heed, finished when it returns. */
  readonly heed: () => void;
  /** The same work elsewhere, each under a name for people. */
  readonly peers: { readonly [name: string]: Case };
  /** How long one side's turn should last, in milliseconds: many calls of a short work, one of a long one. */
  readonly turnMs?: number;
  readonly turns?: number;
  /** Untimed calls at the beginning of each turn, as the other side has emptied the caches; 1 by default. */
  readonly warmup?: number;
}

export interface Result {
  /** Seconds of one call. */
  readonly heed: Sample;
  readonly peers: { readonly [name: string]: { readonly seconds: Sample; readonly ratio: Sample } | undefined };
}

/** Seconds of a call on each side, and how many times as fast Heed is. */
export async function compare(peer: Peer | null, contest: Contest): Promise<Result> {
  const { heed, warmup = 1 } = contest;
  const turnMs = (contest.turnMs ?? 40) / (quick ? 4 : 1);
  const turns = quick ? 3 : (contest.turns ?? 15);
  const cases = peer ? Object.entries(contest.peers) : [];
  const repeat = Math.max(1, Math.round(turnMs / 1000 / calibrate(heed)));
  const mine: number[] = [];
  const theirs = cases.map((): number[] => []);
  for (let turn = -1; turn < turns; turn++) {
    await settle();
    const seconds = timeCalls(heed, repeat, warmup);
    if (turn >= 0) mine.push(seconds);
    await settle();
    for (const [i, [, work]] of cases.entries()) {
      const other = await (peer as Peer).time(work, repeat, warmup);
      if (turn >= 0) theirs[i].push(other); // the turn before the first warms everything up
    }
  }
  const peers = Object.fromEntries(
    cases.map(([name], i) => [name, { seconds: sampleOf(theirs[i]), ratio: quotients(theirs[i], mine) }]),
  );
  return { heed: sampleOf(mine), peers };
}

/** Seconds of one call, the mean over `repeat` calls after `warmup` untimed ones. */
export function timeCalls(call: () => void, repeat: number, warmup: number): number {
  for (let i = 0; i < warmup; i++) call();
  const start = performance.now();
  for (let i = 0; i < repeat; i++) call();
  return (performance.now() - start) / 1000 / repeat;
}

/** About how long a call takes once the JavaScript engine has compiled it. */
function calibrate(call: () => void): number {
  let seconds = timeCalls(call, 1, 1);
  for (let repeat = 4; seconds * repeat < 0.02; repeat *= 4) seconds = timeCalls(call, repeat, 0);
  return seconds;
}
