// Normal numbers of the kernels against those of base/gaussian.ts, to the bit.

import { describe, expect, it } from "vitest";
import { gaussianBlocks, MOST_WORDS, useGaussianKernel } from "../../src/base/gaussian.js";
import { Generator } from "../../src/base/random.js";
import { eachIsa, found, title } from "./native-steps.js";

/** Words at the ends of what 24 bits say, and near the octants' borders, among random ones. */
function words(): Uint32Array {
  const generator = new Generator(7);
  const list = Uint32Array.from({ length: MOST_WORDS }, () => generator.word());
  const edges = [0, 1, 0xffffff, 0xfffffe, 0x800000, 0x7fffff, 0x4afb0d, 0x4afb0c, 0x4afb0e, 0x4afb0f];
  edges.push(...Array.from({ length: 22 }, (_, i) => ((i >> 1) + 1) * 0x200000 - (i & 1)));
  edges.forEach((word, i) => {
    list[i] = word;
    list[i + 8 * (i + 3)] = word;
    list[MOST_WORDS - 1 - i] = word;
  });
  return list;
}

describe.runIf(found)(title("normal numbers"), () => {
  eachIsa("are those of JavaScript", () => {
    const executor = found as NonNullable<typeof found>;
    const drawn = words();
    for (const [mean, std] of [
      [0, 1],
      [0, 0.02],
      [0, 3.3e-5],
      [0, 1e30],
      [0, 0],
      [1, 1],
      [-0.3, 0.02],
      [1e6, 3.3e-5],
      [2, 0],
      [1, Infinity],
    ]) {
      const [m, s] = [Math.fround(mean), Math.fround(std)];
      const [own, wanted] = [new Float32Array(MOST_WORDS + 5), new Float32Array(MOST_WORDS + 5)];
      executor.gaussian(drawn, MOST_WORDS, own, 5, m, s);
      useGaussianKernel(null);
      gaussianBlocks(drawn, MOST_WORDS, wanted, 5, m, s);
      useGaussianKernel(executor.gaussian);
      expect(Buffer.from(own.buffer).equals(Buffer.from(wanted.buffer))).toBe(true);
    }
  });

  it("are refused where there is no room for them", () => {
    const executor = found as NonNullable<typeof found>;
    const [drawn, out] = [new Uint32Array(32), new Float32Array(32)];
    for (const [count, at] of [
      [48, 0],
      [16, 17],
      [17, 0],
      [-16, 0],
      [32, -1],
      [2048, 0],
    ])
      expect(() => executor.gaussian(drawn, count, out, at, 0, 1)).toThrow("gaussian: expected");
  });
});
