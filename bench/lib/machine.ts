// What the figures hold for: the machine, the threads, how busy it is with other things, and the flags of this run.

import { cpus, loadavg } from "node:os";
import { nativeExecutor, nativeProblem } from "../../src/executors/native.js";

const native = nativeExecutor();
if (!native) {
  console.error(`Benchmarks need the native executor: ${nativeProblem()}`);
  process.exit(1);
}

/** Both sides use as many: HEED_THREADS, or one a core. */
export const threads: number = native.threads;

/** --json: one line of JSON instead of a table. --quick: fewer turns and smaller sizes, to see that everything runs. */
export const json: boolean = process.argv.includes("--json");
/** --tiny: sizes at which even the reference executor is quick, where a benchmark has them; the figures then mean nothing. */
export const tiny: boolean = process.argv.includes("--tiny");
export const quick: boolean = tiny || process.argv.includes("--quick");

/** The words of `--name a,b`; null where the flag is not given. */
export function listOf(name: string): readonly string[] | null {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? null : (process.argv[at + 1] ?? "").split(",");
}

export interface Machine {
  readonly processor: string;
  readonly kernels: string;
  readonly threads: number;
  /** Mean number of processes that wanted a core in the last minute. */
  readonly load: number;
  readonly node: string;
  readonly python?: string;
  readonly torch?: string;
}

export function describeMachine(versions?: { readonly python: string; readonly torch: string }): Machine {
  const processor = cpus()[0]?.model.trim() ?? "unknown";
  const load = Math.round(loadavg()[0] * 10) / 10;
  return { processor, kernels: native?.isa ?? "none", threads, load, node: process.version, ...versions };
}
