// The five products of a tile, by the micro-kernel. Each leaves out what bounds and mask leave empty: a query's keys begin at low and
// end at high, and what lies outside is neither computed nor summed.
#ifndef HEED_ATTENTION_GRADIENT_PRODUCTS_H
#define HEED_ATTENTION_GRADIENT_PRODUCTS_H

#include "attention_gradient_scores.h"

// What the micro-kernel takes at a time. Of queries: the keys that one of them at least sees; of keys: the queries that see one of them.
typedef struct {
  int64_t first, rows, low, high;
} RowTile;

typedef struct {
  int64_t count;
  RowTile tile[MOST_ROW_TILES];
} RowTiles;

static void tile_queries(const Place *at, RowTiles *tiles) {
  const Scratch *s = &at->scratch;
  tiles->count = tile_count(at->queries);
  for (int64_t r = 0; r < tiles->count; r++) {
    const int64_t first = r * at->queries / tiles->count, end = (r + 1) * at->queries / tiles->count;
    RowTile tile = {first, end - first, at->keys, 0};
    for (int64_t t = first; t < end; t++)
      if (s->low[t] < s->high[t]) tile.low = min64(tile.low, s->low[t]), tile.high = max64(tile.high, s->high[t]);
    tiles->tile[r] = tile;
  }
}

static void tile_keys(const Place *at, RowTiles *tiles) {
  const Scratch *s = &at->scratch;
  tiles->count = tile_count(at->keys);
  for (int64_t c = 0; c < tiles->count; c++) {
    const int64_t first = c * at->keys / tiles->count, end = (c + 1) * at->keys / tiles->count;
    int64_t low = 0, high = at->queries;
    while (low < high && (s->low[low] >= end || s->high[low] <= first)) low++;
    while (low < high && (s->low[high - 1] >= end || s->high[high - 1] <= first)) high--;
    tiles->tile[c] = (RowTile){first, end - first, low, high};
  }
}

// A width in whole vectors, as the micro-kernel is to take it: sums and tiles are padded.
HEED_INLINE int64_t whole_columns(int64_t left) { return left > HEED_LANES ? TILE_COLUMNS : HEED_LANES; }

// Rows of an operand that are wanted soon: each micro-tile asks for sixteen of them, so that the wait is hidden behind arithmetic.
typedef struct {
  const Matrix *matrix;
  int64_t first, rows;
} Soon;

HEED_INLINE Ahead ahead_of(const Soon *soon, int64_t part, int64_t column, const float *otherwise) {
  const Matrix *m = soon->matrix;
  if (!m || !m->base || part * 16 >= soon->rows) return (Ahead){(const char *)otherwise, 0, 0};
  return (Ahead){matrix_at(m, soon->first + part * 16, column), m->rows * dtype_bytes(m->dtype), 64};
}

// tile[queries][keys] = rows[queries][k] · panels[k][keys]
static void multiply_scores(const Place *at, const RowTiles *queries, float *to, const float *rows, int64_t rows_step, const float *panels,
                            int64_t k, Soon soon) {
  const int64_t step = at->plan->step;
  int64_t part = 0;
  for (int64_t j = 0; j < at->keys; j += TILE_COLUMNS) {
    const int64_t width = whole_columns(at->keys - j);
    for (const RowTile *r = queries->tile; r < queries->tile + queries->count; r++) {
      if (r->low >= j + width || r->high <= j) continue;
      const int64_t skip = r->low >= j + HEED_LANES ? HEED_LANES : 0;  // a vector of the panel may be enough
      const int64_t columns = whole_columns(min64(width, r->high - j)) - skip;
      const float *from = rows + r->first * rows_step;
      multiply_tile(r->rows, columns, 0, from, rows_step, panels + j * k + skip, width, k, to + r->first * step + j + skip, step, 0,
                    ahead_of(&soon, part++, 0, from));
    }
  }
}

// sum[queries][width] += tile[queries][keys] · rows[keys][width]
static void add_to_queries(const Place *at, const RowTiles *queries, float *sum, int64_t width, const float *tile, const float *rows,
                           int64_t rows_step) {
  const int64_t step = at->plan->step;
  for (int64_t j = 0; j < width; j += TILE_COLUMNS)
    for (const RowTile *r = queries->tile; r < queries->tile + queries->count; r++) {
      if (r->low >= r->high) continue;
      const float *from = tile + r->first * step + r->low;
      multiply_tile(r->rows, whole_columns(width - j), 0, from, step, rows + r->low * rows_step + j, rows_step, r->high - r->low,
                    sum + r->first * width + j, width, 1, (Ahead){(const char *)from, 0, 0});
    }
}

// sum[keys][width] += tile[queries][keys]^T · rows[queries][width]
static void add_to_keys(const Place *at, const RowTiles *keys, float *sum, int64_t width, const float *tile, const float *rows,
                        int64_t rows_step, Soon soon) {
  const int64_t step = at->plan->step;
  for (int64_t c = 0; c < keys->count; c++) {
    const RowTile *r = &keys->tile[c];
    if (r->low >= r->high) continue;
    const float *from = tile + r->low * step + r->first;
    for (int64_t j = 0; j < width; j += TILE_COLUMNS)
      multiply_tile(r->rows, whole_columns(width - j), 1, from, step, rows + r->low * rows_step + j, rows_step, r->high - r->low,
                    sum + r->first * width + j, width, 1, ahead_of(&soon, c, j, from));
  }
}

#endif
