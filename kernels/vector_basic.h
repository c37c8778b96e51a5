// What vectors can do on every machine, by an instruction of theirs where there is one: fused multiplication, the larger of two,
// rounding, the square root, scaling by a power of two.
#ifndef HEED_VECTOR_BASIC_H
#define HEED_VECTOR_BASIC_H

#include "heed.h"

#if defined(__SSE2__)
#define _MM_MALLOC_H_INCLUDED 1  // gcc's and clang's guards of <mm_malloc.h>, which would bring in <stdlib.h> and its select()
#define __MM_MALLOC_H 1
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__) && HEED_LANES == 16
#define HEED_WIDE_AVX512 1
#elif defined(__AVX2__) && defined(__FMA__) && HEED_LANES == 8
#define HEED_WIDE_AVX2 1
#elif defined(__aarch64__) && HEED_LANES == 4
#define HEED_WIDE_NEON 1
#elif defined(__SSE2__) && HEED_LANES == 4
#define HEED_WIDE_SSE2 1
#endif

#define HEED_INFINITY __builtin_inff()
#define HEED_NAN __builtin_nanf("")

// a * b + c; in one rounding where the machine has it, otherwise in two.
HEED_INLINE vf mad(vf a, vf b, vf c) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif HEED_WIDE_NEON
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

HEED_INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }
HEED_INLINE vf with_sign(vf x, vf sign) { return (vf)(((vi)x & 0x7fffffff) | ((vi)sign & INT32_MIN)); }
// x held between two bounds; NaN stays NaN.
HEED_INLINE vf clamp(vf x, float low, float high) {
#if HEED_WIDE_AVX512  // the second operand comes out when one of them is NaN
  return (vf)_mm512_min_ps((__m512)splat(high), _mm512_max_ps((__m512)splat(low), (__m512)x));
#elif HEED_WIDE_AVX2
  return (vf)_mm256_min_ps((__m256)splat(high), _mm256_max_ps((__m256)splat(low), (__m256)x));
#else
  x = select(x < low, splat(low), x);
  return select(x > high, splat(high), x);
#endif
}
// The larger and the smaller; NaN if either is.
HEED_INLINE vf larger(vf a, vf b) {
#if HEED_WIDE_AVX512
  return select(a != a, a, (vf)_mm512_max_ps((__m512)a, (__m512)b));
#elif HEED_WIDE_AVX2
  return select(a != a, a, (vf)_mm256_max_ps((__m256)a, (__m256)b));
#elif HEED_WIDE_SSE2
  return select(a != a, a, (vf)_mm_max_ps((__m128)a, (__m128)b));
#else
  return select((a > b) | (a != a), a, b);
#endif
}
HEED_INLINE vf smaller(vf a, vf b) {
#if HEED_WIDE_AVX512
  return select(a != a, a, (vf)_mm512_min_ps((__m512)a, (__m512)b));
#elif HEED_WIDE_AVX2
  return select(a != a, a, (vf)_mm256_min_ps((__m256)a, (__m256)b));
#elif HEED_WIDE_SSE2
  return select(a != a, a, (vf)_mm_min_ps((__m128)a, (__m128)b));
#else
  return select((a < b) | (a != a), a, b);
#endif
}

// To the nearest integer, ties to even.
HEED_INLINE vf round_even(vf x) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_roundscale_ps((__m512)x, 8);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_round_ps((__m256)x, 8);
#elif HEED_WIDE_NEON
  return (vf)vrndnq_f32((float32x4_t)x);
#else  // in [2^23, 2^24) the last place is 1; larger numbers are whole already
  vf a = absolute(x), big = splat(0x1p23f), r = a + big;
  __asm__("" : "+m"(r));  // what is added must not be folded with what is taken away
  return with_sign(select(a < 0x1p23f, r - big, a), x);
#endif
}
HEED_INLINE vf round_down(vf x) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_roundscale_ps((__m512)x, 9);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_round_ps((__m256)x, 9);
#elif HEED_WIDE_NEON
  return (vf)vrndmq_f32((float32x4_t)x);
#else
  vf r = round_even(x);
  return with_sign(r - (vf)((vi)(r > x) & (vi)splat(1)), x);
#endif
}
HEED_INLINE vf round_to_zero(vf x) { return with_sign(round_down(absolute(x)), x); }

HEED_INLINE vf square_root(vf x) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_sqrt_ps((__m512)x);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif HEED_WIDE_SSE2
  return (vf)_mm_sqrt_ps((__m128)x);
#elif HEED_WIDE_NEON
  return (vf)vsqrtq_f32((float32x4_t)x);
#else
  vf r;
  for (int i = 0; i < HEED_LANES; i++) r[i] = __builtin_sqrtf(x[i]);
  return r;
#endif
}

// x * 2^n for whole n from -252 to 254: in two halves, so that neither factor leaves the range and denormals round once.
HEED_INLINE vf scale_by_power(vf x, vf n) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_scalef_ps((__m512)x, (__m512)n);
#else
  vi whole = __builtin_convertvector(n, vi), half = whole >> 1;
  return x * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
#endif
}

#endif
