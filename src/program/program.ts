// The narrow waist between compiler and executors: buffers, and a list of steps that name a kernel and where its operands lie.

import type { DType } from "../base/dtype.js";
import type { Shape } from "../base/shape.js";
import type { Expression, ReduceOp } from "./expression.js";

/** Where a step reads or writes: a buffer, an offset in elements, and a stride for each axis of the step's shape. */
export interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly dtype: DType;
  readonly strides: readonly number[];
}

/** Fields every step has: what it computes, in the user's words, and its cost. */
interface StepBase {
  readonly label: string;
  readonly flops: number;
}

/** A fused elementwise step; with `rowwise`, its last axis is reduced inside the step (softmax, norms), so rows stay whole. */
export interface ElementwiseStep extends StepBase {
  readonly kind: "elementwise";
  readonly shape: Shape;
  readonly rowwise: boolean;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly body: Expression;
}

/** Reduces a fused expression over the axes marked in `reduced`; the output has stride 0 there. */
export interface ReduceStep extends StepBase {
  readonly kind: "reduce";
  readonly shape: Shape;
  readonly reduced: readonly boolean[];
  readonly reduce: ReduceOp;
  readonly inputs: readonly Operand[];
  readonly output: Operand;
  readonly body: Expression;
  readonly result: number;
}

/** C[batch..., M, N] = A[batch..., M, K] @ B[batch..., K, N]; strides are those of [batch..., rows, columns]. An epilogue maps C elementwise as it is finished. */
export interface MatmulStep extends StepBase {
  readonly kind: "matmul";
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Operand;
  readonly b: Operand;
  readonly c: Operand;
  readonly epilogue?: Epilogue;
}

/** Its domain is [batch..., M, N]; one input, `self`, is the product itself and is read from C before the outputs are written. */
export interface Epilogue {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly body: Expression;
}

/** out[i...] = source[i... with axis replaced by index[i...]]; source has stride 0 on `axis`. */
export interface GatherStep extends StepBase {
  readonly kind: "gather";
  readonly shape: Shape;
  readonly source: Operand;
  readonly axisStride: number;
  readonly axisSize: number;
  readonly index: Operand;
  readonly output: Operand;
}

/** out[i... with axis replaced by index[i...]] += updates[i...], in order of i along the axis: the same bits for any thread count. */
export interface ScatterAddStep extends StepBase {
  readonly kind: "scatterAdd";
  readonly shape: Shape;
  readonly axis: number;
  readonly output: Operand;
  readonly axisStride: number;
  readonly axisSize: number;
  readonly index: Operand;
  readonly updates: Operand;
}

/** Running sum along the last axis of `shape`. */
export interface CumsumStep extends StepBase {
  readonly kind: "cumsum";
  readonly shape: Shape;
  readonly input: Operand;
  readonly output: Operand;
}

/** Indices that sort the last axis, stable, NaN counted as largest; the first `count` of them. */
export interface ArgsortStep extends StepBase {
  readonly kind: "argsort";
  readonly shape: Shape;
  readonly descending: boolean;
  readonly count: number;
  readonly input: Operand;
  readonly output: Operand;
}

export type Step = ElementwiseStep | ReduceStep | MatmulStep | GatherStep | ScatterAddStep | CumsumStep | ArgsortStep;
export type StepKind = Step["kind"];

/** External buffers are bound at each run, in order of `slot`; temporaries lie in one arena at planned offsets. */
export type Buffer =
  | { readonly role: "external"; readonly slot: number; readonly dtype: DType; readonly size: number }
  | { readonly role: "temporary"; readonly offset: number; readonly dtype: DType; readonly size: number };

export interface Program {
  readonly buffers: readonly Buffer[];
  readonly steps: readonly Step[];
  /** Number of external slots. */
  readonly externals: number;
  readonly arenaBytes: number;
}

/** What an executor can run, as data: the compiler asks this, never the executor. */
export interface Capabilities {
  readonly kinds: ReadonlySet<StepKind>;
  readonly matmulEpilogue: boolean;
  /** The longest row that a rowwise step may keep whole. */
  readonly longestRow: number;
}
