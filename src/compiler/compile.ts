// The ordered list of passes from a request to a program, and the cache: requests of equal structure share one program.

import { describe } from "../base/shape.js";
import { define } from "../graph/definitions.js";
import { type Node, topological } from "../graph/node.js";
import { printGraph } from "../graph/print.js";
import { rewrite, substitute } from "../graph/rewrite.js";
import type { Capabilities, Program } from "../program/program.js";
import { recogniseAttention } from "./attention.js";
import { standBeside } from "./beside.js";
import { differentiate } from "./differentiate.js";
import type { Request } from "./draft.js";
import { planUnits } from "./elementwise.js";
import { fuseEpilogues } from "./epilogues.js";
import { lower } from "./lower.js";
import { planMemory } from "./memory.js";
import { poolEarly } from "./pool.js";
import { reuseInputs } from "./reuse.js";
import { fuseSums } from "./side-sums.js";
import { simplify } from "./simplify.js";
import { formTiles } from "./tiles.js";
import { unrollRecurrent } from "./unroll.js";

export type { Request } from "./draft.js";

export interface Pass {
  readonly name: string;
  readonly run: (roots: readonly Node[], capabilities: Capabilities) => readonly Node[];
}

/** Graph to graph, in order; tests switch single ones off, `trace` is told what each leaves behind. */
export const PASSES: readonly Pass[] = [
  { name: "simplify", run: simplify },
  { name: "pool", run: poolEarly },
  { name: "attention", run: recogniseAttention },
  { name: "unroll", run: unrollRecurrent },
  { name: "differentiate", run: differentiate },
  { name: "tiles", run: formTiles },
  { name: "define", run: (roots) => rewrite(roots, define) },
  { name: "simplify", run: simplify },
];

export interface CompileOptions {
  readonly capabilities: Capabilities;
  /** The leaf that holds a finished node's numbers. */
  readonly known?: (node: Node) => Node | undefined;
  /** Called after each pass with the graph as text. */
  readonly trace?: (pass: string, graph: string) => void;
  /** In place of PASSES, for tests that leave one out; not part of the cache's key. */
  readonly passes?: readonly Pass[];
}

/** Runs every pass; no cache. The leaves come in the order of the program's first external slots; the outputs follow them. */
export function compileRequest(request: Request, options: CompileOptions): { program: Program; leaves: Node[] } {
  const { known, trace } = options;
  let roots: readonly Node[] = [...request.outputs, ...request.writes.map((w) => w.value)];
  trace?.("built", printGraph(roots));
  // Only what the request itself is made of: gradients may meet a node that is known by chance, which no cache key tells of.
  const order = topological(roots);
  const own = new Set(order);
  const finish = (nodes: readonly Node[]) =>
    known ? substitute(nodes, (n) => (own.has(n) ? known(n) : undefined)) : nodes;
  if (known) roots = finishGradients(roots, order, known);
  if (!roots.some((r) => r.hasGradient)) roots = finish(roots);
  for (const pass of options.passes ?? PASSES) {
    roots = pass.run(roots, options.capabilities);
    // Gradients look at the graph behind finished values; from here on their numbers serve.
    if (pass.name === "differentiate") roots = finish(roots);
    trace?.(pass.name, printGraph(roots));
  }
  const count = request.outputs.length;
  const plain: Request = {
    outputs: roots.slice(0, count),
    writes: request.writes.map((w, i) => ({ leaf: w.leaf, value: roots[count + i] })),
  };
  const lowered = lower(plain, planUnits(roots, options.capabilities), options.capabilities);
  const finished = options.capabilities.matmulEpilogue ? fuseEpilogues(lowered) : lowered;
  const draft = options.capabilities.matmulSums ? fuseSums(finished) : finished;
  return { program: planMemory(standBeside(reuseInputs(draft))), leaves: draft.leaves.map((l) => l.node) };
}

/** Gradients whose numbers are there serve at once, unless another gradient looks behind them. */
function finishGradients(
  roots: readonly Node[],
  order: readonly Node[],
  known: NonNullable<CompileOptions["known"]>,
): readonly Node[] {
  const gradients = order.filter((n) => n.op === "gradient");
  if (!gradients.some(known)) return roots;
  const behind = new Set(topological(gradients.filter((n) => !known(n)).flatMap((n) => n.inputs)));
  return substitute(roots, (n) => (n.op === "gradient" && !behind.has(n) ? known(n) : undefined));
}

interface Cache {
  readonly programs: Map<string, { program: Program; leaves: number[] }>;
  /** Characters of all keys: programs grow with them. */
  size: number;
}

/** One for each set of capabilities: executors that can do different things get different programs. */
const caches = new WeakMap<Capabilities, Cache>();
const MOST_PROGRAMS = 1000;
const LARGEST_CACHE = 2 ** 24;

/** As compileRequest, but a request of the same structure as an earlier one gets the earlier program. */
export function compile(request: Request, options: CompileOptions): { program: Program; leaves: Node[] } {
  const { key, leaves } = structure(request, options.known);
  let cache = caches.get(options.capabilities);
  if (!cache) caches.set(options.capabilities, (cache = { programs: new Map(), size: 0 }));
  const hit = cache.programs.get(key);
  if (hit) {
    // The last in the map is the one used last: what is used again and again outlives any number of others.
    cache.programs.delete(key);
    cache.programs.set(key, hit);
    return { program: hit.program, leaves: hit.leaves.map((i) => leaves[i]) };
  }
  const compiled = compileRequest(request, options);
  cache.size += key.length;
  for (const oldest of cache.programs.keys()) {
    if (cache.programs.size < MOST_PROGRAMS && cache.size <= LARGEST_CACHE) break;
    cache.programs.delete(oldest);
    cache.size -= oldest.length;
  }
  cache.programs.set(key, { program: compiled.program, leaves: compiled.leaves.map((leaf) => leaves.indexOf(leaf)) });
  return compiled;
}

/** The request as text in which leaves have numbers instead of identities, and the leaves in that order. */
function structure(request: Request, known?: CompileOptions["known"]): { key: string; leaves: Node[] } {
  const roots = [...request.outputs, ...request.writes.map((w) => w.value)];
  const all = roots.some((r) => r.hasGradient);
  const order = topological(roots, (n) => !all && known?.(n) !== undefined);
  const numbers = new Map<Node, number>();
  const leaves: Node[] = [];
  const leafNumbers = new Map<Node, number>();
  const leafNumber = (leaf: Node) => {
    const at = leafNumbers.get(leaf) ?? leaves.push(leaf) - 1;
    leafNumbers.set(leaf, at);
    return at;
  };
  const lines: string[] = [];
  for (const node of order) {
    numbers.set(node, numbers.size);
    const leaf = node.op === "leaf" ? node : known?.(node);
    const inputs = node.op === "leaf" || (leaf && !all) ? "" : node.inputs.map((i) => numbers.get(i)).join();
    // A leaf has no text, and an alias is told from others by its place, not by its number.
    const text = node.op === "leaf" || node.op === "alias" ? `${node.op} ${describe(node)}` : node.text;
    lines.push(`${text}(${inputs})${leaf ? `@${leafNumber(leaf)}` : ""}`);
  }
  const writes = request.writes.map((w) => `${numbers.get(w.value)}>${leafNumber(w.leaf)}`);
  lines.push(`${request.outputs.map((n) => numbers.get(n)).join()};${writes.join()}`);
  return { key: lines.join("\n"), leaves };
}
