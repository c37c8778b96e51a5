// The narrow waist between compiler and executors: buffers, and a list of steps that name a kernel and where its operands lie.

import type { RecurrentCell } from "../base/cell.js";
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
  /** How the rows and columns of B lie where one stride does not say it, as those of windows: B's own last two strides are 0 then. */
  readonly grid?: Grid;
  readonly sums?: SideSums;
}

/** The sums over k of A, one for each of its rows, or of B, one for each column: a side in f32 whose other axis runs along memory, without batches. */
export interface SideSums {
  readonly side: "a" | "b";
  /** f32 [M] or [N], contiguous. */
  readonly output: Operand;
}

/** A matrix in an array of several axes: rows walk some of them, columns others, the last of each fastest. */
export interface Grid {
  readonly rows: Walk;
  readonly columns: Walk;
}

export interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
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

/** out[i... with axis replaced by index[i...]] += (or = ) updates[i...], in order of i along the axis: the same bits for any thread count. */
export interface ScatterStep extends StepBase {
  readonly kind: "scatter";
  /** Adds to what lies there; else replaces it. */
  readonly adds: boolean;
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

/** An expression over [batch..., T, S] that a step evaluates tile by tile. Inputs whose buffer is negative are tiles of the step itself. */
export interface TileBody {
  readonly inputs: readonly Operand[];
  readonly body: Expression;
  /** The full register that holds the result. */
  readonly result: number;
}

/** In place of a buffer: the tile of scaled products q·k, and (in `slope`) the tile of gradients of the scores. */
export const PRODUCT_TILE = -1;
export const GRADIENT_TILE = -2;

/** The query at t may see the keys s <= slope t + constant + sign at (upper), or s >= that (lower). */
export interface KeyBound {
  readonly side: "upper" | "lower";
  readonly slope: 0 | 1;
  readonly constant: number;
  readonly sign: 1 | -1;
  /** i32, read when the program runs, one number for each batch entry: its last two strides are 0. Null stands for 0. */
  readonly at: Operand | null;
}

/** What the attention steps have in common. The product of a query and a key is scale * q·k; bodies see it as PRODUCT_TILE. */
interface AttentionBase extends StepBase {
  /** [batch..., T, S] */
  readonly shape: Shape;
  /** D, the width of queries and keys, and E, that of values. */
  readonly d: number;
  readonly e: number;
  readonly scale: number;
  readonly query: Operand; // [batch..., T, D]
  readonly key: Operand; // [batch..., S, D]
  readonly value: Operand; // [batch..., S, E]
  readonly bounds: readonly KeyBound[];
  /** Truth values: a key may be seen within all bounds and where the mask is true. Depends on no tile. */
  readonly mask: TileBody | null;
  /** The score, from the product; without it the product is the score. */
  readonly score: TileBody | null;
  /** What the softmaxed weight is multiplied by (dropout, gates). Depends on no tile. */
  readonly factor: TileBody | null;
}

/**
 * Attention without [T,S] in memory (Dao 2023, FlashAttention-2). With w = exp(score - m) over the keys that may be seen, m their maximum,
 * and l = Σ w (+ exp(sink - m)): output = Σ w factor value / l, logsumexp = (m, log l). A row with no key to see gives zeros, and (-inf, 0).
 */
export interface AttentionStep extends AttentionBase {
  readonly kind: "attention";
  /** A score without a value, for each query. */
  readonly sink: Operand | null; // [batch..., T, 1]
  readonly output: Operand; // [batch..., T, E]
  readonly logsumexp: Operand | null; // f32 [batch..., T, 2]
}

/**
 * The gradients of an attention step by recomputation. With P = exp((score - m) - log l), 0 where no key may be seen:
 * dscore = P (factor (doutput·value) - delta), dproduct = slope(product, dscore) or dscore itself,
 * dquery = scale Σ_s dproduct key, dkey = scale Σ_t dproduct query, dvalue = Σ_t P factor doutput.
 */
export interface AttentionGradientStep extends AttentionBase {
  readonly kind: "attentionGradient";
  readonly logsumexp: Operand; // f32 [batch..., T, 2]: m, log l
  readonly outputGradient: Operand; // [batch..., T, E]
  /** Σ_e doutput output */
  readonly delta: Operand; // f32 [batch..., T, 1]
  readonly slope: TileBody | null;
  /** Null where nobody asks for it. */
  readonly queryGradient: Operand | null; // [batch..., T, D]
  readonly keyGradient: Operand | null; // [batch..., S, D]
  readonly valueGradient: Operand | null; // [batch..., S, E]
  readonly scoreGradient: Operand | null; // [batch..., T, S]
}

/** What the recurrent steps have in common: h[t] = cell(projected[t], weight h[t-1] + bias), in f32. */
interface RecurrentBase extends StepBase {
  /** [T, B, H] */
  readonly shape: Shape;
  readonly cell: RecurrentCell;
  /** From the last time to the first. */
  readonly reverse: boolean;
  readonly weight: Operand; // [GH, H]
  /** The state before the first step, and an LSTM's memory; null stands for zeros. */
  readonly hidden: Operand | null; // [B, H]
  readonly memory: Operand | null; // [B, H]
  /** i32: at times t >= length a row's state stays as it is. */
  readonly lengths: Operand | null; // [B]
}

/** A recurrent layer over all time steps. Results are null where nobody asks for them. */
export interface RecurrentStep extends RecurrentBase {
  readonly kind: "recurrent";
  readonly projected: Operand; // [T, B, GH]
  readonly bias: Operand | null; // [GH]
  readonly states: Operand | null; // [T, B, H]
  readonly memories: Operand | null; // [T, B, H]
  /** i f g o of an LSTM; r z n of a GRU, and what the state adds to n. Nothing is written where a row has ended. */
  readonly kept: Operand | null; // [T, B, 4H]
}

/** The loop backwards: gradients of what the input adds to each gate, of what the state adds, and of the initial state. */
export interface RecurrentGradientStep extends RecurrentBase {
  readonly kind: "recurrentGradient";
  readonly states: Operand; // [T, B, H]
  readonly memories: Operand | null; // [T, B, H]
  readonly kept: Operand | null; // [T, B, 4H]
  readonly statesGradient: Operand | null; // [T, B, H]
  readonly memoriesGradient: Operand | null; // [T, B, H]
  readonly projectedGradient: Operand | null; // [T, B, GH]
  readonly sumsGradient: Operand | null; // [T, B, GH]
  readonly hiddenGradient: Operand | null; // [B, H]
  readonly memoryGradient: Operand | null; // [B, H]
}

export type Step =
  | ElementwiseStep
  | ReduceStep
  | MatmulStep
  | GatherStep
  | ScatterStep
  | CumsumStep
  | ArgsortStep
  | AttentionStep
  | AttentionGradientStep
  | RecurrentStep
  | RecurrentGradientStep;
export type StepKind = Step["kind"];

/** External buffers are bound at each run, in order of `slot`; temporaries lie in one arena at planned offsets. */
export type Buffer =
  | { readonly role: "external"; readonly slot: number; readonly dtype: DType; readonly size: number }
  | { readonly role: "temporary"; readonly offset: number; readonly dtype: DType; readonly size: number };

export interface Program {
  readonly buffers: readonly Buffer[];
  readonly steps: readonly Step[];
  /** Steps that need not wait for the one before them, as it and what it stands beside touch nothing that they write, nor write what they read. */
  readonly beside?: ReadonlySet<number>;
  /** Number of external slots. */
  readonly externals: number;
  readonly arenaBytes: number;
}

/** What an executor can run, as data: the compiler asks this, never the executor. */
export interface Capabilities {
  readonly kinds: ReadonlySet<StepKind>;
  readonly matmulEpilogue: boolean;
  /** Whether a matmul reads a right side that is a grid; else it is copied into a matrix. */
  readonly matmulGrid: boolean;
  /** Whether a matmul sums a side over k on the way. */
  readonly matmulSums: boolean;
  /** The longest row that a rowwise step may keep whole. */
  readonly longestRow: number;
}
