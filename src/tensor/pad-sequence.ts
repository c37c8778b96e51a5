// Sequences of different lengths as one tensor: torch.nn.utils.rnn.pad_sequence.

import { type DType, isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { stack } from "./functions.js";
import type { Tensor } from "./tensor.js";

export interface PadSequenceOptions {
  /** The result is [B,T,...] instead of PyTorch's default [T,B,...]. */
  readonly batchFirst?: boolean;
  /** What stands where a sequence has nothing; 0. */
  readonly paddingValue?: number;
  /** Where that is: behind a sequence ("right", the default) or before it ("left", for text to go on from). */
  readonly paddingSide?: "right" | "left";
}

/**
 * Sequences [T_i,...] beside each other, filled up to the longest: [T,B,...], or [B,T,...] with `batchFirst`. Gradients flow back to each.
 * @throws HeedError without a sequence, and for sequences that differ in more than their lengths, as scalars do
 * @example padSequence([tensor([1, 2, 3]), tensor([4])], { batchFirst: true })   // i32[2,3]: [[1, 2, 3], [4, 0, 0]]
 */
export function padSequence(sequences: readonly Tensor[], options: PadSequenceOptions = {}): Tensor {
  const { batchFirst = false, paddingValue = 0, paddingSide = "right" } = options;
  if (!Array.isArray(sequences) || sequences.length === 0)
    fail("padSequence", "an array of at least one sequence", Array.isArray(sequences) ? "none" : typeof sequences);
  if (paddingSide !== "right" && paddingSide !== "left")
    fail("padSequence", 'paddingSide "right" or "left"', JSON.stringify(paddingSide));
  const [first] = sequences as readonly Tensor[];
  if (first.ndim === 0) fail("padSequence", "sequences of at least one dimension", describe(first));
  if (typeof paddingValue !== "number" || !holds(first.dtype, paddingValue))
    fail("padSequence", `a number that ${first.dtype} holds as paddingValue`, String(paddingValue));
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
  const none = new Array<number>(2 * rest.length).fill(0);
  const filled = sequences.map((x) => {
    const missing = longest - x.shape[0];
    if (missing === 0) return x;
    return x.pad([...none, ...(paddingSide === "right" ? [0, missing] : [missing, 0])], paddingValue);
  });
  return stack(filled, batchFirst ? 0 : 1);
}

function holds(dtype: DType, value: number): boolean {
  // As in torch, whatever is not 0 is true.
  return isFloat(dtype) || (Number.isInteger(value) && (dtype === "bool" || Math.abs(value) < 2 ** 31));
}
