// What lowering offers to the ops that have kernels of their own.

import type { Node } from "../graph/node.js";
import type { Grid, Operand, Step } from "../program/program.js";

/** What lowering offers to a kernel: where operands lie, where the result goes, and a way to copy. */
export interface KernelContext {
  operand(node: Node): Operand;
  /** The same, or where no view says how the matrix lies, its rows and columns as walks through the array behind it. */
  matrix(node: Node): { readonly operand: Operand; readonly grid?: Grid };
  result(node: Node): Operand;
  /** Where the kernel's result of that number goes; null where nobody needs it. */
  part(node: Node, index: number): Operand | null;
  /** A step that computes or copies `node` to where `to` says. */
  copy(node: Node, to: Operand, label: string): void;
  /** True where the node was computed right there. */
  placed(node: Node, to: Operand): boolean;
  emit(step: Step): void;
}
