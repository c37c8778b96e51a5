// What lowering offers to the ops that have kernels of their own.

import type { Node } from "../graph/node.js";
import type { Operand, Step } from "../program/program.js";

/** What lowering offers to a kernel: where operands lie, where the result goes, and a way to copy. */
export interface KernelContext {
  operand(node: Node): Operand;
  result(node: Node): Operand;
  /** Where the kernel's result of that number goes; null where nobody needs it. */
  part(node: Node, index: number): Operand | null;
  /** A step that computes or copies `node` to where `to` says. */
  copy(node: Node, to: Operand, label: string): void;
  /** True where the node was computed right there. */
  placed(node: Node, to: Operand): boolean;
  emit(step: Step): void;
}
