// Integers at the ends of 32 bits, where PyTorch has 64: what fits is made, what does not is refused, and floats take all of them.

import { describe, expect, it } from "vitest";
import { arange, full, tensor, zeros } from "../../src/index.js";

const MOST = 2 ** 31 - 1;
const LEAST = -(2 ** 31);
const REFUSED = 'use dtype "f32"';

describe("integers", () => {
  it("go up to 32 bits in arange", async () => {
    expect(arange(MOST - 1, MOST + 1).toArray()).toEqual([MOST - 1, MOST]);
    expect(arange(LEAST, LEAST + 2).toArray()).toEqual([LEAST, LEAST + 1]);
    expect(arange(0, 2 ** 31, 2 ** 30).toArray()).toEqual([0, 2 ** 30]);
    expect(arange(2 ** 33, 2 ** 33).shape).toEqual([0]);
    for (const words of [
      [2 ** 31, 2 ** 31 + 3],
      [2 ** 31, 2 ** 31 - 3, -1],
      [0, 3 * 2 ** 30, 2 ** 30],
      [-3e9, -2e9, 5e8],
      [0, 1, 2 ** 40],
    ])
      expect(() => arange(...words)).toThrow(`arange: expected whole numbers of 32 bits, got ${words.join(", ")}; use`);
  });

  it("are floats where that is asked for, however large", async () => {
    const float = { dtype: "f32" } as const;
    expect(arange(2 ** 31, 2 ** 31 + 768, 256, float).toArray()).toEqual([2 ** 31, 2 ** 31 + 256, 2 ** 31 + 512]);
    expect(arange(0, 1e10, 2e9, float).toArray()).toEqual([0, 2e9, 4e9, 6e9, 8e9]);
    expect(arange(16_777_215, 16_777_219, float).toArray()).toEqual([16_777_215, 16_777_216, 16_777_216, 16_777_218]);
  });

  it("are made of start and step before anything is added", () => {
    expect(arange(0, 1.5, 0.5, { dtype: "i32" }).toArray()).toEqual([0, 0, 0]);
    expect(arange(-1.5, 3, 1.5, { dtype: "i32" }).toArray()).toEqual([-1, 0, 1]);
  });

  it("are written as they are stored: without fractions, and as truth values where those are held", () => {
    const bools = () => zeros(2, { dtype: "bool" });
    for (const number of [2, 0.5, -1, Number.NaN]) {
      expect([...bools().fill(number).dataSync()], `fill(${number})`).toEqual([1, 1]);
      expect(bools().fill(number).sum().item()).toBe(2);
      expect([...bools().assign(number).dataSync()], `assign(${number})`).toEqual([1, 1]);
      expect([...bools().withAt(0, number).dataSync()], `withAt(0, ${number})`).toEqual([1, 0]);
      expect(
        [
          ...bools()
            .maskedFill(tensor([true, false]), number)
            .dataSync(),
        ],
        `maskedFill(mask, ${number})`,
      ).toEqual([1, 0]);
      expect([...tensor([number, 0], { dtype: "bool" }).dataSync()], `tensor([${number}, 0])`).toEqual([1, 0]);
      expect([...bools().pad([1, 0], number).dataSync()], `pad([1, 0], ${number})`).toEqual([1, 0, 0]);
      expect(
        [
          ...bools()
            .scatter(0, tensor([1]), number)
            .dataSync(),
        ],
        `scatter of ${number}`,
      ).toEqual([0, 1]);
    }
    for (const [number, whole] of [
      [1.7, 1],
      [-1.7, -1],
      [MOST, MOST],
      [LEAST, LEAST],
    ]) {
      expect(tensor([0]).fill(number).toArray()).toEqual([whole]);
      expect(tensor([0]).assign(number).toArray()).toEqual([whole]);
      expect(tensor([0]).withAt(0, number).toArray()).toEqual([whole]);
      expect(tensor([0]).pad([0, 1], number).toArray()).toEqual([0, whole]);
      expect(
        tensor([0])
          .scatter(0, tensor([0]), number)
          .toArray(),
      ).toEqual([whole]);
    }
  });

  it("fill what is full of them, without their fractions", () => {
    const whole = { dtype: "i32" } as const;
    expect(full([3], 1.7, whole).toArray()).toEqual([1, 1, 1]);
    expect(full([1], MOST, whole).toArray()).toEqual([MOST]);
    expect(full([1], LEAST, whole).toArray()).toEqual([LEAST]);
    for (const value of [2 ** 31, -3e9, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => full([1], value, whole)).toThrow(REFUSED);
    expect(full([1], 2 ** 40).toArray()).toEqual([2 ** 40]);
  });

  it("make a tensor as they always did", () => {
    expect(tensor([MOST, LEAST + 1]).dtype).toBe("i32");
    expect(tensor([LEAST], { dtype: "i32" }).toArray()).toEqual([LEAST]);
    expect(tensor([2 ** 31]).dtype).toBe("f32");
    for (const value of [2 ** 31, Number.NaN]) expect(() => tensor([value], { dtype: "i32" })).toThrow(REFUSED);
  });
});
