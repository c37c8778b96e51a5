// PyTorch's CPU generator: the same seed gives the same numbers, to the bit, as torch (2.7 and later, on x86 with AVX2) in
// its CPU kernels. This file decides which words each distribution takes and what becomes of them (torch: ATen/native/cpu/
// DistributionTemplates.h, ATen/core/DistributionsHelper.h); the words come from mersenne.ts, large normal fills from
// gaussian.ts, the saved state is laid out by randomstate.ts, and multinomial.ts draws categories.
//
// Fills write plain typed arrays in order. Numbers inside compiled programs come from counter.ts instead.

import { sinCos } from "./circle.js";
import { fail } from "./errors.js";
import { fma, fmaf } from "./fma.js";
import { BLOCK, gaussianBlocks, MOST_WORDS } from "./gaussian.js";
import { Mersenne } from "./mersenne.js";
import { kind } from "./options.js";
import { readState, writeState } from "./randomstate.js";
import { roundTo } from "./round.js";
import { shown } from "./show.js";

/** The seed of a `Generator` made without one, as in torch. */
export const DEFAULT_SEED = 67280421310721;

const INVERSE_24 = 2 ** -24;
const INVERSE_53 = 2 ** -53;
const words = new Uint32Array(MOST_WORDS); // fills are synchronous, so one buffer serves all generators

/**
 * A stream of pseudo-random numbers, the counterpart of `torch.Generator`.
 *
 * ```ts
 * const generator = new Generator(123);
 * const x = new Float32Array(3);
 * generator.normal(x);      // [-0.1115, 0.1204, -0.3696], torch.manual_seed(123); torch.randn(3)
 * ```
 */
export class Generator {
  private readonly engine = new Mersenne(0);
  private given = 0n;
  /** @internal How often the stream was seeded, or sent on from a state. */
  beginnings = 0;
  /** The second normal number of the last pair, waiting for the next call: torch keeps it across calls. */
  private waiting: number | undefined;

  /** @param seed an integer from -2^63 to 2^64 - 1; a negative one counts from 2^64 */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /** Starts the stream again from `seed`, an integer from -2^63 to 2^64 - 1, of which the low 32 bits count. */
  manualSeed(seed: number | bigint): this {
    const whole = typeof seed === "bigint" || Number.isSafeInteger(seed);
    if (!whole) fail("manualSeed", "an integer", shown(seed), "beyond 2^53 write it as a bigint");
    const value = BigInt(seed);
    if (value < -(2n ** 63n) || value >= 2n ** 64n) fail("manualSeed", "a seed from -2^63 to 2^64 - 1", String(seed));
    this.given = BigInt.asUintN(64, value);
    this.engine.seed(Number(this.given & 0xffffffffn));
    this.waiting = undefined;
    this.beginnings++;
    return this;
  }

  /** The seed the stream began with, as an unsigned 64-bit number (torch: `initial_seed`). */
  get seed(): bigint {
    return this.given;
  }

  /** The next 32-bit word, unsigned. */
  word(): number {
    return this.engine.word();
  }

  /** The next 64-bit word, unsigned, from two words, the high one first. */
  random64(): bigint {
    const high = this.engine.word();
    return (BigInt(high) << 32n) | BigInt(this.engine.word());
  }

  /** A 63-bit number, what `torch.empty((), dtype=torch.int64).random_()` draws; DataLoader seeds its sampler with one. */
  random63(): bigint {
    return this.random64() & 0x7fffffffffffffffn;
  }

  /** A double in [0, 1) with 53 random bits; two words. */
  double(): number {
    const high = this.engine.word();
    return joined(high, this.engine.word());
  }

  /**
   * The state of the stream, the 5056 bytes of `torch.Generator.get_state()`; a normal number that waits is a double of the C library there,
   * and in a few cases of a thousand differs from it in the last bit.
   */
  state(): Uint8Array {
    return writeState(this.engine, this.given, this.waiting);
  }

  /** Continues from bytes that `state` or torch's `get_state` gave; throws unless they describe a state of MT19937. */
  setState(bytes: Uint8Array): this {
    return this.resume("setState", bytes);
  }

  /** @internal setState under the name that was called. */
  resume(op: string, bytes: Uint8Array): this {
    const { seed, waiting } = readState(bytes, this.engine, op);
    this.given = seed;
    this.waiting = waiting;
    this.beginnings++;
    return this;
  }

  /** A second generator that goes on from here on its own. */
  clone(): Generator {
    return new Generator(0).setState(this.state());
  }

  /** Uniform numbers in [from, to), one word each (torch: `rand`, `uniform_`); what rounding brings to `to` becomes `from`, as there. */
  uniform(out: Float32Array, from = 0, to = 1): void {
    checkOut("Generator.uniform", out);
    if (typeof from !== "number" || typeof to !== "number" || !(from <= to))
      fail("uniform", "from <= to", `from ${from}, to ${to}`);
    const low = Math.fround(from);
    const range = Math.fround(Math.fround(to) - low);
    if (!Number.isFinite(range)) fail("uniform", "to - from within float32", `from ${from}, to ${to}`);
    if (!this.engine.fill("uniform", out, out.length, low, range)) {
      const plain = low === 0 && range === 1;
      for (let at = 0; at < out.length; at += MOST_WORDS) {
        const count = this.draw(out.length - at);
        if (plain) for (let j = 0; j < count; j++) out[at + j] = (words[j]! & 0xffffff) * INVERSE_24;
        else for (let j = 0; j < count; j++) out[at + j] = fmaf((words[j]! & 0xffffff) * INVERSE_24, range, low);
      }
    }
    // Far from 0 the largest numbers may be rounded up to the bound that is not to be reached.
    const high = Math.fround(to);
    if (fmaf(1 - INVERSE_24, range, low) < high) return;
    for (let i = 0; i < out.length; i++) if (out[i] === high) out[i] = low;
  }

  /** What `uniform` is for a float16 or bfloat16 tensor: rounded to it, and `from` where that gives `to`; one word each. */
  uniformHalf(out: Float32Array, dtype: "f16" | "bf16", from = 0, to = 1): void {
    this.uniform(out, from, to);
    const [low, high] = [roundTo(dtype, from), roundTo(dtype, to)];
    for (let i = 0; i < out.length; i++) {
      const value = roundTo(dtype, out[i]!);
      out[i] = value === high ? low : value;
    }
  }

  /**
   * Normal numbers (torch: `randn`, `normal_`). As in torch, fewer than 16 are drawn in double precision, two words each,
   * in pairs that last across calls; 16 or more in blocks of 16, one word each, and if the length is no multiple of 16 the
   * last 16 places are filled once more, from new words.
   */
  normal(out: Float32Array, mean = 0, std = 1): void {
    this.gaussian(out, mean, std, true);
  }

  /** What `normal` is for a float16 or bfloat16 tensor (the caller rounds): torch draws no words for the last, broken block. */
  normalHalf(out: Float32Array, mean = 0, std = 1): void {
    this.gaussian(out, mean, std, false);
  }

  private gaussian(out: Float32Array, mean: number, std: number, drawsBrokenBlock: boolean): void {
    checkOut("Generator.normal", out);
    if (typeof mean !== "number") fail("normal", "a number as mean", shown(mean));
    if (typeof std !== "number" || !(std >= 0)) fail("normal", "std >= 0", `std ${shown(std)}`);
    const length = out.length;
    if (length < BLOCK) {
      for (let i = 0; i < length; i++) out[i] = fma(this.standardNormal(), std, mean);
      return;
    }
    const [m, s] = [Math.fround(mean), Math.fround(std)];
    const broken = length % BLOCK;
    const whole = length - broken;
    for (let at = 0; at < whole; at += MOST_WORDS) gaussianBlocks(words, this.draw(whole - at), out, at, m, s);
    if (broken === 0) return;
    if (drawsBrokenBlock) this.draw(broken);
    gaussianBlocks(words, this.draw(BLOCK), out, length - BLOCK, m, s);
  }

  private standardNormal(): number {
    if (this.waiting !== undefined) {
      const value = this.waiting;
      this.waiting = undefined;
      return value;
    }
    const angle = 2 * Math.PI * this.double();
    const radius = Math.sqrt(-2 * Math.log1p(-this.double()));
    const [sine, cosine] = sinCos(angle);
    this.waiting = radius * sine;
    return radius * cosine;
  }

  /** Ones with probability p, else zeros; two words each (torch: `bernoulli_(p)`, the mask of dropout). */
  bernoulli(out: Float32Array | Int32Array | Uint8Array, p: number): void {
    checkOut("Generator.bernoulli", out);
    if (!(p >= 0 && p <= 1)) fail("bernoulli", "p in [0, 1]", `p ${p}`);
    if (out instanceof Float32Array && this.engine.fill("bernoulli", out, out.length, p)) return;
    for (let at = 0; at < out.length; at += MOST_WORDS / 2) {
      const count = this.draw(2 * (out.length - at)) / 2;
      for (let j = 0; j < count; j++) out[at + j] = joined(words[2 * j]!, words[2 * j + 1]!) < p ? 1 : 0;
    }
  }

  /** Ones with probability p[i], else zeros; one word each (torch: `bernoulli(p)` of a float32 tensor). */
  bernoulliTensor(out: Float32Array | Int32Array | Uint8Array, p: Float32Array): void {
    checkOut("Generator.bernoulli", out);
    if (p.length !== out.length) fail("bernoulli", `${out.length} probabilities`, String(p.length));
    for (let i = 0; i < p.length; i++)
      if (!(p[i]! >= 0 && p[i]! <= 1)) fail("bernoulli", "p in [0, 1]", `p ${p[i]} at ${i}`);
    for (let at = 0; at < out.length; at += MOST_WORDS) {
      const count = this.draw(out.length - at);
      // u < p where 2^24 u - 2^24 p is below zero: its sign, since a branch on a random bit is guessed wrong half the time
      for (let j = 0; j < count; j++) out[at + j] = Math.floor((words[j]! & 0xffffff) - p[at + j]! * 2 ** 24) >>> 31;
    }
  }

  /**
   * Integers in [low, high), one word each, or two where high - low >= 2^28 (torch: `randint`).
   * Throws unless low < high and both ends fit i32 (torch's integers have 64 bits).
   */
  randint(out: Int32Array, low: number, high: number): void {
    checkOut("Generator.randint", out);
    if (!Number.isInteger(low) || !Number.isInteger(high)) fail("randint", "integer bounds", `[${low}, ${high})`);
    if (low >= high) fail("randint", "low < high", `[${low}, ${high})`);
    if (low < -(2 ** 31) || high > 2 ** 31) fail("randint", "bounds within i32, -2^31 to 2^31", `[${low}, ${high})`);
    const range = high - low;
    const narrow = range < 2 ** 28;
    if (this.engine.fill(narrow ? "integers" : "wideIntegers", out, out.length, low, range)) return;
    if (narrow) {
      for (let at = 0; at < out.length; at += MOST_WORDS) {
        const count = this.draw(out.length - at);
        for (let j = 0; j < count; j++) out[at + j] = (words[j]! % range) + low;
      }
      return;
    }
    for (let i = 0; i < out.length; i++) {
      const upper = this.engine.word() % range;
      const lower = this.engine.word();
      const middle = (upper * 65536 + (lower >>> 16)) % range; // 64-bit remainder in steps a double holds exactly
      out[i] = ((middle * 65536 + (lower & 0xffff)) % range) + low;
    }
  }

  /** The numbers 0..n-1 in random order; n - 1 words (torch: `randperm`). */
  randperm(n: number): Int32Array {
    if (!Number.isInteger(n) || n < 0) fail("randperm", "an integer n >= 0", String(n));
    if (n > 0xffffffff / 20) fail("randperm", "n up to 214748364", String(n), "beyond that torch draws 64-bit words");
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    if (this.engine.fill("order", order, n)) return order;
    for (let i = 0; i < n - 1; i++) {
      const other = i + (this.engine.word() % (n - i));
      const value = order[i]!;
      order[i] = order[other]!;
      order[other] = value;
    }
    return order;
  }

  /** Exponential numbers of rate `lambda` (mean 1 / lambda), two words each (torch: `exponential_`). */
  exponential(out: Float32Array, lambda = 1): void {
    checkOut("Generator.exponential", out);
    if (typeof lambda !== "number" || !(lambda > 0)) fail("exponential", "lambda > 0", `lambda ${lambda}`);
    const scale = -1 / lambda;
    for (let at = 0; at < out.length; at += MOST_WORDS / 2) {
      const count = this.draw(2 * (out.length - at)) / 2;
      for (let j = 0; j < count; j++) out[at + j] = scale * Math.log1p(-joined(words[2 * j]!, words[2 * j + 1]!));
    }
  }

  /** Draws up to a buffer of words and says how many. */
  private draw(wanted: number): number {
    const count = Math.min(wanted, MOST_WORDS);
    this.engine.words(words, count);
    return count;
  }
}

function checkOut(op: string, out: unknown): void {
  if (!ArrayBuffer.isView(out)) fail(op, "a typed array to fill", shown(out));
}

/** The 53-bit double of two words, the high one first. */
function joined(high: number, low: number): number {
  return ((high & 0x1fffff) * 4294967296 + low) * INVERSE_53;
}

/** What an option that is a generator must be. */
export const GENERATOR = kind<Generator>("as in new Generator(123)", (x) => x instanceof Generator);

/** The generator that tensors draw from when none is given; like torch's, it starts from a seed that differs each run. */
export const defaultGenerator = new Generator(globalThis.crypto.getRandomValues(new BigUint64Array(1))[0]!);

/**
 * Seeds the default generator and returns it (torch: `manual_seed`); any integer from -2^63 to 2^64 - 1.
 * @throws HeedError for what is no such integer
 * @example manualSeed(123);   // randn(3) is now [-0.1115, 0.1204, -0.3696]
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}

/** The seed the default generator began with (torch: `initial_seed`). */
export function initialSeed(): bigint {
  return defaultGenerator.seed;
}

/**
 * The state of the default generator, 5056 bytes that torch takes too (torch: `get_rng_state`).
 * @example const state = getRngState();   // and later setRngState(state), to draw the same again
 */
export function getRngState(): Uint8Array {
  return defaultGenerator.state();
}

/** Lets the default generator go on from a state that `getRngState`, or torch's, gave; throws for other bytes. */
export function setRngState(bytes: Uint8Array): void {
  defaultGenerator.resume("setRngState", bytes);
}
