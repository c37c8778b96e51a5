// Bounds on gradients beyond what ten steps of an optimizer show (optimizers.test.ts has those, against torch): norms of other kinds, and
// gradients that are no numbers any more.

import { describe, expect, it } from "vitest";
import { compile, HeedError, type Tensor, tensor, zeros } from "../../src/index.js";
import { clipGradNorm_, clipGradValue_ } from "../../src/train/clip.js";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Parameters with these gradients. */
function withGradients(...gradients: number[][]): Tensor[] {
  return gradients.map((numbers) => {
    const p = zeros(numbers.length).requiresGrad_();
    p.mul(tensor(Float32Array.from(numbers)))
      .sum()
      .backward();
    return p;
  });
}
const gradientsOf = (parameters: Tensor[]) => parameters.map((p) => p.grad?.toArray());

describe("clipGradNorm_", () => {
  it.each([
    [1, 10],
    [2, Math.sqrt(38)],
    [3, (8 + 27 + 125) ** (1 / 3)],
    [0.5, (Math.sqrt(2) + Math.sqrt(3) + Math.sqrt(5)) ** 2],
    [inf, 5],
  ])("measures the norm of order %s over all gradients as one vector", (normType, norm) => {
    const parameters = withGradients([2, -3], [0], [-5], []);
    expect(clipGradNorm_(parameters, inf, { normType }).item()).toBeCloseTo(norm, 5);
    expect(gradientsOf(parameters)).toEqual([[2, -3], [0], [-5], []]);
    clipGradNorm_(parameters, norm / 2, { normType });
    for (const [p, expected] of [
      [0, [1, -1.5]],
      [2, [-2.5]],
    ] as const)
      for (const [i, x] of expected.entries()) expect(parameters[p].grad?.at(i).item()).toBeCloseTo(x, 5);
    expect(parameters[1].grad?.item()).toBe(0);
  });

  it("is 0 where every gradient is empty, and keeps the dtype of half-precision ones", () => {
    for (const normType of [1, 2, inf]) expect(clipGradNorm_(withGradients([]), 1, { normType }).item()).toBe(0);
    const p = tensor([0, 0], { dtype: "f16", requiresGrad: true });
    p.mul(tensor([300, -400], { dtype: "f16" }))
      .sum()
      .backward();
    expect(clipGradNorm_([p], 5).item()).toBe(500); // 300² is no f16
    expect(p.grad?.dtype).toBe("f16");
    expect(p.grad?.toArray()).toEqual([3, -4]);
  });

  it.each([1, 2, 3, inf])("takes a NaN or infinite norm of order %s as torch does", (normType) => {
    const broken = withGradients([nan, 1], [2]);
    expect(clipGradNorm_(broken, 1, { normType }).item()).toBeNaN();
    expect(gradientsOf(broken)).toEqual([[nan, nan], [nan]]);
    const infinite = withGradients([-inf, 1], [2]);
    expect(clipGradNorm_(infinite, 1, { normType }).item()).toBe(inf);
    expect(gradientsOf(infinite)).toEqual([[nan, 0], [0]]);
  });

  it("refuses one where errorIfNonfinite asks for that, and leaves the gradients as they are", () => {
    for (const [bad, got] of [
      [nan, "NaN"],
      [-inf, "Infinity"],
    ] as const)
      for (const maxNorm of [1, inf]) {
        const parameters = withGradients([bad, 1], [2]);
        expect(() => clipGradNorm_(parameters, maxNorm, { errorIfNonfinite: true })).toThrow(
          new HeedError(
            `clipGradNorm_: expected a finite norm of the gradients, as errorIfNonfinite asks, got ${got}; the gradients are as they were: skip this step, or lower the learning rate`,
          ),
        );
        expect(gradientsOf(parameters)).toEqual([[bad, 1], [2]]);
      }
    const [sound, same] = [withGradients([3], [-4]), withGradients([3], [-4])];
    const norm = clipGradNorm_(sound, 1, { errorIfNonfinite: true });
    expect(norm.item()).toBe(clipGradNorm_(same, 1).item());
    expect(gradientsOf(sound)).toEqual(gradientsOf(same));
  });

  it("says what is wrong with its options", () => {
    const [p] = withGradients([1]);
    const clip = (options: object) => () => clipGradNorm_([p], 1, options);
    expect(clip({ normType: 0 })).toThrow("clipGradNorm_: expected normType a number above 0, or Infinity, got 0");
    expect(clip({ normType: nan })).toThrow("got NaN");
    expect(clip({ normType: "inf" })).toThrow('got "inf"; write Infinity');
    expect(clip({ norm_type: 1 })).toThrow("write normType");
    expect(() => clipGradNorm_([p], 1, 1 as never)).toThrow("clipGradNorm_: expected an object of options, got 1");
    const step = compile(() => clipGradNorm_([p], 1, { errorIfNonfinite: true }));
    expect(() => step()).toThrow(
      "clipGradNorm_: expected errorIfNonfinite outside compile, got it inside, where no number is known yet; return the norm from the function",
    );
  });
});

describe("clipGradValue_", () => {
  it("limits each element, and leaves NaN to be seen", () => {
    const parameters = withGradients([-7, 0.25, nan], [inf, -inf]);
    clipGradValue_(parameters, 0.5);
    expect(gradientsOf(parameters)).toEqual([
      [-0.5, 0.25, nan],
      [0.5, -0.5],
    ]);
    expect(() => clipGradValue_(parameters, -1)).toThrow("clipGradValue_: expected a limit of at least 0, got -1");
  });
});
