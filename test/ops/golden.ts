// What torch computed for the table of cases (test/golden/ops.py): every value of small results, evenly spaced ones of large results.

import { readFileSync } from "node:fs";
import { sizeOf } from "../../src/base/shape.js";

export interface Golden {
  readonly results: readonly { readonly type: string; readonly values: readonly (number | string)[] }[];
  /** By the float inputs; absent where no result has a gradient. */
  readonly gradients?: readonly (readonly (number | string)[])[];
}

/** No result has more in the file. */
export const MOST_VALUES = 48;

const file = new URL("../golden/ops.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Record<string, Golden> };

/** @throws Error when the case is newer than the file */
export function goldenOf(id: string): Golden {
  const golden = cases[id];
  if (!golden) throw new Error(`${id}: not in ops.json; run test/golden/ops.py`);
  return golden;
}

export function goldenIds(): string[] {
  return Object.keys(cases);
}

export function goldenNumbers(values: readonly (number | string)[]): number[] {
  const words: Record<string, number> = {
    nan: Number.NaN,
    inf: Number.POSITIVE_INFINITY,
    "-inf": Number.NEGATIVE_INFINITY,
  };
  return values.map((v) => (typeof v === "number" ? v : words[v]));
}

/** Those of all values that the golden file holds, `count` of them. */
export function sampled(all: ArrayLike<number>, shape: readonly number[], count: number): number[] {
  const n = sizeOf(shape);
  return Array.from({ length: count }, (_, i) => all[count === n ? i : Math.floor((i * n) / count)]);
}
