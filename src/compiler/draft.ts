// What lowering leaves behind: a program whose buffers are not laid out in memory yet.

import type { DType } from "../base/dtype.js";
import type { Node } from "../graph/node.js";
import type { Step } from "../program/program.js";
import type { Write } from "./in-place.js";

/** What is asked of the compiler. */
export interface Request {
  readonly outputs: readonly Node[];
  readonly writes: readonly Write[];
}

/** A buffer before memory is planned. */
export interface DraftBuffer {
  readonly role: "input" | "output" | "state" | "temporary";
  readonly dtype: DType;
  readonly size: number;
}

export interface Draft {
  readonly buffers: DraftBuffer[];
  readonly steps: Step[];
  /** As in Program. */
  readonly beside?: ReadonlySet<number>;
  /** Buffers of the leaves, in order of first need, and of the outputs, in order of the request. */
  readonly leaves: readonly { readonly node: Node; readonly buffer: number }[];
  readonly outputs: readonly number[];
}
