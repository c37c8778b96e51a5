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
  /** True once the numbers were overwritten in place: expressions written before may no longer be computed. */
  stale = false;
  /** True once some expression was built on it: then overwriting must say so. */
  touched = false;

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

  /** The numbers, in the memory of `executor`. @throws HeedError when they were overwritten or are not known yet */
  memoryFor(executor: Executor): Memory {
    if (this.stale) {
      fail("evaluate", "numbers that are still there", `an expression on ${describe(this)} that was overwritten in place by a compiled function or an optimizer`, "evaluate it before, or write it again after");
    }
    if (!this.memory) {
      fail("evaluate", "known numbers", `${describe(this)}, an argument of a function being compiled`, "return the tensor from the function and read it outside");
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

export function valueOf(leaf: Node): Value {
  return leaf.source as Value;
}
