// One work of the table: Heed and its rivals are seen to compute the same, then timed by turns, and each rival gets a row.

import type { Tensor } from "heed";
import { compare } from "./compare.js";
import { checkDigests, type Digest, digestOf } from "./digest.js";
import { quick, tiny } from "./machine.js";
import type { Case, Peer } from "./peer.js";
import { type Report, type Row, versus } from "./report.js";

export interface Table {
  readonly peer: Peer | null;
  readonly report: Report;
}

export interface Rival {
  readonly case: Case;
  /** How many times as fast as it Heed should be. */
  readonly least?: number | null;
  /** The rows of this rival, where they are not about the time of a call of the work. */
  readonly row?: Pick<Row, "work" | "rate">;
  /** It needs something that a machine may lack (a C++ compiler), or takes long to make: not with --quick, and a note where it fails. */
  readonly optional?: boolean;
}

/** How long a turn takes: that of many short calls, one call of tens of milliseconds here or there, one of hundreds. */
const PACES = {
  short: {},
  middling: { turnMs: 1, turns: 9 },
  long: { turnMs: 1, turns: 7, warmup: 0 },
};

export type Pace = keyof typeof PACES;

export interface Contest {
  readonly work: string;
  readonly rate?: Row["rate"];
  /** One call; its results are freed, as the other side's are when the next ones replace them. */
  readonly heed: () => Tensor | readonly Tensor[];
  readonly rivals: { readonly [name: string]: Rival };
  readonly pace?: Pace;
  /** Calls whose results are compared: 1, unless given. Later steps of a training see whether the ones before were the same. */
  readonly first?: number;
}

export async function contest(table: Table, { work, rate, heed, rivals, pace, first = 1 }: Contest): Promise<void> {
  const { peer, report } = table;
  const call = () => {
    const results = heed();
    return Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
  };
  const ours: Digest[number][] = [];
  for (let i = 0; i < first; i++) {
    const results = call();
    ours.push(...digestOf(results));
    free(results);
  }
  const peers: { [name: string]: Case } = {};
  for (const [name, rival] of Object.entries(rivals))
    if (await agrees(table, `${work}, ${name}`, rival, ours)) peers[name] = rival.case;
  const result = await compare(peer, { heed: () => free(call()), peers, ...PACES[pace ?? "short"] });
  for (const name of Object.keys(peers)) {
    const { least, row } = rivals[name];
    const target = least && !tiny ? { ratio: least } : undefined;
    report.add({ work, rate, unit: "seconds", ...versus(result, name), target, ...row });
  }
  if (Object.keys(peers).length === 0) report.add({ work, rate, unit: "seconds", heed: result.heed });
}

/** Whether the rival is there; that it then does the same work is a condition of all that follows. */
async function agrees({ peer, report }: Table, work: string, rival: Rival, ours: Digest): Promise<boolean> {
  if (!peer || (rival.optional && quick)) return false;
  let theirs: Digest | null;
  try {
    theirs = await peer.about<Digest | null>(rival.case);
  } catch (error) {
    if (!rival.optional) throw error;
    report.note(`${work}: left out, as it does not run here: ${error instanceof Error ? error.message : error}`);
    return false;
  }
  if (theirs) checkDigests(work, ours, theirs); // a copy has nothing to say
  return true;
}

function free(results: readonly Tensor[]): void {
  for (const result of results) result.dispose();
}
