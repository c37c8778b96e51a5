// The two 16-bit floats, f16 (IEEE 754 binary16) and bf16 (the upper half of an f32), to and from f32.
// JavaScript has no array for them: their bits live in a Uint16Array. Rounding is to nearest, ties to even, as PyTorch
// does; a NaN stays a NaN of the same sign, its payload is not kept. Arithmetic on halves is nobody's here: it is f32's.

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

const EXPONENT = 0x7c00;
const REBIAS = (127 - 15) << 23; // from f16's exponent bias to f32's
const F16_OVERFLOW = 0x47800000; // 2^16 as f32 bits; what lies between 65520 and it rounds up by itself
const F16_NORMAL = 0x38800000; // 2^-14, the smallest normal f16
const ROUND_TO_INTEGER = 2 ** 52; // x + 2^52 - 2^52 rounds a double 0 <= x < 2^51 to an integer, ties to even

function f16Bits(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= F16_OVERFLOW) return sign | (size > 0x7f800000 ? 0x7e00 : EXPONENT);
  // A carry out of the fraction raises the exponent, and past 65504 makes infinity: both are what rounding asks for.
  if (size >= F16_NORMAL) return sign | ((size - REBIAS + 0xfff + ((size >>> 13) & 1)) >>> 13);
  return sign | (Math.abs(value) * 2 ** 24 + ROUND_TO_INTEGER - ROUND_TO_INTEGER);
}

function bf16Bits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // rounding could carry a NaN into infinity or zero
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The f16 nearest to a number, as its 16 bits; the number is taken as an f32 first. */
export function f16FromF32(value: number): number {
  scratch[0] = value;
  return f16Bits(scratchBits[0]!, scratch[0]!);
}

/** The number that 16 bits mean as an f16 (exact). */
export function f32FromF16(bits: number): number {
  const fraction = bits & 0x3ff;
  const exponent = (bits & EXPONENT) >>> 10;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bf16 nearest to a number, as its 16 bits; the number is taken as an f32 first. */
export function bf16FromF32(value: number): number {
  scratch[0] = value;
  return bf16Bits(scratchBits[0]!);
}

/** The number that 16 bits mean as a bf16 (exact). */
export function f32FromBf16(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0]!;
}

/** The f16 bits nearest to each f32; written into `target` when given (at least as long), else into a new array. */
export function f16ArrayFromF32(source: Float32Array, target = new Uint16Array(source.length)): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < source.length; i++) target[i] = f16Bits(bits[i]!, source[i]!);
  return target;
}

/** The f32 of each f16 (exact); written into `target` when given (at least as long), else into a new array. */
export function f32ArrayFromF16(source: Uint16Array, target = new Float32Array(source.length)): Float32Array {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) {
    const half = source[i]!;
    const sign = (half & 0x8000) << 16;
    const exponent = half & EXPONENT;
    if (exponent === 0) target[i] = (sign ? -1 : 1) * (half & 0x3ff) * 2 ** -24;
    else if (exponent === EXPONENT) bits[i] = sign | 0x7f800000 | ((half & 0x3ff) << 13);
    else bits[i] = sign | (((half & 0x7fff) << 13) + REBIAS);
  }
  return target;
}

/** The bf16 bits nearest to each f32; written into `target` when given (at least as long), else into a new array. */
export function bf16ArrayFromF32(source: Float32Array, target = new Uint16Array(source.length)): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < source.length; i++) target[i] = bf16Bits(bits[i]!);
  return target;
}

/** The f32 of each bf16 (exact); written into `target` when given (at least as long), else into a new array. */
export function f32ArrayFromBf16(source: Uint16Array, target = new Float32Array(source.length)): Float32Array {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
  return target;
}
