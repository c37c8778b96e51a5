// The micro-kernel: a tile of C, up to TILE_ROWS x TILE_VECTORS vectors, stays in registers while k runs. Of the last vectors only the
// first `last` numbers are stored.
//
// A is read a number at a time and may lie either way: `down` = 0, k runs along memory and `as` is the step from row to row;
// `down` = 1, rows run along memory and `as` is the step from k to k. B is read in vectors, `bs` floats from k to k.
#ifndef HEED_MATMUL_TILE_H
#define HEED_MATMUL_TILE_H

#include "vector_part.h"

#if HEED_LANES == 16
#define TILE_ROWS 14
#elif defined(__aarch64__)
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
#define TILE_VECTORS 2
#define TILE_COLUMNS (TILE_VECTORS * HEED_LANES)

// Keeps a pointer as it is written: compilers would rather have one a row, or compute its end beforehand, and run out of registers.
#define KEEP(pointer) __asm__("" : "+r"(pointer))

// Lines of memory to fetch while a tile is computed, one a k: sixteen lines `step` bytes apart, then again `jump` bytes on.
typedef struct {
  const char *from;
  int64_t step, jump;
} Ahead;

HEED_INLINE void tile_body(const int rows, const int vectors, const int down, const float *a, int64_t as, const float *b, int64_t bs,
                           int64_t k, float *c, int64_t cs, int64_t last, int32_t add, Ahead ahead) {
  vf sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) sum[i][v] = (vf){0};
  const float *row = c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++, row += cs) {
    KEEP(row);
    __builtin_prefetch(row, 1);
    if (vectors * HEED_LANES > 16) __builtin_prefetch(row + 16, 1);
  }
  // A pointer for three rows (p, p + as, p + 2 as are addressing modes) keeps the pointers in registers.
  const float *p[(TILE_ROWS + 2) / 3];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i += 3) p[i / 3] = down ? a : a + i * as;
  for (; k > 0; k -= 16, ahead.from += ahead.jump) {
    const char *line = ahead.from;
    for (int64_t left = k < 16 ? k : 16; left > 0; left--, line += ahead.step) {
      __builtin_prefetch(line, 0, 2);
      vf wide[TILE_VECTORS];
#pragma GCC unroll 2
      for (int v = 0; v < vectors; v++) wide[v] = load(b + v * HEED_LANES);
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) {
        vf x = splat(down ? a[i] : p[i / 3][i % 3 * as]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) sum[i][v] += x * wide[v];
      }
      b += bs;
      KEEP(b);
      if (down) {
        a += as;
        KEEP(a);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i += 3) {
          p[i / 3]++;
          KEEP(p[i / 3]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    float *to = c + i * cs;
    if (vectors == 2) store(to, add ? load(to) + sum[i][0] : sum[i][0]);
    to += (vectors - 1) * HEED_LANES;
    vf end = sum[i][vectors - 1];
    if (last == HEED_LANES)
      store(to, add ? load(to) + end : end);
    else
      store_part(to, add ? load_part(to, last) + end : end, last);
  }
}

// (`ahead` in pieces: a struct on the stack would have to wait for all stores to C before it could be read back.)
typedef void (*Tile)(const float *a, int64_t as, const float *b, int64_t bs, int64_t k, float *c, int64_t cs, int64_t last,
                     int32_t add, const char *from, int64_t step, int64_t jump);

#define TILE(rows, vectors, down)                                                                                              \
  static void tile_##rows##_##vectors##_##down(const float *a, int64_t as, const float *b, int64_t bs, int64_t k, float *c,   \
                                               int64_t cs, int64_t last, int32_t add, const char *from, int64_t step,         \
                                               int64_t jump) {                                                                 \
    tile_body(rows, vectors, down, a, as, b, bs, k, c, cs, last, add, (Ahead){from, step, jump});                              \
  }
#define TILE_ROW(rows) TILE(rows, 1, 0) TILE(rows, 2, 0) TILE(rows, 1, 1) TILE(rows, 2, 1)
#define TILE_NAMES(rows) {{tile_##rows##_1_0, tile_##rows##_2_0}, {tile_##rows##_1_1, tile_##rows##_2_1}}
TILE_ROW(1) TILE_ROW(2) TILE_ROW(3) TILE_ROW(4) TILE_ROW(5) TILE_ROW(6)
#if TILE_ROWS > 6
TILE_ROW(7) TILE_ROW(8) TILE_ROW(9) TILE_ROW(10) TILE_ROW(11) TILE_ROW(12)
#endif
#if TILE_ROWS > 12
TILE_ROW(13) TILE_ROW(14)
#endif

static const Tile tiles[TILE_ROWS][2][2] = {  // [rows - 1][down][vectors - 1]
  TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3), TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6),
#if TILE_ROWS > 6
  TILE_NAMES(7), TILE_NAMES(8), TILE_NAMES(9), TILE_NAMES(10), TILE_NAMES(11), TILE_NAMES(12),
#endif
#if TILE_ROWS > 12
  TILE_NAMES(13), TILE_NAMES(14),
#endif
};

// A tile of any width up to TILE_COLUMNS; B has whole vectors (packed panels are padded), C is touched only within `columns`.
HEED_INLINE void multiply_tile(int64_t rows, int64_t columns, int32_t down, const float *a, int64_t as, const float *b, int64_t bs,
                               int64_t k, float *c, int64_t cs, int32_t add, Ahead ahead) {
  int64_t vectors = columns > HEED_LANES ? 2 : 1;
  tiles[rows - 1][down][vectors - 1](a, as, b, bs, k, c, cs, columns - (vectors - 1) * HEED_LANES, add, ahead.from, ahead.step, ahead.jump);
}

#endif
