// compile(fn): the function is recorded once per input signature (recording.ts); after that a call binds memory and runs one program
// (replay.ts). No JavaScript of the function runs again.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import type { Program } from "../program/program.js";
import { executor } from "./evaluate.js";
import { isGradEnabled } from "./grad-mode.js";
import { Recording } from "./recording.js";
import { Tensor } from "./tensor.js";
import { tracing } from "./trace.js";
import { flatten } from "./tree.js";

/** Signatures of one function whose recordings are kept. */
const MOST_VARIANTS = 256;
/** Of those, signatures of tensors alone that are found without spelling them out. */
const MOST_RECENT = 4;

/** A compiled function: called like the original; `explain` shows what a call with these arguments runs. */
export type CompiledFunction<A extends unknown[], R> = ((...args: A) => R) & {
  program(...args: A): Program;
  /** Runs the steps of one call one by one, for real, and returns the milliseconds of each. */
  timeSteps(...args: A): number[];
};

/**
 * Traces `fn` once for each signature of its arguments (shapes, dtypes, plain values) and replays one program from then on. Arguments and
 * results may be tensors, or arrays and objects of tensors; other arguments count as constants. Parameters and other tensors the function
 * uses are read when it runs; `assign`, `backward` and optimizers inside it take effect at each run. What it returns carries no gradients
 * to the parameters it uses: call `backward` inside. Given an argument that gradients flow through, it runs as it was written.
 * @example
 * const step = compile((x: Tensor, y: Tensor) => { const loss = model.loss(x, y); optimizer.zeroGrad(); loss.backward(); optimizer.step(); return loss; });
 */
export function compile<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<A, R> {
  if (typeof fn !== "function") fail("compile", "a function", shown(fn), "write compile((x) => ...)");
  const variants = new Map<string, Recording<R>[]>();
  const recent: Recent<R>[] = [];
  const find = (args: A): { recording: Recording<R>; inputs: Tensor[] } => {
    const inputs: Tensor[] = [];
    const structure = flatten(args, inputs);
    const key = `${executor().name} ${isGradEnabled()} ${JSON.stringify(structure)} ${inputs.map((t) => `${describe(t)}${t.requiresGrad}`).join()}`;
    const list = variants.get(key) ?? [];
    // The most recently used come last; a number that is another one at each call must not fill the memory with recordings.
    variants.delete(key);
    variants.set(key, list);
    if (variants.size > MOST_VARIANTS) variants.delete(variants.keys().next().value as string);
    let recording = list.find((r) => r.holds());
    if (!recording) list.push((recording = new Recording(fn as unknown as (...args: never[]) => R, structure, inputs)));
    const known = recent.some((r) => r.recording === recording);
    if (!known && args.every((x) => x instanceof Tensor)) {
      recent.unshift({
        recording,
        inputs: inputs.map(({ dtype, shape, requiresGrad }) => ({ dtype, shape, requiresGrad })),
        differentiable: inputs.some((t) => t.requiresGrad),
      });
      if (recent.length > MOST_RECENT) recent.pop();
    }
    return { recording, inputs };
  };
  const call = (...args: A): R => {
    // Inside another trace the function is simply part of it.
    if (tracing()) return fn(...args);
    for (const { recording, inputs, differentiable } of recent)
      if (fits(args, inputs) && recording.grad === isGradEnabled() && recording.holds())
        return differentiable && carryGradients(args) ? fn(...(args as A)) : recording.run(args);
    if (carryGradients(args)) return fn(...args);
    const { recording, inputs } = find(args);
    return recording.run(inputs);
  };
  return Object.assign(call, {
    program: (...args: A) => find(args).recording.program,
    timeSteps: (...args: A) => {
      const { recording, inputs } = find(args);
      return recording.timeSteps(inputs);
    },
  });
}

/** Whether a replay would cut a gradient off from one of the arguments: then the function becomes part of its way. */
function carryGradients(args: readonly unknown[]): boolean {
  return isGradEnabled() && args.some(carriesGradient);
}

/** A result on its way to a gradient, or a list or object with one. */
function carriesGradient(x: unknown): boolean {
  if (x instanceof Tensor) return x.requiresGrad && !x.isLeaf;
  if (typeof x !== "object" || x === null) return false;
  if (Array.isArray(x)) return x.some(carriesGradient);
  return Object.getPrototypeOf(x) === Object.prototype && Object.values(x).some(carriesGradient);
}

interface Recent<R> {
  readonly recording: Recording<R>;
  readonly inputs: readonly Signature[];
  /** Whether one of them requires gradients, as it may on its way to some. */
  readonly differentiable: boolean;
}

interface Signature {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly requiresGrad: boolean;
}

/** Whether the arguments are tensors of these signatures. */
function fits(args: readonly unknown[], signatures: readonly Signature[]): args is Tensor[] {
  if (args.length !== signatures.length) return false;
  for (let i = 0; i < args.length; i++) {
    const x = args[i];
    if (!(x instanceof Tensor)) return false;
    const { dtype, shape, requiresGrad } = signatures[i];
    if (x.dtype !== dtype || x.requiresGrad !== requiresGrad || (x.shape !== shape && !sameShape(x.shape, shape)))
      return false;
  }
  return true;
}
