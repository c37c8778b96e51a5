// Packing: the operands copied, as f32, into the order in which the micro-kernel reads them.
//
// B becomes panels [k][columns], TILE_COLUMNS or PANEL_COLUMNS wide; the last one is padded with zeros to whole vectors.
// A becomes rows [rows][stride] if k runs along its memory, else strips [k][width], each of one tile or a few side by side. Rows are divided
// into tiles of nearly equal height, tile t of `tiles` beginning at row t * rows / tiles; so are they into strips, and strips into tiles.
#ifndef HEED_MATMUL_PACK_H
#define HEED_MATMUL_PACK_H

#include "matmul_convert.h"
#include "matmul_lanes.h"
#include "matmul_part.h"
#include "matmul_tile.h"

HEED_INLINE int64_t tile_count(int64_t rows) { return divide_up(rows, TILE_ROWS); }
// Where part `nth` of `parts` nearly equal ones begins.
HEED_INLINE int64_t part_start(int64_t rows, int64_t parts, int64_t nth) { return nth * rows / parts; }
// Rows of the tallest tile of so many columns.
HEED_INLINE int64_t tile_height(int64_t columns) { return tile_rows(min64(divide_up(columns, HEED_LANES), PANEL_VECTORS)); }

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

// As many k at a time as a vector has lanes, of HEED_LANES columns (or the first n of them, and zeros) that each run along memory: what is read of a
// column is whole lines of the cache, read once, where columns a page apart would push each other out before the next four.
HEED_INLINE void transpose_lines(float *to, int64_t width, const char *from, int32_t dtype, int64_t across, int64_t n) {
  vf x[HEED_LANES];
#pragma GCC unroll 16
  for (int r = 0; r < HEED_LANES; r++) x[r] = r < n ? load_wide(from + r * across, dtype) : (vf){0};
  transpose_square(x);
#pragma GCC unroll 16
  for (int c = 0; c < HEED_LANES; c++) store(to + c * width, x[c]);
}

// Panels whose rows run along memory: up to COLUMNS_AT_ONCE of them, for the sake of long reads.
#define COLUMNS_AT_ONCE (8 * TILE_COLUMNS)
HEED_INLINE void pack_rows(float *to, const char *from, int32_t dtype, const int64_t wide, int64_t down, int64_t k, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), whole = n / wide, left = n - whole * wide;
  int64_t width = round_up(left, HEED_LANES), vector = left / HEED_LANES * HEED_LANES;
  for (int64_t i = 0; i < k; i++, from += down) {
    float *panel = to + i * wide;
    const char *next = from + (k - i > 8 ? 8 : 0) * down;
    for (int64_t p = 0; p < whole; p++, panel += wide * k)
#pragma GCC unroll 4
      for (int64_t v = 0; v < wide; v += HEED_LANES) {
        int64_t j = p * wide + v;
        __builtin_prefetch(next + j * bytes);
        store(panel + v, load_wide(from + j * bytes, dtype));
      }
    if (left == 0) continue;
    const char *edge = from + whole * wide * bytes;
    panel = to + whole * wide * k + i * width;
    for (int64_t v = 0; v < vector; v += HEED_LANES) store(panel + v, load_wide(edge + v * bytes, dtype));
    if (vector < width) store(panel + vector, load_wide_part(edge + vector * bytes, dtype, left - vector));
  }
}

// One vector of columns, or the first n of one and zeros, that each run along memory: k numbers of each, number i of all at to + i * width.
HEED_INLINE void transpose_columns(float *to, int64_t width, const char *from, int32_t dtype, int64_t across, int64_t k, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), i = 0;
  if (n == HEED_LANES)
    for (; i + HEED_LANES <= k; i += HEED_LANES) transpose_lines(to + i * width, width, from + i * bytes, dtype, across, HEED_LANES);
  else
    for (; i + HEED_LANES <= k; i += HEED_LANES) transpose_lines(to + i * width, width, from + i * bytes, dtype, across, n);
  for (; i + 4 <= k; i += 4) transpose_four(to + i * width, width, from + i * bytes, dtype, across, n);
  for (; i < k; i++)
    for (int64_t l = 0; l < HEED_LANES; l++) to[i * width + l] = l < n ? load_one(from + i * bytes + l * across, dtype) : 0;
}

// One panel whose columns run along memory.
HEED_INLINE void pack_columns(float *to, int64_t width, const char *from, int32_t dtype, int64_t across, int64_t k, int64_t n) {
  for (int64_t j = 0; j < width; j += HEED_LANES) transpose_columns(to + j, width, from + j * across, dtype, across, k, min64(HEED_LANES, n - j));
}

HEED_INLINE void pack_panels_as(float *to, const char *from, const int32_t dtype, const int64_t wide, int64_t down, int64_t across, int64_t k,
                                int64_t n) {
  int64_t bytes = dtype_bytes(dtype);
  if (across == bytes) {
    for (int64_t j = 0; j < n; j += COLUMNS_AT_ONCE)
      pack_rows(to + j * k, from + j * bytes, dtype, wide, down, k, min64(n - j, COLUMNS_AT_ONCE));
    return;
  }
  for (int64_t j = 0; j < n; j += wide) {
    int64_t columns = min64(n - j, wide), width = round_up(columns, HEED_LANES);
    const char *panel = from + j * across;
    if (down == bytes)
      pack_columns(to + j * k, width, panel, dtype, across, k, columns);
    else
      pack_scalar(to + j * k, width, panel, dtype, down, across, k, columns);
  }
}

HEED_INLINE void pack_panels_of(float *to, const char *from, int32_t dtype, const int64_t wide, int64_t down, int64_t across, int64_t k, int64_t n) {
  if (dtype == DTYPE_F32)
    pack_panels_as(to, from, DTYPE_F32, wide, down * 4, across * 4, k, n);
  else if (dtype == DTYPE_F16)
    pack_panels_as(to, from, DTYPE_F16, wide, down * 2, across * 2, k, n);
  else
    pack_panels_as(to, from, DTYPE_BF16, wide, down * 2, across * 2, k, n);
}

// k x n of B, from its address there, into panels of PANEL_COLUMNS; strides in elements.
static inline void pack_panels(float *to, const char *from, int32_t dtype, int64_t down, int64_t across, int64_t k, int64_t n) {
  pack_panels_of(to, from, dtype, PANEL_COLUMNS, down, across, k, n);
}

// The same into panels of TILE_COLUMNS.
static inline void pack_wide(float *to, const char *from, int32_t dtype, int64_t down, int64_t across, int64_t k, int64_t n) {
  pack_panels_of(to, from, dtype, TILE_COLUMNS, down, across, k, n);
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

// Tiles of `height` rows stand side by side in strips of at most a vector.
HEED_INLINE int64_t strip_width(int64_t height) { return HEED_LANES > height ? HEED_LANES / height * height : height; }

HEED_INLINE void pack_strips_as(float *to, int64_t height, const char *from, const int32_t dtype, int64_t across, int64_t m, int64_t k) {
  int64_t bytes = dtype_bytes(dtype), width = strip_width(height), count = divide_up(m, width);
  for (int64_t block = 0; block < k; block += 16)
    for (int64_t s = 0; s < count; s++) {
      int64_t row = part_start(m, count, s), rows = part_start(m, count, s + 1) - row, end = min64(block + 16, k);
      const char *line = from + block * across + row * bytes;
      float *strip = to + s * width * k + block * width;
      for (int64_t i = block; i < end; i++, line += across, strip += width) {
        int64_t j = 0;
        for (; j + HEED_LANES <= rows; j += HEED_LANES) store(strip + j, load_wide(line + j * bytes, dtype));
        if (j < rows) store_part(strip + j, load_wide_part(line + j * bytes, dtype, rows - j), rows - j);
      }
    }
}

// m x k of A whose columns run along memory, as strips [k][strip_width] of tiles of at most `height` rows.
static inline void pack_strips(float *to, int64_t height, const char *from, int32_t dtype, int64_t across, int64_t m, int64_t k) {
  if (dtype == DTYPE_F32)
    pack_strips_as(to, height, from, DTYPE_F32, across * 4, m, k);
  else if (dtype == DTYPE_F16)
    pack_strips_as(to, height, from, DTYPE_F16, across * 2, m, k);
  else
    pack_strips_as(to, height, from, DTYPE_BF16, across * 2, m, k);
}

#endif
