// A right side B that lies in its array as no two strides can say, as the windows of a convolution do: its rows walk some axes of the
// array and its columns others, and a number stands at the sum of both offsets. It is never made a matrix but in packed panels
// (matmul_pack.h).
#ifndef HEED_MATMUL_GRID_H
#define HEED_MATMUL_GRID_H

#include "matmul_pack.h"
#include "matmul_problem.h"

enum { GRID_ROWS = 512 };  // whose offsets are kept at a time

// A place in a walk.
typedef struct {
  const GridWalk *walk;
  int32_t at[WALK_AXES];
  int64_t offset;  // in elements
} Walker;

static inline Walker walker_at(const GridWalk *walk, int64_t index) {
  Walker w = {walk, {0}, 0};
  for (int32_t d = walk->axes - 1; d >= 0; d--) {
    w.at[d] = (int32_t)(index % walk->sizes[d]);
    w.offset += (int64_t)w.at[d] * walk->strides[d];
    index /= walk->sizes[d];
  }
  return w;
}

HEED_INLINE void walker_next(Walker *w) {
  for (int32_t d = w->walk->axes - 1; d >= 0; d--) {
    w->offset += w->walk->strides[d];
    if (++w->at[d] < w->walk->sizes[d]) return;
    w->offset -= (int64_t)w->at[d] * w->walk->strides[d];
    w->at[d] = 0;
  }
}

// Up to this many runs of neighbours in a vector, each is a load of its own; more are gathered.
enum { MOST_RUNS = 4 };

// The columns of one vector of a panel: where each stands, and the runs of those that are neighbours in memory.
typedef struct {
  int32_t at[HEED_LANES] __attribute__((aligned(64)));
  int32_t count, runs;  // numbers; 0 runs for more than MOST_RUNS
  struct {
    int64_t at;  // of lane 0, were the run to begin there
    int32_t first, length;
  } run[MOST_RUNS];
} Lanes;

// The next `count` columns; the lanes behind them are zeros.
static inline Lanes read_lanes(Walker *columns, int64_t count) {
  Lanes l = {{0}, (int32_t)count, 0, {{0, 0, 0}}};
  int64_t before = 0;
  int32_t runs = 0;
  for (int32_t i = 0; i < count; i++, walker_next(columns)) {
    l.at[i] = (int32_t)columns->offset;
    if (i == 0 || columns->offset != before + 1) {
      if (runs < MOST_RUNS) l.run[runs].at = columns->offset - i, l.run[runs].first = i, l.run[runs].length = 0;
      runs++;
    }
    if (runs <= MOST_RUNS) l.run[runs - 1].length++;
    before = columns->offset;
  }
  l.runs = runs <= MOST_RUNS ? runs : 0;
  return l;
}

HEED_INLINE vf load_lanes(const Lanes *l, const int32_t runs, const char *from, const int32_t dtype) {
#if HEED_WIDE_AVX512
  if (dtype == DTYPE_F32) {
    const float *p = (const float *)from;
    if (runs == 0) {
      __mmask16 own = (__mmask16)((1u << l->count) - 1);
      return (vf)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), own, _mm512_load_si512(l->at), p, 4);
    }
    __m512 x = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int32_t r = 0; r < runs; r++)
      x = _mm512_mask_loadu_ps(x, (__mmask16)(((1u << l->run[r].length) - 1) << l->run[r].first), p + l->run[r].at);
    return (vf)x;
  }
#endif
  int64_t bytes = dtype_bytes(dtype);
  if (runs == 1 && l->count == HEED_LANES) return load_wide(from + l->run[0].at * bytes, dtype);
  vf x = {0};
  for (int32_t i = 0; i < l->count; i++) x[i] = load_one(from + l->at[i] * bytes, dtype);
  return x;
}

// One vector of a panel, down its k rows.
HEED_INLINE void pack_lanes_as(float *to, int64_t width, const char *from, const int32_t dtype, const Lanes *l, const int32_t runs,
                               const int64_t *down, int64_t k) {
  for (int64_t i = 0; i < k; i++) store(to + i * width, load_lanes(l, runs, from + down[i], dtype));
}

HEED_INLINE void pack_lanes(float *to, int64_t width, const char *from, const int32_t dtype, const Lanes *l, const int64_t *down,
                            int64_t k) {
  switch (l->runs) {
    case 1: pack_lanes_as(to, width, from, dtype, l, 1, down, k); return;
    case 2: pack_lanes_as(to, width, from, dtype, l, 2, down, k); return;
    case 3: pack_lanes_as(to, width, from, dtype, l, 3, down, k); return;
    case 4: pack_lanes_as(to, width, from, dtype, l, 4, down, k); return;
    default: pack_lanes_as(to, width, from, dtype, l, 0, down, k);
  }
}

// Rows [k0, k0 + k) and columns [j0, j0 + n) of B, whose first number stands at `from`, into panels as pack_panels has them.
static void pack_grid(float *to, const char *from, int32_t dtype, const Grid *grid, int64_t k0, int64_t k, int64_t j0, int64_t n) {
  int64_t bytes = dtype_bytes(dtype), down[GRID_ROWS];
  for (int64_t above = 0; above < k; above += GRID_ROWS) {
    int64_t rows = min64(GRID_ROWS, k - above);
    Walker row = walker_at(&grid->rows, k0 + above), column = walker_at(&grid->columns, j0);
    for (int64_t i = 0; i < rows; i++, walker_next(&row)) down[i] = row.offset * bytes;
    for (int64_t j = 0; j < n; j += PANEL_COLUMNS) {
      int64_t columns = min64(n - j, PANEL_COLUMNS), width = round_up(columns, HEED_LANES);
      float *panel = to + j * k + above * width;
      for (int64_t v = 0; v < width; v += HEED_LANES) {
        Lanes l = read_lanes(&column, min64(columns - v, HEED_LANES));
        if (dtype == DTYPE_F32)
          pack_lanes(panel + v, width, from, DTYPE_F32, &l, down, rows);
        else if (dtype == DTYPE_F16)
          pack_lanes(panel + v, width, from, DTYPE_F16, &l, down, rows);
        else
          pack_lanes(panel + v, width, from, DTYPE_BF16, &l, down, rows);
      }
    }
  }
}

#endif
