// The five products of a tile, by the micro-kernel. Each leaves out what bounds and mask leave empty: a query's keys begin at low and
// end at high, and what lies outside is neither computed nor summed. While they run, they ask for the memory that comes next.
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
    const int64_t first = part_start(at->queries, tiles->count, r), end = part_start(at->queries, tiles->count, r + 1);
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
    const int64_t first = part_start(at->keys, tiles->count, c), end = part_start(at->keys, tiles->count, c + 1);
    int64_t low = 0, high = at->queries;
    while (low < high && (s->low[low] >= end || s->high[low] <= first)) low++;
    while (low < high && (s->low[high - 1] >= end || s->high[high - 1] <= first)) high--;
    tiles->tile[c] = (RowTile){first, end - first, low, high};
  }
}

// Memory that is wanted soon, in the order in which it is wanted: rows of some lines.
typedef struct {
  const char *from;
  int64_t step, rows, lines;
} Region;

enum { REGIONS = 8 };
typedef struct {
  Region region[REGIONS];
  int64_t count, next, row, line;  // regions; the one that is being asked for, and how far
} Asking;

static void ask(Asking *asking, const Matrix *m, int64_t first, int64_t rows, int64_t columns) {
  const int64_t bytes = dtype_bytes(m->dtype);
  if (!m->base || rows <= 0) return;
  asking->region[asking->count++] = (Region){matrix_at(m, first, 0), m->rows * bytes, rows, m->columns == 1 ? divide_up(columns * bytes, 64) : 1};
}

// The share of one tile of depth k, a line for each k: of sixteen rows line after line. A tile too short for that has none.
HEED_INLINE Ahead next_lines(Asking *asking, int64_t k, const float *otherwise) {
  if (asking->next == asking->count || k < 16) return (Ahead){(const char *)otherwise, 0, 0};
  const Region *r = &asking->region[asking->next];
  Ahead ahead = {r->from + asking->row * r->step + asking->line * 64, r->step, 64};
  asking->line += k / 16;
  if (asking->line >= r->lines) asking->line = 0, asking->row += 16;
  if (asking->row >= r->rows) asking->row = 0, asking->next++;
  return ahead;
}

// A width in whole vectors, as the micro-kernel is to take it: sums and tiles are padded.
HEED_INLINE int64_t whole_columns(int64_t left) { return left > HEED_LANES ? TILE_COLUMNS : HEED_LANES; }

// tile[queries][keys] = rows[queries][k] · panels[k][keys]
static void multiply_scores(const Place *at, const RowTiles *queries, float *to, const float *rows, int64_t rows_step, const float *panels,
                            int64_t k, Asking *asking) {
  const int64_t step = at->plan->step;
  for (int64_t j = 0; j < at->keys; j += TILE_COLUMNS) {
    const int64_t width = whole_columns(at->keys - j);
    for (const RowTile *r = queries->tile; r < queries->tile + queries->count; r++) {
      if (r->low >= j + width || r->high <= j) continue;
      const int64_t skip = r->low >= j + HEED_LANES ? HEED_LANES : 0;  // a vector of the panel may be enough
      const int64_t columns = whole_columns(min64(width, r->high - j)) - skip;
      const float *from = rows + r->first * rows_step;
      multiply_tile(r->rows, columns, 0, from, rows_step, panels + j * k + skip, width, k, to + r->first * step + j + skip, step, 0,
                    next_lines(asking, k, from));
    }
  }
}

// What a tile adds to, or, with `add` = 0, what it writes, rows that see nothing included: rows of `width` numbers.
typedef struct {
  float *to;
  int64_t step, width;
  int32_t add;
} Sums;

static void add_nothing(const Sums *sums, int64_t first, int64_t rows) {
  if (!sums->add)
    for (int64_t i = first; i < first + rows; i++) zeros(sums->to + i * sums->step, 0, sums->width);
}

// sums[queries] += tile[queries][keys] · rows[keys]
static void add_to_queries(const Place *at, const RowTiles *queries, const Sums *sums, const float *tile, const float *rows,
                           int64_t rows_step, Asking *asking) {
  const int64_t step = at->plan->step;
  for (int64_t j = 0; j < sums->width; j += TILE_COLUMNS)
    for (const RowTile *r = queries->tile; r < queries->tile + queries->count; r++) {
      if (r->low >= r->high) {
        if (j == 0) add_nothing(sums, r->first, r->rows);
        continue;
      }
      const float *from = tile + r->first * step + r->low;
      multiply_tile(r->rows, min64(TILE_COLUMNS, sums->width - j), 0, from, step, rows + r->low * rows_step + j, rows_step,
                    r->high - r->low, sums->to + r->first * sums->step + j, sums->step, sums->add, next_lines(asking, r->high - r->low, from));
    }
}

// sums[keys] += tile[queries][keys]^T · rows[queries]
static void add_to_keys(const Place *at, const RowTiles *keys, const Sums *sums, const float *tile, const float *rows, int64_t rows_step,
                        Asking *asking) {
  const int64_t step = at->plan->step;
  for (const RowTile *r = keys->tile; r < keys->tile + keys->count; r++) {
    if (r->low >= r->high) {
      add_nothing(sums, r->first, r->rows);
      continue;
    }
    const float *from = tile + r->low * step + r->first;
    for (int64_t j = 0; j < sums->width; j += TILE_COLUMNS)
      multiply_tile(r->rows, min64(TILE_COLUMNS, sums->width - j), 1, from, step, rows + r->low * rows_step + j, rows_step,
                    r->high - r->low, sums->to + r->first * sums->step + j, sums->step, sums->add, next_lines(asking, r->high - r->low, from));
  }
}

#endif
