// How far one sequence is from another: the fewest insertions, deletions and substitutions (Levenshtein 1966). Over the length of the
// reference it is the word, character or phoneme error rate, whatever the tokens are.

import { checkList } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

/** Tokens of any kind, compared by ===; a string counts as its characters (code points). */
export type Sequence = string | ArrayLike<string | number>;

/**
 * The fewest insertions, deletions and substitutions of one token that turn `a` into `b`.
 * @example editDistance("kitten", "sitting") // 3
 */
export function editDistance(a: Sequence, b: Sequence): number {
  const from = tokensOf("editDistance", a);
  const to = tokensOf("editDistance", b);
  // row[j]: the distance from what is read of `from` to the first j of `to`
  const row = Uint32Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const substituted = diagonal + (from[i - 1] === to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = Math.min(substituted, row[j] + 1, row[j - 1] + 1);
    }
  }
  return row[to.length];
}

/**
 * The edits that all hypotheses need, for each token of the references: 0 where all are right, above 1 where much too much was written. With
 * words it is the word error rate, with phonemes the phoneme error rate.
 * @throws HeedError for lists of different lengths, and references without tokens
 * @example errorRate([["DH", "AH"]], [["DH", "IY"]]) // 0.5
 */
export function errorRate(hypotheses: readonly Sequence[], references: readonly Sequence[]): number {
  checkList("errorRate", "hypotheses as an array", hypotheses);
  checkList("errorRate", "references as an array", references);
  if (hypotheses.length !== references.length)
    fail("errorRate", "a reference for each hypothesis", `${hypotheses.length} and ${references.length}`);
  let edits = 0;
  let tokens = 0;
  for (const [i, reference] of references.entries()) {
    edits += editDistance(hypotheses[i], reference);
    tokens += tokensOf("errorRate", reference).length;
  }
  if (tokens === 0) fail("errorRate", "references with at least one token", "none");
  return edits / tokens;
}

function tokensOf(op: string, sequence: Sequence): ArrayLike<string | number> {
  if (typeof sequence === "string") return [...sequence];
  if (sequence === null || typeof sequence !== "object" || typeof sequence.length !== "number")
    fail(op, "a list of tokens or a string", shown(sequence));
  return sequence;
}
