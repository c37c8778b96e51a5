// Greedy search: at each step the likeliest token. What beam search is measured against, and enough for many tasks.

import { checkSearch, type Hypothesis, type NextToken, Rows, SEARCH, type SearchOptions } from "./next-token.js";

/**
 * One hypothesis for each sentence, always going on with the likeliest token (the first of equals); the score is the log-probability. Stops
 * when all have ended. Put the model into `eval()` first.
 * @param next gets tokens i32[batch,N] and gives the scores f32[batch,V] of the next token
 * @throws HeedError for options out of range, scores that are misshapen, NaN, +Infinity or all -Infinity, and where no text can end
 * @example const [first] = await greedySearch((tokens) => decode(memory, tokens).at(":", -1), { begin: 1, end: 2, maxLength: 20 });
 */
export async function greedySearch(next: NextToken, options: SearchOptions): Promise<Hypothesis[]> {
  checkSearch("greedySearch", next, options, SEARCH);
  const { end, maxLength, batch = 1 } = options;
  const rows = new Rows("greedySearch", next, options, batch);
  const found = new Array<Hypothesis | undefined>(batch);
  const sums = new Float64Array(batch);
  for (let length = 0; found.includes(undefined); length++) {
    const scores = await rows.read(length === 0 ? null : Array.from(sums.keys()), (row) => !found[row]);
    const V = rows.vocabularySize;
    for (let row = 0; row < batch; row++) {
      const text = rows.texts[row];
      const over = found[row] !== undefined || length === maxLength;
      const token = over ? end : likeliest(scores.subarray(row * V, (row + 1) * V));
      if (!found[row]) {
        sums[row] += scores[row * V + token];
        if (sums[row] === Number.NEGATIVE_INFINITY) rows.failToEnd();
        if (token === end) found[row] = { tokens: text.slice(), logProbability: sums[row], score: sums[row] };
      }
      text.push(token);
    }
  }
  return found as Hypothesis[];
}

function likeliest(scores: Float64Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}
