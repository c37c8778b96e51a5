// Rows times packed weights: the part of a time step that takes its time. Panels are those of matmul_pack.h; the result is padded to
// whole vectors, so that no end is ragged.
#ifndef HEED_RECURRENT_PRODUCT_H
#define HEED_RECURRENT_PRODUCT_H

#include "recurrent_plan.h"

enum { PRODUCT_DEPTH = 256, LOCKSTEP = 4 };

#if HEED_LANES == 16 || defined(__aarch64__)
#define FEW_ROWS 3
#else
#define FEW_ROWS 1
#endif

// Several weights [k][columns], one for each gate, of which the same columns are wanted: those of panels `first` to `end`.
typedef struct {
  const float *panels;
  int64_t gates, apart;    // floats from one gate's panels to the next's
  int64_t k, width;        // columns in all, padded to whole vectors
  int64_t first, end;
} Weights;

HEED_INLINE int64_t panel_width(const Weights *w, int64_t panel) { return min64(w->width - panel * TILE_COLUMNS, TILE_COLUMNS); }

// Few rows would leave the multipliers waiting for each other's sums: several panels go in lockstep.
HEED_INLINE void few_rows(const int rows, const int count, const float *a, int64_t as, const float *const *panel, int64_t k, float *const *to,
                          int64_t ts) {
  vf sum[FEW_ROWS][LOCKSTEP][TILE_VECTORS];
#pragma GCC unroll 3
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int p = 0; p < count; p++)
#pragma GCC unroll 2
      for (int v = 0; v < TILE_VECTORS; v++) sum[i][p][v] = (vf){0};
  const float *b[LOCKSTEP];
#pragma GCC unroll 4
  for (int p = 0; p < count; p++) b[p] = panel[p];
  for (int64_t l = 0; l < k; l++) {
    vf x[FEW_ROWS];
#pragma GCC unroll 3
    for (int i = 0; i < rows; i++) x[i] = splat(a[i * as + l]);
#pragma GCC unroll 4
    for (int p = 0; p < count; p++)
#pragma GCC unroll 2
      for (int v = 0; v < TILE_VECTORS; v++) {
        vf wide = load(b[p] + l * TILE_COLUMNS + v * HEED_LANES);
#pragma GCC unroll 3
        for (int i = 0; i < rows; i++) sum[i][p][v] += x[i] * wide;
      }
  }
#pragma GCC unroll 3
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int p = 0; p < count; p++)
#pragma GCC unroll 2
      for (int v = 0; v < TILE_VECTORS; v++) store(to[p] + i * ts + v * HEED_LANES, sum[i][p][v]);
}

static void few_rows_any(int64_t rows, int64_t count, const float *a, int64_t as, const float *const *panel, int64_t k, float *const *to,
                         int64_t ts) {
#define FEW(r, c) \
  if (rows == r && count == c) few_rows(r, c, a, as, panel, k, to, ts);
#define FEW_ROW(r) FEW(r, 1) FEW(r, 2) FEW(r, 3) FEW(r, 4)
  FEW_ROW(1)
#if FEW_ROWS > 1
  FEW_ROW(2) FEW_ROW(3)
#endif
#undef FEW_ROW
#undef FEW
}

// to[row][gate][columns of the panels asked for] = a[row][k] @ each gate's weights; `part` floats from gate to gate, `ts` from row to row.
static void multiply_rows(const float *a, int64_t as, int64_t rows, const Weights *w, float *to, int64_t part, int64_t ts) {
  if (rows <= FEW_ROWS) {
    const float *panels[LOCKSTEP];
    float *targets[LOCKSTEP];
    int64_t held = 0;
    for (int64_t p = w->first; p < w->end; p++)
      for (int64_t g = 0; g < w->gates; g++) {
        const float *panel = w->panels + g * w->apart + p * TILE_COLUMNS * w->k;
        float *target = to + g * part + (p - w->first) * TILE_COLUMNS;
        if (panel_width(w, p) < TILE_COLUMNS) {
          multiply_tile(rows, HEED_LANES, 0, a, as, panel, HEED_LANES, w->k, target, ts, 0, (Ahead){(const char *)a, 0, 0});
          continue;
        }
        panels[held] = panel, targets[held++] = target;
        if (held < LOCKSTEP) continue;
        few_rows_any(rows, held, a, as, panels, w->k, targets, ts);
        held = 0;
      }
    if (held) few_rows_any(rows, held, a, as, panels, w->k, targets, ts);
    return;
  }
  int64_t tiles_ = tile_count(rows);
  for (int64_t k0 = 0; k0 < w->k; k0 += PRODUCT_DEPTH) {
    int64_t depth = min64(PRODUCT_DEPTH, w->k - k0);
    for (int64_t g = 0; g < w->gates; g++)
      for (int64_t p = w->first; p < w->end; p++) {
        int64_t columns = panel_width(w, p);
        const float *panel = w->panels + g * w->apart + p * TILE_COLUMNS * w->k + k0 * columns;
        float *target = to + g * part + (p - w->first) * TILE_COLUMNS;
        for (int64_t tile = 0; tile < tiles_; tile++) {
          int64_t row = tile * rows / tiles_;
          const float *from = a + row * as + k0;
          multiply_tile((tile + 1) * rows / tiles_ - row, columns, 0, from, as, panel, columns, depth, target + row * ts, ts, k0 > 0,
                        (Ahead){(const char *)from, 0, 0});
        }
      }
  }
}

#endif
