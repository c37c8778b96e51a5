// The counter-based generator: the numbers every kernel must repeat, and that they look random along index, seed and stream.

import { describe, expect, it } from "vitest";
import { counterKey, counterUniform, counterWord, keyedWord } from "../../src/base/counter.js";

const axes: [string, (i: number) => number][] = [
  ["index", (i) => counterWord(5, 9, i)],
  ["seed", (i) => counterWord(i, 9, 5)],
  ["stream", (i) => counterWord(5, i, 9)],
];

/** How many standard deviations a chi-square statistic of equally likely counts lies from its mean. */
function deviation(counts: Float64Array, total: number): number {
  const mean = total / counts.length;
  let chi2 = 0;
  for (const count of counts) chi2 += (count - mean) ** 2 / mean;
  const freedom = counts.length - 1;
  return (chi2 - freedom) / Math.sqrt(2 * freedom);
}

describe("counterWord", () => {
  it("gives the numbers that kernels are checked by", () => {
    expect(counterWord(0, 0, 0)).toBe(0xdaefc44e);
    expect(counterWord(1, 2, 3)).toBe(0x38e4f134);
    expect(counterWord(0xffffffff, 7, 0x80000000)).toBe(0x73ae2983);
    expect(counterWord(-1, 7, -(2 ** 31))).toBe(0x73ae2983); // modulo 2^32
    expect(counterUniform(0, 0, 0)).toBe((0xdaefc44e >>> 8) / 2 ** 24);
    const [a, b] = counterKey(1, 2);
    expect(keyedWord(a, b, 3)).toBe(0x38e4f134);
  });

  it("flips every output bit with probability one half when any input bit flips", () => {
    const trials = 2000;
    const flips = new Float64Array(3 * 32 * 32);
    for (let n = 0; n < trials; n++) {
      const from: [number, number, number] = [n % 7, (n >> 3) % 11, n];
      const word = counterWord(...from);
      for (let bit = 0; bit < 96; bit++) {
        const to: [number, number, number] = [...from];
        to[bit >> 5]! ^= 1 << (bit & 31);
        const difference = word ^ counterWord(...to);
        for (let o = 0; o < 32; o++) flips[bit * 32 + o]! += (difference >>> o) & 1;
      }
    }
    const sigma = 0.5 / Math.sqrt(trials);
    let worst = 0;
    let sum = 0;
    for (const count of flips) {
      const off = count / trials - 0.5;
      worst = Math.max(worst, Math.abs(off));
      sum += off * off;
    }
    expect(worst / sigma).toBeLessThan(5); // of 3072, the largest is expected near 3.6
    expect(Math.sqrt(sum / flips.length) / sigma).toBeCloseTo(1, 1);
  });

  for (const [axis, word] of axes) {
    it(`is uniform and unrelated to its neighbours along the ${axis}`, () => {
      const total = 1 << 18;
      const pairs = new Float64Array(1 << 12);
      for (const lag of [1, 2, 64, 4096]) {
        for (const shift of [26, 13, 0]) {
          pairs.fill(0);
          for (let i = 0; i < total; i++) {
            const bin = (((word(i) >>> shift) & 63) << 6) | ((word(i + lag) >>> shift) & 63);
            pairs[bin]!++;
          }
          expect(Math.abs(deviation(pairs, total)), `lag ${lag}, bits ${shift} and on`).toBeLessThan(4.5);
        }
      }
    });
  }

  it("gives no stream that is another one shifted", () => {
    const seen = new Set<number>();
    for (let i = 0; i < 4096; i++) seen.add(counterWord(1, 0, i));
    expect(seen.size).toBe(4096);
    let shared = 0;
    for (let stream = 1; stream < 64; stream++) {
      for (let i = 0; i < 4096; i++) if (seen.has(counterWord(1, stream, i))) shared++;
    }
    expect(shared).toBeLessThan(5); // 63 * 4096 * 4096 / 2^32 = 0.25 expected; a shifted stream would share hundreds
  });

  it("has uniforms of mean 1/2 and variance 1/12 in [0, 1)", () => {
    const n = 1 << 18;
    let [sum, square, most] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const u = counterUniform(42, 3, i);
      sum += u;
      square += u * u;
      most = Math.max(most, u);
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(square / n - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / n));
    expect(most).toBeLessThan(1);
  });
});
