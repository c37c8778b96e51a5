// The ragged end of an array: a vector of its first n < HEED_LANES values, the other lanes zero.
#ifndef HEED_VECTOR_PART_H
#define HEED_VECTOR_PART_H

#include "vector_basic.h"

#if HEED_WIDE_AVX2
HEED_INLINE __m256i part_mask(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

HEED_INLINE vf load_part(const float *p, int64_t n) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_maskload_ps(p, part_mask(n));
#else
  vf v = {0};
  for (int64_t i = 0; i < n; i++) v[i] = p[i];
  return v;
#endif
}

HEED_INLINE void store_part(float *p, vf v, int64_t n) {
#if HEED_WIDE_AVX512
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif HEED_WIDE_AVX2
  _mm256_maskstore_ps(p, part_mask(n), (__m256)v);
#else
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

#endif
