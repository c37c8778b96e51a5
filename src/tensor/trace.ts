// What a compiled function does besides returning tensors, noted while it is traced: assignments, gradients, random numbers, and the
// conditions under which the trace holds.

import type { Node } from "../graph/node.js";
import type { Tensor } from "./tensor.js";

export interface Trace {
  assign(tensor: Tensor, node: Node): void;
  /** Called before a tensor's grad changes, with the gradient it had. */
  setGrad(tensor: Tensor, before: Tensor | null): void;
  readGrad(tensor: Tensor): void;
  /** The i32 seed of this run, and a stream number that no other draw of this function uses. */
  randomStream(): { seed: Node; stream: number };
  /** The trace may be replayed only while `holds` returns true. */
  guard(holds: () => boolean): void;
}

let current: Trace | null = null;

export function tracing(): Trace | null {
  return current;
}

export function withTrace<R>(trace: Trace, body: () => R): R {
  const before = current;
  current = trace;
  try {
    return body();
  } finally {
    current = before;
  }
}
