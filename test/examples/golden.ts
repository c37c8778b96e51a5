// What an example exported, compared with what the PyTorch original of the same name gives (test/golden/examples).

import { expect } from "vitest";
import type { Tensor } from "../../src/tensor/tensor.js";
import { golden, type Packed, unpack } from "../nn/golden.js";
import { allClose } from "../support/compare.js";
import type { Ran } from "./run.js";

type Golden = Packed | number | string | readonly Golden[] | { readonly [name: string]: Golden };

export interface Agreement {
  /** The largest difference allowed, as a share of the largest number of its tensor; 1e-6. */
  readonly tolerance?: number;
  /** Where the golden has only the beginning of a tensor: how that is taken from what the example exports. */
  readonly parts?: { readonly [name: string]: (whole: Tensor) => Tensor };
}

/** Every export that the golden has agrees with it; what the golden calls `prints` was printed, line for line. */
export function agreesWithPyTorch(name: string, ran: Ran, { tolerance = 1e-6, parts = {} }: Agreement = {}): void {
  const { prints = [], ...wanted } = golden<Record<string, Golden>>(`examples/${name}`);
  expect(Object.keys(wanted).length).toBeGreaterThan(0);
  for (const [key, value] of Object.entries(wanted)) {
    const given = ran.exports[key];
    const part = parts[key];
    compare(`${name} ${key}`, part ? part(given as Tensor) : given, value, tolerance);
  }
  for (const print of prints as readonly string[]) expect(printedLines(ran.printed)).toContain(printedLines(print));
}

function compare(label: string, given: unknown, value: Golden, tolerance: number): void {
  if (typeof value === "number") allClose(label, [Number(given)], [value], { rtol: tolerance, atol: 0 });
  else if (typeof value === "string") expect(given, label).toBe(value);
  else if (isPacked(value)) {
    const tensor = given as Tensor; // of the class that the example loaded
    expect(tensor.shape, label).toEqual(value.shape);
    const numbers = unpack(value);
    const largest = numbers.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
    allClose(label, tensor.dataSync(), numbers, { rtol: 0, atol: tolerance * largest }, tensor.shape);
  } else {
    expect(Object.keys(given as object), label).toEqual(Object.keys(value));
    for (const [key, each] of Object.entries(value))
      compare(`${label}.${key}`, (given as Record<string, unknown>)[key], each, tolerance);
  }
}

function isPacked(value: object): value is Packed {
  return "data" in value && "shape" in value;
}

/** Without what says that gradients are wanted, which PyTorch says with the name of a function, and without indentation. */
function printedLines(text: string): string {
  return text
    .replace(/,\s*requires_grad=True\)/g, ")")
    .split("\n")
    .map((line) => line.trim())
    .join("\n");
}
