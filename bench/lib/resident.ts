// How much memory this process has resident, now and at most. It imports nothing of Heed's, as it also runs where memory is measured.

import { readFileSync, writeFileSync } from "node:fs";

export function residentBytes(): number {
  return process.memoryUsage().rss;
}

/** The system's own record where it keeps one for this program alone; maxRSS may remember the parent that started it. */
export function peakBytes(): number {
  try {
    const line = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (line) return Number(line[1]) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Lets the peak begin anew from what is resident now. Where the system cannot, the earlier peak goes on to count: never too little. */
export function forgetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // not Linux, or not allowed
  }
}
