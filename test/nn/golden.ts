// Reading goldens: arrays packed as float32 bytes, and comparing tensors with them.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Tensor } from "../../src/index.js";

export interface Packed {
  shape: number[];
  data: string;
}

export function golden<G>(name: string): G {
  return JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8")) as G;
}

export function unpack({ data }: Packed): Float32Array {
  const bytes = Buffer.from(data, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** @param tolerance the largest difference allowed; 0 asks for the same bits */
export function expectClose(label: string, actual: Tensor, packed: Packed, tolerance: number): void {
  expect(actual.shape, `${label}: shape`).toEqual(packed.shape);
  const [got, want] = [actual.dataSync(), unpack(packed)];
  let worst = -1;
  let largest = tolerance;
  for (let i = 0; i < want.length; i++) {
    const error = Object.is(got[i], want[i]) || got[i] === want[i] ? 0 : Math.abs(got[i] - want[i]);
    if (!(error <= largest)) [worst, largest] = [i, error];
  }
  const pairs = Array.from(want.subarray(0, 5), (w, i) => `${got[i]} ${w}`).join(", ");
  const shown = `${label} ${actual.dtype}[${actual.shape}]: error ${largest} at ${worst}: got ${got[worst]}, golden ${want[worst]}; first: ${pairs}`;
  expect(worst, shown).toBe(-1);
}
