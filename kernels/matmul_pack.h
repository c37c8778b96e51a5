// Packing: the operands copied, as f32, into the order in which the micro-kernel reads them.
//
// B becomes panels of TILE_COLUMNS columns, [k][columns]; the last panel may be one vector wide, and is padded with zeros.
// A becomes rows [rows][stride] if k runs along its memory, else tiles [k][TILE_PANEL]. Rows are divided into tiles of nearly
// equal height, tile t of `tiles` beginning at row t * rows / tiles.
#ifndef HEED_MATMUL_PACK_H
#define HEED_MATMUL_PACK_H

#include "matmul_convert.h"
#include "matmul_lanes.h"
#include "matmul_part.h"
#include "matmul_tile.h"

#define TILE_PANEL ((TILE_ROWS + HEED_LANES - 1) / HEED_LANES * HEED_LANES)

HEED_INLINE int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }
HEED_INLINE int64_t tile_count(int64_t rows) { return (rows + TILE_ROWS - 1) / TILE_ROWS; }

// Any strides (in bytes), one number at a time, zeros up to `width`.
HEED_INLINE void pack_scalar(float *to, int64_t width, const char *from, int32_t dtype, int64_t down, int64_t across, int64_t k,
                             int64_t n) {
  for (int64_t i = 0; i < k; i++) {
    for (int64_t j = 0; j < n; j++) to[i * width + j] = load_one(from + i * down + j * across, dtype);
    for (int64_t j = n; j < width; j++) to[i * width + j] = 0;
  }
}

// Four k at a time of HEED_LANES columns (or the first n of them, and zeros) that each run along memory: every group of four lanes is a
// 4 x 4 transpose.
HEED_INLINE void transpose_four(float *to, int64_t width, const char *from, int32_t dtype, int64_t across, int64_t n) {
  vf x[4];
#pragma GCC unroll 4
  for (int q = 0; q < 4; q++) {
    f4 part[HEED_LANES / 4];
#pragma GCC unroll 4
    for (int g = 0; g < HEED_LANES / 4; g++) part[g] = 4 * g + q < n ? load_four(from + (4 * g + q) * across, dtype) : (f4){0};
#if HEED_LANES == 16
    typedef float f8 __attribute__((vector_size(32)));
    f8 low = __builtin_shufflevector(part[0], part[1], 0, 1, 2, 3, 4, 5, 6, 7);
    f8 high = __builtin_shufflevector(part[2], part[3], 0, 1, 2, 3, 4, 5, 6, 7);
    x[q] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif HEED_LANES == 8
    x[q] = __builtin_shufflevector(part[0], part[1], 0, 1, 2, 3, 4, 5, 6, 7);
#else
    x[q] = part[0];
#endif
  }
  transpose_fours(x);
#pragma GCC unroll 4
  for (int q = 0; q < 4; q++) store(to + q * width, x[q]);
}

// Panels whose rows run along memory: up to PANELS_AT_ONCE of them, for the sake of long reads.
#define PANELS_AT_ONCE 8
HEED_INLINE void pack_rows(float *to, const char *from, int32_t dtype, int64_t down, int64_t k, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), whole = n / TILE_COLUMNS, left = n - whole * TILE_COLUMNS;
  int64_t width = left > HEED_LANES ? TILE_COLUMNS : HEED_LANES, vector = left / HEED_LANES * HEED_LANES;
  for (int64_t i = 0; i < k; i++, from += down) {
    float *panel = to + i * TILE_COLUMNS;
    const char *next = from + (k - i > 8 ? 8 : 0) * down;
    for (int64_t p = 0; p < whole; p++, panel += TILE_COLUMNS * k)
#pragma GCC unroll 2
      for (int64_t v = 0; v < TILE_VECTORS; v++) {
        int64_t j = p * TILE_COLUMNS + v * HEED_LANES;
        __builtin_prefetch(next + j * bytes);
        store(panel + v * HEED_LANES, load_wide(from + j * bytes, dtype));
      }
    if (left == 0) continue;
    const char *edge = from + whole * TILE_COLUMNS * bytes;
    panel = to + whole * TILE_COLUMNS * k + i * width;
    if (vector) store(panel, load_wide(edge, dtype));
    if (vector < width) store(panel + vector, load_wide_part(edge + vector * bytes, dtype, left - vector));
  }
}

// One panel whose columns run along memory.
HEED_INLINE void pack_columns(float *to, int64_t width, const char *from, int32_t dtype, int64_t across, int64_t k, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), fours = k & ~(int64_t)3;
  for (int64_t j = 0; j < width; j += HEED_LANES) {
    const char *line = from + j * across;
    if (j + HEED_LANES <= n)
      for (int64_t i = 0; i < fours; i += 4) transpose_four(to + i * width + j, width, line + i * bytes, dtype, across, HEED_LANES);
    else
      for (int64_t i = 0; i < fours; i += 4) transpose_four(to + i * width + j, width, line + i * bytes, dtype, across, n - j);
    for (int64_t i = fours; i < k; i++)
      for (int64_t l = 0; l < HEED_LANES; l++) to[i * width + j + l] = j + l < n ? load_one(line + i * bytes + l * across, dtype) : 0;
  }
}

HEED_INLINE void pack_wide_as(float *to, const char *from, const int32_t dtype, int64_t down, int64_t across, int64_t k, int64_t n) {
  int64_t bytes = dtype_bytes(dtype);
  if (across == bytes) {
    for (int64_t j = 0; j < n; j += PANELS_AT_ONCE * TILE_COLUMNS)
      pack_rows(to + j * k, from + j * bytes, dtype, down, k, min64(n - j, PANELS_AT_ONCE * TILE_COLUMNS));
    return;
  }
  for (int64_t j = 0; j < n; j += TILE_COLUMNS) {
    int64_t columns = min64(n - j, TILE_COLUMNS), width = columns > HEED_LANES ? TILE_COLUMNS : HEED_LANES;
    const char *panel = from + j * across;
    if (down == bytes)
      pack_columns(to + j * k, width, panel, dtype, across, k, columns);
    else
      pack_scalar(to + j * k, width, panel, dtype, down, across, k, columns);
  }
}

// k x n of B, from its address there, into panels; strides in elements.
static void pack_wide(float *to, const char *from, int32_t dtype, int64_t down, int64_t across, int64_t k, int64_t n) {
  if (dtype == DTYPE_F32)
    pack_wide_as(to, from, DTYPE_F32, down * 4, across * 4, k, n);
  else if (dtype == DTYPE_F16)
    pack_wide_as(to, from, DTYPE_F16, down * 2, across * 2, k, n);
  else
    pack_wide_as(to, from, DTYPE_BF16, down * 2, across * 2, k, n);
}

HEED_INLINE void pack_tall_as(float *to, int64_t stride, const char *from, const int32_t dtype, int64_t down, int64_t across,
                              int64_t m, int64_t k) {
  int64_t bytes = dtype_bytes(dtype);
  for (int64_t i = 0; i < m; i++, from += down, to += stride) {
    int64_t j = 0;
    if (across == bytes)
      for (; j + HEED_LANES <= k; j += HEED_LANES) store(to + j, load_wide(from + j * bytes, dtype));
    for (; j < k; j++) to[j] = load_one(from + j * across, dtype);
  }
}

// m x k of A as rows.
static void pack_tall(float *to, int64_t stride, const char *from, int32_t dtype, int64_t down, int64_t across, int64_t m, int64_t k) {
  if (dtype == DTYPE_F32)
    pack_tall_as(to, stride, from, DTYPE_F32, down * 4, across * 4, m, k);
  else if (dtype == DTYPE_F16)
    pack_tall_as(to, stride, from, DTYPE_F16, down * 2, across * 2, m, k);
  else
    pack_tall_as(to, stride, from, DTYPE_BF16, down * 2, across * 2, m, k);
}

HEED_INLINE void pack_tiles_as(float *to, const char *from, const int32_t dtype, int64_t across, int64_t m, int64_t k) {
  int64_t bytes = dtype_bytes(dtype), count = tile_count(m);
  for (int64_t block = 0; block < k; block += 16)
    for (int64_t t = 0; t < count; t++) {
      int64_t row = t * m / count, rows = (t + 1) * m / count - row, end = min64(block + 16, k);
      float *tile = to + t * TILE_PANEL * k;
      for (int64_t i = block; i < end; i++) {
        const char *line = from + i * across + row * bytes;
        int64_t j = 0;
        // Numbers beyond the tile's rows are the next tile's: harmless as long as they are there to be read.
        for (; j < rows && row + j + HEED_LANES <= m; j += HEED_LANES)
          store(tile + i * TILE_PANEL + j, load_wide(line + j * bytes, dtype));
        for (; j < rows; j++) tile[i * TILE_PANEL + j] = load_one(line + j * bytes, dtype);
      }
    }
}

// m x k of A whose columns run along memory, as tiles.
static inline void pack_tiles(float *to, const char *from, int32_t dtype, int64_t across, int64_t m, int64_t k) {
  if (dtype == DTYPE_F32)
    pack_tiles_as(to, from, DTYPE_F32, across * 4, m, k);
  else if (dtype == DTYPE_F16)
    pack_tiles_as(to, from, DTYPE_F16, across * 2, m, k);
  else
    pack_tiles_as(to, from, DTYPE_BF16, across * 2, m, k);
}

#endif
