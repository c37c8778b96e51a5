// Printed tensors against torch's own texts, letter by letter; then what torch has no say in.

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import { Generator } from "../../src/base/random.js";
import { formatTensor, getPrintOptions, nested, type PrintOptions, setPrintOptions } from "../../src/tensor/format.js";
import { fixed, scientific } from "../../src/tensor/formatnumber.js";

interface Case {
  shape: number[];
  dtype: DType;
  data: (number | string)[];
  options?: Partial<Record<keyof PrintOptions, number | boolean | "Infinity">> & { profile?: "short" | "full" };
  requiresGrad?: boolean;
  gradFn?: string;
  text: string;
}

const cases: Case[] = JSON.parse(readFileSync(new URL("../golden/format.json", import.meta.url), "utf8"));

function values({ data, shape }: Case): ArrayLike<number> {
  if (data[0] === "arange") return Array.from({ length: Number(data[1]) }, (_, i) => i);
  if (data[0] === "randn") {
    const out = new Float32Array(shape.reduce((product, size) => product * size, 1));
    new Generator(Number(data[1])).normal(out);
    return out;
  }
  const special: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity, "-0": -0 };
  return data.map((value) => (typeof value === "string" ? special[value]! : value));
}

afterEach(() => setPrintOptions({ profile: "default" }));

describe("formatTensor prints what torch prints", () => {
  for (const [index, item] of cases.entries()) {
    const { shape, dtype, options = {}, requiresGrad, gradFn, text } = item;
    const note = JSON.stringify(options);
    it(`case ${index}: ${dtype}[${shape.join(",")}] ${note === "{}" ? "" : note}`, () => {
      const { profile, ...fields } = options;
      const entries = Object.entries(fields).map(([name, value]) => [name, value === "Infinity" ? Infinity : value]);
      setPrintOptions({ profile, ...Object.fromEntries(entries) });
      expect(formatTensor(values(item), shape, dtype, { requiresGrad, gradFn })).toBe(text);
    });
  }
});

describe("print options", () => {
  it("hold until they are changed, except sciMode, which each call sets anew", () => {
    setPrintOptions({ precision: 2, sciMode: true });
    expect(formatTensor([0.5], [1], "f32")).toBe("tensor([5.00e-01])");
    setPrintOptions({ edgeitems: 1 });
    expect(getPrintOptions()).toEqual({
      precision: 2,
      threshold: 1000,
      edgeitems: 1,
      linewidth: 80,
      sciMode: undefined,
    });
    expect(formatTensor([0.5], [1], "f32")).toBe("tensor([0.50])");
  });

  it("can be given for one text", () => {
    expect(formatTensor([0.5], [1], "f32", { precision: 1 })).toBe("tensor([0.5])");
    expect(formatTensor([0.5], [1], "f32")).toBe("tensor([0.5000])");
  });

  it("must be counts", () => {
    expect(() => setPrintOptions({ precision: -1 })).toThrow("precision an integer from 0 to 30, got -1");
    expect(() => setPrintOptions({ edgeitems: 1.5 })).toThrow("edgeitems an integer from 0, got 1.5");
    expect(() => formatTensor([1], [1], "f32", { linewidth: NaN })).toThrow("linewidth an integer");
  });
});

describe("numbers as Python writes them", () => {
  it("round ties to the even digit and keep the sign of -0", () => {
    expect([0.5, 1.5, 2.5, -0.5].map((x) => fixed(x, 0))).toEqual(["0", "2", "2", "-0"]);
    expect([0.125, 0.375, 1e21, -1e22].map((x) => fixed(x, 2))).toEqual([
      "0.12",
      "0.38",
      "1000000000000000000000.00",
      "-10000000000000000000000.00",
    ]);
    expect([2.5, 3.5, 9.5, -0, 1e-300, NaN].map((x) => scientific(x, 0))).toEqual([
      "2e+00",
      "4e+00",
      "1e+01",
      "-0e+00",
      "1e-300",
      "nan",
    ]);
  });
});

describe("nested", () => {
  it("folds the elements by shape", () => {
    expect(nested([1, 2, 3, 4, 5, 6], [2, 3])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(nested(new Float32Array([7]), [])).toBe(7);
    expect(nested([1, 0], [2, 1], "bool")).toEqual([[true], [false]]);
    expect(nested([], [2, 0])).toEqual([[], []]);
  });

  it("needs as many elements as the shape says", () => {
    expect(() => nested([1], [2])).toThrow("nested: expected 2 elements for shape [2], got 1");
    expect(() => formatTensor([1], [2, 2], "f32")).toThrow("formatTensor: expected 4 elements for shape [2,2], got 1");
  });
});
