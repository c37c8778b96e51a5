import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  arange,
  compile,
  explain,
  type PadSequenceOptions,
  padSequence,
  type Tensor,
  tensor,
  zeros,
} from "../../src/index.js";

interface Case {
  shapes: number[][];
  dtype: "i32" | "f32" | "bool";
  options: PadSequenceOptions;
  shape: number[];
  values: number[];
  gradients?: number[][];
}

const cases = JSON.parse(readFileSync(new URL("../golden/pad_sequence.json", import.meta.url), "utf8")) as Case[];
const counting = ({ shapes, dtype }: Case) =>
  shapes.map((shape, i) => {
    const size = shape.reduce((product, n) => product * n, 1);
    return arange(size)
      .add(100 * i + 1)
      .reshape(shape)
      .to(dtype);
  });

describe("padSequence", () => {
  test.each(cases.map((c) => [`${c.dtype} ${JSON.stringify(c.shapes)} ${JSON.stringify(c.options)}`, c] as const))(
    "is PyTorch's: %s",
    (_, c) => {
      const result = padSequence(counting(c), c.options);
      expect(result.shape).toEqual(c.shape);
      expect(result.dtype).toBe(c.dtype);
      expect([...result.dataSync()]).toEqual(c.values);
    },
  );

  test("gives each sequence the gradient of its places", () => {
    const withGradients = cases.filter((c) => c.gradients !== undefined);
    expect(withGradients.length).toBeGreaterThan(0);
    for (const c of withGradients) {
      const sequences = counting(c).map((x) => tensor(x, { requiresGrad: true }));
      const result = padSequence(sequences, c.options);
      result.mul(arange(result.numel).reshape(result.shape)).sum().backward();
      expect(sequences.map((x) => [...(x.grad?.dataSync() ?? [])])).toEqual(c.gradients);
    }
  });

  test.each(["f32", "f16", "bf16", "i32", "bool"] as const)(
    "copies numbers that are there, as the graph would: %s",
    (dtype) => {
      const lengths = [3, 0, 5, 1];
      const pending = () =>
        lengths.map((T) =>
          arange(2 * T)
            .sub(1)
            .reshape(T, 2)
            .to(dtype),
        );
      for (const batchFirst of [true, false])
        for (const paddingSide of ["left", "right"] as const) {
          const options = { batchFirst, paddingSide, paddingValue: dtype.includes("f") ? 0.3 : 7 };
          const there = pending().map((x) => x.evaluate());
          const result = padSequence(there, options);
          expect(explain(result)).toBe("nothing to run: the numbers are there");
          const expected = padSequence(pending(), options);
          expect(explain(expected)).toContain("step");
          expect(result.shape).toEqual(expected.shape);
          expect(result.dtype).toBe(dtype);
          expect(result.dataSync()).toEqual(expected.dataSync());
          there[0].fill(0);
          expect(result.dataSync()).toEqual(expected.dataSync());
        }
    },
  );

  test("works inside compile", () => {
    const pad = compile((a: Tensor, b: Tensor) => padSequence([a, b], { batchFirst: true, paddingValue: 9 }));
    expect(pad(tensor([1, 2]), tensor([3])).toArray()).toEqual([
      [1, 2],
      [3, 9],
    ]);
  });

  test("says what is wrong", () => {
    expect(() => padSequence([])).toThrow("padSequence: expected an array of at least one sequence, got none");
    expect(() => padSequence([tensor(1)])).toThrow(
      "padSequence: expected sequences of at least one dimension, got i32[]",
    );
    expect(() => padSequence([zeros(2, 3), zeros(2, 4)])).toThrow(
      "padSequence: expected sequences alike but for their lengths, f32[T,3], got f32[2,4] at position 1",
    );
    expect(() => padSequence([zeros(2), tensor([1])])).toThrow("got i32[1] at position 1");
    expect(() => padSequence([tensor([1])], { paddingValue: 0.5 })).toThrow("a number that i32 holds as paddingValue");
    expect(() => padSequence([tensor([1])], { paddingSide: "top" as "left" })).toThrow('paddingSide "right" or "left"');
  });
});
