// Drawing categories by weight, as torch.multinomial does on the CPU (ATen/native/Distributions.cpp and
// ATen/native/cpu/MultinomialKernel.cpp): weights are one row after another, and need not sum to one.

import { fail } from "./errors.js";
import type { Generator } from "./random.js";
import { shown } from "./show.js";

/** How `multinomial` draws. */
export interface MultinomialOptions {
  /** Draws for each row. */
  readonly samples: number;
  /** Whether a category may be drawn again; false unless given. */
  readonly replacement?: boolean;
  /** Whether the noise runs across the rows, category by category, as torch draws it for a transposed tensor; false unless given. */
  readonly across?: boolean;
}

/**
 * Category indices [rows, samples] drawn from weights f32[rows, categories].
 *
 * Without replacement, or for one sample, every weight is divided by an exponential number and the largest quotients win
 * (two words a category); with replacement each sample looks a double up in the running sum (two words a sample).
 * Throws for negative or non-finite weights, rows without weight, and more samples than categories with weight.
 */
export function multinomial(
  generator: Generator,
  weights: Float32Array,
  categories: number,
  options: MultinomialOptions,
): Int32Array {
  const { samples, replacement = false, across = false } = options;
  if (categories < 1 || weights.length % categories !== 0) {
    fail("multinomial", `rows of ${categories} weights`, `${weights.length} weights`);
  }
  const rows = weights.length / categories;
  if (!Number.isInteger(samples) || samples < 1 || samples * rows >= 2 ** 31)
    fail("multinomial", "at least one sample, and fewer than 2^31", shown(samples));
  for (let row = 0; row < rows; row++) check(weights, row, categories, replacement ? 1 : samples);
  const out = new Int32Array(rows * samples);
  if (replacement && samples > 1) withReplacement(generator, weights, categories, samples, out);
  else withoutReplacement(generator, weights, categories, samples, across, out);
  return out;
}

function check(weights: Float32Array, row: number, categories: number, needed: number): void {
  let positive = 0;
  for (let j = row * categories; j < (row + 1) * categories; j++) {
    const weight = weights[j]!;
    if (!(weight >= 0 && weight < Infinity)) fail("multinomial", "finite weights >= 0", `${weight} in row ${row}`);
    if (weight > 0) positive++;
  }
  if (positive >= needed) return;
  fail(
    "multinomial",
    `at least ${needed} positive weights in every row`,
    `${positive} in row ${row}`,
    needed > 1 ? "draw fewer samples, or with replacement: true" : undefined,
  );
}

/** Gumbel's trick without the logarithms: the largest of p / q, q exponential, is category i with probability p[i]. */
function withoutReplacement(
  generator: Generator,
  weights: Float32Array,
  categories: number,
  samples: number,
  across: boolean,
  out: Int32Array,
): void {
  const noise = new Float32Array(weights.length);
  generator.exponential(noise);
  const quotient = weights.map((weight, i) => {
    const place = across ? (i % categories) * (weights.length / categories) + Math.floor(i / categories) : i;
    return weight / noise[place]!;
  });
  for (let row = 0; row * samples < out.length; row++) {
    const scores = quotient.subarray(row * categories, (row + 1) * categories);
    if (samples === 1) out[row] = argmax(scores);
    else out.set(largest(scores, samples), row * samples);
  }
}

function argmax(scores: Float32Array): number {
  let best = 0;
  for (let j = 1; j < scores.length; j++) if (scores[j]! > scores[best]!) best = j;
  return best;
}

/** Indices of the `count` largest, largest first. */
function largest(scores: Float32Array, count: number): Int32Array {
  const order = Int32Array.from(scores, (_, j) => j);
  return order.sort((a, b) => scores[b]! - scores[a]! || a - b).subarray(0, count);
}

function withReplacement(
  generator: Generator,
  weights: Float32Array,
  categories: number,
  samples: number,
  out: Int32Array,
): void {
  const cumulative = new Float32Array(categories);
  for (let row = 0; row * samples < out.length; row++) {
    let sum = 0;
    for (let j = 0; j < categories; j++) {
      sum = Math.fround(sum + weights[row * categories + j]!);
      cumulative[j] = sum;
    }
    for (let j = 0; j < categories; j++) cumulative[j] = cumulative[j]! / sum;
    cumulative[categories - 1] = 1;
    for (let j = 0; j < samples; j++) out[row * samples + j] = firstAtLeast(cumulative, generator.double());
  }
}

/** The first index whose running sum is at least `target`. */
function firstAtLeast(cumulative: Float32Array, target: number): number {
  let left = 0;
  let right = cumulative.length;
  while (left < right) {
    const middle = (left + right) >> 1;
    if (cumulative[middle]! < target) left = middle + 1;
    else right = middle;
  }
  return left;
}
