// Between the dtypes of a file and Heed's: what each becomes when read, and back. The format itself is in safetensors.ts.

import type { DType, TypedArray } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { bf16ArrayFromF32, f16ArrayFromF32 } from "../base/half.js";
import type { RawTensor, SafetensorsDtype } from "./safetensors.js";

/** A tensor's numbers as Heed holds them: f16 and bf16 as 16-bit patterns, bool as 0 or 1. */
export interface TensorValues {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

const STORED: Readonly<Record<DType, SafetensorsDtype>> = {
  f32: "F32",
  f16: "F16",
  bf16: "BF16",
  i32: "I32",
  bool: "BOOL",
};

/**
 * A stored tensor's numbers in Heed's nearest dtype: F32, F16, BF16, I32 and BOOL as they are (views of the bytes where
 * these lie aligned); I64, I16, I8 and U8 as i32; F64 as f32, rounded, which loses 29 bits of fraction, and what f32
 * cannot hold becomes an infinity or zero.
 * @throws HeedError where an I64 does not fit i32, or a BOOL is neither 0 nor 1
 */
export function decodeTensor(name: string, { dtype, shape, bytes }: RawTensor): TensorValues {
  const values = (heed: DType, data: TypedArray): TensorValues => ({ dtype: heed, shape, data });
  switch (dtype) {
    case "F32":
      return values("f32", view(Float32Array, bytes));
    case "F16":
      return values("f16", view(Uint16Array, bytes));
    case "BF16":
      return values("bf16", view(Uint16Array, bytes));
    case "F64":
      return values("f32", Float32Array.from(view(Float64Array, bytes)));
    case "I32":
      return values("i32", view(Int32Array, bytes));
    case "I64":
      return values("i32", narrow(name, view(Int32Array, bytes)));
    case "I16":
      return values("i32", Int32Array.from(view(Int16Array, bytes)));
    case "I8":
      return values("i32", Int32Array.from(view(Int8Array, bytes)));
    case "U8":
      return values("i32", Int32Array.from(bytes));
    case "BOOL": {
      const at = bytes.findIndex((byte) => byte > 1);
      if (at >= 0) fail("safetensors", `BOOL ${JSON.stringify(name)} to hold 0 or 1`, `${bytes[at]} at ${at}`);
      return values("bool", view(Uint8Array, bytes));
    }
  }
}

/** Heed's numbers as the bytes of a file; a view, nothing is copied, unless `as` asks an f32 to be stored in a 16-bit float. */
export function encodeTensor({ dtype, shape, data }: TensorValues, as: DType = dtype): RawTensor {
  let stored = data;
  if (as !== dtype) {
    if (!(data instanceof Float32Array) || (as !== "f16" && as !== "bf16")) {
      fail("safetensors", "f32 to be stored as f16 or bf16, or a dtype kept", `${dtype} to be stored as ${as}`);
    }
    stored = as === "f16" ? f16ArrayFromF32(data) : bf16ArrayFromF32(data);
  }
  return { dtype: STORED[as], shape, bytes: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength) };
}

type View<A> = { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBufferLike, offset: number, length: number): A };

/** Typed arrays must begin at a multiple of their element; the format promises none, so what lies askew is copied. */
function view<A>(type: View<A>, bytes: Uint8Array): A {
  // Not by slice(), which copies nothing where the bytes are Node's Buffer.
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new type(aligned.buffer, aligned.byteOffset, bytes.length / type.BYTES_PER_ELEMENT);
}

/** I64 as pairs of 32-bit words, low first: it fits i32 when the high word is the low one's sign. */
function narrow(name: string, words: Int32Array): Int32Array {
  const result = new Int32Array(words.length / 2);
  for (let i = 0; i < result.length; i++) {
    const low = words[2 * i]!;
    const high = words[2 * i + 1]!;
    if (high !== low >> 31) {
      const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
      fail("safetensors", `I64 ${JSON.stringify(name)} to hold numbers within i32`, `${value} at ${i}`);
    }
    result[i] = low;
  }
  return result;
}
