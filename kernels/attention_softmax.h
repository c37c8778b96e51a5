// The softmax of scores that come tile after tile (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"; Dao 2023):
// each row keeps its largest score so far and the sum of its weights beside it, and says by how much to shrink what was added up
// before when a larger score comes.
//
// A row's numbers are powers of two: with `unit` = log2 e the scores are natural ones, with 1 they carry the factor log2 e already.
// Weights below 2^-126 of the largest are 0; NaN stays NaN.
#ifndef HEED_ATTENTION_SOFTMAX_H
#define HEED_ATTENTION_SOFTMAX_H

#include "matmul_lanes.h"
#include "vector_basic.h"

#define LOG2_E 1.44269504f
#define LN2 0.693147181f

// The most rows of a tile, in whole vectors: what is kept for each row can be computed for all at once.
#define STRIP_ROWS ((TILE_ROWS + HEED_LANES - 1) / HEED_LANES * HEED_LANES)

// 2^x for x <= 0, -infinity included: 2^floor(x) times a polynomial on [0, 1) that is 1 at 0 (minimax, error 1.4e-7).
HEED_INLINE vf power_of_two(vf x) {
#if HEED_WIDE_AVX512
  __mmask16 there = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-126), _CMP_NLT_UQ);
  vf r = (vf)_mm512_reduce_ps((__m512)x, 9);  // x - floor(x)
#else
  vf n = round_down(select(x < -126, splat(-126), x)), r = x - n;
#endif
  vf p = splat(0.00186713005f);
  p = mad(p, r, splat(0.00901703071f));
  p = mad(p, r, splat(0.0557999127f));
  p = mad(p, r, splat(0.240164444f));
  p = mad(p, r, splat(0.693151295f));
  p = mad(p, r, splat(1));
#if HEED_WIDE_AVX512
  return (vf)_mm512_maskz_scalef_ps(there, (__m512)p, (__m512)x);
#else
  return select(x < -126, splat(0), p * (vf)((__builtin_convertvector(n, vi) + 127) << 23));
#endif
}

// The larger, for numbers; of NaN and a number either may come out.
HEED_INLINE vf larger_number(vf a, vf b) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif HEED_WIDE_SSE2
  return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
  return select(a > b, a, b);
#endif
}

// The largest of each of four vectors' lanes.
HEED_INLINE f4 largest_of_four(const vf *from) {
  vf x[4] = {from[0], from[1], from[2], from[3]};
  transpose_fours(x);
  vf most = larger_number(larger_number(x[0], x[1]), larger_number(x[2], x[3]));
#if HEED_LANES == 16
  typedef float f8 __attribute__((vector_size(32)));
  typedef int32_t i8 __attribute__((vector_size(32)));
  f8 a = __builtin_shufflevector(most, most, 0, 1, 2, 3, 4, 5, 6, 7), b = __builtin_shufflevector(most, most, 8, 9, 10, 11, 12, 13, 14, 15);
  f8 half = (f8)(((i8)(a > b) & (i8)a) | (~(i8)(a > b) & (i8)b));
  f4 low = __builtin_shufflevector(half, half, 0, 1, 2, 3), high = __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif HEED_LANES == 8
  f4 low = __builtin_shufflevector(most, most, 0, 1, 2, 3), high = __builtin_shufflevector(most, most, 4, 5, 6, 7);
#else
  f4 low = most, high = most;
#endif
  u4 first = (u4)(low > high);
  return (f4)((first & (u4)low) | (~first & (u4)high));
}

HEED_INLINE vi lane_numbers(void) {
  vi lane;
  for (int i = 0; i < HEED_LANES; i++) lane[i] = i;
  return lane;
}

// Leaves of a row of n scores, n a whole number of vectors, those in [from, until); the others become -infinity.
HEED_INLINE void keep_between(float *scores, int64_t n, int64_t from, int64_t until) {
  from = min64(from, n), until = max64(until, 0);
  const vi lane = lane_numbers();
  const vf none = splat(-HEED_INFINITY);
  for (int64_t j = 0; j < from; j += HEED_LANES)
    store(scores + j, select(lane >= (int32_t)(from - j), load(scores + j), none));
  for (int64_t j = until / HEED_LANES * HEED_LANES; j < n; j += HEED_LANES)
    store(scores + j, select(lane < (int32_t)(until - j), load(scores + j), none));
}

// What is kept of each row of a strip.
typedef struct {
  float largest[STRIP_ROWS];
  float total[TILE_ROWS][HEED_LANES];  // sums of weights, lane by lane
} Rows;

// One more tile: `scores` [rows][n], n a whole number of vectors, become weights. `shrink` says for each row what its weights so far are
// to be multiplied by; returns whether any is not 1.
HEED_INLINE int32_t softmax_tile(float *scores, int64_t stride, int64_t rows, int64_t n, const float unit, Rows *kept, float *shrink) {
  float largest[STRIP_ROWS + 4];
  for (int64_t i = 0; i < rows; i += 4) {
    const float *row[4];
    vf most[4];
    for (int64_t r = 0; r < 4; r++) row[r] = scores + min64(i + r, rows - 1) * stride, most[r] = load(row[r]);
    for (int64_t j = HEED_LANES; j < n; j += HEED_LANES)
#pragma GCC unroll 4
      for (int64_t r = 0; r < 4; r++) most[r] = larger_number(most[r], load(row[r] + j));
    *(f4_any *)(largest + i) = largest_of_four(most);
  }
  for (int64_t i = rows; i < STRIP_ROWS; i++) largest[i] = -HEED_INFINITY;
  int32_t any = 0;
  float base[STRIP_ROWS];
  for (int64_t i = 0; i < STRIP_ROWS; i += HEED_LANES) {
    vf before = load(kept->largest + i), now = larger_number(load(largest + i), before);
    vf zero = select(now == -HEED_INFINITY, splat(0), now);  // no score yet: -infinity - 0 rather than NaN
    vf factor = power_of_two((before - zero) * unit);
    store(kept->largest + i, now);
    store(base + i, zero);
    store(shrink + i, factor);
    vi changed = (factor != 1) & (before > -HEED_INFINITY);
    for (int k = 0; k < HEED_LANES; k++) any |= i + k < rows ? changed[k] : 0;
  }
  for (int64_t i = 0; i < rows; i++) {
    float *row = scores + i * stride;
    vf zero = splat(base[i]), total = load(kept->total[i]) * shrink[i];
    for (int64_t j = 0; j < n; j += HEED_LANES) {
      vf weight = power_of_two((load(row + j) - zero) * unit);
      store(row + j, weight);
      total += weight;
    }
    store(kept->total[i], total);
  }
  return any;
}

#endif
