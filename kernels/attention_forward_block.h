// What a task of attention works on: a block of queries, a tile of keys, and what a strip of the block sees of the tile; how they are
// packed, and what is asked for ahead of time.
#ifndef HEED_ATTENTION_FORWARD_BLOCK_H
#define HEED_ATTENTION_FORWARD_BLOCK_H

#include "attention_forward_plan.h"

typedef struct {
  const ForwardPlan *plan;
  int64_t row, rows;             // the block's first query, and how many
  int64_t strip, strips;         // the same in strips
  Range range;
  Matrix queries, keys, values, output;
  const float *shared_key, *shared_value;
  float *query, *sum, *scores, *product, *key, *value;
  int32_t *seen;
  Rows *kept;                    // of each strip
  Expression *mask, *score, *factor;
} QueryBlock;

// Keys [start, start + count), packed.
typedef struct {
  int64_t start, count;
  const float *key, *value;
  int32_t first, last;           // of those that the block sees
} KeyTile;

// What a strip sees of a tile: keys from `first`, at the beginning of a panel, up to and without first + n.
typedef struct {
  int64_t row, rows;             // queries, counted from the block's first
  int64_t first, n, padded;      // n up to whole vectors
  int64_t hidden;                // keys at the beginning that no query of the strip may see
  int64_t nth;                   // the strip's place in the block
  int32_t more;                  // whether another strip follows
  Rows *kept;
} Sight;

HEED_INLINE int64_t strip_row(const ForwardPlan *p, int64_t strip) { return strip * p->a.t / p->strips; }

static void pack_key_tile(const ForwardPlan *p, const Matrix *keys, int64_t start, int64_t count, float *to) {
  const char *from = keys->base + start * keys->rows * dtype_bytes(keys->dtype);
  pack_wide(to, from, keys->dtype, keys->columns, keys->rows, p->a.d, count);
}
static void pack_value_tile(const ForwardPlan *p, const Matrix *values, int64_t start, int64_t count, float *to) {
  const char *from = values->base + start * values->rows * dtype_bytes(values->dtype);
  pack_wide(to, from, values->dtype, values->rows, values->columns, count, p->a.e);
}

// A strip's queries, times the scale (and log2 e, where the product is the score).
static void pack_query(const QueryBlock *b, int64_t strip) {
  const ForwardPlan *p = b->plan;
  const Matrix *m = &b->queries;
  int64_t row = strip_row(p, strip), rows = strip_row(p, strip + 1) - row;
  float scale = b->score ? p->a.scale : p->a.scale * LOG2_E, *to = b->query + (row - b->row) * p->query_step;
  const char *from = m->base + row * m->rows * dtype_bytes(m->dtype);
  if (m->dtype == DTYPE_F32 && m->columns == 1) {
    for (int64_t i = 0; i < rows; i++, to += p->query_step, from += m->rows * 4) {
      int64_t j = 0;
      for (; j + HEED_LANES <= p->a.d; j += HEED_LANES) store(to + j, load((const float *)from + j) * scale);
      for (; j < p->a.d; j++) to[j] = ((const float *)from)[j] * scale;
    }
    return;
  }
  pack_tall(to, p->query_step, from, m->dtype, m->rows, m->columns, rows, p->a.d);
  for (int64_t i = 0; i < rows; i++, to += p->query_step)
    for (int64_t j = 0; j < p->a.d; j += HEED_LANES) store(to + j, load(to + j) * scale);
}

// Where the values of a tile's key lie, from column e on, and the step to the next key's.
HEED_INLINE const float *value_at(const QueryBlock *b, const KeyTile *tile, int64_t key, int64_t e, int64_t *step) {
  if (b->plan->direct) {
    *step = b->values.rows;
    return (const float *)b->values.base + (tile->start + key) * b->values.rows + e;
  }
  *step = b->plan->a.e - e > HEED_LANES ? TILE_COLUMNS : HEED_LANES;
  return tile->value + e * tile->count + key * *step;
}

// What comes next is asked for while the micro-kernel works, one line of memory for each of its steps: of a matrix, `line` of each row.
HEED_INLINE Ahead lines_of(const Matrix *m, int64_t row, int64_t line, int64_t jump) {
  int64_t step = m->rows * dtype_bytes(m->dtype);
  return (Ahead){m->base + row * step + line * 64, step, jump ? jump : 16 * step};
}

// The share of the next tile's values and keys that falls to the slot'th of the block's products with values.
HEED_INLINE Ahead next_tile(const QueryBlock *b, const KeyTile *tile, int64_t slot) {
  const ForwardPlan *p = b->plan;
  int64_t start = tile->start + tile->count;
  int64_t values = p->a.e * dtype_bytes(b->values.dtype) / 64, keys = p->a.d * dtype_bytes(b->keys.dtype) / 64;
  if (tile->last || slot >= values + keys) return (Ahead){(const char *)b->scores, 0, 0};
  if (slot < values && (p->direct || !p->shared)) return lines_of(&b->values, start, slot, 0);
  if (slot >= values && !p->shared) return lines_of(&b->keys, start, slot - values, 0);
  const float *next = slot < values ? tile->value + tile->count * p->sum_step : tile->key + tile->count * p->a.d;
  return (Ahead){(const char *)(next + (slot < values ? slot : slot - values) * p->keys * 16), 64, 1024};
}

#endif
