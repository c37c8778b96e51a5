// The generator against torch, to the bit: every distribution at sizes around the block of 16, alone, in a row on one
// stream, and with states saved and restored between. The goldens hold a digest of all values.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { multinomial } from "../../src/base/multinomial.js";
import { DEFAULT_SEED, defaultGenerator, Generator, initialSeed, manualSeed } from "../../src/base/random.js";

type Result = [count: number, first: number[], digest: string] | string | null;
type Step = [op: string, ...rest: (number | boolean | Result)[]];
interface Case {
  seed: string;
  initial: string;
  steps: Step[];
}

const cases: Case[] = JSON.parse(readFileSync(new URL("../golden/random_numbers.json", import.meta.url), "utf8"));

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

function result(values: Float32Array | Int32Array): Result {
  return [values.length, [...values.subarray(0, 4)], digest(new Uint8Array(values.buffer, 0, values.byteLength))];
}

function weights(rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => (((i * 37) % 101) + 1) / 64);
}

/** To float16 and back, for numbers in its normal range and just below it. */
function half(x: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 1)));
  const unit = 2 ** (exponent - 10);
  const below = Math.floor(x / unit);
  const rest = x / unit - below;
  return (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below) * unit;
}

function run(generator: Generator, kept: { state: Uint8Array }, op: string, a: number[], replacement: boolean): Result {
  const n = a[0]!;
  const out = new Float32Array(op === "multinomial" ? 0 : (n ?? 0));
  switch (op) {
    case "rand":
      generator.uniform(out);
      return result(out);
    case "randn":
      generator.normal(out);
      return result(out);
    case "randnOften": {
      const all = new Float32Array(n * a[1]!);
      for (let i = 0; i < a[1]!; i++) generator.normal(all.subarray(i * n, (i + 1) * n));
      return result(all);
    }
    case "normal":
      generator.normal(out, a[1], a[2]);
      return result(out);
    case "normalHalf":
      generator.normalHalf(out, a[1], a[2]);
      return result(out.map(half));
    case "uniform":
      generator.uniform(out, a[1], a[2]);
      return result(out);
    case "randint": {
      const integers = new Int32Array(n);
      generator.randint(integers, a[1]!, a[2]!);
      return result(integers);
    }
    case "randperm":
      return result(generator.randperm(n));
    case "bernoulli":
      generator.bernoulli(out, a[1]!);
      return result(out);
    case "bernoulliTensor": {
      const p = new Float32Array(n);
      generator.uniform(p);
      generator.bernoulliTensor(out, p);
      return result(out);
    }
    case "exponential":
      generator.exponential(out, a[1]);
      return result(out);
    case "multinomial":
      return result(multinomial(generator, weights(n, a[1]!), a[1]!, { samples: a[2]!, replacement }));
    case "random63":
      return String(generator.random63());
    case "state":
      return digest(generator.state());
    case "save":
      kept.state = generator.state();
      return null;
    case "restore":
      generator.setState(kept.state);
      return null;
    default:
      throw new Error(`unknown step ${op}`);
  }
}

describe("the generator draws torch's numbers", () => {
  for (const [index, { seed, initial, steps }] of cases.entries()) {
    const ops = steps.map((step) => step.slice(0, -1).join(" "));
    const title = ops.length > 4 ? `${ops.slice(0, 2).join(", ")} ... (${ops.length} steps)` : ops.join(", ");
    it(`case ${index}, seed ${seed}: ${title}`, () => {
      const generator = new Generator(BigInt(seed));
      expect(String(generator.seed)).toBe(initial);
      const kept = { state: new Uint8Array() };
      for (const step of steps) {
        const [op, ...rest] = step;
        const expected = rest.pop();
        const numbers = rest.filter((value): value is number => typeof value === "number");
        const got = run(generator, kept, op, numbers, rest.includes(true));
        expect(got, step.slice(0, -1).join(" ")).toEqual(expected);
      }
    });
  }
});

describe("Generator", () => {
  it("gives the words of MT19937, one at a time or in a row", () => {
    const generator = new Generator(5489); // the reference implementation's seed; its 10000th word is published
    for (let i = 1; i < 10000; i++) generator.word();
    expect(generator.word()).toBe(4123659995);
    const high = new Generator(7);
    const [first, second] = [high.word(), high.word()];
    expect(new Generator(7).random64()).toBe((BigInt(first) << 32n) | BigInt(second));
  });

  it("starts from torch's default seed", () => {
    expect(new Generator().seed).toBe(67280421310721n);
    expect(new Generator().state()).toEqual(new Generator(DEFAULT_SEED).state());
  });

  it("clones a stream that then goes its own way", () => {
    const one = new Generator(3);
    one.normal(new Float32Array(3));
    const two = one.clone();
    const [a, b] = [new Float32Array(40), new Float32Array(40)];
    one.normal(a.subarray(0, 5));
    one.uniform(a.subarray(5));
    two.normal(b.subarray(0, 5));
    two.uniform(b.subarray(5));
    expect(b).toEqual(a);
    expect(two.seed).toBe(3n);
    one.word();
    expect(two.state()).not.toEqual(one.state());
  });

  it("forgets the waiting normal number when seeded again", () => {
    const generator = new Generator(9);
    generator.normal(new Float32Array(1));
    expect(generator.manualSeed(9).state()).toEqual(new Generator(9).state());
  });

  it("draws nothing for nothing", () => {
    const generator = new Generator(1);
    generator.normal(new Float32Array(0));
    generator.uniform(new Float32Array(0));
    expect([...generator.randperm(0), ...generator.randperm(1)]).toEqual([0]);
    expect(generator.state()).toEqual(new Generator(1).state());
  });

  it("has a default stream that manualSeed sets", () => {
    expect(manualSeed(-2)).toBe(defaultGenerator);
    expect(initialSeed()).toBe(2n ** 64n - 2n);
    expect(defaultGenerator.word()).toBe(new Generator(-2).word());
  });

  it("refuses states that are none, and keeps its own", () => {
    const generator = new Generator(4);
    const before = generator.state();
    expect(() => generator.setState(new Uint8Array(10))).toThrow("setState: expected the 5056 bytes");
    expect(() => generator.setState(new Uint8Array(5056))).toThrow("seeded 0, left 0, next 0");
    const beyond = generator.state();
    beyond[16] = 2; // next = 2 with left = 624 would read past the end
    beyond[8] = 624 & 255;
    beyond[9] = 624 >> 8;
    expect(() => generator.setState(beyond)).toThrow("left 624, next 2");
    expect(generator.state()).toEqual(before);
  });

  it("says what is wrong with an argument", () => {
    const generator = new Generator(0);
    const out = new Float32Array(2);
    expect(() => generator.manualSeed(1.5)).toThrow("manualSeed: expected an integer, got 1.5");
    expect(() => generator.manualSeed(2n ** 64n)).toThrow("from -2^63 to 2^64 - 1");
    expect(() => generator.manualSeed(-(2n ** 63n) - 1n)).toThrow("from -2^63 to 2^64 - 1");
    expect(() => generator.uniform(out, 1, 0)).toThrow("uniform: expected from <= to, got from 1, to 0");
    expect(() => generator.uniform(out, -3e38, 3e38)).toThrow("within float32");
    expect(() => generator.normal(out, 0, -1)).toThrow("normal: expected std >= 0, got std -1");
    expect(() => generator.bernoulli(out, 1.5)).toThrow("bernoulli: expected p in [0, 1], got p 1.5");
    expect(() => generator.bernoulliTensor(out, Float32Array.of(0.5, NaN))).toThrow("p NaN at 1");
    expect(() => generator.bernoulliTensor(out, new Float32Array(3))).toThrow("expected 2 probabilities, got 3");
    expect(() => generator.exponential(out, 0)).toThrow("lambda > 0");
    expect(() => generator.randint(new Int32Array(1), 3, 3)).toThrow("randint: expected low < high, got [3, 3)");
    expect(() => generator.randint(new Int32Array(1), 0, 2 ** 31 + 1)).toThrow("bounds within i32");
    expect(() => generator.randint(new Int32Array(1), 0.5, 2)).toThrow("integer bounds");
    expect(() => generator.randperm(-1)).toThrow("n >= 0");
    expect(generator.state()).toEqual(new Generator(0).state());
  });

  it("refuses weights nobody can draw by", () => {
    const draw = (row: number[], samples: number, replacement = false) =>
      multinomial(new Generator(0), Float32Array.from(row), 3, { samples, replacement });
    expect(() => draw([1, -1, 1], 1)).toThrow("finite weights >= 0, got -1 in row 0");
    expect(() => draw([1, 1, 1, 0, 0, 0], 1, true)).toThrow("1 positive weights in every row, got 0 in row 1");
    expect(() => draw([1, 0, 1], 3)).toThrow("2 in row 0; draw fewer samples");
    expect(() => draw([1, 1], 1)).toThrow("rows of 3 weights, got 2 weights");
    expect(() => draw([1, 1, 1], 0)).toThrow("at least one sample");
    expect([...draw([0, 1, 0], 2, true)]).toEqual([1, 1]);
  });
});
