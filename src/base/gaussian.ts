// Normal numbers the way PyTorch's AVX2 kernel makes them: Box and Muller (1958) on blocks of 16 uniforms, with the float32
// polynomials of the Cephes library for logarithm, sine and cosine, and every multiply-add fused. Which words go in is
// decided in random.ts.
//
// In a block, uniform j (0..7) gives the radius and uniform j + 8 the angle of the pair of results j and j + 8.

import { fmaf } from "./fma.js";

/** Uniforms in a block, and results from it. */
export const BLOCK = 16;
/** Most words one call of `gaussianBlocks` takes. */
export const MOST_WORDS = 1024;

const fround = Math.fround;
const TWO_PI = fround(2 * Math.PI);
const radius = new Float32Array(MOST_WORDS / 2);

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
  radii(words, count);
  for (let block = 0; block < count; block += BLOCK) rotate(words, block, out, at + block, mean, std);
}

const SQRT_HALF = fround(Math.SQRT1_2);
const [L0, L1, L2] = [fround(7.0376836292e-2), fround(-1.151461031e-1), fround(1.167699874e-1)];
const [L3, L4, L5] = [fround(-1.2420140846e-1), fround(1.4249322787e-1), fround(-1.6668057665e-1)];
const [L6, L7, L8] = [fround(2.0000714765e-1), fround(-2.4999993993e-1), fround(3.3333331174e-1)];
const [LN2_LOW, LN2_HIGH] = [fround(-2.1219444e-4), fround(0.693359375)];
const INVERSE_POWER = Float64Array.from({ length: 26 }, (_, bits) => 2 ** -bits);

/** radius = sqrt(-2 ln(1 - u)), u the uniform of the word; kept in order, eight to a block. */
function radii(words: Uint32Array, count: number): void {
  for (let i = 0; i < count >> 1; i++) {
    const word = words[((i & ~7) << 1) | (i & 7)]!;
    const k = 0x1000000 - (word & 0xffffff); // 1 - u = k / 2^24, k from 1 to 2^24
    const bits = 32 - Math.clz32(k);
    const m = k * INVERSE_POWER[bits]!; // 1 - u = m 2^e with m in [1/2, 1)
    const small = m < SQRT_HALF;
    const e = small ? bits - 25 : bits - 24;
    const x = small ? m - 1 + m : m - 1;
    const z = fround(x * x);
    let y = fmaf(L0, x, L1);
    y = fmaf(y, x, L2);
    y = fmaf(y, x, L3);
    y = fmaf(y, x, L4);
    y = fmaf(y, x, L5);
    y = fmaf(y, x, L6);
    y = fmaf(y, x, L7);
    y = fmaf(y, x, L8);
    y = fmaf(fround(y * x), z, fround(e * LN2_LOW));
    y = fmaf(-z, 0.5, y);
    const ln = fmaf(e, LN2_HIGH, fround(x + y));
    radius[i] = Math.sqrt(-2 * ln);
  }
}

const FOUR_OVER_PI = fround(1.27323954473516);
// pi/4 in three pieces (Cody and Waite), so that subtracting a multiple of it keeps the low bits
const [P1, P2, P3] = [fround(-0.78515625), fround(-2.4187564849853515625e-4), fround(-3.77489497744594108e-8)];
const [C0, C1, C2] = [fround(2.443315711809948e-5), fround(-1.388731625493765e-3), fround(4.166664568298827e-2)];
const [S0, S1, S2] = [fround(-1.9515295891e-4), fround(8.3321608736e-3), fround(-1.6666654611e-1)];

/** out[j] = radius cos(angle) std + mean and out[j + 8] = radius sin(angle) std + mean, angle = 2 pi u. */
function rotate(words: Uint32Array, block: number, out: Float32Array, at: number, mean: number, std: number): void {
  for (let j = 0; j < 8; j++) {
    const angle = fround(TWO_PI * ((words[block + j + 8]! & 0xffffff) * 2 ** -24));
    const octant = (fround(angle * FOUR_OVER_PI) + 1) & ~1;
    let x = fmaf(octant, P1, angle);
    x = fmaf(octant, P2, x);
    x = fmaf(octant, P3, x);
    const z = fround(x * x);
    let c = fmaf(C0, z, C1);
    c = fmaf(c, z, C2);
    c = fround(fmaf(fround(c * z), z, -fround(z * 0.5)) + 1);
    let s = fmaf(S0, z, S1);
    s = fmaf(s, z, S2);
    s = fmaf(fround(s * z), x, x);
    const swap = (octant & 2) !== 0;
    const sine = swap ? c : s;
    const cosine = swap ? s : c;
    const r = radius[(block >> 1) + j]!;
    out[at + j] = fmaf(fround(r * ((octant + 2) & 4 ? -cosine : cosine)), std, mean);
    out[at + j + 8] = fmaf(fround(r * (octant & 4 ? -sine : sine)), std, mean);
  }
}
