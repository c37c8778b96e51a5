// Whether both sides compute the same: a few numbers of each result, evenly spread over its elements, must agree before anything is timed.
// peers/digest.py takes the same numbers there.

import type { Tensor } from "heed";

const COUNT = 64;
const TOLERANCE = 1e-4;

export type Digest = readonly (readonly number[])[];

export function digestOf(results: readonly Tensor[]): Digest {
  return results.map((result) => {
    const data = result.dataSync();
    const last = result.numel - 1;
    return Array.from({ length: COUNT }, (_, i) => Number(data[Math.floor((i * last) / (COUNT - 1))]));
  });
}

/** @throws Error where a number differs by more than 1e-4 of the largest of its result, or of one */
export function checkDigests(work: string, ours: Digest, theirs: Digest): void {
  ours.forEach((numbers, result) => {
    const scale = Math.max(1, ...theirs[result].map(Math.abs));
    const apart = numbers.findIndex((x, i) => !(Math.abs(x - theirs[result][i]) <= TOLERANCE * scale));
    if (apart < 0) return;
    const [x, y] = [numbers[apart], theirs[result][apart]];
    throw new Error(`${work}: result ${result} differs: Heed has ${x}, PyTorch ${y}, at ${apart} of ${COUNT} places`);
  });
}
