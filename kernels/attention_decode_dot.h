// Dot products of a few queries with the keys of a block. A key is loaded once for several rows of queries, which stay in registers.
#ifndef HEED_ATTENTION_DECODE_DOT_H
#define HEED_ATTENTION_DECODE_DOT_H

#include "attention_decode_rows.h"

// A vector is groups of four lanes. IN_FOURS makes each group of the result from those of a and b; of p, q, r, s the first two are of a.
#define IN_GROUP(g, p, q, r, s) (p) + 4 * (g), (q) + 4 * (g), (r) + 4 * (g) + HEED_LANES, (s) + 4 * (g) + HEED_LANES
#if HEED_LANES == 16
#define IN_FOURS(a, b, ...)                                                                                                  \
  __builtin_shufflevector(a, b, IN_GROUP(0, __VA_ARGS__), IN_GROUP(1, __VA_ARGS__), IN_GROUP(2, __VA_ARGS__),                 \
                          IN_GROUP(3, __VA_ARGS__))
#elif HEED_LANES == 8
#define IN_FOURS(a, b, ...) __builtin_shufflevector(a, b, IN_GROUP(0, __VA_ARGS__), IN_GROUP(1, __VA_ARGS__))
#else
#define IN_FOURS(a, b, ...) __builtin_shufflevector(a, b, IN_GROUP(0, __VA_ARGS__))
#endif

// In each group of the result: the sums over that group of four vectors.
HEED_INLINE vf sum_groups(const vf *x) {
  vf low = IN_FOURS(x[0], x[1], 0, 1, 0, 1) + IN_FOURS(x[0], x[1], 2, 3, 2, 3);
  vf high = IN_FOURS(x[2], x[3], 0, 1, 0, 1) + IN_FOURS(x[2], x[3], 2, 3, 2, 3);
  return IN_FOURS(low, high, 0, 2, 0, 2) + IN_FOURS(low, high, 1, 3, 1, 3);
}

// Of each row, the sums over the lanes of vectors j to j + 3; in the same order however many rows there are.
HEED_INLINE void sum_tile(const int rows, vf (*sum)[8], int j, f4 *total) {
  vf group[4];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) group[r] = sum_groups(&sum[r][j]);
#if HEED_WIDE_AVX512
  if (rows == 4) {
    __m512 a = (__m512)group[0], b = (__m512)group[1], c = (__m512)group[2], d = (__m512)group[3];
    __m512 ab = _mm512_shuffle_f32x4(a, b, 0x44) + _mm512_shuffle_f32x4(a, b, 0xee);
    __m512 cd = _mm512_shuffle_f32x4(c, d, 0x44) + _mm512_shuffle_f32x4(c, d, 0xee);
    __m512 all = _mm512_shuffle_f32x4(ab, cd, 0x88) + _mm512_shuffle_f32x4(ab, cd, 0xdd);
    total[0] = (f4)_mm512_extractf32x4_ps(all, 0), total[1] = (f4)_mm512_extractf32x4_ps(all, 1);
    total[2] = (f4)_mm512_extractf32x4_ps(all, 2), total[3] = (f4)_mm512_extractf32x4_ps(all, 3);
    return;
  }
#endif
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    vf x = group[r];
#if HEED_LANES == 16
    typedef float f8 __attribute__((vector_size(32)));
    f8 half = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    total[r] = __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif HEED_LANES == 8
    total[r] = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
    total[r] = x;
#endif
  }
}

// rows x keys products; the rows of queries are padded with zeros to whole vectors. The keys are `apart` rows apart, n of them are there.
HEED_INLINE void dot_tile(const int rows, const int keys, const int32_t dtype, const float *query, int64_t qs, const char *key,
                          int64_t step, int64_t apart, int64_t ahead, int64_t d, float scale, float *product, int64_t ps, int64_t n) {
  const int64_t bytes = dtype_bytes(dtype);
  const char *line[8];
  vf sum[4][8];
  int64_t i = 0;
#pragma GCC unroll 8
  for (int j = 0; j < keys; j++) line[j] = key + min64(j, n - 1) * apart * step;
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < keys; j++) sum[r][j] = (vf){0};
  for (; dtype == DTYPE_BF16 && i + 2 * HEED_LANES <= d; i += 2 * HEED_LANES) {
    vf even[4], odd[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) even[r] = load(query + r * qs + i), odd[r] = load(query + r * qs + i + HEED_LANES);
#pragma GCC unroll 8
    for (int j = 0; j < keys; j++) {
      vf y = load_evens(line[j] + i * bytes), z = load_odds(line[j] + i * bytes);
      ask(line[j], i * bytes, ahead);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += even[r] * y;
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += odd[r] * z;
    }
  }
  for (; i + HEED_LANES <= d; i += HEED_LANES) {
    vf x[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) x[r] = load(query + r * qs + i);
#pragma GCC unroll 8
    for (int j = 0; j < keys; j++) {
      vf y = load_wide(line[j] + i * bytes, dtype);
      ask(line[j], i * bytes, ahead);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += x[r] * y;
    }
  }
  if (i < d) {
#pragma GCC unroll 8
    for (int j = 0; j < keys; j++) {
      vf y = load_end(line[j] + i * bytes, dtype, d - i);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += load(query + r * qs + i) * y;
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < keys; j += 4) {
    f4 total[4];
    sum_tile(rows, sum, j, total);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      float *to = product + r * ps + j * apart;
      total[r] *= scale;
      if (apart == 1 && j + 4 <= n)
        *(f4_any *)to = total[r];
      else if (j + 4 <= n)
        to[0] = total[r][0], to[apart] = total[r][1], to[2 * apart] = total[r][2], to[3 * apart] = total[r][3];
      else
        for (int64_t l = 0; l < n - j; l++) to[l * apart] = total[r][l];
    }
  }
}

// One tile after the other down the rows of queries; only the first asks ahead.
HEED_INLINE void dot_tiles(const int32_t dtype, const float *query, int64_t qs, int64_t rows, const char *key, int64_t step, int64_t apart,
                           int64_t ahead, int64_t d, float scale, float *product, int64_t ps, int64_t n) {
#define DOT_TILE(some, keys) dot_tile(some, keys, dtype, query, qs, key, step, apart, ahead, d, scale, product, ps, n)
  if (rows == 1) {
    DOT_TILE(1, 8);
    return;
  }
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
    DOT_TILE(TILE_ROWS, 4);
    query += TILE_ROWS * qs, product += TILE_ROWS * ps, ahead = 0;
  }
#if TILE_ROWS == 4
  if (rows == 3) DOT_TILE(3, 4);
  if (rows == 2) DOT_TILE(2, 4);
#endif
  if (rows == 1) DOT_TILE(1, 4);
#undef DOT_TILE
}

HEED_INLINE void dot_as(const int32_t dtype, const float *query, int64_t qs, int64_t rows, const Rows *keys, int64_t n, int64_t d,
                        float scale, float *product) {
  int64_t wide = rows == 1 ? 8 : 4, length = track_rows(keys, n, wide);
  int64_t track_ahead = rows_ahead(keys, wide, 1, d), ahead = rows_ahead(keys, 1, wide, d);
  for (int64_t i = 0; i < n;) {  // first down the tracks, then the rows that are left
    int tracks = i < length;
    int64_t apart = tracks ? length : 1, left = tracks ? wide : min64(wide, n - i);
    int64_t next = tracks ? look_ahead(keys, i, length, track_ahead) : look_ahead(keys, i, n, ahead);
    for (int64_t g = 0; g < keys->groups; g++)
      dot_tiles(dtype, query + g * rows * qs, qs, rows, keys->base + i * keys->step + g * keys->beside, keys->step, apart, next, d, scale,
                product + g * rows * n + i, n, left);
    i += tracks ? 1 : wide;
    if (tracks && i == length) i = wide * length;
  }
}

// product[group][rows][n] = scale * query . key
static __attribute__((noinline)) void dot_products(const float *query, int64_t qs, int64_t rows, const Rows *keys, int64_t n, int64_t d,
                                                   float scale, float *product) {
  if (keys->dtype == DTYPE_F32)
    dot_as(DTYPE_F32, query, qs, rows, keys, n, d, scale, product);
  else if (keys->dtype == DTYPE_F16)
    dot_as(DTYPE_F16, query, qs, rows, keys, n, d, scale, product);
  else
    dot_as(DTYPE_BF16, query, qs, rows, keys, n, d, scale, product);
}

#endif
