// Sequences of different lengths as one tensor: torch.nn.utils.rnn.pad_sequence.

import { type DType, isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensors } from "./check.js";
import { executor } from "./evaluate.js";
import { finishedLeaf } from "./finished.js";
import { stack } from "./functions.js";
import { isGradEnabled } from "./grad-mode.js";
import { Tensor } from "./tensor.js";
import { tracing } from "./trace.js";
import { leafOf, Value } from "./value.js";

/** What `padSequence` is told beside the sequences. */
export interface PadSequenceOptions {
  /** The result is [B,T,...] instead of PyTorch's default [T,B,...]. */
  readonly batchFirst?: boolean;
  /** What stands where a sequence has nothing; 0. */
  readonly paddingValue?: number;
  /** Where that is: behind a sequence ("right", the default) or before it ("left", for text to go on from). */
  readonly paddingSide?: "right" | "left";
}

const PAD_SEQUENCE: OptionTable<PadSequenceOptions> = { batchFirst: FLAG, paddingValue: CHECKED, paddingSide: CHECKED };

/**
 * Sequences [T_i,...] beside each other, filled up to the longest: [T,B,...], or [B,T,...] with `batchFirst`. Gradients flow back to each.
 * @throws HeedError without a sequence, and for sequences that differ in more than their lengths, as scalars do
 * @example padSequence([tensor([1, 2, 3]), tensor([4])], { batchFirst: true })   // i32[2,3]: [[1, 2, 3], [4, 0, 0]]
 */
export function padSequence(sequences: readonly Tensor[], options: PadSequenceOptions = {}): Tensor {
  checkOptions("padSequence", options, PAD_SEQUENCE);
  const { batchFirst = false, paddingValue = 0, paddingSide = "right" } = options;
  if (!Array.isArray(sequences) || sequences.length === 0)
    fail("padSequence", "an array of at least one sequence", Array.isArray(sequences) ? "none" : shown(sequences));
  checkTensors("padSequence", "sequences", sequences);
  if (paddingSide !== "right" && paddingSide !== "left")
    fail("padSequence", 'paddingSide "right" or "left"', shown(paddingSide));
  const [first] = sequences as readonly Tensor[];
  if (first.ndim === 0) fail("padSequence", "sequences of at least one dimension", describe(first));
  if (typeof paddingValue !== "number" || !holds(first.dtype, paddingValue))
    fail("padSequence", `a number that ${first.dtype} holds as paddingValue`, shown(paddingValue));
  const rest = first.shape.slice(1);
  const wrong = sequences.findIndex(
    (x) => x.dtype !== first.dtype || x.ndim === 0 || !sameShape(x.shape.slice(1), rest),
  );
  if (wrong >= 0)
    fail(
      "padSequence",
      `sequences alike but for their lengths, ${first.dtype}[${["T", ...rest].join(",")}]`,
      `${describe(sequences[wrong])} at position ${wrong}`,
    );
  const longest = sequences.reduce((most, x) => Math.max(most, x.shape[0]), 0);
  const there = (x: Tensor) => finishedLeaf(x.rawNode) !== undefined && !(x.requiresGrad && isGradEnabled());
  if (!tracing() && sequences.every(there)) {
    const start = (x: Tensor) => (paddingSide === "right" ? 0 : longest - x.shape[0]);
    return copied(sequences, longest, batchFirst, paddingValue, start);
  }
  const none = new Array<number>(2 * rest.length).fill(0);
  const filled = sequences.map((x) => {
    const missing = longest - x.shape[0];
    if (missing === 0) return x;
    return x.pad([...none, ...(paddingSide === "right" ? [0, missing] : [missing, 0])], paddingValue);
  });
  return stack(filled, batchFirst ? 0 : 1);
}

/** Numbers that are there are copied at once: a graph of as many pads as there are sequences takes longer than the copies. */
function copied(
  sequences: readonly Tensor[],
  T: number,
  batchFirst: boolean,
  paddingValue: number,
  start: (x: Tensor) => number,
): Tensor {
  const on = executor();
  const [{ dtype, shape }] = sequences;
  const rest = shape.slice(1);
  const size = sizeOf(rest);
  const B = sequences.length;
  const result = emptied([...(batchFirst ? [B, T] : [T, B]), ...rest], dtype, paddingValue);
  const { data } = result.value.memoryFor(on);
  sequences.forEach((x, b) => {
    const from = x.value.memoryFor(on).data;
    const first = start(x);
    if (batchFirst) data.set(from, (b * T + first) * size);
    else
      for (let t = 0; t < x.shape[0]; t++)
        data.set(from.subarray(t * size, (t + 1) * size), ((first + t) * B + b) * size);
  });
  return result;
}

/** A tensor of its own that holds nothing but the number. */
function emptied(shape: Shape, dtype: DType, value: number): Tensor {
  const on = executor();
  const memory = on.allocate(dtype, sizeOf(shape));
  const numbers = new Value(dtype, shape, memory, on);
  numbers.exclusive = true;
  return new Tensor(leafOf(numbers), false).fill(value);
}

function holds(dtype: DType, value: number): boolean {
  // As in torch, whatever is not 0 is true.
  return isFloat(dtype) || (Number.isInteger(value) && (dtype === "bool" || Math.abs(value) < 2 ** 31));
}
