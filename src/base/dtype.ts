// The element types and how they mix. Arithmetic is done in f32 or i32; f16 and bf16 are storage, rounded after every operation.

/** The element types: floats of 32 and 16 bits, 32-bit integers, and truth values. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "bool";

/** What a program needs to know of each dtype: its code in encoded programs, its bytes, and whether it is a float. */
export const DTYPES: {
  readonly [D in DType]: { readonly code: number; readonly bytes: number; readonly float: boolean };
} = {
  f32: { code: 0, bytes: 4, float: true },
  f16: { code: 1, bytes: 2, float: true },
  bf16: { code: 2, bytes: 2, float: true },
  i32: { code: 3, bytes: 4, float: false },
  bool: { code: 4, bytes: 1, float: false },
};

const OTHER_NAMES: Readonly<Record<string, DType>> = {
  ...{ float: "f32", float32: "f32", float64: "f32", double: "f32", half: "f16", float16: "f16", bfloat16: "bf16" },
  ...{
    int: "i32",
    int32: "i32",
    int64: "i32",
    long: "i32",
    short: "i32",
    uint8: "i32",
    i64: "i32",
    f64: "f32",
    boolean: "bool",
  },
};

/** What to write for the names that others have for dtypes, and for devices, which there are none of here. */
export function dtypeRemedy(x: unknown): string | undefined {
  if (typeof x !== "string") return undefined;
  const name = x.toLowerCase().replace(/^torch\./, "");
  if (/^(cuda|cpu|mps|gpu|webgpu)(:\d+)?$/.test(name)) return "tensors need not be moved to a device: leave it out";
  return Object.hasOwn(OTHER_NAMES, name) ? `write "${OTHER_NAMES[name]}"` : undefined;
}

export function isFloat(dtype: DType): boolean {
  return DTYPES[dtype].float;
}

/** The dtype of an operation on two dtypes, as in PyTorch: bool < i32 < f16, bf16 < f32, and f16 with bf16 gives f32. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const rank: Record<DType, number> = { bool: 0, i32: 1, f16: 2, bf16: 2, f32: 3 };
  if (rank[a] === rank[b]) return "f32";
  return rank[a] > rank[b] ? a : b;
}

/** The dtype of an operation between a tensor and a plain number: the tensor's, unless the number is of a higher kind. */
export function promoteNumber(tensor: DType, value: number): DType {
  if (isFloat(tensor)) return tensor;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? "i32" : "f32";
}

export type TypedArray = Float32Array | Int32Array | Uint16Array | Uint8Array | Float64Array;

/** A typed array over `bytes` that holds elements of `dtype` (f16 and bf16 as raw 16-bit patterns, bool as 0 or 1). */
export function typedArray(dtype: DType, buffer: ArrayBufferLike, byteOffset = 0, length?: number): TypedArray {
  const count = length ?? Math.floor((buffer.byteLength - byteOffset) / DTYPES[dtype].bytes);
  switch (dtype) {
    case "f32":
      return new Float32Array(buffer, byteOffset, count);
    case "i32":
      return new Int32Array(buffer, byteOffset, count);
    case "bool":
      return new Uint8Array(buffer, byteOffset, count);
    default:
      return new Uint16Array(buffer, byteOffset, count);
  }
}
