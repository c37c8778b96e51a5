// Sums, products and extremes of a run of values. The order of the additions depends on the length of the run alone. A sum is taken in
// f32 over at most FOLD_RUN values, with four vectors side by side, and over longer runs in double precision: about 20 roundings
// whatever the length. Extremes of f32 are NaN if any value is.
#ifndef HEED_FOLD_H
#define HEED_FOLD_H

#include "vector_part.h"

enum { FOLD_SUM = 0, FOLD_MAX = 1, FOLD_MIN = 2, FOLD_PROD = 3, FOLD_RUN = 64 * HEED_LANES };

HEED_INLINE float bits_to_float(int32_t x) {
  float f;
  memcpy(&f, &x, 4);
  return f;
}
HEED_INLINE int32_t float_to_bits(float f) {
  int32_t x;
  memcpy(&x, &f, 4);
  return x;
}

// Of vectors; `kind` and `is_int` are constants where this is called. i32 lie in vf as bits.
HEED_INLINE vf fold_pair(int32_t kind, int32_t is_int, vf a, vf b) {
  if (is_int) {
    vi x = (vi)a, y = (vi)b;
    return kind == FOLD_SUM   ? (vf)((vu)x + (vu)y)
           : kind == FOLD_MAX ? (vf)selecti(x > y, x, y)
           : kind == FOLD_MIN ? (vf)selecti(x < y, x, y)
                              : (vf)((vu)x * (vu)y);
  }
  return kind == FOLD_SUM ? a + b : kind == FOLD_MAX ? larger(a, b) : kind == FOLD_MIN ? smaller(a, b) : a * b;
}

HEED_INLINE vf fold_identity(int32_t kind, int32_t is_int) {
  if (is_int) return (vf)splati(kind == FOLD_SUM ? 0 : kind == FOLD_MAX ? INT32_MIN : kind == FOLD_MIN ? INT32_MAX : 1);
  return splat(kind == FOLD_SUM ? 0 : kind == FOLD_MAX ? -HEED_INFINITY : kind == FOLD_MIN ? HEED_INFINITY : 1);
}

// Of two running results: i32 or f32 values held as doubles.
HEED_INLINE double fold_two(int32_t kind, int32_t is_int, double a, double b) {
  if (is_int) {
    uint32_t x = (uint32_t)(int32_t)a, y = (uint32_t)(int32_t)b;
    if (kind == FOLD_SUM) return (int32_t)(x + y);
    if (kind == FOLD_PROD) return (int32_t)(x * y);
  }
  if (kind == FOLD_SUM) return a + b;
  if (kind == FOLD_PROD) return a * b;
  if (a != a) return a;
  return kind == FOLD_MAX ? (a > b ? a : b) : (a < b ? a : b);
}

// The lanes of a vector, halved until one is left.
HEED_INLINE double fold_lanes(int32_t kind, int32_t is_int, vf v) {
  float lane[HEED_LANES];
#if HEED_WIDE_AVX512
  __m512 w = (__m512)v;
  v = fold_pair(kind, is_int, v, (vf)_mm512_shuffle_f32x4(w, w, 0x4e)), w = (__m512)v;
  v = fold_pair(kind, is_int, v, (vf)_mm512_shuffle_f32x4(w, w, 0xb1)), w = (__m512)v;
  v = fold_pair(kind, is_int, v, (vf)_mm512_permute_ps(w, 0x4e)), w = (__m512)v;
  v = fold_pair(kind, is_int, v, (vf)_mm512_permute_ps(w, 0xb1));
  lane[0] = v[0];
#elif HEED_WIDE_AVX2
  __m256 w = (__m256)v;
  v = fold_pair(kind, is_int, v, (vf)_mm256_permute2f128_ps(w, w, 1)), w = (__m256)v;
  v = fold_pair(kind, is_int, v, (vf)_mm256_permute_ps(w, 0x4e)), w = (__m256)v;
  v = fold_pair(kind, is_int, v, (vf)_mm256_permute_ps(w, 0xb1));
  lane[0] = v[0];
#else
  for (int half = HEED_LANES / 2; half > 0; half /= 2) {
    vf other = v;
    for (int i = 0; i < half; i++) other[i] = v[i + half];
    v = fold_pair(kind, is_int, v, other);
  }
  lane[0] = v[0];
#endif
  return is_int ? (double)float_to_bits(lane[0]) : (double)lane[0];
}

// At most FOLD_RUN values (any number where the kind is not a sum or product of f32), down to a vector.
HEED_INLINE vf fold_vectors(int32_t kind, int32_t is_int, const float *p, int64_t n) {
  vf identity = fold_identity(kind, is_int), s0 = identity;
  if (n >= 4 * HEED_LANES) {
    vf s1 = identity, s2 = identity, s3 = identity;
    for (; n >= 4 * HEED_LANES; n -= 4 * HEED_LANES, p += 4 * HEED_LANES) {
      s0 = fold_pair(kind, is_int, s0, load(p));
      s1 = fold_pair(kind, is_int, s1, load(p + HEED_LANES));
      s2 = fold_pair(kind, is_int, s2, load(p + 2 * HEED_LANES));
      s3 = fold_pair(kind, is_int, s3, load(p + 3 * HEED_LANES));
    }
    s0 = fold_pair(kind, is_int, fold_pair(kind, is_int, s0, s1), fold_pair(kind, is_int, s2, s3));
  }
  for (; n >= HEED_LANES; n -= HEED_LANES, p += HEED_LANES) s0 = fold_pair(kind, is_int, s0, load(p));
  if (n > 0) {
    vf end = load_part(p, n);
    if (kind != FOLD_SUM) {  // lanes past the end hold 0, which only a sum may take in
      vi lane;
      for (int i = 0; i < HEED_LANES; i++) lane[i] = i;
      end = select(lane < (int32_t)n, end, identity);
    }
    s0 = fold_pair(kind, is_int, s0, end);
  }
  return s0;
}

// The same down to one value.
HEED_INLINE double fold_run(int32_t kind, int32_t is_int, const float *p, int64_t n) {
  return fold_lanes(kind, is_int, fold_vectors(kind, is_int, p, n));
}

HEED_INLINE double fold_long(int32_t kind, int32_t is_int, const float *p, int64_t n) {
  double result = fold_run(kind, is_int, p, min64(n, FOLD_RUN));
  for (int64_t i = FOLD_RUN; i < n; i += FOLD_RUN)
    result = fold_two(kind, is_int, result, fold_run(kind, is_int, p + i, min64(n - i, FOLD_RUN)));
  return result;
}

#if HEED_WIDE_AVX512
// What fold_lanes makes of four vectors, in the same order, but side by side.
HEED_INLINE void fold_four(int32_t kind, const vf v[4], float *to) {
  __m512 half[2];
  for (int i = 0; i < 2; i++) {
    __m512 a = (__m512)v[2 * i], b = (__m512)v[2 * i + 1];
    half[i] = (__m512)fold_pair(kind, 0, (vf)_mm512_shuffle_f32x4(a, b, 0x44), (vf)_mm512_shuffle_f32x4(a, b, 0xee));
  }
  vf x = fold_pair(kind, 0, (vf)_mm512_shuffle_f32x4(half[0], half[1], 0x88), (vf)_mm512_shuffle_f32x4(half[0], half[1], 0xdd));
  x = fold_pair(kind, 0, x, (vf)_mm512_permute_ps((__m512)x, 0x4e));
  x = fold_pair(kind, 0, x, (vf)_mm512_permute_ps((__m512)x, 0xb1));
  __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  _mm_storeu_ps(to, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, (__m512)x)));
}
#endif

// Each row of a matrix to one value; i32 as bits.
HEED_INLINE void fold_rows(int32_t kind, int32_t is_int, float *to, const float *from, int64_t rows, int64_t columns) {
  int64_t i = 0;
#if HEED_WIDE_AVX512
  for (; !is_int && columns <= FOLD_RUN && i + 4 <= rows; i += 4) {
    vf v[4];
    for (int r = 0; r < 4; r++) v[r] = fold_vectors(kind, 0, from + (i + r) * columns, columns);
    fold_four(kind, v, to + i);
  }
#endif
  for (; i < rows; i++) {
    double value = fold_long(kind, is_int, from + i * columns, columns);
    to[i] = is_int ? bits_to_float((int32_t)value) : (float)value;
  }
}

// Calls `with` with kind and is_int as constants, so that each pair has its own loop.
#define FOLD_DISPATCH(with, kind, is_int, ...)                                                 \
  switch ((kind) + 4 * (is_int)) {                                                             \
    case 0: with(FOLD_SUM, 0, __VA_ARGS__); break;                                             \
    case 1: with(FOLD_MAX, 0, __VA_ARGS__); break;                                             \
    case 2: with(FOLD_MIN, 0, __VA_ARGS__); break;                                             \
    case 3: with(FOLD_PROD, 0, __VA_ARGS__); break;                                            \
    case 4: with(FOLD_SUM, 1, __VA_ARGS__); break;                                             \
    case 5: with(FOLD_MAX, 1, __VA_ARGS__); break;                                             \
    case 6: with(FOLD_MIN, 1, __VA_ARGS__); break;                                             \
    default: with(FOLD_PROD, 1, __VA_ARGS__); break;                                           \
  }

#endif
