// What a compiled function does besides returning tensors, noted while it is traced: assignments, gradients, random numbers, and the
// conditions under which the trace holds.

import type { Node } from "../graph/node.js";
import type { Tensor } from "./tensor.js";

export interface Trace {
  assign(tensor: Tensor, node: Node): void;
  /** Called before a tensor's grad changes, with the gradient it had. */
  setGrad(tensor: Tensor, before: Tensor | null): void;
  readGrad(tensor: Tensor): void;
  /** A tensor from outside is read: the trace holds for what it is now. */
  capture(tensor: Tensor): void;
  /** The i32 seed of this run, and a stream number that no other draw of this function uses. */
  randomStream(): { seed: Node; stream: number };
  /** The trace may be replayed only while `holds` returns true. */
  guard(holds: () => boolean): void;
}

let run: { readonly trace: Trace } | null = null;

export function tracing(): Trace | null {
  return run?.trace ?? null;
}

/** Stands for this one run of a function that is traced, which may take several; null outside. */
export function tracedRun(): object | null {
  return run;
}

export function withTrace<R>(trace: Trace, body: () => R): R {
  const before = run;
  run = { trace };
  try {
    return body();
  } finally {
    run = before;
  }
}
