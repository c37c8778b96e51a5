// The micro-kernel: a tile of C, some rows by up to PANEL_VECTORS vectors, stays in registers while k runs. Of the last vectors only the
// first `last` numbers are stored.
//
// A is read a number at a time and may lie either way: `down` = 0, k runs along memory and `as` is the step from row to row;
// `down` = 1, rows run along memory and `as` is the step from k to k. B is read in vectors, `bs` floats from k to k.
//
// Registers allow tiles of many shapes. What tells them apart is how much is loaded for each multiplication: a tile of 6 x 4 vectors loads
// 10 for 24 and one of 14 x 2 loads 16 for 28, which shows where the core's first cache is shared or busy. So products read B in
// panels as wide as may be, and narrow ends in taller tiles.
#ifndef HEED_MATMUL_TILE_H
#define HEED_MATMUL_TILE_H

#include "vector_activation.h"
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

#if HEED_LANES == 16
#define PANEL_VECTORS 4
#else
#define PANEL_VECTORS TILE_VECTORS
#endif
#define PANEL_COLUMNS (PANEL_VECTORS * HEED_LANES)

// Rows of the tallest tile of so many vectors.
HEED_INLINE int64_t tile_rows(int64_t vectors) { return vectors <= TILE_VECTORS ? TILE_ROWS : vectors == 3 ? 9 : 6; }

// Keeps a pointer as it is written: compilers would rather have one a row, or compute its end beforehand, and run out of registers.
#define KEEP(pointer) __asm__("" : "+r"(pointer))

// Lines of memory to fetch while a tile is computed, one a k: sixteen lines `step` bytes apart, then again `jump` bytes on.
typedef struct {
  const char *from;
  int64_t step, jump;
} Ahead;

// How many k ahead a line of A is fetched to the first cache where rows run along memory: its lines lie as far apart as its columns and
// crowd, so that one fetched long before is gone when its turn comes.
#define LINES_AHEAD 4

// What comes after the sums: they are added to what stands in C; then, unless it is 0, the bias, a row for all rows or a column for all columns; then
// what is below 0 becomes 0.
enum { TILE_ADDS = 1, TILE_ADDS_DOWN = 2, TILE_CUTS = 4 };
typedef struct {
  int32_t does;
  const float *bias;
} Ending;

// What stands at `from` is added to the sums, row i of it `step` floats after row i - 1.
HEED_INLINE void add_tile(const int rows, const int vectors, vf sum[TILE_ROWS][PANEL_VECTORS], const float *from, int64_t step, int64_t last) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++, from += step) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors - 1; v++) sum[i][v] = load(from + v * HEED_LANES) + sum[i][v];
    const float *end = from + (vectors - 1) * HEED_LANES;
    vf x = last == HEED_LANES ? load(end) : load_part(end, last);
    sum[i][vectors - 1] = x + sum[i][vectors - 1];
  }
}

HEED_INLINE void tile_body(const int rows, const int vectors, const int down, const float *a, int64_t as, const float *b, int64_t bs,
                           int64_t k, float *c, int64_t cs, int64_t last, int32_t ending, const float *bias, Ahead ahead) {
  vf sum[TILE_ROWS][PANEL_VECTORS];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sum[i][v] = (vf){0};
  const float *row = c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++, row += cs) {
    KEEP(row);
#pragma GCC unroll 4
    for (int v = 0; v < vectors * HEED_LANES; v += 16) __builtin_prefetch(row + v, 1);
  }
  // A pointer for three rows (p, p + as, p + 2 as are addressing modes) keeps the pointers in registers.
  const float *p[(TILE_ROWS + 2) / 3];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i += 3) p[i / 3] = down ? a : a + i * as;
  // Of A, what comes sixteen k from now (LINES_AHEAD for rows along memory) is fetched to the first cache; at the end, what the next tile begins with.
  const float *next = a + rows * as, *near = a;
  const int64_t lead = LINES_AHEAD * as;
  for (; k > 0; k -= 16, ahead.from += ahead.jump) {
    const char *line = ahead.from;
    near = k > 16 ? near + 16 : next;
    const float *soon = near;
    for (int64_t left = k < 16 ? k : 16; left > 0; left--, line += ahead.step) {
      __builtin_prefetch(line, 0, 2);
      if (down) {
        __builtin_prefetch(a + lead, 0, 3);
      } else {
        __builtin_prefetch(soon, 0, 3);
        soon += left > 16 - rows ? as : 0;  // a line a row: more would push out what is still to be read
      }
      vf wide[PANEL_VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) wide[v] = load(b + v * HEED_LANES);
#pragma GCC unroll 16
      for (int i = 0; i < rows; i++) {
        vf x = splat(down ? a[i] : p[i / 3][i % 3 * as]);
#pragma GCC unroll 4
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
  if (ending & TILE_ADDS) add_tile(rows, vectors, sum, c, cs, last);
  if (bias && !(ending & TILE_ADDS_DOWN)) add_tile(rows, vectors, sum, bias, 0, last);
  if (bias && ending & TILE_ADDS_DOWN)
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sum[i][v] += splat(bias[i]);
  if (ending & TILE_CUTS)
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sum[i][v] = vector_relu(sum[i][v]);
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    float *to = c + i * cs;
#pragma GCC unroll 4
    for (int v = 0; v < vectors - 1; v++, to += HEED_LANES) store(to, sum[i][v]);
    if (last == HEED_LANES)
      store(to, sum[i][vectors - 1]);
    else
      store_part(to, sum[i][vectors - 1], last);
  }
}

// (`ahead` in pieces: a struct on the stack would have to wait for all stores to C before it could be read back.)
typedef void (*Tile)(const float *a, int64_t as, const float *b, int64_t bs, int64_t k, float *c, int64_t cs, int64_t last,
                     int32_t ending, const float *bias, const char *from, int64_t step, int64_t jump);

#define TILE(rows, vectors, down)                                                                                              \
  static void tile_##rows##_##vectors##_##down(const float *a, int64_t as, const float *b, int64_t bs, int64_t k, float *c,   \
                                               int64_t cs, int64_t last, int32_t ending, const float *bias, const char *from,    \
                                               int64_t step, int64_t jump) {                                                   \
    tile_body(rows, vectors, down, a, as, b, bs, k, c, cs, last, ending, bias, (Ahead){from, step, jump});                        \
  }
#define TILE_BOTH(rows, vectors) TILE(rows, vectors, 0) TILE(rows, vectors, 1)
#if PANEL_VECTORS > 2
#define TILE_WIDE(rows, vectors) TILE_BOTH(rows, vectors)
#define NAME_WIDE(rows, vectors, down) tile_##rows##_##vectors##_##down
#else
#define TILE_WIDE(rows, vectors)
#define NAME_WIDE(rows, vectors, down) 0
#endif
#define TILE_1(rows) TILE_BOTH(rows, 1) TILE_BOTH(rows, 2)                       // the shapes of so many rows
#define TILE_9(rows) TILE_1(rows) TILE_WIDE(rows, 3)
#define TILE_6(rows) TILE_9(rows) TILE_WIDE(rows, 4)
#define NAMES(rows, down, three, four) {tile_##rows##_1_##down, tile_##rows##_2_##down, three, four}
#define NAMES_1(rows) {NAMES(rows, 0, 0, 0), NAMES(rows, 1, 0, 0)}
#define NAMES_9(rows) {NAMES(rows, 0, NAME_WIDE(rows, 3, 0), 0), NAMES(rows, 1, NAME_WIDE(rows, 3, 1), 0)}
#define NAMES_6(rows) {NAMES(rows, 0, NAME_WIDE(rows, 3, 0), NAME_WIDE(rows, 4, 0)), NAMES(rows, 1, NAME_WIDE(rows, 3, 1), NAME_WIDE(rows, 4, 1))}
TILE_6(1) TILE_6(2) TILE_6(3) TILE_6(4) TILE_6(5) TILE_6(6)
#if TILE_ROWS > 6
TILE_9(7) TILE_9(8) TILE_9(9) TILE_1(10) TILE_1(11) TILE_1(12)
#endif
#if TILE_ROWS > 12
TILE_1(13) TILE_1(14)
#endif

static const Tile tiles[TILE_ROWS][2][4] = {  // [rows - 1][down][vectors - 1]
  NAMES_6(1), NAMES_6(2), NAMES_6(3), NAMES_6(4), NAMES_6(5), NAMES_6(6),
#if TILE_ROWS > 6
  NAMES_9(7), NAMES_9(8), NAMES_9(9), NAMES_1(10), NAMES_1(11), NAMES_1(12),
#endif
#if TILE_ROWS > 12
  NAMES_1(13), NAMES_1(14),
#endif
};

// A tile of any width up to PANEL_COLUMNS; B has whole vectors (packed panels are padded), C is touched only within `columns`.
HEED_INLINE void multiply_tile_to(int64_t rows, int64_t columns, int32_t down, const float *a, int64_t as, const float *b, int64_t bs,
                                       int64_t k, float *c, int64_t cs, Ending ending, Ahead ahead) {
  int64_t vectors = (columns + HEED_LANES - 1) / HEED_LANES;
  tiles[rows - 1][down][vectors - 1](a, as, b, bs, k, c, cs, columns - (vectors - 1) * HEED_LANES, ending.does, ending.bias, ahead.from, ahead.step,
                                     ahead.jump);
}

// The same, in place of what stands there or with `add` added to it.
HEED_INLINE void multiply_tile(int64_t rows, int64_t columns, int32_t down, const float *a, int64_t as, const float *b, int64_t bs,
                               int64_t k, float *c, int64_t cs, int32_t add, Ahead ahead) {
  multiply_tile_to(rows, columns, down, a, as, b, bs, k, c, cs, (Ending){add ? TILE_ADDS : 0, 0}, ahead);
}

#endif
