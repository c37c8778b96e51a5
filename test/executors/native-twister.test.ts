// Words of the generator and the numbers made of them by the kernels against the loops of base/mersenne.ts and base/random.ts, to the bit;
// and the state that is left behind.

import { afterEach, describe, expect, it } from "vitest";
import { FILLS, Mersenne, useTwisterKernel } from "../../src/base/mersenne.js";
import { Generator } from "../../src/base/random.js";
import { readState, writeState } from "../../src/base/randomstate.js";
import { eachIsa, executor, found, title } from "./native-steps.js";

const SIZES = [0, 1, 5, 15, 16, 17, 31, 623, 624, 625, 1000, 100000];
const SEED = 7;

type Numbers = Uint32Array | Float32Array | Int32Array;
interface Case {
  readonly kind: keyof typeof FILLS;
  readonly first?: number;
  readonly second?: number;
  readonly make: (size: number) => Numbers;
  readonly loop: (generator: Generator, out: Numbers) => void;
}

const uniform = (from: number, to: number): Case => ({
  kind: "uniform",
  first: Math.fround(from),
  second: Math.fround(Math.fround(to) - Math.fround(from)),
  make: (size) => new Float32Array(size),
  loop: (generator, out) => generator.uniform(out as Float32Array, from, to),
});
const bernoulli = (p: number): Case => ({
  kind: "bernoulli",
  first: p,
  make: (size) => new Float32Array(size),
  loop: (generator, out) => generator.bernoulli(out as Float32Array, p),
});
const integers = (low: number, range: number): Case => ({
  kind: range < 2 ** 28 ? "integers" : "wideIntegers",
  first: low,
  second: range,
  make: (size) => new Int32Array(size),
  loop: (generator, out) => generator.randint(out as Int32Array, low, low + range),
});
const cases: Case[] = [
  {
    kind: "words",
    make: (size) => new Uint32Array(size),
    loop: (generator, out) => out.forEach((_, i) => (out[i] = generator.word())),
  },
  ...[uniform(0, 1), uniform(-0.1, 0.3), uniform(2, 7.5), uniform(3, 3), uniform(-3e38, 1e30)],
  ...[0, 1, 0.1, 0.9, 0.5, 2 ** -53, 1 - 2 ** -53, 1e-300].map(bernoulli),
  ...[integers(0, 10), integers(-5, 1), integers(3, 7), integers(-(2 ** 31), 2 ** 28 - 1), integers(0, 2 ** 27 + 1)],
  ...[integers(0, 2 ** 28), integers(-(2 ** 31), 2 ** 32), integers(-7, 2 ** 31)],
  {
    kind: "order",
    make: (size) => Int32Array.from({ length: size }, (_, i) => i),
    loop: (generator, out) => out.set(generator.randperm(out.length)),
  },
];

/** A generator that has drawn so many words. */
function after(count: number): Generator {
  const generator = new Generator(SEED);
  for (let i = 0; i < count; i++) generator.word();
  return generator;
}

function byKernel(from: Generator, { kind, first = 0, second = 0 }: Case, out: Numbers): Uint8Array {
  const engine = new Mersenne(0);
  readState(from.state(), engine);
  const counters = Int32Array.of(engine.left, engine.next);
  executor.twister(engine.state, counters, FILLS[kind], out, out.length, first, second);
  [engine.left, engine.next] = counters;
  return writeState(engine, BigInt(SEED), undefined);
}

const bytes = (numbers: Numbers | Uint8Array) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);

describe.runIf(found)(title("the twister"), () => {
  afterEach(() => useTwisterKernel(executor.twister));

  eachIsa("draws what the loops draw, and leaves their state", () => {
    useTwisterKernel(null);
    for (const each of cases) {
      for (const size of SIZES) {
        for (const before of size < 2000 ? [0, 1, 300, 622, 623, 624, 625] : [300]) {
          const label = `${each.kind}(${each.first}, ${each.second}) of ${size} after ${before}`;
          const [own, wanted] = [each.make(size), each.make(size)];
          const loops = after(before);
          const state = byKernel(loops, each, own);
          each.loop(loops, wanted);
          expect(bytes(own).equals(bytes(wanted)), label).toBe(true);
          expect(bytes(state).equals(bytes(loops.state())), label).toBe(true);
        }
      }
    }
  });

  eachIsa("rounds a uniform number once, next to a tie", () => {
    // u * range + low = 2^24 + 1 + 2^-46 and 2^24 + 3 - 2^-46: in double the last term is lost.
    for (const [k, range, low, expected] of [
      [8392705, 8384513 * 2 ** -22, 2 ** 24, 2 ** 24 + 2],
      [8388607, 8388609 * 2 ** -22, 2 ** 24 + 2, 2 ** 24 + 2],
      [8392705, -8384513 * 2 ** -22, -(2 ** 24), -(2 ** 24) - 2],
      [8388607, -8388609 * 2 ** -22, -(2 ** 24) - 2, -(2 ** 24) - 2],
    ]) {
      const state = new Uint32Array(624).fill(untempered(k));
      const out = new Float32Array(40);
      executor.twister(state, Int32Array.of(624, 0), FILLS.uniform, out, 40, low, range);
      expect(out).toEqual(new Float32Array(40).fill(expected));
    }
  });

  it("takes turns with the loops and with normal numbers, as in any order of calls", () => {
    const draws = (generator: Generator) =>
      [3, 700, 16, 40, 17, 1000, 1, 64, 5000].flatMap((size) => {
        const floats = (fill: (out: Float32Array) => void) => {
          const out = new Float32Array(size);
          fill(out);
          return [...out];
        };
        const whole = (low: number, high: number) => {
          const out = new Int32Array(size);
          generator.randint(out, low, high);
          return [...out];
        };
        return [
          floats((out) => generator.normal(out)),
          floats((out) => generator.uniform(out, -1, 2)),
          floats((out) => generator.bernoulli(out, 0.3)),
          floats((out) => generator.normal(out, 5, 2)),
          floats((out) => generator.bernoulliTensor(out, new Float32Array(size).fill(0.4))),
          [generator.word(), generator.double()],
          whole(-3, 12),
          whole(0, 2 ** 30),
          floats((out) => generator.exponential(out, 2)),
          [...generator.randperm(size)],
          floats((out) => generator.uniformHalf(out, "bf16")),
        ];
      });
    const [fast, slow] = [new Generator(SEED), new Generator(SEED)];
    const own = draws(fast);
    useTwisterKernel(null);
    expect(own).toEqual(draws(slow));
    expect(bytes(fast.state()).equals(bytes(slow.state()))).toBe(true);
  });

  it("refuses what is outside its arrays", () => {
    const state = new Uint32Array(624);
    const call = (counters: number[], fill: number, out: Numbers, count: number, first = 0, second = 1) =>
      executor.twister(state, Int32Array.from(counters), fill, out, count, first, second);
    const floats = new Float32Array(10);
    expect(() => call([1, 0], FILLS.uniform, floats, 11)).toThrow("room for");
    expect(() => call([1, 0], FILLS.uniform, floats, -1)).toThrow("room for");
    expect(() => call([1, 0], FILLS.integers, new Int32Array(1), 1, 0, 0)).toThrow("room for");
    expect(() => call([1, 0], FILLS.integers, new Int32Array(1), 1, 0, 2 ** 28)).toThrow("room for");
    expect(() => call([1, 0], FILLS.bernoulli, floats, 1, Number.NaN)).toThrow("room for");
    expect(() => call([1, 0], 6, new Int32Array(1), 1)).toThrow("room for");
    expect(() => call([1, 0], FILLS.words, floats, 1)).toThrow("Uint32Array");
    for (const counters of [[0, 0], [625, 0], [624, 2], [1, -1], [1, 625], [1]])
      expect(() => call(counters, FILLS.uniform, floats, 1)).toThrow("counters");
  });
});

/** The word of the state that comes out as `y`. */
function untempered(y: number): number {
  let x = y ^ (y >>> 18);
  x ^= (x << 15) & 0xefc60000;
  let z = x;
  for (let i = 0; i < 5; i++) z = x ^ ((z << 7) & 0x9d2c5680);
  let w = z;
  for (let i = 0; i < 3; i++) w = z ^ (w >>> 11);
  return w >>> 0;
}
