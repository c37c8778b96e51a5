// Normal numbers the way PyTorch's AVX2 kernel makes them: Box and Muller (1958) on blocks of 16 uniforms, with the float32
// polynomials of the Cephes library for logarithm, sine and cosine, and every multiply-add fused. Which words go in is
// decided in random.ts.
//
// In a block, uniform j (0..7) gives the radius and uniform j + 8 the angle of the pair of results j and j + 8.
//
// A multiply-add in double, rounded to float32, is rounded twice where the kernel rounds once (fma.ts). Radius and angle
// depend on 24 bits each, so all 2^24 arguments of both could be tried: in the polynomials it never makes a difference,
// and the plain form stands. The last step takes any mean and std, and needs the fused one.

import { fmaf } from "./fma.js";

/** Uniforms in a block, and results from it. */
export const BLOCK = 16;
/** Most words one call of `gaussianBlocks` takes. */
export const MOST_WORDS = 1024;

const fround = Math.fround;
const TWO_PI = fround(2 * Math.PI);
const radius = new Float32Array(MOST_WORDS / 2);

/** Does what `gaussianBlocks` does, to the bit. */
export type GaussianKernel = typeof gaussianBlocks;
let kernel: GaussianKernel | null = null;

/** A faster twin, which an executor may have; null for none. */
export function useGaussianKernel(faster: GaussianKernel | null): void {
  kernel = faster;
}

/**
 * Turns `count` words (a multiple of 16, at most `MOST_WORDS`) into as many normal numbers at `out[at]` and on.
 * @param mean float32
 * @param std float32
 */
export function gaussianBlocks(
  words: Uint32Array,
  count: number,
  out: Float32Array,
  at: number,
  mean: number,
  std: number,
): void {
  if (kernel) {
    kernel(words, count, out, at, mean, std);
    return;
  }
  radii(words, count);
  for (let block = 0; block < count; block += BLOCK) rotate(words, block, out, at + block, mean, std);
}

const SQRT_HALF = fround(Math.SQRT1_2) * 2 ** 24;
const [L0, L1, L2] = [fround(7.0376836292e-2), fround(-1.151461031e-1), fround(1.167699874e-1)];
const [L3, L4, L5] = [fround(-1.2420140846e-1), fround(1.4249322787e-1), fround(-1.6668057665e-1)];
const [L6, L7, L8] = [fround(2.0000714765e-1), fround(-2.4999993993e-1), fround(3.3333331174e-1)];
const [LN2_LOW, LN2_HIGH] = [fround(-2.1219444e-4), fround(0.693359375)];

/** radius = sqrt(-2 ln(1 - u)), u the uniform of the word; kept in order, eight to a block. */
function radii(words: Uint32Array, count: number): void {
  for (let i = 0; i < count >> 1; i++) {
    const word = words[((i & ~7) << 1) | (i & 7)]!;
    const k = 0x1000000 - (word & 0xffffff); // 1 - u = k / 2^24, k from 1 to 2^24
    const zeros = Math.clz32(k);
    const m = (k << zeros) >>> 8; // 1 - u = m / 2^24 * 2^(8 - zeros), m / 2^24 in [1/2, 1)
    const small = (m - SQRT_HALF) >>> 31;
    const e = 8 - zeros - small;
    const x = (m << small) * 2 ** -24 - 1; // in [sqrt(1/2) - 1, sqrt(2) - 1)
    const z = fround(x * x);
    let y = fround(L0 * x + L1);
    y = fround(y * x + L2);
    y = fround(y * x + L3);
    y = fround(y * x + L4);
    y = fround(y * x + L5);
    y = fround(y * x + L6);
    y = fround(y * x + L7);
    y = fround(y * x + L8);
    y = fround(fround(y * x) * z + fround(e * LN2_LOW));
    y = fround(y - z * 0.5);
    const ln = fround(e * LN2_HIGH + fround(x + y));
    radius[i] = Math.sqrt(-2 * ln);
  }
}

const FOUR_OVER_PI = fround(1.27323954473516);
// pi/4 in three pieces (Cody and Waite), so that subtracting a multiple of it keeps the low bits
const [P1, P2, P3] = [fround(-0.78515625), fround(-2.41875648498535e-4), fround(-3.77489497744594e-8)];
const [C0, C1, C2] = [fround(2.443315711809948e-5), fround(-1.388731625493765e-3), fround(4.166664568298827e-2)];
const [S0, S1, S2] = [fround(-1.9515295891e-4), fround(8.3321608736e-3), fround(-1.6666654611e-1)];

const waves = new Float64Array(2);

/** out[j] = radius cos(angle) std + mean and out[j + 8] = radius sin(angle) std + mean, angle = 2 pi u. */
function rotate(words: Uint32Array, block: number, out: Float32Array, at: number, mean: number, std: number): void {
  for (let j = 0; j < 8; j++) {
    const angle = fround(TWO_PI * ((words[block + j + 8]! & 0xffffff) * 2 ** -24));
    const octant = (fround(angle * FOUR_OVER_PI) + 1) & ~1;
    let x = fround(octant * P1 + angle);
    x = fround(octant * P2 + x);
    x = fround(octant * P3 + x);
    const z = fround(x * x);
    let c = fround(C0 * z + C1);
    c = fround(c * z + C2);
    c = fround(fround(fround(c * z) * z - z * 0.5) + 1);
    let s = fround(S0 * z + S1);
    s = fround(s * z + S2);
    s = fround(fround(s * z) * x + x);
    // by table and by arithmetic, since a branch on a random bit is guessed wrong half the time
    waves[0] = s;
    waves[1] = c;
    const swap = (octant >> 1) & 1;
    const r = radius[(block >> 1) + j]!;
    const sine = fround(r * waves[swap]!) * (1 - ((octant >> 1) & 2));
    const cosine = fround(r * waves[1 - swap]!) * (1 - (((octant + 2) >> 1) & 2));
    out[at + j] = fmaf(cosine, std, mean);
    out[at + j + 8] = fmaf(sine, std, mean);
  }
}
