// What a number becomes when it is stored as a dtype.

import type { DType } from "./dtype.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "./half.js";

/** The value nearest to x that `dtype` can hold; integers wrap to 32 bits, towards zero; bool is 0 or 1. */
export function roundTo(dtype: DType, x: number): number {
  switch (dtype) {
    case "f32":
      return Math.fround(x);
    case "f16":
      return f32FromF16(f16FromF32(x));
    case "bf16":
      return f32FromBf16(bf16FromF32(x));
    case "i32":
      return Math.trunc(x) | 0;
    case "bool":
      return x ? 1 : 0;
  }
}
