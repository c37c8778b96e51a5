// Dividing each row by a number of its own, as softmax does. With y = 1 / b correctly rounded once per row, q = a y and one correction
// q + (a - q b) y by fused products gives the very quotient that a division would (P. Markstein, "Computation of elementary
// functions on the IBM RISC System/6000 processor", 1990), at a quarter of its cost, so long as nothing leaves the normal range.
#ifndef HEED_ROW_DIVISION_H
#define HEED_ROW_DIVISION_H

#include "vector_part.h"

#if HEED_WIDE_AVX512 || HEED_WIDE_AVX2 || HEED_WIDE_NEON
enum { DIVIDEND_LEAST = 0x0d800000, DIVIDEND_MOST = 0x71800000 };  // 2^-100 and 2^100 as bits

// Whether a lane is neither 0 nor within those bounds. -0 counts as outside: the correction would take its sign.
HEED_INLINE int leaves_range(vf a) {
  vi size = (vi)a & 0x7fffffff;
#if HEED_WIDE_AVX512
  __m512i out = _mm512_sub_epi32((__m512i)size, _mm512_set1_epi32(DIVIDEND_LEAST));
  __mmask16 outside = _mm512_cmpgt_epu32_mask(out, _mm512_set1_epi32(DIVIDEND_MOST - DIVIDEND_LEAST));
  return _mm512_mask_test_epi32_mask(outside, (__m512i)a, (__m512i)a) != 0;
#else
  vi outside = ((size < DIVIDEND_LEAST) & ((vi)a != 0)) | (size > DIVIDEND_MOST);
#if HEED_WIDE_AVX2
  return _mm256_movemask_ps((__m256)outside) != 0;
#else
  return vmaxvq_u32((uint32x4_t)outside) != 0;
#endif
#endif
}

HEED_INLINE vf divide_by_row(vf a, vf b, vf y) {
  if (__builtin_expect(leaves_range(a), 0)) return a / b;
  vf q = a * y;
  return mad(mad(-b, q, a), y, q);
}
HEED_INLINE int divisor_is_moderate(float b) { return (b > 0x1p-20f && b < 0x1p20f) || (b < -0x1p-20f && b > -0x1p20f); }
#else
HEED_INLINE vf divide_by_row(vf a, vf b, vf y) {
  (void)y;
  return a / b;
}
HEED_INLINE int divisor_is_moderate(float b) {
  (void)b;
  return 0;
}
#endif

#define DIVIDE_ROW(quotient)                                                                   \
  {                                                                                            \
    int64_t j = 0;                                                                             \
    for (; j + HEED_LANES <= columns; j += HEED_LANES) {                                       \
      vf a = load(from + j);                                                                   \
      store(to + j, quotient);                                                                 \
    }                                                                                          \
    if (j < columns) {                                                                         \
      vf a = load_part(from + j, columns - j);                                                 \
      store_part(to + j, quotient, columns - j);                                               \
    }                                                                                          \
  }

static __attribute__((noinline)) void divide_rows(float *to, const float *from, const float *by, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++, to += columns, from += columns) {
    vf b = splat(by[i]), y = 1 / b;
    if (divisor_is_moderate(by[i]))
      DIVIDE_ROW(divide_by_row(a, b, y))
    else
      DIVIDE_ROW(a / b)
  }
}

#endif
