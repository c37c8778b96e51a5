// Choosing the next token from logits: temperature, then top-k, then top-p, then a draw with PyTorch's multinomial numbers, so that the
// same logits and seed give the token that torch gives.

import { fail } from "../base/errors.js";
import { multinomial } from "../base/multinomial.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { Generator } from "../base/random.js";
import { shown } from "../base/show.js";

/** How the next token is drawn from its logits. */
export interface SamplingOptions {
  /** Divides the logits: below 1 bolder, above 1 more varied; 0 takes the likeliest token. 1. */
  temperature?: number;
  /** Only the k likeliest tokens (and those equal to the last of them). */
  topK?: number;
  /** Only the likeliest tokens that together reach this probability. */
  topP?: number;
}

export const SAMPLING: OptionTable<SamplingOptions> = { temperature: CHECKED, topK: CHECKED, topP: CHECKED };

/** @throws HeedError for other options, a temperature below 0, a topK below 1, a topP outside (0, 1] */
export function checkSampling(op: string, options: SamplingOptions): void {
  checkOptions(op, options, SAMPLING);
  const { temperature = 1, topK, topP } = options;
  if (!(temperature >= 0 && temperature < Infinity)) fail(op, "a temperature of at least 0", String(temperature));
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    fail(op, "topK a whole number of at least 1", String(topK));
  if (topP !== undefined && !(topP > 0 && topP <= 1)) fail(op, "topP above 0 and up to 1", String(topP));
}

/**
 * The next token for logits f32[V], which may hold -Infinity for tokens that are not allowed.
 * @throws HeedError for NaN or +Infinity among the logits, and where all are -Infinity
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, generator: Generator): number {
  checkSampling("sampleToken", options);
  if (!(logits instanceof Float32Array))
    fail("sampleToken", "logits as a Float32Array", shown(logits), "as await logits.data() gives them");
  if (!(generator instanceof Generator))
    fail("sampleToken", "a generator", shown(generator), "as in new Generator(123)");
  checkLogits(logits);
  const { temperature = 1, topK, topP } = options;
  const best = argmax(logits);
  const divisor = Math.fround(temperature);
  // Next to nothing is nothing: the quotients would leave f32, and so would what is drawn from.
  if (divisor === 0 || !Number.isFinite(Math.fround(logits[best] / divisor))) return best;
  const scaled = logits.map((x) => x / divisor);
  if (topK !== undefined && topK < scaled.length) keepLargest(scaled, topK);
  if (topP !== undefined && topP < 1) keepNucleus(scaled, topP);
  return multinomial(generator, softmax(scaled), scaled.length, { samples: 1 })[0];
}

function checkLogits(logits: Float32Array): void {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    if (!(logits[i] < Infinity))
      fail(
        "sampleToken",
        "finite logits",
        `${logits[i]} for token ${i}`,
        "the weights may hold NaN: check the training",
      );
    if (logits[i] > best) best = logits[i];
  }
  if (best === Number.NEGATIVE_INFINITY)
    fail("sampleToken", "a token that is allowed", `${logits.length} logits of -Infinity`);
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/** Everything below the k-th largest becomes -Infinity. */
function keepLargest(logits: Float32Array, k: number): void {
  const least = logits.slice().sort()[logits.length - k];
  for (let i = 0; i < logits.length; i++) if (logits[i] < least) logits[i] = Number.NEGATIVE_INFINITY;
}

/** From the unlikeliest up, tokens go while together they hold no more than 1 - p   (Holtzman et al. 2020). */
function keepNucleus(logits: Float32Array, p: number): void {
  const order = Int32Array.from(logits, (_, i) => i).sort((a, b) => logits[a] - logits[b] || a - b);
  const probabilities = softmax(logits);
  let below = 0;
  for (const i of order.subarray(0, -1)) {
    below = Math.fround(below + probabilities[i]);
    if (below > Math.fround(1 - p)) return;
    logits[i] = Number.NEGATIVE_INFINITY;
  }
}

function softmax(logits: Float32Array): Float32Array {
  const max = logits[argmax(logits)];
  const e = logits.map((x) => Math.exp(x - max));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
}
