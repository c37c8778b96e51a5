// Whether a process that wrote down its number still lives. Numbers are given again, after a restart of a container to the very same
// program; so beside the number there is what tells two processes of one number apart.

import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** A process as it wrote itself down, on this computer. */
export interface Process {
  readonly pid: number;
  /** ISO 8601 */
  readonly started: string;
  /** What `identityOf` gave then. */
  readonly process: string | null;
}

/** On Linux which start of the system it is, and how long after that the process began; null elsewhere, and where there is none. */
export function identityOf(pid: number): string | null {
  return statusOf(pid)?.identity ?? null;
}

export function lives({ pid, started, process: identity }: Process): boolean {
  try {
    process.kill(pid, 0); // sends nothing
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = statusOf(pid);
  if (now?.ended) return false;
  if (now && identity !== null) return now.identity === identity;
  // Without more to go by: what began before the system did has ended with the last one.
  return Date.parse(started) > Date.now() - 1000 * (uptime() + 60);
}

function statusOf(pid: number): { identity: string; ended: boolean } | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // "pid (name) state parent ...": the name may hold anything. The state Z has ended, and nobody has asked how.
    const [state, ...rest] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return { identity: `${boot}/${rest[18]}`, ended: state === "Z" || state === "X" };
  } catch {
    return null;
  }
}
