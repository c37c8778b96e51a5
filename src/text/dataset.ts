// A text as tokens, cut for training: a part to learn from and a part held back, windows of T tokens, and batches of
// windows in order for evaluation. sampler.ts draws them in random order.

import { checkNumbers } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, kind, type OptionTable, whole } from "../base/options.js";
import { shown } from "../base/show.js";

/** Windows of a token array: `inputs[b, t]` is followed by `targets[b, t]`. */
export interface Batch {
  /** Token ids i32[B,T]. */
  readonly inputs: Int32Array;
  /** The token after each, i32[B,T]. */
  readonly targets: Int32Array;
  /** B, the windows of this batch: less than asked for only in the last batch of a pass. */
  readonly batch: number;
  /** T, the tokens of a window. */
  readonly length: number;
}

/** How windows of tokens are cut from a text. */
export interface WindowOptions {
  /** B, windows a batch. */
  batch: number;
  /** T, tokens a window. */
  length: number;
  /** Tokens from the start of one window to the start of the next; T unless told, so that each token is a target once. */
  stride?: number;
}

type EvaluationWindows = WindowOptions & { limit?: number };

export const WINDOWS: OptionTable<WindowOptions> = { batch: CHECKED, length: CHECKED, stride: CHECKED };
const EVALUATION: OptionTable<EvaluationWindows> = {
  ...WINDOWS,
  limit: kind<number>("a number of at least 0", (x) => typeof x === "number" && x >= 0),
};
/** What the arguments of a DataLoader and of others are here. */
export const REMEDIES = { batchSize: "batch", blockSize: "length", contextLength: "length" };
const SPLIT = {
  validation: CHECKED,
  length: whole(1),
};

/** The windows of a token array, by number; a window needs T + 1 tokens, the last of them only as a target. */
export class Windows {
  readonly batch: number;
  readonly length: number;
  readonly stride: number;
  /** How many windows there are. */
  readonly count: number;

  /** @throws HeedError unless there is at least one window */
  constructor(
    op: string,
    private readonly tokens: Int32Array,
    { batch, length, stride = length }: WindowOptions,
  ) {
    checkNumbers(op, "token ids, an Int32Array", tokens);
    for (const [name, value] of Object.entries({ batch, length, stride })) {
      if (!Number.isInteger(value) || value < 1) fail(op, `${name} to be a whole number from 1`, String(value));
    }
    if (tokens.length < length + 1) {
      fail(
        op,
        `at least ${length + 1} tokens for a window of ${length} and the token after it`,
        tokens.length === 0 ? "an empty text (0 tokens)" : `${tokens.length} token${tokens.length === 1 ? "" : "s"}`,
        "give more text or a shorter length",
      );
    }
    this.batch = batch;
    this.length = length;
    this.stride = stride;
    this.count = Math.floor((tokens.length - 1 - length) / stride) + 1;
  }

  /** The windows with these numbers. */
  gather(numbers: ArrayLike<number>): Batch {
    const { length, stride, tokens } = this;
    const inputs = new Int32Array(numbers.length * length);
    const targets = new Int32Array(numbers.length * length);
    for (let b = 0; b < numbers.length; b++) {
      const start = numbers[b]! * stride;
      inputs.set(tokens.subarray(start, start + length), b * length);
      targets.set(tokens.subarray(start + 1, start + 1 + length), b * length);
    }
    return { inputs, targets, batch: numbers.length, length };
  }
}

/**
 * Divides tokens into the first part, to train on, and the last part, held back; both are views of the array.
 * @param options.validation the part held back, from 0 to below 1; 0.1 unless told
 * @param options.length T: where given, both parts must have room for a window of T tokens and the token after it
 * @throws HeedError saying how many tokens there are and how many are needed
 */
export function splitTokens(
  tokens: Int32Array,
  options: { validation?: number; length?: number } = {},
): { train: Int32Array; validation: Int32Array } {
  checkOptions("splitTokens", options, SPLIT);
  const { validation = 0.1, length } = options;
  if (!(tokens instanceof Int32Array)) fail("splitTokens", "token ids, an Int32Array", shown(tokens));
  if (typeof validation !== "number" || !(validation >= 0 && validation < 1))
    fail("splitTokens", "validation from 0 to below 1", shown(validation));
  if (tokens.length === 0) fail("splitTokens", "a text with at least one token", "an empty text (0 tokens)");
  const cut = tokens.length - Math.floor(tokens.length * validation);
  if (length !== undefined) {
    const least = validation > 0 ? Math.min(cut, tokens.length - cut) : cut;
    if (least < length + 1) {
      const share = validation > 0 ? Math.min(validation, 1 - validation) : 1;
      fail(
        "splitTokens",
        `about ${Math.ceil((length + 1) / share)} tokens, so that ${validation > 0 ? "both parts have" : "there is"} a window of ${length} and the token after it`,
        `${tokens.length} tokens (${cut} to train on, ${tokens.length - cut} held back)`,
        "give more text or a shorter length",
      );
    }
  }
  return { train: tokens.subarray(0, cut), validation: tokens.subarray(cut) };
}

/**
 * The windows of a token array in order, B at a time; the last batch holds what is left. At stride T every token but the
 * first is a target once, except up to T - 1 at the end that fill no window.
 * @param options.limit the most batches to give
 * @throws HeedError at once for a text without a window
 */
export function evaluationBatches(tokens: Int32Array, options: EvaluationWindows): Iterable<Batch> {
  checkOptions("evaluationBatches", options, EVALUATION, REMEDIES);
  const windows = new Windows("evaluationBatches", tokens, options);
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  return {
    *[Symbol.iterator]() {
      for (let start = 0, given = 0; start < windows.count && given < limit; start += windows.batch, given++) {
        const size = Math.min(windows.batch, windows.count - start);
        yield windows.gather(Array.from({ length: size }, (_, i) => start + i));
      }
    },
  };
}
