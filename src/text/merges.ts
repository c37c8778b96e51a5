// Byte-pair encoding of one piece: the adjacent pair of the lowest rank is merged, the leftmost first, until no pair has a
// rank. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), section 3.2. Short pieces,
// nearly all, are merged by looking through them; for long ones, such as a run without a space, a list with links and a heap
// keep n bytes at n log n steps.

import { Heap } from "./heap.js";

const longestShort = 64;

/** The merges of a vocabulary: which two tokens become which, and in which order. */
export class Merges {
  private readonly rankOfPair = new Map<number, number>();
  private readonly results: number[] = [];

  /** @param vocabularySize the largest token id plus one */
  constructor(private readonly vocabularySize: number) {}

  /** Adds the next merge; a pair that comes again takes its later place. */
  add(left: number, right: number, result: number): void {
    this.rankOfPair.set(left * this.vocabularySize + right, this.results.length);
    this.results.push(result);
  }

  /** The place of a pair in the order of merges, or -1. */
  private rank(left: number, right: number): number {
    return this.rankOfPair.get(left * this.vocabularySize + right) ?? -1;
  }

  /** Merges the tokens of a piece as far as they go. */
  apply(tokens: Int32Array): Int32Array {
    return tokens.length <= longestShort ? this.applyShort(tokens) : this.applyLong(tokens);
  }

  /** The definition, step by step. */
  applyShort(tokens: Int32Array): Int32Array {
    const merged = tokens.slice();
    let length = merged.length;
    const ranks: number[] = []; // of the pair that begins at each place; none is Infinity
    const rankAt = (at: number) => {
      const rank = at >= 0 && at + 1 < length ? this.rank(merged[at]!, merged[at + 1]!) : -1;
      return rank < 0 ? Number.POSITIVE_INFINITY : rank;
    };
    for (let i = 0; i < length; i++) ranks.push(rankAt(i));
    for (;;) {
      let best = 0;
      for (let i = 1; i + 1 < length; i++) if (ranks[i]! < ranks[best]!) best = i;
      if (length < 2 || ranks[best] === Number.POSITIVE_INFINITY) return merged.slice(0, length);
      merged[best] = this.results[ranks[best]!]!;
      length--;
      for (let i = best + 1; i < length; i++) {
        merged[i] = merged[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      ranks[best] = rankAt(best);
      if (best > 0) ranks[best - 1] = rankAt(best - 1);
    }
  }

  /** The same for a long piece. */
  applyLong(tokens: Int32Array): Int32Array {
    const length = tokens.length;
    if (length < 2) return tokens;
    const token = tokens.slice(); // -1 where the token has become part of the one before
    const next = Int32Array.from(tokens, (_, i) => i + 1);
    const previous = Int32Array.from(tokens, (_, i) => i - 1);
    // Rank first, then place, as one number, far below 2^53.
    const heap = new Heap<number>((a, b) => a < b);
    const offer = (at: number) => {
      const rank = at >= 0 && next[at]! < length ? this.rank(token[at]!, token[next[at]!]!) : -1;
      if (rank >= 0) heap.push(rank * length + at);
    };
    for (let i = 0; i + 1 < length; i++) offer(i);
    let count = length;
    for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
      const at = top % length;
      const rank = (top - at) / length;
      const right = next[at]!;
      // The pair may have changed since it was offered; then what it became was offered too.
      if (token[at] === -1 || right >= length || this.rank(token[at]!, token[right]!) !== rank) continue;
      token[at] = this.results[rank]!;
      token[right] = -1;
      next[at] = next[right]!;
      if (next[at]! < length) previous[next[at]!] = at;
      count--;
      offer(previous[at]!);
      offer(at);
    }
    const merged = new Int32Array(count);
    for (let at = 0, i = 0; at < length; at = next[at]!) merged[i++] = token[at]!;
    return merged;
  }
}
