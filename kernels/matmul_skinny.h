// Products with few rows (decoding: one row against a weight matrix), where reading B once at full speed is all that counts.
//
// dot_rows: B's columns run along memory; every output is a dot product of two rows. stream_rows: B's rows run along memory;
// they are added up, each times its number of A. Both want A as f32 rows; `as` is the step from row to row.
#ifndef HEED_MATMUL_SKINNY_H
#define HEED_MATMUL_SKINNY_H

#include "matmul_lanes.h"
#include "matmul_part.h"

#if HEED_LANES == 16 || defined(__aarch64__)
#define DOT_ROWS 4
#else
#define DOT_ROWS 2
#endif

// rows x columns dot products; the rows of A are padded with zeros to whole vectors.
HEED_INLINE void dot_body(const int rows, const int columns, const float *a, int64_t as, const char *const *b, const int32_t dtype,
                          int64_t k, float *c, int64_t cs, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), i = 0;
  vf sum[4][8];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < columns; j++) sum[r][j] = (vf){0};
  for (; i + HEED_LANES <= k; i += HEED_LANES) {
    vf x[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) x[r] = load(a + r * as + i);
#pragma GCC unroll 8
    for (int j = 0; j < columns; j++) {
      vf y = load_wide(b[j] + i * bytes, dtype);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += x[r] * y;
    }
  }
  if (i < k) {
#pragma GCC unroll 8
    for (int j = 0; j < columns; j++) {
      vf y = load_wide_part(b[j] + i * bytes, dtype, k - i);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r][j] += load(a + r * as + i) * y;
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < columns; j += 4) {
      f4 total = sum_fours(&sum[r][j]);
      if (j + 4 <= n)
        *(f4_any *)(c + r * cs + j) = total;
      else
        for (int64_t l = j; l < n; l++) c[r * cs + l] = total[l - j];
    }
}

HEED_INLINE void dot_rows_as(const float *a, int64_t as, const char *b, const int32_t dtype, int64_t across, int64_t m, int64_t n,
                             int64_t k, float *c, int64_t cs) {
  const int wide = 8;  // columns at a time for a single row
  for (int64_t j = 0; j < n;) {
    int64_t step = m == 1 ? wide : 4, columns = min64(step, n - j);
    const char *line[8];
    for (int64_t l = 0; l < step; l++) line[l] = b + (j + min64(l, columns - 1)) * across;
    float *to = c + j;
    if (m == 1) {
      dot_body(1, wide, a, as, line, dtype, k, to, cs, columns);
    } else {
      int64_t i = 0;
      for (; i + DOT_ROWS <= m; i += DOT_ROWS) dot_body(DOT_ROWS, 4, a + i * as, as, line, dtype, k, to + i * cs, cs, columns);
      int64_t left = m - i;
      if (left == 1) dot_body(1, 4, a + i * as, as, line, dtype, k, to + i * cs, cs, columns);
#if DOT_ROWS == 4
      if (left == 2) dot_body(2, 4, a + i * as, as, line, dtype, k, to + i * cs, cs, columns);
      if (left == 3) dot_body(3, 4, a + i * as, as, line, dtype, k, to + i * cs, cs, columns);
#endif
    }
    j += columns;
  }
}

static void dot_rows(const float *a, int64_t as, const char *b, int32_t dtype, int64_t across, int64_t m, int64_t n, int64_t k,
                     float *c, int64_t cs) {
  if (dtype == DTYPE_F32)
    dot_rows_as(a, as, b, DTYPE_F32, across * 4, m, n, k, c, cs);
  else if (dtype == DTYPE_F16)
    dot_rows_as(a, as, b, DTYPE_F16, across * 2, m, n, k, c, cs);
  else
    dot_rows_as(a, as, b, DTYPE_BF16, across * 2, m, n, k, c, cs);
}

// c[rows][n] += a[rows][depth] @ b[depth][n]
HEED_INLINE void stream_body(const int rows, const int depth, const float *a, int64_t as, const char *b, const int32_t dtype,
                             int64_t down, int64_t n, float *c, int64_t cs) {
  int64_t bytes = dtype_bytes(dtype), j = 0;
  vf x[4][8];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int d = 0; d < depth; d++) x[r][d] = splat(a[r * as + d]);
  for (; j + HEED_LANES <= n; j += HEED_LANES) {
    vf sum[4];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sum[r] = load(c + r * cs + j);
#pragma GCC unroll 8
    for (int d = 0; d < depth; d++) {
      vf y = load_wide(b + d * down + j * bytes, dtype);
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) sum[r] += x[r][d] * y;
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) store(c + r * cs + j, sum[r]);
  }
  for (; j < n; j++)
    for (int r = 0; r < rows; r++)
      for (int d = 0; d < depth; d++) c[r * cs + j] += a[r * as + d] * load_one(b + d * down + j * bytes, dtype);
}

HEED_INLINE void stream_rows_as(const float *a, int64_t as, const char *b, const int32_t dtype, int64_t down, int64_t m, int64_t n,
                                int64_t k, float *c, int64_t cs) {
  for (int64_t i = 0; i < m; i++) memset(c + i * cs, 0, (size_t)n * 4);
  for (int64_t d = 0; d < k;) {
    int64_t depth = m == 1 && k - d >= 8 ? 8 : k - d >= 4 ? 4 : 1;
    const char *from = b + d * down;
    for (int64_t i = 0; i < m;) {
      const float *x = a + i * as + d;
      float *to = c + i * cs;
      int64_t rows = m - i >= DOT_ROWS ? DOT_ROWS : m - i >= 2 ? 2 : 1;
      if (depth == 8)
        stream_body(1, 8, x, as, from, dtype, down, n, to, cs);
      else if (depth == 4 && rows == 1)
        stream_body(1, 4, x, as, from, dtype, down, n, to, cs);
      else if (depth == 4 && rows == 2)
        stream_body(2, 4, x, as, from, dtype, down, n, to, cs);
      else if (depth == 4)
        stream_body(DOT_ROWS, 4, x, as, from, dtype, down, n, to, cs);
      else
        stream_body(rows = 1, 1, x, as, from, dtype, down, n, to, cs);
      i += rows;
    }
    d += depth;
  }
}

static void stream_rows(const float *a, int64_t as, const char *b, int32_t dtype, int64_t down, int64_t m, int64_t n, int64_t k,
                        float *c, int64_t cs) {
  if (dtype == DTYPE_F32)
    stream_rows_as(a, as, b, DTYPE_F32, down * 4, m, n, k, c, cs);
  else if (dtype == DTYPE_F16)
    stream_rows_as(a, as, b, DTYPE_F16, down * 2, m, n, k, c, cs);
  else
    stream_rows_as(a, as, b, DTYPE_BF16, down * 2, m, n, k, c, cs);
}

#endif
