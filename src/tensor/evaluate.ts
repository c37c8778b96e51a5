// The one place where graph, compiler and executor meet: pending nodes become one program, run in one call.

import { fail } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { type CompileOptions, compile } from "../compiler/compile.js";
import type { Executable, Executor, ExecutorName, Memory } from "../executors/executor.js";
import { nativeExecutor, nativeProblem } from "../executors/native.js";
import { ReferenceExecutor } from "../executors/reference.js";
import { forgetNodes, type Node } from "../graph/node.js";
import type { Program } from "../program/program.js";
import { copied } from "./copied.js";
import { finish, finishedLeaf, knownLeaf } from "./finished.js";
import { letGoBehind, noteComputed, pendingUnder, worthKeeping } from "./keep.js";
import { leafValue, Value } from "./value.js";

let current: Executor | null = null;

/** The executor in use: HEED_EXECUTOR, or the fastest that works here. */
export function executor(): Executor {
  current ??= chooseExecutor();
  return current;
}

/** Runs everything from now on with another executor; returns the one before. */
export function setExecutor(next: Executor): Executor {
  const before = executor();
  current = next;
  return before;
}

function environment(name: string): string | undefined {
  return typeof process === "undefined" ? undefined : process.env[name];
}

function chooseExecutor(): Executor {
  const wish = environment("HEED_EXECUTOR") as ExecutorName | undefined;
  if (wish === "reference") return new ReferenceExecutor();
  if (wish && wish !== "native") fail("HEED_EXECUTOR", "native or reference", wish);
  const native = nativeExecutor();
  if (native) return native;
  if (wish === "native")
    fail(
      "HEED_EXECUTOR=native",
      "the native addon",
      nativeProblem() ?? "none",
      "run `npm run build`, or `heed doctor` to see what is missing",
    );
  console.warn(
    `heed: running on the reference executor, which is much slower: ${nativeProblem() ?? "no native addon"}. \`npx heed doctor\` says how to get the native one.`,
  );
  return new ReferenceExecutor();
}

const prepared = new WeakMap<Executor, WeakMap<Program, Executable>>();

export function prepare(program: Program, on: Executor): Executable {
  let programs = prepared.get(on);
  if (!programs) prepared.set(on, (programs = new WeakMap()));
  let executable = programs.get(program);
  if (!executable) programs.set(program, (executable = on.prepare(program)));
  return executable;
}

export function compileOptions(): CompileOptions {
  return { capabilities: executor().capabilities, known: knownLeaf };
}

/** What running these nodes computes besides them, to be kept. */
export function keptBeside(nodes: readonly Node[]): Node[] {
  return worthKeeping(pendingUnder(nodes), nodes);
}

/** Computes every node that is not finished yet, all in one program. Afterwards `finishedLeaf` knows each. */
export function evaluate(nodes: readonly Node[]): void {
  evaluateWith(nodes, []);
}

/** Numbers that are only to be copied need no program. */
function copyNow(node: Node): boolean {
  const value = copied(node, executor());
  if (!value) return false;
  const pending = pendingUnder([node]);
  finish(node, value);
  forgetNodes();
  letGoBehind(pending);
  return true;
}

/** As evaluate, and in the same program the numbers of `fresh`, each in memory that nothing else shares. */
export function evaluateWith(nodes: readonly Node[], fresh: readonly Node[]): Value[] {
  const asked = [...new Set(nodes)].filter((n) => !finishedLeaf(n) && !copyNow(n));
  if (asked.length + fresh.length === 0) return [];
  const pending = pendingUnder([...asked, ...fresh]);
  const kept = worthKeeping(pending, asked);
  const outputs = [...asked, ...kept, ...fresh];
  const on = executor();
  const { program, leaves } = compile({ outputs, writes: [] }, compileOptions());
  const externals: Memory[] = leaves.map((leaf) => leafValue(leaf).memoryFor(on));
  const results = outputs.map(
    (node) => new Value(node.dtype, node.shape, on.allocate(node.dtype, sizeOf(node.shape)), on),
  );
  for (const result of results) externals.push(result.memory as Memory);
  prepare(program, on).run(externals);
  asked.forEach((node, i) => finish(node, results[i]));
  kept.forEach((node, i) => {
    const value = results[asked.length + i];
    value.unasked = true;
    finish(node, value);
  });
  noteComputed(pending);
  forgetNodes();
  letGoBehind(pending);
  return results.slice(asked.length + kept.length);
}
