// The values of a block added up, each times its weight. A value is loaded once for several rows of sums, which stay in registers.
#ifndef HEED_ATTENTION_DECODE_MIX_H
#define HEED_ATTENTION_DECODE_MIX_H

#include "attention_decode_rows.h"

enum { TRACKS = 4, MIX_ROWS = 4 };  // a turn takes MIX_ROWS rows of each track, or as many in all one after the other

// Values to be added up: `count` rows of each of some tracks, which are `apart` rows apart.
typedef struct {
  const float *weight;
  const char *value;
  int64_t ws, step, tracks, apart, count, ahead;
} Mix;

// rows x vectors sums; with `end`, the last vector has that many numbers.
HEED_INLINE void mix_tile(const int rows, const int vectors, const int32_t dtype, const Mix *m, int64_t column, float *mixed, int64_t ms,
                          int64_t end) {
  const int64_t bytes = dtype_bytes(dtype);
  const float *weight = m->weight;
  const char *value = m->value + column * bytes;
  vf sum[4][8];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int c = 0; c < vectors; c++) sum[r][c] = load(mixed + r * ms + column + c * HEED_LANES);
  for (int64_t k = 0; k < m->count; k++, value += m->step, weight++) {
    const char *row = value;
    const float *w = weight;
    for (int64_t l = 0; l < m->tracks; l++, row += m->apart * m->step, w += m->apart) {
      vf x[4];
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) x[r] = splat(w[r * m->ws]);
#pragma GCC unroll 8
      for (int c = 0; c < vectors; c++) {
        const char *from = row + c * HEED_LANES * bytes;
        vf y;
        if (end)
          y = load_end(from, dtype, end);
        else if (dtype == DTYPE_BF16 && vectors > 1)
          y = c % 2 ? load_odds(from - HEED_LANES * bytes) : load_evens(from);
        else
          y = load_wide(from, dtype);
        ask(row, c * HEED_LANES * bytes, m->ahead);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) sum[r][c] += x[r] * y;
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int c = 0; c < vectors; c++) store(mixed + r * ms + column + c * HEED_LANES, sum[r][c]);
}

// All columns of a few rows.
HEED_INLINE void mix_columns(const int rows, const int vectors, const int32_t dtype, const Mix *m, int64_t e, float *mixed, int64_t ms) {
  int64_t c = 0;
  for (; c + vectors * HEED_LANES <= e; c += vectors * HEED_LANES) mix_tile(rows, vectors, dtype, m, c, mixed, ms, 0);
  if (vectors > 4 && c + 4 * HEED_LANES <= e) mix_tile(rows, 4, dtype, m, c, mixed, ms, 0), c += 4 * HEED_LANES;
  if (vectors > 2 && c + 2 * HEED_LANES <= e) mix_tile(rows, 2, dtype, m, c, mixed, ms, 0), c += 2 * HEED_LANES;
  if (c + HEED_LANES <= e) mix_tile(rows, 1, dtype, m, c, mixed, ms, 0), c += HEED_LANES;
  if (c < e) mix_tile(rows, 1, dtype, m, c, mixed, ms, e - c);
}

// One tile after the other down the rows; only the first asks ahead.
HEED_INLINE void mix_tiles(const int32_t dtype, Mix m, int64_t rows, int64_t e, float *mixed, int64_t ms) {
#define MIX_TILE(some, vectors) mix_columns(some, vectors, dtype, &m, e, mixed, ms)
  for (; rows >= TILE_ROWS; rows -= TILE_ROWS) {
    MIX_TILE(TILE_ROWS, 4);
    m.weight += TILE_ROWS * m.ws, mixed += TILE_ROWS * ms, m.ahead = 0;
  }
#if TILE_ROWS == 4
  if (rows == 3) MIX_TILE(3, 4);
  if (rows == 2) MIX_TILE(2, 8);
#endif
  if (rows == 1) MIX_TILE(1, 8);
#undef MIX_TILE
}

HEED_INLINE void mix_as(const int32_t dtype, const float *weight, int64_t ws, int64_t rows, const Rows *values, int64_t n, int64_t e,
                        float *mixed, int64_t ms) {
  int64_t turn = TRACKS * MIX_ROWS, step = values->step, length = track_rows(values, n, TRACKS);
  int64_t track_ahead = rows_ahead(values, TRACKS, MIX_ROWS, e), ahead = rows_ahead(values, 1, turn, e);
  for (int64_t i = 0; i < n;) {  // first down the tracks, then the rows that are left
    int tracks = i < length;
    Mix m = {weight + i, values->base + i * step, ws, step, 1, 1, min64(turn, n - i), 0};
    if (tracks) m.tracks = TRACKS, m.apart = length, m.count = MIX_ROWS;
    m.ahead = tracks ? look_ahead(values, i, length, track_ahead) : look_ahead(values, i, n, ahead);
    for (int64_t g = 0; g < values->groups; g++, m.weight += rows * ws, m.value += values->beside)
      mix_tiles(dtype, m, rows, e, mixed + g * rows * ms, ms);
    i += tracks ? MIX_ROWS : turn;
    if (tracks && i == length) i = TRACKS * length;
  }
}

// mixed[group][rows][e] += weight[group][rows][n] @ value[group][n][e]
static __attribute__((noinline)) void mix_values(const float *weight, int64_t ws, int64_t rows, const Rows *values, int64_t n, int64_t e,
                                                 float *mixed, int64_t ms) {
  if (values->dtype == DTYPE_F32)
    mix_as(DTYPE_F32, weight, ws, rows, values, n, e, mixed, ms);
  else if (values->dtype == DTYPE_F16)
    mix_as(DTYPE_F16, weight, ws, rows, values, n, e, mixed, ms);
  else
    mix_as(DTYPE_BF16, weight, ws, rows, values, n, e, mixed, ms);
}

#endif
