// Beam search: the best few texts so far go on together, and a longer text is not punished for its length alone (Wu et al. 2016,
// "Google's Neural Machine Translation System", section 7, eq. 14; their coverage penalty is left out).
//
// Each step ranks every continuation of the open texts. Of the best 2K, those that end join the finished ones if they are among the first
// K; the best K that do not end stay open. All rows are read at every step, so that a compiled model sees one number of rows.

import { fail } from "../base/errors.js";
import { CHECKED, type OptionTable } from "../base/options.js";
import { checkSearch, type Hypothesis, type NextToken, Rows, SEARCH, type SearchOptions } from "./next-token.js";

/** How `beamSearch` searches. */
export interface BeamSearchOptions extends SearchOptions {
  /** K, the texts that are kept open for each sentence; 4. */
  beamWidth?: number;
  /** alpha: 0 ranks by log-probability alone, which favours short texts; larger favours longer ones. 0.6, as in "Attention Is All You Need". */
  lengthPenalty?: number;
  /** The most hypotheses to return for each sentence, at most the beam width; the beam width. */
  results?: number;
}

const BEAM_SEARCH: OptionTable<BeamSearchOptions> = {
  ...SEARCH,
  beamWidth: CHECKED,
  lengthPenalty: CHECKED,
  results: CHECKED,
};

/**
 * For each sentence the hypotheses found, best first: tokens, log-probability, and score = log P / lp(Y) with
 * lp(Y) = ((5 + |Y|) / 6)^alpha, where |Y| counts the end token. A sentence is done when no open text can come among its results any more;
 * one that reaches `maxLength` can only end, with the probability the model gives that. Put the model into `eval()` first.
 * @param next gets tokens i32[R,N], R = batch * beamWidth, the beams of a sentence next to each other (so what the encoder gives is
 * `memory.repeatInterleave(beamWidth, 0)`), and gives the scores f32[R,V] of the next token
 * @throws HeedError for options out of range, scores that are misshapen, NaN, +Infinity or all -Infinity, and where no text can end
 * @example const [[best]] = await beamSearch(next, { begin: 1, end: 2, maxLength: 20, beamWidth: 4 });
 */
export async function beamSearch(next: NextToken, options: BeamSearchOptions): Promise<Hypothesis[][]> {
  checkSearch("beamSearch", next, options, BEAM_SEARCH);
  const { batch = 1, maxLength } = options;
  const { beamWidth: K, alpha, results } = checkBeams(options);
  const rows = new Rows("beamSearch", next, options, batch * K);
  const beams = Array.from({ length: batch }, () => new Beam(options.end, K, alpha, results));
  let parents: number[] | null = null;
  for (let length = 0; beams.some((beam) => beam.open); length++) {
    const scores = await rows.read(
      parents,
      (row) => beams[Math.floor(row / K)].sums[row % K] > Number.NEGATIVE_INFINITY,
    );
    if (length === maxLength) rows.onlyEnd(scores);
    const V = rows.vocabularySize;
    const steps = beams.flatMap((beam, b) => {
      const texts = rows.texts.slice(b * K, (b + 1) * K);
      return beam.step(scores.subarray(b * K * V, (b + 1) * K * V), texts, maxLength);
    });
    parents = steps.map(({ beam }, row) => row - (row % K) + beam);
    rows.texts = steps.map(({ token }, row) => [...rows.texts[(parents as number[])[row]], token]);
  }
  for (const { finished } of beams) if (finished.length === 0) rows.failToEnd();
  return beams.map((beam) => beam.finished);
}

interface Continuation {
  readonly beam: number;
  readonly token: number;
  readonly sum: number;
}

/** The search for one sentence. */
class Beam {
  /** The log-probabilities of the open texts, best first; -Infinity where there is none. */
  readonly sums: Float64Array;
  /** Best first. */
  readonly finished: Hypothesis[] = [];

  constructor(
    private readonly end: number,
    private readonly width: number,
    private readonly alpha: number,
    private readonly results: number,
  ) {
    this.sums = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
    this.sums[0] = 0; // all begin alike: one of them is enough
  }

  get open(): boolean {
    return this.sums[0] > Number.NEGATIVE_INFINITY;
  }

  /** One token more; returns for each of the K texts which of the old ones it continues, and how. */
  step(scores: Float64Array, texts: readonly (readonly number[])[], maxLength: number): Continuation[] {
    const { width: K, end, sums } = this;
    const length = texts[0].length + 1; // with the token that comes now
    const ranked = this.open ? largest(scores, sums, 2 * K) : [];
    for (const { beam, token, sum } of ranked.slice(0, K)) {
      if (token !== end) continue;
      this.finish({ tokens: texts[beam].slice(), logProbability: sum, score: sum / penalty(length, this.alpha) });
    }
    const going = ranked.filter(({ token }) => token !== end).slice(0, K);
    // From here a text can only lose probability; how much a length can help is known.
    const longest = penalty(this.alpha > 0 ? maxLength + 1 : length + 1, this.alpha);
    const hope = going.length > 0 && (this.finished.length < this.results || going[0].sum / longest > this.worst);
    sums.fill(Number.NEGATIVE_INFINITY);
    if (hope) for (const [i, { sum }] of going.entries()) sums[i] = sum;
    return Array.from({ length: K }, (_, i) => (hope && going[i]) || { beam: 0, token: end, sum: 0 });
  }

  private get worst(): number {
    return this.finished[this.finished.length - 1].score;
  }

  private finish(hypothesis: Hypothesis): void {
    const { finished } = this;
    const better = finished.findIndex(({ score }) => score < hypothesis.score);
    finished.splice(better < 0 ? finished.length : better, 0, hypothesis);
    if (finished.length > this.results) finished.pop();
  }
}

/** ((5 + |Y|) / (5 + 1))^alpha */
function penalty(length: number, alpha: number): number {
  return ((5 + length) / 6) ** alpha;
}

/** The `count` likeliest continuations, best first; of equals the one of the better text, then of the lower token. */
function largest(scores: Float64Array, sums: Float64Array, count: number): Continuation[] {
  const V = scores.length / sums.length;
  const kept: Continuation[] = [];
  for (let i = 0; i < scores.length; i++) {
    const beam = Math.floor(i / V);
    const sum = sums[beam] + scores[i];
    if (!(sum > (kept.length < count ? Number.NEGATIVE_INFINITY : kept[count - 1].sum))) continue;
    let at = kept.length < count ? kept.length : count - 1;
    for (; at > 0 && kept[at - 1].sum < sum; at--) kept[at] = kept[at - 1];
    kept[at] = { beam, token: i - beam * V, sum };
  }
  return kept;
}

function checkBeams({ beamWidth = 4, lengthPenalty = 0.6, results = beamWidth }: BeamSearchOptions) {
  if (!Number.isInteger(beamWidth) || beamWidth < 1)
    fail("beamSearch", "beamWidth a whole number of at least 1", String(beamWidth));
  if (!Number.isFinite(lengthPenalty)) fail("beamSearch", "a finite lengthPenalty", String(lengthPenalty));
  if (!Number.isInteger(results) || results < 1 || results > beamWidth)
    fail("beamSearch", `results from 1 to the beam width ${beamWidth}`, String(results));
  return { beamWidth, alpha: lengthPenalty, results };
}
