// The Mersenne Twister MT19937, the source of every word PyTorch's CPU generator draws (Matsumoto and Nishimura, "Mersenne
// Twister", ACM TOMACS 8, 1998). It yields raw 32-bit words; seeds wider than 32 bits, distributions and the saved state
// of a generator are left to random.ts.

/** Words in the state of the twister. */
export const STATE_WORDS = 624;
const SHIFT = 397;

/** What an array can be filled with in one go, numbered as in kernels/twister.h; random.ts has what each means. */
export const FILLS = { words: 0, uniform: 1, bernoulli: 2, integers: 3, wideIntegers: 4, order: 5 } as const;

/**
 * Draws `count` numbers to the front of `out`, as the loops here and in random.ts do, to the bit, and moves the state and its two counters
 * on; `first` and `second` are what the kind of fill takes.
 */
export type TwisterKernel = (
  state: Uint32Array,
  counters: Int32Array,
  fill: number,
  out: Uint32Array | Float32Array | Int32Array,
  count: number,
  first: number,
  second: number,
) => void;
let kernel: TwisterKernel | null = null;
const counters = new Int32Array(2);
const FEW = 32; // numbers that a loop draws before a kernel is called

/** A faster twin, which an executor may have; null for none. */
export function useTwisterKernel(faster: TwisterKernel | null): void {
  kernel = faster;
}

/** MT19937 with PyTorch's two counters: `left` words until the next twist, `next` the position of the next word. */
export class Mersenne {
  readonly state = new Uint32Array(STATE_WORDS);
  left = 1;
  next = 0;

  constructor(seed: number) {
    this.seed(seed);
  }

  /** Fills the state from the low 32 bits of the seed; the first draw twists. */
  seed(seed: number): void {
    const state = this.state;
    let previous = seed >>> 0;
    state[0] = previous;
    for (let j = 1; j < STATE_WORDS; j++) {
      previous = (Math.imul(1812433253, previous ^ (previous >>> 30)) + j) >>> 0;
      state[j] = previous;
    }
    this.left = 1;
    this.next = 0;
  }

  /** The next 32-bit word, unsigned. */
  word(): number {
    if (--this.left === 0) this.twist();
    return temper(this.state[this.next++]!) >>> 0;
  }

  /** Fills the front of an array by the kernel; false where there is none, or little to do, and nothing was drawn. */
  fill(
    kind: keyof typeof FILLS,
    out: Uint32Array | Float32Array | Int32Array,
    count: number,
    first = 0,
    second = 0,
  ): boolean {
    if (!kernel || count < FEW) return false;
    counters[0] = this.left;
    counters[1] = this.next;
    kernel(this.state, counters, FILLS[kind], out, count, first, second);
    this.left = counters[0];
    this.next = counters[1];
    return true;
  }

  /** Writes the next `count` words to the front of `out`. */
  words(out: Uint32Array, count: number): void {
    if (this.fill("words", out, count)) return;
    const state = this.state;
    let done = 0;
    while (done < count) {
      if (this.left === 1) {
        this.twist();
        this.left++; // a twist belongs to a draw, and none is made yet
      }
      const run = Math.min(count - done, this.left - 1);
      const shift = this.next - done;
      const end = done + run;
      for (; done < end; done++) out[done] = temper(state[done + shift]!);
      this.left -= run;
      this.next += run;
    }
  }

  private twist(): void {
    const state = this.state;
    let j = 0;
    for (; j < STATE_WORDS - SHIFT; j++) state[j] = state[j + SHIFT]! ^ mix(state[j]!, state[j + 1]!);
    for (; j < STATE_WORDS - 1; j++) state[j] = state[j + SHIFT - STATE_WORDS]! ^ mix(state[j]!, state[j + 1]!);
    state[j] = state[SHIFT - 1]! ^ mix(state[j]!, state[0]!);
    this.left = STATE_WORDS;
    this.next = 0;
  }
}

function mix(upper: number, lower: number): number {
  return (((upper & 0x80000000) | (lower & 0x7fffffff)) >>> 1) ^ (-(lower & 1) & 0x9908b0df);
}

function temper(word: number): number {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
