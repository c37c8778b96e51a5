import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bf16ArrayFromF32,
  bf16FromF32,
  f16ArrayFromF32,
  f16FromF32,
  f32ArrayFromBf16,
  f32ArrayFromF16,
  f32FromBf16,
  f32FromF16,
} from "../../src/base/half.js";

const golden = JSON.parse(readFileSync(new URL("../golden/half.json", import.meta.url), "utf8"));
const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaN16 = (bits: number, infinity: number) => (bits & 0x7fff) > infinity;

/** FNV-1a over the f32 bits in order, every NaN counted as the same one; test/golden/half.py has the twin. */
function checksum(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer);
  let hash = 0x811c9dc5;
  for (let i = 0; i < bits.length; i++) {
    hash = Math.imul(hash ^ (Number.isNaN(values[i]) ? 0x7fc00000 : bits[i]!), 0x01000193) >>> 0;
  }
  return hash;
}

describe("16-bit floats", () => {
  it("round as PyTorch rounds", () => {
    const values = new Float32Array(Uint32Array.from(golden.f32).buffer);
    const f16 = f16ArrayFromF32(values);
    const bf16 = bf16ArrayFromF32(values);
    for (let i = 0; i < values.length; i++) {
      const at = `${values[i]} (0x${golden.f32[i].toString(16)})`;
      if (Number.isNaN(values[i])) {
        expect(isNaN16(f16[i]!, 0x7c00) && isNaN16(bf16[i]!, 0x7f80), at).toBe(true);
        continue;
      }
      expect(f16[i], `f16 of ${at}`).toBe(golden.f16[i]);
      expect(bf16[i], `bf16 of ${at}`).toBe(golden.bf16[i]);
      expect(f16FromF32(values[i]!), `f16 of ${at}`).toBe(golden.f16[i]);
      expect(bf16FromF32(values[i]!), `bf16 of ${at}`).toBe(golden.bf16[i]);
    }
  });

  it("all 65536 mean what PyTorch takes them for, singly and as an array", () => {
    expect(checksum(f32ArrayFromF16(every))).toBe(golden.everyF16);
    expect(checksum(f32ArrayFromBf16(every))).toBe(golden.everyBf16);
    expect(checksum(Float32Array.from(every, f32FromF16))).toBe(golden.everyF16);
    expect(checksum(Float32Array.from(every, f32FromBf16))).toBe(golden.everyBf16);
  });

  it("all 65536 come back from f32 as they went, NaNs as NaNs of the same sign", () => {
    const f16 = f16ArrayFromF32(f32ArrayFromF16(every));
    const bf16 = bf16ArrayFromF32(f32ArrayFromBf16(every));
    for (const bits of every) {
      if (isNaN16(bits, 0x7c00)) expect(f16[bits]! & 0xfe00, `${bits}`).toBe((bits & 0x8000) | 0x7e00);
      else if (f16[bits] !== bits) expect.fail(`f16 ${bits} came back as ${f16[bits]}`);
      if (isNaN16(bits, 0x7f80)) expect(isNaN16(bf16[bits]!, 0x7f80) && bf16[bits]! >> 15 === bits >> 15).toBe(true);
      else if (bf16[bits] !== bits) expect.fail(`bf16 ${bits} came back as ${bf16[bits]}`);
    }
  });

  it("every tie between neighbours goes to the even one, and a hair beside it does not", () => {
    const midpoint = new Float32Array(3);
    const bits = new Uint32Array(midpoint.buffer);
    for (let low = 0; low < 0x7bff; low++) {
      midpoint[0] = (f32FromF16(low) + f32FromF16(low + 1)) / 2;
      bits[1] = bits[0]! - 1;
      bits[2] = bits[0]! + 1;
      const [tie, below, above] = f16ArrayFromF32(midpoint);
      if (tie !== low + (low & 1) || below !== low || above !== low + 1) {
        expect.fail(`between f16 ${low} and ${low + 1}: tie ${tie}, below ${below}, above ${above}`);
      }
    }
  });

  it("writes into an array that is given, also one that is part of a larger buffer", () => {
    const target = new Float32Array(4).subarray(1);
    expect(f32ArrayFromF16(Uint16Array.of(0x3c00, 0xc000), target)).toBe(target);
    expect([...target]).toEqual([1, -2, 0]);
    expect([...f16ArrayFromF32(Float32Array.of(9, 1, -2).subarray(1))]).toEqual([0x3c00, 0xc000]);
  });
});
