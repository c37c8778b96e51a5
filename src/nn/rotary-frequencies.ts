// How fast each pair of a rotary embedding turns: the plain rule of the paper and the ways in which models stretch it to texts longer than
// those they were trained on. In f32, operation by operation as transformers computes them, so that the numbers are the same; the turning
// itself is in rotary.ts.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

/**
 * How frequencies are changed for longer texts. `context` is the length of text the model was trained on, in positions.
 *
 * - `linear`: every frequency is divided by `factor` (Chen et al. 2023).
 * - `dynamic`: beyond `context` the base grows with the length of the text (NTK-aware scaling).
 * - `yarn`: high frequencies stay, low ones are divided by `factor`, a ramp between them; the tables are scaled (Peng et al. 2023).
 * - `llama3`: the same idea with bounds in wavelengths (Llama 3.1).
 * - `longrope`: each frequency is divided by a factor of its own, one list up to `context`, another beyond it (Ding et al. 2024).
 * - `proportional`: only the first `share` of the pairs turn, at the frequencies they would have if all did (Gemma 4).
 */
export type RotaryScaling =
  | { readonly kind: "linear"; readonly factor: number }
  | { readonly kind: "dynamic"; readonly factor: number; readonly context: number }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly context: number;
      /** Turns within `context` above which a frequency stays as it is; 32. */
      readonly betaFast?: number;
      /** Turns within `context` below which it is divided by `factor`; 1. */
      readonly betaSlow?: number;
      /** What cosines and sines are multiplied by; 0.1 ln(factor) + 1 unless given. */
      readonly attentionFactor?: number;
      /** With both of them, attentionFactor is their ratio of 0.1 m ln(factor) + 1 (DeepSeek). */
      readonly mscale?: number;
      readonly mscaleAllDim?: number;
      /** Whether the ramp begins and ends at whole pairs; true. */
      readonly truncate?: boolean;
    }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly context: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
    }
  | {
      readonly kind: "longrope";
      readonly context: number;
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      /** How much longer texts may be than `context`; decides attentionFactor alone. */
      readonly factor?: number;
      /** √(1 + ln(factor) / ln(context)) unless given. */
      readonly attentionFactor?: number;
    }
  | { readonly kind: "proportional"; readonly share: number; readonly factor?: number };

/** Radians per position of each pair, f32, and what cosines and sines are multiplied by. */
export interface RotaryFrequencies {
  readonly frequencies: Float32Array;
  readonly scale: number;
  /** In their place for texts of more than `context` positions. */
  readonly long?: Float32Array;
}

/**
 * How fast each pair of a rotary embedding turns, in radians per position, f32[width / 2] in an array: base^(-2i/width) for pair i (Su et al.
 * 2021, section 3.2.2), changed by `scaling`.
 * @throws HeedError for a width that is odd, a base or scaling that makes no frequencies
 * @example rotaryFrequencies(4, 10000).frequencies;   // Float32Array [1, 0.009999999776482582]
 */
export function rotaryFrequencies(width: number, base: number, scaling?: RotaryScaling | null): RotaryFrequencies {
  if (!Number.isInteger(width) || width < 2 || width % 2 !== 0 || width >= 2 ** 31)
    fail("rotary", "an even width of at least 2", shown(width));
  positive("base", base);
  if (!scaling) return { frequencies: inverse(powers(width, base)), scale: 1 };
  switch (scaling.kind) {
    case "linear": {
      const factor = f32(positive("factor", scaling.factor));
      return { frequencies: inverse(powers(width, base)).map((f) => f / factor), scale: 1 };
    }
    case "dynamic":
      positive("factor", scaling.factor);
      positive("context", scaling.context);
      if (width === 2) fail("rotary", "a width above 2 for dynamic scaling", "2");
      return { frequencies: inverse(powers(width, base)), scale: 1 };
    case "yarn":
      return yarn(width, base, scaling);
    case "llama3":
      return { frequencies: llama3(width, base, scaling), scale: 1 };
    case "longrope":
      return longrope(width, base, scaling);
    case "proportional":
      return { frequencies: proportional(width, base, scaling), scale: 1 };
    default:
      return fail(
        "rotary",
        "scaling of kind linear, dynamic, yarn, llama3, longrope or proportional",
        shown((scaling as { kind?: unknown }).kind),
      );
  }
}

const f32 = Math.fround;

/** base^(2i / width) for each pair i. */
function powers(width: number, base: number, count = width / 2): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => base ** f32((2 * i) / width));
}

function inverse(powers: Float32Array): Float32Array {
  return powers.map((p) => 1 / p);
}

type Scaling<K extends RotaryScaling["kind"]> = Extract<RotaryScaling, { kind: K }>;

function yarn(width: number, base: number, scaling: Scaling<"yarn">): RotaryFrequencies {
  const { factor, context, betaFast = 32, betaSlow = 1, mscale, mscaleAllDim, truncate = true } = scaling;
  for (const [name, x] of Object.entries({ factor, context, betaFast, betaSlow })) positive(name, x);
  // The pair that makes this many turns within the context, as a number between pairs.
  const pairOf = (turns: number) => (width * Math.log(context / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const [from, to] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(from) : from, 0);
  const high = Math.min(truncate ? Math.ceil(to) : to, width - 1);
  const span = f32((low === high ? high + 0.001 : high) - low);
  const frequencies = powers(width, base).map((power, i) => {
    const ramp = Math.min(Math.max(f32(f32(i - f32(low)) / span), 0), 1);
    const kept = f32(1 - ramp);
    const [extrapolated, interpolated] = [f32(1 / power), f32(1 / f32(f32(factor) * power))];
    return f32(interpolated * f32(1 - kept)) + f32(extrapolated * kept);
  });
  const growth = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const scale = mscale && mscaleAllDim ? growth(mscale) / growth(mscaleAllDim) : growth(1);
  return { frequencies, scale: positive("attentionFactor", scaling.attentionFactor ?? scale) };
}

function llama3(width: number, base: number, scaling: Scaling<"llama3">): Float32Array {
  const { factor, context, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
  for (const [name, x] of Object.entries({ factor, context, low, high })) positive(name, x);
  if (!(high > low)) fail("rotary", "highFrequencyFactor above lowFrequencyFactor", `${high} and ${low}`);
  return inverse(powers(width, base)).map((frequency) => {
    const wavelength = f32(f32(1 / frequency) * f32(2 * Math.PI));
    if (wavelength < context / high) return frequency;
    const slow = f32(frequency / f32(factor));
    if (wavelength > context / low) return slow;
    const turns = f32(f32(1 / wavelength) * f32(context));
    const smooth = f32(f32(turns - f32(low)) / f32(high - low));
    return f32(f32(f32(1 - smooth) * frequency) / f32(factor)) + f32(smooth * frequency);
  });
}

function longrope(width: number, base: number, scaling: Scaling<"longrope">): RotaryFrequencies {
  const { context, factor = 1 } = scaling;
  positive("context", context);
  positive("factor", factor);
  const divided = (name: "shortFactors" | "longFactors") => {
    const factors = scaling[name];
    if (factors?.length !== width / 2)
      fail("rotary", `${width / 2} ${name}, one for each pair`, String(factors?.length ?? "none"));
    for (const x of factors) positive(name, x);
    return powers(width, base).map((power, i) => 1 / f32(f32(factors[i]) * power));
  };
  const scale = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(context));
  return {
    frequencies: divided("shortFactors"),
    long: divided("longFactors"),
    scale: positive("attentionFactor", scaling.attentionFactor ?? scale),
  };
}

function proportional(width: number, base: number, scaling: Scaling<"proportional">): Float32Array {
  const { share, factor = 1 } = scaling;
  if (!(share >= 0 && share <= 1)) fail("rotary", "a share from 0 to 1", String(share));
  positive("factor", factor);
  const turning = Math.floor((share * width) / 2);
  const frequencies = new Float32Array(width / 2); // zeros: those pairs stay as they are
  frequencies.set(inverse(powers(width, base, turning)).map((f) => f / f32(factor)));
  return frequencies;
}

function positive(name: string, x: number): number {
  return Number.isFinite(x) && x > 0 ? x : fail("rotary", `a finite ${name} above 0`, shown(x));
}
