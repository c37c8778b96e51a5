// Runs what a row writes twice, with and without the passes that fuse attention, and says how the two programs differ in steps and numbers.

import { f32ArrayFromBf16, f32ArrayFromF16 } from "../../src/base/half.js";
import { sizeOf, describe as typed } from "../../src/base/shape.js";
import { compileRequest, PASSES } from "../../src/compiler/compile.js";
import type { Executor, Memory } from "../../src/executors/executor.js";
import type { Node } from "../../src/graph/node.js";
import { grad, type Tensor, tensor } from "../../src/index.js";
import { printProgram } from "../../src/program/print.js";
import type { Program } from "../../src/program/program.js";
import { type Trace, withTrace } from "../../src/tensor/trace.js";
import { leafValue } from "../../src/tensor/value.js";
import { allClose, type Tolerance } from "../support/compare.js";
import { functional, hash, makeInput, parseInput } from "../support/inputs.js";
import type { Lookalike } from "./lookalike.js";
import type { Spelling } from "./spelling.js";

const FUSING = new Set(["pool", "attention", "tiles"]);
const SPELLED = PASSES.filter((pass) => !FUSING.has(pass.name));

/** What is compared: the output first, then other outputs, then gradients. */
export interface Wanted {
  readonly outputs: readonly Tensor[];
  readonly gradients: readonly Tensor[];
}

/** Inputs of a row, the numbers being there. */
function inputsOf(name: string, texts: readonly string[]): Tensor[] {
  return texts.map((text, i) => makeInput(parseInput(text), hash(name) + i).evaluate());
}

const isFloatInput = (text: string) => /^(f32|f16|bf16)/.test(text);
const lossOf = (outputs: readonly Tensor[]) =>
  outputs.map((t, i) => t.mul(functional(t.shape, i + 1).to(t.dtype)).sum()).reduce((a, b) => a.float().add(b.float()));

/** A row of the table: gradients by `grad`, or by `backward` where there are parameters. */
export function wantedOf(row: Spelling): Wanted {
  const inputs = inputsOf(row.name, row.inputs);
  const module = row.module?.();
  const body = (): Wanted => {
    const floats = row.by ?? row.inputs.flatMap((text, i) => (isFloatInput(text) ? [i] : []));
    if (!module) {
      let output: Tensor | null = null;
      const loss = (...x: Tensor[]) => lossOf([(output = row.mix(...x))]);
      const gradients = grad(loss, floats)(...inputs);
      return { outputs: [output as unknown as Tensor], gradients };
    }
    const leaves = [...floats.map((i) => inputs[i].requiresGrad_()), ...module.parameters()];
    const output = row.mix(...inputs);
    lossOf([output]).backward();
    return { outputs: [output], gradients: leaves.map((t) => t.grad as Tensor) };
  };
  return row.traced ? withTrace(fixedTrace(), body) : body();
}

/** A row of lookalikes: gradients by `backward`, of intermediate results too. */
export function wantedOfLookalike(row: Lookalike): Wanted {
  const leaves = inputsOf(row.name, row.inputs).map((t) => t.requiresGrad_());
  const { outputs, loss = lossOf(outputs), retained = [] } = row.write(...leaves);
  for (const t of retained) t.retainGrad();
  loss.backward();
  const gradients = [...leaves, ...retained].flatMap((t) => (t.grad ? [t.grad] : []));
  return { outputs, gradients };
}

/** Random numbers as inside `compile`, from a seed that stays. */
function fixedTrace(): Trace {
  const seed = tensor(20_240_917, { dtype: "i32" }).evaluate().rawNode;
  let streams = 0;
  const nothing = () => {};
  return {
    assign: nothing,
    setGrad: nothing,
    readGrad: nothing,
    capture: nothing,
    guard: nothing,
    randomStream: () => ({ seed, stream: streams++ }),
  };
}

interface Run {
  readonly program: Program;
  readonly numbers: readonly ArrayLike<number>[];
}

function run(nodes: readonly Node[], executor: Executor, passes = PASSES): Run {
  const { program, leaves } = compileRequest(
    { outputs: nodes, writes: [] },
    { capabilities: executor.capabilities, passes },
  );
  const results: Memory[] = nodes.map((n) => executor.allocate(n.dtype, sizeOf(n.shape)));
  executor.prepare(program).run([...leaves.map((leaf) => leafValue(leaf).memoryFor(executor)), ...results]);
  return { program, numbers: results.map((m, i) => plain(m, nodes[i])) };
}

function plain({ data }: Memory, { dtype }: Node): ArrayLike<number> {
  if (!(data instanceof Uint16Array)) return data;
  return dtype === "bf16" ? f32ArrayFromBf16(data) : f32ArrayFromF16(data);
}

export interface Comparison {
  /** The forward program as text. */
  readonly text: string;
  readonly forward: Program;
  readonly both: Program;
  /** What differs from the unfused program, and numbers that are not finite in it. */
  readonly problems: readonly string[];
}

export function compareFused({ outputs, gradients }: Wanted, executor: Executor): Comparison {
  const nodes = outputs.map((t) => t.rawNode);
  const all = [...nodes, ...gradients.map((t) => t.rawNode)];
  const forward = run(nodes, executor);
  const both = run(all, executor);
  const problems = [
    ...differences("forward", forward, run(nodes, executor, SPELLED), nodes, nodes.length, coarsest(all)),
    ...differences("with gradients", both, run(all, executor, SPELLED), all, nodes.length, coarsest(all)),
  ];
  return { text: printProgram(forward.program), forward: forward.program, both: both.program, problems };
}

const coarsest = (nodes: readonly Node[]) =>
  (["bf16", "f16"] as const).find((d) => nodes.some((n) => n.dtype === d)) ?? "f32";
/** Of the largest number of a result: sums in another order, and one rounding of each intermediate result that is 16 bits wide. */
const CLOSE = { f32: 2e-5, f16: 1e-2, bf16: 6e-2 };

function differences(
  label: string,
  actual: Run,
  expected: Run,
  nodes: readonly Node[],
  outputs: number,
  dtype: keyof typeof CLOSE,
): string[] {
  return nodes.flatMap((node, i) => {
    const what = `${label}, ${i < outputs ? `output ${i}` : `gradient ${i - outputs}`} ${typed(node)}`;
    const numbers = Array.from(expected.numbers[i]);
    if (!numbers.every(Number.isFinite)) return [`${what}: the unfused numbers are not finite`];
    const close = CLOSE[dtype];
    const largest = numbers.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const tolerance: Tolerance = { rtol: close, atol: close * Math.max(1, largest) };
    try {
      allClose(what, actual.numbers[i], numbers, tolerance, node.shape);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
}

/** Steps of this kind. */
export function countSteps(program: Program, kind: string): number {
  return program.steps.filter((step) => step.kind === kind).length;
}

/** Products of two lengths, which are odd in these tables, while widths are even. */
export function productsOfLengths(program: Program): number {
  return program.steps.filter((step) => step.kind === "matmul" && step.m % 2 === 1 && step.n % 2 === 1).length;
}

/** Of a row with queries that see no key: the fused output is 0 where the unfused one is NaN, and gradients are numbers. */
export function compareEmpty({ outputs, gradients }: Wanted, executor: Executor): Comparison {
  const nodes = outputs.map((t) => t.rawNode);
  const all = [...nodes, ...gradients.map((t) => t.rawNode)];
  const [forward, both] = [run(nodes, executor), run(all, executor)];
  const expected = run(nodes, executor, SPELLED).numbers.map((x) => Array.from(x, (y) => (Number.isNaN(y) ? 0 : y)));
  const problems = [
    ...differences("forward", forward, { ...forward, numbers: expected }, nodes, nodes.length, coarsest(all)),
    ...all.flatMap((node, i) =>
      Array.from(both.numbers[i]).every(Number.isFinite) ? [] : [`result ${i} ${typed(node)} is not finite`],
    ),
  ];
  return { text: printProgram(forward.program), forward: forward.program, both: both.program, problems };
}
