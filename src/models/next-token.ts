// What greedy and beam search ask of a model: a function from the tokens so far to the scores of the next one. It may be an
// encoder-decoder, a decoder alone or no network at all; how it keeps its state is its own affair.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { arange, tensor } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import { Tensor } from "../tensor/tensor.js";

/**
 * The scores of the token that follows, f32[R,V] or a promise of it: logits or log-probabilities, -Infinity for tokens that are not allowed.
 * @param tokens i32[R,N]: row r is a text so far, the begin token first; N is 1 at the first call and one more at each
 * @param parents i32[R]: row r goes on from row `parents[r]` of the call before, so a decoder that keeps a state takes
 * `state.indexSelect(0, parents)`; at the first call row r comes from itself
 */
export type NextToken = (tokens: Tensor, parents: Tensor) => Tensor | Promise<Tensor>;

/** What both searches take. */
export interface SearchOptions {
  /** The token every text begins with. */
  begin: number;
  /** The token that ends a text. */
  end: number;
  /** The most tokens of a text, begin and end not counted: one that is as long can only end. */
  maxLength: number;
  /** Sentences to write at once; 1. */
  batch?: number;
}

export const SEARCH: OptionTable<SearchOptions> = {
  begin: CHECKED,
  end: CHECKED,
  maxLength: CHECKED,
  batch: CHECKED,
};

/** A text that a search has written. */
export interface Hypothesis {
  /** Without the begin and the end token. */
  readonly tokens: number[];
  /** The sum of the log-probabilities of its tokens, the end token among them. */
  readonly logProbability: number;
  /** What it is ranked by: `logProbability` divided by the length penalty. */
  readonly score: number;
}

/** The texts so far, all of one length, and the log-probabilities of what may follow. */
export class Rows {
  /** Row after row, without the begin token. */
  texts: number[][];
  /** V, known after the first call of `next`. */
  vocabularySize = 0;

  constructor(
    private readonly op: string,
    private readonly next: NextToken,
    private readonly options: SearchOptions,
    private readonly count: number,
  ) {
    this.texts = Array.from({ length: count }, () => []);
  }

  /**
   * Log-probabilities of the tokens that may follow, row after row. [R*V]
   * @param parents for each row the row of the call before that it goes on from; none at the first call
   * @param open whether a row matters; the others may hold anything
   * @throws HeedError for another shape than [R,V], for NaN and +Infinity, and for an open row where nothing is allowed
   */
  async read(parents: readonly number[] | null, open: (row: number) => boolean): Promise<Float64Array> {
    const { op, count, options } = this;
    const text = this.texts.map((tokens) => [options.begin, ...tokens]);
    const origin = parents ? tensor([...parents], { dtype: "i32" }) : arange(count);
    const scores = await noGrad(() => this.next(tensor(text, { dtype: "i32" }), origin));
    if (!(scores instanceof Tensor)) fail(op, "a tensor of scores from the function given", shown(scores));
    if (scores.ndim !== 2 || scores.shape[0] !== count)
      fail(op, `scores f32[${count},V] from the function given`, describe(scores), "give those of the last position");
    this.vocabularySize = scores.shape[1];
    for (const name of ["begin", "end"] as const)
      if (options[name] >= this.vocabularySize)
        fail(op, `${name} from 0 to ${this.vocabularySize - 1}, for ${describe(scores)}`, String(options[name]));
    return this.logSoftmax(await scores.data(), open);
  }

  /** For rows that can only end: every other token gets -Infinity. The end token keeps its own probability. */
  onlyEnd(logProbabilities: Float64Array): void {
    const { end } = this.options;
    const V = this.vocabularySize;
    for (let i = 0; i < logProbabilities.length; i++) if (i % V !== end) logProbabilities[i] = Number.NEGATIVE_INFINITY;
  }

  /** @throws HeedError always */
  failToEnd(): never {
    const { end, maxLength } = this.options;
    fail(
      this.op,
      `that a text of ${maxLength} tokens may end`,
      `-Infinity for the end token ${end}`,
      "allow it, or give the id that ends a text",
    );
  }

  private logSoftmax(scores: ArrayLike<number>, open: (row: number) => boolean): Float64Array {
    const V = this.vocabularySize;
    const out = new Float64Array(scores.length).fill(Number.NEGATIVE_INFINITY);
    for (let row = 0; row < this.count; row++) {
      if (!open(row)) continue;
      let most = Number.NEGATIVE_INFINITY;
      for (let i = row * V; i < (row + 1) * V; i++) {
        if (!(scores[i] < Infinity))
          fail(this.op, "finite scores or -Infinity", `${scores[i]} for token ${i % V} of row ${row}`);
        if (scores[i] > most) most = scores[i];
      }
      if (most === Number.NEGATIVE_INFINITY)
        fail(this.op, "a token that is allowed in every row", `${V} scores of -Infinity in row ${row}`);
      let sum = 0;
      for (let i = row * V; i < (row + 1) * V; i++) sum += Math.exp(scores[i] - most);
      const total = most + Math.log(sum);
      for (let i = row * V; i < (row + 1) * V; i++) out[i] = scores[i] - total;
    }
    return out;
  }
}

/** @throws HeedError for ids below 0, lengths and sizes below 1, and a function that is none */
export function checkSearch<O extends SearchOptions>(
  op: string,
  next: NextToken,
  options: O,
  table: OptionTable<O>,
): void {
  if (typeof next !== "function") fail(op, "a function from tokens to the scores of the next", shown(next));
  checkOptions(op, options, table, REMEDIES);
  const { begin, end, maxLength, batch = 1 } = options;
  for (const [name, id] of Object.entries({ begin, end }))
    if (!Number.isInteger(id) || id < 0) fail(op, `${name} a token id from 0`, String(id));
  for (const [name, size] of Object.entries({ maxLength, batch }))
    if (!Number.isInteger(size) || size < 1) fail(op, `${name} a whole number of at least 1`, String(size));
}

const REMEDIES = { bos: "begin", eos: "end", maxLen: "maxLength", numBeams: "beamWidth", beamSize: "beamWidth" };
