// Numbers in f32, f16 and bf16: loads widen to f32 exactly, stores round to nearest even; NaN stays NaN, overflow becomes infinity.
#ifndef HEED_MATMUL_CONVERT_H
#define HEED_MATMUL_CONVERT_H

#include "heed.h"

typedef uint16_t vh __attribute__((vector_size(2 * HEED_LANES)));  // a vector's worth of halves
typedef uint16_t vh_any __attribute__((vector_size(2 * HEED_LANES), aligned(2), may_alias));
typedef float f4 __attribute__((vector_size(16)));
typedef uint32_t u4 __attribute__((vector_size(16)));
typedef uint64_t unsigned_any __attribute__((aligned(2), may_alias));
typedef float f4_any __attribute__((vector_size(16), aligned(4), may_alias));

HEED_INLINE float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}
HEED_INLINE uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

HEED_INLINE float half_float(uint32_t h) {
  uint32_t magnitude = (h & 0x7fff) << 13;
  float x = bits_float(magnitude) * 0x1p112f;  // rebias by a product: exact, subnormals too
  uint32_t bits = (h & 0x7fff) >= 0x7c00 ? magnitude | 0x7f800000 : float_bits(x);
  return bits_float(bits | (h & 0x8000) << 16);
}
HEED_INLINE uint16_t float_half(float x) {
  uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000, a = bits & 0x7fffffff;
  if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
  if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
  if (a < 0x38800000) return (uint16_t)(sign | (float_bits(bits_float(a) + 0.5f) - 0x3f000000));  // 0.5's last place is 2^-24
  return (uint16_t)(sign | (((a + 0xfff + (a >> 13 & 1)) >> 13) - (112 << 10)));
}
HEED_INLINE uint16_t float_bfloat(float x) {
  uint32_t bits = float_bits(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

HEED_INLINE float load_one(const char *p, int32_t dtype) {
  if (dtype == DTYPE_F32) return *(const float *)p;
  uint32_t h = *(const uint16_t *)p;
  return dtype == DTYPE_BF16 ? bits_float(h << 16) : half_float(h);
}
HEED_INLINE void store_one(char *p, int32_t dtype, float x) {
  if (dtype == DTYPE_F32)
    *(float *)p = x;
  else
    *(uint16_t *)p = dtype == DTYPE_BF16 ? float_bfloat(x) : float_half(x);
}

// HEED_LANES consecutive numbers; with a constant dtype the branch is gone.
HEED_INLINE vf load_wide(const char *p, int32_t dtype) {
  if (dtype == DTYPE_F32) return load((const float *)p);
  if (dtype == DTYPE_BF16) return (vf)(__builtin_convertvector(*(const vh_any *)p, vu) << 16);
#if defined(__AVX512F__) && HEED_LANES == 16
  typedef short h16 __attribute__((vector_size(32)));
  return (vf)__builtin_ia32_vcvtph2ps512_mask((h16) * (const vh_any *)p, (vf){0}, (unsigned short)-1, 4);
#elif defined(__F16C__) && HEED_LANES == 8
  typedef short h8 __attribute__((vector_size(16)));
  return (vf)__builtin_ia32_vcvtph2ps256((h8) * (const vh_any *)p);
#else
  vu h = __builtin_convertvector(*(const vh_any *)p, vu), magnitude = (h & 0x7fff) << 13;
  vu finite = (vu)((vf)magnitude * 0x1p112f), mask = (vu)((h & 0x7fff) >= 0x7c00);
  return (vf)((mask & (magnitude | 0x7f800000)) | (~mask & finite) | (h & 0x8000) << 16);
#endif
}

// Four consecutive numbers.
HEED_INLINE f4 load_four(const char *p, int32_t dtype) {
  if (dtype == DTYPE_F32) return *(const f4_any *)p;
  typedef uint16_t h4 __attribute__((vector_size(8), aligned(2), may_alias));
#if defined(__F16C__)
  if (dtype == DTYPE_F16) {
    typedef short h8 __attribute__((vector_size(16)));
    return (f4)__builtin_ia32_vcvtph2ps((h8)(unsigned long long __attribute__((vector_size(16)))){*(const unsigned_any *)p, 0});
  }
#endif
  u4 h = __builtin_convertvector(*(const h4 *)p, u4);
  if (dtype == DTYPE_BF16) return (f4)(h << 16);
  u4 magnitude = (h & 0x7fff) << 13, finite = (u4)((f4)magnitude * 0x1p112f), mask = (u4)((h & 0x7fff) >= 0x7c00);
  return (f4)((mask & (magnitude | 0x7f800000)) | (~mask & finite) | (h & 0x8000) << 16);
}

HEED_INLINE void store_wide(char *p, int32_t dtype, vf x) {
  if (dtype == DTYPE_F32) {
    store((float *)p, x);
    return;
  }
  vu bits = (vu)x, a = bits & 0x7fffffff, nan = (vu)(a > 0x7f800000), h;
  if (dtype == DTYPE_BF16) {
    h = (nan & (bits >> 16 | 0x40)) | (~nan & (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  } else {
    vu huge = (vu)(a >= 0x477ff000), tiny = (vu)(a < 0x38800000);
    vu normal = ((a + 0xfff + (a >> 13 & 1)) >> 13) - (112 << 10);
    h = (tiny & ((vu)((vf)a + 0.5f) - 0x3f000000)) | (~tiny & normal);
    h = (huge & 0x7c00) | (~huge & h);
    h = (nan & (0x7e00 | (a >> 13 & 0x3ff))) | (~nan & h);
    h |= bits >> 16 & 0x8000;
  }
  *(vh_any *)p = __builtin_convertvector(h, vh);
}

// A row of n numbers from f32 to where it belongs.
HEED_INLINE void store_row(char *to, int32_t dtype, int64_t stride, const float *from, int64_t n) {
  int64_t j = 0, bytes = dtype_bytes(dtype);
  if (stride == 1)
    for (; j + HEED_LANES <= n; j += HEED_LANES) store_wide(to + j * bytes, dtype, load(from + j));
  for (; j < n; j++) store_one(to + j * stride * bytes, dtype, from[j]);
}

#endif
