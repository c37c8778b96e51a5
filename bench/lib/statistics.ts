// What is said about a series of timings: its median, and between which values it lay.

export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The sample of at least one value. */
export function sampleOf(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** How many times as fast: of each turn the quotient, so that what slowed both in one turn (other work on the machine) cancels. */
export function quotients(slower: readonly number[], faster: readonly number[]): Sample {
  return sampleOf(slower.map((value, turn) => value / faster[turn]));
}
