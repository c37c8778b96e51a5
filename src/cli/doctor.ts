// heed doctor: what Heed runs on here, why, and what to do about what is missing.

import { spawnSync } from "node:child_process";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { fileURLToPath } from "node:url";
import { NativeExecutor, nativeProblem } from "../executors/native.js";
import { executor } from "../tensor/evaluate.js";
import { rand } from "../tensor/random.js";
import type { Parsed } from "./arguments.js";
import type { Io } from "./io.js";
import type { doctorVerb } from "./verbs.js";
import { version } from "./version.js";

interface Report {
  readonly heed: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** null where none can be had. */
  readonly executor: string | null;
  readonly why: string;
  readonly instructionSet: string | null;
  readonly instructionSets: readonly string[];
  readonly threads: number | null;
  /** Of a 512 by 512 by 512 product in f32. */
  readonly gflops: number | null;
  readonly missing: readonly { readonly what: string; readonly remedy: string }[];
}

/** Prints the report. Returns 0, or 1 where no executor can be had. */
export async function doctor({ flags }: Parsed<(typeof doctorVerb)["flags"]>, io: Io): Promise<number> {
  const report = examine();
  io.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : asText(report));
  return report.executor === null ? 1 : 0;
}

function examine(): Report {
  const missing: { what: string; remedy: string }[] = [];
  let chosen: ReturnType<typeof executor> | null = null;
  let why = "";
  try {
    const problem = nativeProblem();
    chosen = executor();
    const wish = process.env.HEED_EXECUTOR;
    if (wish) why = `HEED_EXECUTOR is ${wish}`;
    else why = problem ? "the native kernels are missing" : "the fastest there is here";
    if (problem) missing.push({ what: problem, remedy: howToBuild() });
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
    missing.push({
      what: "an executor",
      remedy: "unset HEED_EXECUTOR, HEED_ISA and HEED_THREADS, or set them to what there is",
    });
  }
  const native = chosen instanceof NativeExecutor ? chosen : null;
  return {
    heed: version(),
    node: process.version,
    platform: `${platform()} ${arch()} ${release()}`,
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores: availableParallelism(),
    executor: chosen?.name ?? null,
    why,
    instructionSet: native?.isa ?? null,
    instructionSets: native?.isas ?? [],
    threads: native?.threads ?? (chosen ? 1 : null),
    gflops: chosen ? measure(native ? 512 : 64) : null,
    missing,
  };
}

/** Billions of operations per second in a square matrix product: the best of a few. */
function measure(size: number): number {
  const [a, b] = [rand(size, size), rand(size, size)];
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    a.add(i).matmul(b).evaluate();
    best = Math.min(best, performance.now() - began);
  }
  return Number(((2 * size ** 3) / best / 1e6).toPrecision(3));
}

function howToBuild(): string {
  const script = fileURLToPath(new URL("../../scripts/build-native.mjs", import.meta.url));
  const tools = platform() === "win32" ? [["python"]] : [["cc", "gcc", "clang"], ["make"], ["python3", "python"]];
  const absent = tools.filter((names) => !names.some(isThere)).map(([name]) => name);
  const get: Partial<Record<string, string>> = {
    darwin: "xcode-select --install",
    win32: "install Visual Studio Build Tools with C++ and Clang, and Python 3",
    linux: "install a C compiler, make and Python 3 (Debian, Ubuntu: apt-get install build-essential python3)",
  };
  const first = absent.length > 0 ? `${absent.join(", ")} not found: ${get[platform()] ?? get.linux}; then ` : "";
  return `${first}run: node ${script}`;
}

function isThere(tool: string): boolean {
  return spawnSync(tool, ["--version"], { stdio: "ignore" }).status === 0;
}

function asText(report: Report): string {
  const others = report.instructionSets.filter((isa) => isa !== report.instructionSet);
  const rows: [string, string | 0 | null][] = [
    ["heed", report.heed],
    ["node", report.node],
    ["platform", report.platform],
    ["processor", `${report.cpu}, ${report.cores} cores`],
    ["executor", report.executor === null ? `none: ${report.why}` : `${report.executor}: ${report.why}`],
    [
      "kernels",
      report.instructionSet &&
        `${report.instructionSet}${others.length > 0 ? ` (also here: ${others.join(", ")}; HEED_ISA chooses)` : ""}`,
    ],
    ["threads", report.threads && `${report.threads}${report.instructionSet ? " (HEED_THREADS sets it)" : ""}`],
    ["speed", report.gflops && `${report.gflops} GFLOP/s in a matrix product`],
    ...report.missing.map(({ what, remedy }): [string, string] => ["missing", `${what}\n${" ".repeat(11)}${remedy}`]),
  ];
  if (report.missing.length === 0) rows.push(["missing", "nothing"]);
  return rows.flatMap(([name, value]) => (value ? [`${name.padEnd(11)}${value}\n`] : [])).join("");
}
