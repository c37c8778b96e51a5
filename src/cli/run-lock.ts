// One run at a time to a folder: training.lock in it says who trains there. It is made so that of two that come at once one gets it, goes
// when the run ends in whatever way a process can notice, and counts for nothing once its process is gone (process-life.ts).

import {
  closeSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fail } from "../base/errors.js";
import { RUN_LOCK } from "../train/run-folder.js";
import { makeFolder } from "./make-folder.js";
import { identityOf, lives } from "./process-life.js";

/** What the file holds, as JSON. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the run began: ISO 8601. */
  readonly started: string;
  /** Tells the process from a later one of the same number, where the system can; else null. */
  readonly process: string | null;
}

/** The file's text, and what it says: null where that is nothing. */
interface Found {
  readonly text: string;
  readonly holder: Holder | null;
}

/** How often a lock that says nothing is read again, 50 ms apart: it may be just being written. */
const PATIENCE = 10;
/** Bytes of a lock at most. */
const LONGEST = 4096;
/** How often one may come too late: each time another process was faster. */
const MOST_TRIES = 100;
const held = new Set<RunLock>();
let moved = 0;

export class RunLock {
  private constructor(
    private readonly folder: string,
    private readonly path: string,
    private readonly text: string,
  ) {
    held.add(this);
  }

  /**
   * Makes the folder this process's own until `release`. The folder must be there.
   * @param note takes a sentence where the lock of a process that is gone was taken over
   * @throws HeedError where another run is writing to the folder, or no file can be written there
   */
  static async take(folder: string, note: (sentence: string) => void): Promise<RunLock> {
    const path = join(folder, RUN_LOCK);
    const started = new Date().toISOString();
    const own: Holder = { pid: process.pid, host: hostname(), started, process: identityOf(process.pid) };
    const text = `${JSON.stringify(own)}\n`;
    await claim(folder, path, text, note);
    return new RunLock(folder, path, text);
  }

  /**
   * Before something is written: makes sure that the folder is this run's still.
   * @returns whether it had been removed, and was made anew
   * @throws HeedError where another run has it meanwhile, or no file can be written there
   */
  async confirm(): Promise<boolean> {
    if (contents(this.path) === this.text) return false;
    makeFolder(this.folder);
    return await claim(this.folder, this.path, this.text, () => {});
  }

  /** Gives the folder free; once more does nothing. A lock that is not this one's stays. */
  release(): void {
    if (!held.delete(this)) return;
    try {
      if (contents(this.path) === this.text) unlinkSync(this.path);
    } catch {
      // Gone already, with the folder perhaps; what cannot be removed counts for nothing once this process has ended.
    }
  }

  /** @internal Whether a lock of this process says this. */
  static isOwn(text: string): boolean {
    return [...held].some((lock) => lock.text === text);
  }
}

/** @throws HeedError where another run is writing to the folder */
export async function refuseBusyFolder(folder: string): Promise<void> {
  const path = join(folder, RUN_LOCK);
  const found = await read(path);
  if (found && isHeld(found)) refuse(folder, path, found.holder as Holder);
}

/**
 * Writes the lock, in place of one that counts for nothing, of which `note` is told; false where it is there by itself.
 * @throws HeedError where there is another that counts, or no file can be written
 */
async function claim(folder: string, path: string, text: string, note: (sentence: string) => void): Promise<boolean> {
  for (let tries = 0; !create(path, text); tries++) {
    if (tries > MOST_TRIES) fail("heed train", `to be able to make ${path}`, "something in its place", "remove it");
    const found = await read(path);
    if (!found) continue; // it went meanwhile, or leads nowhere
    if (found.text === text) return false; // it had been moved aside by mistake, and was put back
    if (isHeld(found)) refuse(folder, path, found.holder as Holder);
    if (remove(path, found)) note(takenOver(folder, found.holder));
  }
  return true;
}

/** False where there is a lock. */
function create(path: string, text: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    return cannotWrite(path, error as NodeJS.ErrnoException);
  }
  try {
    writeSync(file, text);
  } catch (error) {
    rmSync(path, { force: true });
    return cannotWrite(path, error as NodeJS.ErrnoException);
  } finally {
    closeSync(file);
  }
  return true;
}

/** How the file begins, which is all of a lock; null where there is none. */
function contents(path: string): string | null {
  try {
    if (!statSync(path).isFile()) throw new Error("something that is no file");
    const file = openSync(path, "r");
    try {
      const start = Buffer.alloc(LONGEST);
      return start.toString("utf8", 0, readSync(file, start));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    return fail("heed train", `to be able to read ${path}`, message, "see what it is, and move it away");
  }
}

/** Null where there is none. */
async function read(path: string): Promise<Found | null> {
  for (let tries = 0; ; tries++) {
    const text = contents(path);
    if (text === null) return null;
    const holder = parse(text);
    if (holder || tries === PATIENCE) return { text, holder };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function parse(text: string): Holder | null {
  try {
    const { pid, host, started, process } = JSON.parse(text) as Partial<Holder>;
    const number = Number.isInteger(pid) && (pid as number) > 0 && (pid as number) < 2 ** 31;
    const sound = number && typeof host === "string" && !Number.isNaN(Date.parse(String(started)));
    return sound ? ({ pid, host, started, process: process ?? null } as Holder) : null;
  } catch {
    return null;
  }
}

/** Whether the run that the lock speaks of goes on, as far as can be known: of another computer nothing can. */
function isHeld({ text, holder }: Found): boolean {
  if (holder === null) return false;
  if (holder.host !== hostname()) return true;
  return holder.pid === process.pid ? RunLock.isOwn(text) : lives(holder);
}

/** Removes a lock that counts for nothing, and no other: false where somebody else did, who may have put his own there. */
function remove(path: string, { text }: Found): boolean {
  const aside = join(path, "..", `.${RUN_LOCK}.${process.pid}.${moved++}.tmp`);
  try {
    renameSync(path, aside);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    fail("heed train", `to be able to remove ${path}, whose run is over`, message, "remove it by hand");
  }
  const got = contents(aside);
  try {
    if (got !== null && got !== text) writeFileSync(path, got, { flag: "wx" });
  } catch {
    // There is a lock again.
  }
  rmSync(aside, { force: true });
  return got === text;
}

function refuse(folder: string, path: string, { pid, host, started }: Holder): never {
  const since = `since ${local(started)}`;
  const expected = "a folder that no other run is writing to";
  if (host !== hostname()) {
    const remedy = `if it has ended, which cannot be seen from here, remove ${path}; or give another --out`;
    fail("heed train", expected, `${folder}, where process ${pid} on ${host} trains ${since}`, remedy);
  }
  const remedy = `wait for it, stop it by Ctrl-C there or by kill ${pid}, or give another --out`;
  fail("heed train", expected, `${folder}, where process ${pid} trains ${since}`, remedy);
}

function takenOver(folder: string, holder: Holder | null): string {
  if (holder === null) return `${join(folder, RUN_LOCK)} named no process; it has been replaced.`;
  const { pid, started } = holder;
  return `Process ${pid}, which trained in ${folder} since ${local(started)}, is gone without having ended its run; this one takes its place.`;
}

/** 2026-11-22 15:04:05, by the clock of the place. */
function local(time: string): string {
  return new Date(time).toLocaleString("sv-SE");
}

function cannotWrite(path: string, { code, message }: NodeJS.ErrnoException): never {
  const full = { ENOSPC: "a full disk", EDQUOT: "a used-up quota", EFBIG: "a limit on the size of files" }[code ?? ""];
  if (full) fail("heed train", `room for ${path}`, `${full} (${code})`, "free some, or give another --out");
  return fail("heed train", `to be able to write ${path}`, message, "give an --out that can be written to");
}
