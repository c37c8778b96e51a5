// What every executor is: it holds memory, prepares a program once, and runs it many times. It knows programs and nothing above them.

import type { DType, TypedArray } from "../base/dtype.js";
import type { Capabilities, Program } from "../program/program.js";

export type ExecutorName = "native" | "reference";

/** The numbers of one tensor. f16 and bf16 lie there as raw 16-bit patterns; a double-precision executor keeps floats in Float64Array. */
export interface Memory {
  readonly data: TypedArray;
  /** The native address of the first element; 0 where there is none. */
  readonly address: number;
  /** data.byteLength, where the executor knows it beforehand: asking a typed array takes longer. */
  readonly bytes?: number;
}

export interface Executable {
  /**
   * Runs the program on the buffers of its external slots, in order of slot.
   * @throws HeedError when a kernel finds an index out of range; it names the step, the index and the size
   */
  run(externals: readonly Memory[]): void;
}

export interface Executor {
  readonly name: ExecutorName;
  readonly capabilities: Capabilities;
  /** Memory for `size` elements, whatever it holds: who asks for it writes all of it. @throws HeedError when there is not enough */
  allocate(dtype: DType, size: number): Memory;
  /** Takes back memory that nothing refers to any more, for a later allocate. */
  release?(memory: Memory): void;
  prepare(program: Program): Executable;
}
