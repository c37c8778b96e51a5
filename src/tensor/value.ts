// What a leaf of the graph stands for: numbers in memory. A value never changes what it means; a tensor that is assigned gets a new
// value, and the old one says which came after it, so that compiled functions find the newest.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape } from "../base/shape.js";
import type { Executor, Memory } from "../executors/executor.js";
import { makeLeaf, type Node } from "../graph/node.js";

export class Value {
  /** The value that was assigned over this one. */
  successor: Value | null = null;
  /** True once some expression was built on it: then nothing may be written over the numbers, only beside them. */
  touched = false;
  /** True where one tensor owns it; results of equal expressions share theirs. */
  exclusive = false;
  /** True where no tensor asked for it: an evaluation kept it for expressions that go on from it. */
  unasked = false;
  /** True for what a compiled function returned, which no gradient passes. */
  replayed = false;
  /** True after dispose(). */
  disposed = false;

  constructor(
    readonly dtype: DType,
    readonly shape: Shape,
    /** Null for an argument of a function that is being traced. */
    public memory: Memory | null,
    public executor: Executor | null,
    readonly name = "",
  ) {}

  newest(): Value {
    let value: Value = this;
    while (value.successor) value = value.successor;
    return value;
  }

  /** The same numbers in memory of their own. */
  copy(): Value {
    const on = this.executor as Executor;
    const from = this.memoryFor(on);
    const memory = on.allocate(this.dtype, from.data.length);
    memory.data.set(from.data);
    return new Value(this.dtype, this.shape, memory, on, this.name);
  }

  /** The numbers, in the memory of `executor`. @throws HeedError when they were disposed or are not known yet */
  memoryFor(executor: Executor): Memory {
    if (!this.memory) {
      if (this.disposed) fail("evaluate", "numbers that are still there", `${describe(this)}, which was disposed`);
      fail(
        "evaluate",
        "known numbers",
        `${describe(this)}, an argument of a function being compiled`,
        "return the tensor from the function and read it outside",
      );
    }
    if (this.executor !== executor) {
      const moved = executor.allocate(this.dtype, this.memory.data.length);
      moved.data.set(this.memory.data);
      this.memory = moved;
      this.executor = executor;
    }
    return this.memory;
  }
}

export function leafOf(value: Value): Node<"leaf"> {
  return makeLeaf(value, value.shape, value.dtype);
}

export function leafValue(leaf: Node): Value {
  return leaf.source as Value;
}
