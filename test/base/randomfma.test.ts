// The fused multiply-adds against exact integer arithmetic, and the normal kernel's plain ones against fused ones.

import { describe, expect, it } from "vitest";
import { fma, fmaf } from "../../src/base/fma.js";
import { gaussianBlocks } from "../../src/base/gaussian.js";
import { Generator } from "../../src/base/random.js";

const fround = Math.fround;
const view = new DataView(new ArrayBuffer(8));

/** A finite double as an integer of 2^-1074. */
function exact(x: number): bigint {
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent > 0 ? 0x10000000000000n : 0n);
  const size = mantissa << BigInt(Math.max(exponent - 1, 0));
  return bits >> 63n ? -size : size;
}

const size = (x: bigint) => (x < 0n ? -x : x);

/** Whether `value` is the number of its format nearest to a * b + c, and the even one of two as near. */
function isNearest(value: number, a: number, b: number, c: number, down: number, up: number, even: boolean): boolean {
  const truth = exact(a) * exact(b) + (exact(c) << 1074n);
  const distance = (x: number) => size((exact(x) << 1074n) - truth);
  const mine = distance(value);
  return even ? mine <= distance(down) && mine <= distance(up) : mine < distance(down) && mine < distance(up);
}

const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

/** The float32 with the bits of x, plus `step`. */
function near(x: number, step: number): number {
  float[0] = x;
  word[0] = word[0]! + step;
  return float[0]!;
}

function expectRounded(a: number, b: number, c: number): void {
  const value = fmaf(a, b, c);
  float[0] = value;
  const even = (word[0]! & 1) === 0;
  const ok = isNearest(value, a, b, c, near(value, -1), near(value, 1), even);
  expect(ok, `fmaf(${a}, ${b}, ${c}) = ${value}`).toBe(true);
}

describe("fmaf", () => {
  it("rounds once, for random numbers of many sizes", () => {
    const generator = new Generator(1);
    for (let i = 0; i < 5000; i++) {
      const [a, b, c] = [0, 0, 0].map(() => {
        const sign = generator.word() & 1 ? -1 : 1;
        return fround(sign * (1 + generator.double()) * 2 ** ((generator.word() % 60) - 30));
      });
      expectRounded(a!, b!, c!);
    }
  });

  it("rounds once where the sum lies next to the middle of two float32 numbers", () => {
    const generator = new Generator(2);
    let differs = 0;
    for (let i = 0; i < 3000; i++) {
      // half a last place of c, less (m 2^-23)^2 of that: a double next to c cannot hold the difference
      const m = (generator.word() & 127) * 2 ** -23;
      const [a, b, c] = [2 ** -24 * (1 + m) * (generator.word() & 1 ? -1 : 1), 1 - m, fround(1 + generator.double())];
      expectRounded(a, b, c);
      if (fmaf(a, b, c) !== fround(a * b + c)) differs++;
    }
    expect(differs).toBeGreaterThan(1000); // the plain form goes to the wrong side half the time
    expect(fmaf(2 ** -24, 1, 1)).toBe(1); // true ties go to the even one
    expect(fmaf(2 ** -24, 1, near(1, 1))).toBe(near(1, 2));
  });

  it("rounds once among the smallest numbers, and passes on what is not finite", () => {
    const least = 2 ** -149;
    expect(fmaf(2 ** -75, 2 ** -75, least)).toBe(2 * least); // 1.5 least: a tie, to the even one
    expect(fmaf(2 ** -75, 2 ** -75, 0)).toBe(0);
    expect(fmaf(2 ** -75, near(2 ** -75, 1), 0)).toBe(least);
    expect(fmaf(Infinity, 1, 1)).toBe(Infinity);
    expect(fmaf(Infinity, 0, 1)).toBe(NaN);
    expect(fmaf(3e38, 2, 0)).toBe(Infinity);
  });
});

describe("fma", () => {
  it("rounds once, for random numbers", () => {
    const generator = new Generator(3);
    for (let i = 0; i < 3000; i++) {
      const [a, b] = [generator.double() - 0.5, generator.double() + 0.1];
      const c = i % 2 === 0 ? generator.double() - 0.5 : -a * b * (1 + 2 ** -(i % 50)); // the second kind cancels
      const value = fma(a, b, c);
      view.setFloat64(0, value);
      const bits = view.getBigInt64(0);
      const at = (step: bigint) => {
        view.setBigInt64(0, bits + step);
        return view.getFloat64(0);
      };
      if (value === 0) expect(exact(a) * exact(b) + (exact(c) << 1074n)).toBe(0n);
      else expect(isNearest(value, a, b, c, at(-1n), at(1n), true), `fma(${a}, ${b}, ${c})`).toBe(true);
    }
  });
});

/** The kernel of gaussian.ts in the words of avx_mathfun.h, with every multiply-add fused. */
function pair(u1: number, u2: number): [cosine: number, sine: number] {
  float[0] = u1;
  let e = ((word[0]! >>> 23) & 255) - 126;
  word[0] = (word[0]! & 0x7fffff) | 0x3f000000;
  let x = float[0]!;
  if (x < fround(Math.SQRT1_2)) {
    e -= 1;
    x = x - 1 + x;
  } else x = x - 1;
  let z = fround(x * x);
  let y = fround(7.0376836292e-2);
  const log = [-1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1];
  for (const c of [...log, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]) y = fmaf(y, x, fround(c));
  y = fmaf(fround(y * x), z, fround(e * fround(-2.1219444e-4)));
  y = fmaf(-z, 0.5, y);
  const r = fround(Math.sqrt(-2 * fmaf(e, 0.693359375, fround(x + y))));
  const angle = fround(fround(2 * Math.PI) * u2);
  const j = (fround(angle * fround(1.27323954473516)) + 1) & ~1;
  x = angle;
  for (const p of [-0.78515625, -2.41875648498535e-4, -3.77489497744594e-8]) x = fmaf(j, fround(p), x);
  z = fround(x * x);
  let c = fmaf(fround(2.443315711809948e-5), z, fround(-1.388731625493765e-3));
  c = fround(fmaf(c, z, fround(4.166664568298827e-2)) * z);
  c = fround(fmaf(c, z, -fround(z * 0.5)) + 1);
  let s = fmaf(fround(-1.9515295891e-4), z, fround(8.3321608736e-3));
  s = fround(fmaf(s, z, fround(-1.6666654611e-1)) * z);
  s = fmaf(s, x, x);
  const sine = (j & 2) === 0 ? s : c;
  const cosine = (j & 2) === 0 ? c : s;
  return [fround(r * (~(j - 2) & 4 ? -cosine : cosine)), fround(r * (j & 4 ? -sine : sine))];
}

describe("gaussianBlocks", () => {
  it("needs no fused multiply-add in its polynomials: every 61st uniform, and the ends", () => {
    const words = new Uint32Array(16);
    const out = new Float32Array(16);
    const last = 2 ** 24 - 1;
    for (let k = 0; k < 2 ** 24 + 8 * 61; k += 8 * 61) {
      for (let j = 0; j < 8; j++) {
        words[j] = Math.min(k + 61 * j, last);
        words[j + 8] = Math.min(k + 61 * j, last) | 0xff000000;
      }
      gaussianBlocks(words, 16, out, 0, 0, 1);
      for (let j = 0; j < 8; j++) {
        const [cosine, sine] = pair(1 - words[j]! * 2 ** -24, (words[j + 8]! & 0xffffff) * 2 ** -24);
        if (out[j] !== cosine || out[j + 8] !== sine) {
          expect([out[j], out[j + 8]], `word ${words[j]}`).toEqual([cosine, sine]);
        }
      }
    }
  });
});
