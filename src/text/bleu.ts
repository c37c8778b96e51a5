// BLEU: how many of a translation's n-grams are in a reference (Papineni et al. 2002), with the smoothing of Chen and Cherry 2014 and
// the numbers of sacrebleu. It counts tokens as they are given: splitting text into words changes the score, and is left to the caller.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";

/** A sentence as words or token ids. */
export type Tokens = readonly (string | number)[];

/** What an n-gram precision without a match becomes: halved again for each order, a small count, counts raised by one, or nothing. */
export type BleuSmoothing = "exp" | "floor" | "add-k" | "none";

/** How `bleu` counts. */
export interface BleuOptions {
  /** N, the longest n-grams; 4. */
  maxOrder?: number;
  /** "exp". */
  smoothing?: BleuSmoothing;
  /** The count in place of 0 for "floor" (0.1), the k of "add-k" (1). */
  smoothingValue?: number;
  /** Leaves out the orders for which the hypotheses are too short; false, but true for sentenceBleu. */
  effectiveOrder?: boolean;
}

const BLEU: OptionTable<BleuOptions> = {
  maxOrder: CHECKED,
  smoothing: CHECKED,
  smoothingValue: CHECKED,
  effectiveOrder: FLAG,
};

/** What `bleu` returns: the score, and what it is made of. */
export interface Bleu {
  /** From 0 to 100. */
  readonly score: number;
  /** For each order from 1, the share of n-grams that are in a reference, from 0 to 100. */
  readonly precisions: readonly number[];
  /** exp(1 - r / c) where the hypotheses are shorter than the references, otherwise 1. */
  readonly brevityPenalty: number;
  /** c, in tokens. */
  readonly hypothesisLength: number;
  /** r: for each sentence the reference nearest in length (the shorter of two). */
  readonly referenceLength: number;
}

/** Used where none is given. */
const DEFAULT_VALUES: Readonly<Record<BleuSmoothing, number>> = { exp: 0, floor: 0.1, "add-k": 1, none: 0 };

/**
 * The BLEU of a corpus: n-grams are counted over all sentences before anything is divided.
 * @param references for each hypothesis the list of its references, one or more
 * @throws HeedError for strings in place of tokens, for lists of different lengths, sentences without reference, and options out of range
 * @example bleu([["the", "cat"]], [[["the", "cat", "sat"]]]).score
 */
export function bleu(
  hypotheses: readonly Tokens[],
  references: readonly (readonly Tokens[])[],
  options: BleuOptions = {},
): Bleu {
  return corpusBleu("bleu", hypotheses, references, options);
}

/**
 * The BLEU of one sentence, which is rough: orders too long for it are left out unless `effectiveOrder` is false.
 * @throws HeedError as `bleu`
 * @example sentenceBleu(["the", "cat", "sat"], [["the", "cat", "sat", "down"]]).score   // 71.65
 */
export function sentenceBleu(hypothesis: Tokens, references: readonly Tokens[], options: BleuOptions = {}): Bleu {
  return corpusBleu("sentenceBleu", [hypothesis], [references], options, true);
}

function corpusBleu(
  op: string,
  hypotheses: readonly Tokens[],
  references: readonly (readonly Tokens[])[],
  options: BleuOptions,
  effectiveOrder = false,
): Bleu {
  const settings = complete(op, options, effectiveOrder);
  for (const [name, list] of Object.entries({ hypotheses, references }))
    if (!Array.isArray(list)) fail(op, `${name} as an array`, shown(list));
  if (hypotheses.length !== references.length)
    fail(op, "a list of references for each hypothesis", `${hypotheses.length} and ${references.length}`);
  const statistics = new Statistics(settings.maxOrder);
  for (const [i, hypothesis] of hypotheses.entries()) {
    checkTokens(op, `hypothesis ${i}`, hypothesis);
    if (!Array.isArray(references[i]) || references[i].length === 0)
      fail(op, `a list of at least one reference for hypothesis ${i}`, shown(references[i]));
    for (const reference of references[i])
      checkTokens(op, `reference of hypothesis ${i}`, reference, "give [reference] for one reference");
    statistics.add(hypothesis, references[i]);
  }
  return statistics.score(settings);
}

class Statistics {
  private hypothesisLength = 0;
  private referenceLength = 0;
  private readonly matches: number[];
  private readonly totals: number[];

  constructor(private readonly maxOrder: number) {
    this.matches = new Array(maxOrder).fill(0);
    this.totals = new Array(maxOrder).fill(0);
  }

  add(hypothesis: Tokens, references: readonly Tokens[]): void {
    this.hypothesisLength += hypothesis.length;
    const lengths = references.map(({ length }) => length);
    const distance = (length: number) => Math.abs(length - hypothesis.length);
    this.referenceLength += lengths.reduce((a, b) => ((distance(b) - distance(a) || b - a) < 0 ? b : a));
    const ids = new Map<string | number, number>();
    const all = references.map((reference) => countNgrams(reference, this.maxOrder, ids));
    for (const [i, counts] of countNgrams(hypothesis, this.maxOrder, ids).entries()) {
      this.totals[i] += Math.max(0, hypothesis.length - i);
      for (const [ngram, count] of counts) {
        // Clipped: a reference's n-gram counts as often as it occurs in the one that has most of it.
        const most = Math.max(...all.map((reference) => reference[i].get(ngram) ?? 0));
        this.matches[i] += Math.min(count, most);
      }
    }
  }

  score({ smoothing, smoothingValue, effectiveOrder }: Required<BleuOptions>): Bleu {
    const { hypothesisLength: c, referenceLength: r, maxOrder } = this;
    const brevityPenalty = c >= r ? 1 : c === 0 ? 0 : Math.exp(1 - r / c);
    const precisions: number[] = new Array(maxOrder).fill(0);
    const lengths = { brevityPenalty, hypothesisLength: c, referenceLength: r };
    if (this.matches.every((count) => count === 0)) return { score: 0, precisions, ...lengths };
    let order = maxOrder;
    let halved = 1;
    for (let n = 1; n <= maxOrder; n++) {
      const raised = smoothing === "add-k" && n > 1 ? smoothingValue : 0;
      const matches = this.matches[n - 1] + raised;
      const total = this.totals[n - 1] + raised;
      if (total === 0) break;
      if (effectiveOrder) order = n;
      if (matches > 0) precisions[n - 1] = (100 * matches) / total;
      else if (smoothing === "exp") precisions[n - 1] = 100 / ((halved *= 2) * total);
      else if (smoothing === "floor") precisions[n - 1] = (100 * smoothingValue) / total;
    }
    const logs = precisions.slice(0, order).reduce((sum, precision) => sum + Math.log(precision), 0);
    return { score: brevityPenalty * Math.exp(logs / order), precisions, ...lengths };
  }
}

/** For each order from 1 to `maxOrder` how often each n-gram occurs; tokens are numbered by `ids`. */
function countNgrams(tokens: Tokens, maxOrder: number, ids: Map<string | number, number>): Map<string, number>[] {
  const numbers = tokens.map((token) => {
    const id = ids.get(token) ?? ids.size;
    ids.set(token, id);
    return id;
  });
  return Array.from({ length: maxOrder }, (_, i) => {
    const counts = new Map<string, number>();
    for (let at = 0; at + i < numbers.length; at++) {
      const ngram = numbers.slice(at, at + i + 1).join(" ");
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
    return counts;
  });
}

function complete(op: string, options: BleuOptions, otherwise: boolean): Required<BleuOptions> {
  checkOptions(op, options, BLEU);
  const { maxOrder = 4, smoothing = "exp", effectiveOrder = otherwise } = options;
  if (!Number.isInteger(maxOrder) || maxOrder < 1) fail(op, "maxOrder a whole number of at least 1", shown(maxOrder));
  if (maxOrder > 1000) fail(op, "maxOrder of at most 1000", String(maxOrder));
  if (!Object.hasOwn(DEFAULT_VALUES, smoothing))
    fail(op, `smoothing one of ${Object.keys(DEFAULT_VALUES).join(", ")}`, String(smoothing));
  const { smoothingValue = DEFAULT_VALUES[smoothing] } = options;
  if (!(smoothingValue >= 0 && smoothingValue < Infinity))
    fail(op, "smoothingValue of at least 0", String(smoothingValue));
  return { maxOrder, smoothing, smoothingValue, effectiveOrder };
}

function checkTokens(op: string, what: string, tokens: unknown, remedy?: string): void {
  if (Array.isArray(tokens) && !tokens.some((token) => typeof token === "object")) return;
  fail(op, `${what} as a list of words or ids`, shown(tokens), typeof tokens === "string" ? (remedy ?? "split it into words") : undefined); // biome-ignore format: short
}
