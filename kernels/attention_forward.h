// A block of queries against tiles of keys. For each strip of queries and each tile that it may see:
//   scores = query · key          the micro-kernel, on packed keys, only the columns that some query of the strip may see
//   weights = softmax so far      attention_softmax.h
//   sum += weights · value        the micro-kernel again
// so that a strip's scores never leave the first cache. Masks, score and factor bodies are in attention_forward_bodies.h.
#ifndef HEED_ATTENTION_FORWARD_H
#define HEED_ATTENTION_FORWARD_H

#include "attention_forward_bodies.h"

static void multiply_keys(const QueryBlock *b, const KeyTile *tile, const Sight *s, float *to, int64_t step, int64_t columns) {
  const ForwardPlan *p = b->plan;
  const float *query = b->query + s->row * p->query_step;
  for (int64_t j = 0; j < columns; j += TILE_COLUMNS) {
    const float *panel = tile->key + (s->first + j) * p->a.d;
    int64_t width = tile->count - s->first - j > HEED_LANES ? TILE_COLUMNS : HEED_LANES;
    Ahead ahead = {(const char *)(panel + TILE_COLUMNS * p->a.d), 64, 1024};  // the next panel, or once:
    if (j == 0 && tile->first && s->more) ahead = lines_of(&b->queries, b->row + s->row + s->rows, 0, 64);
    if (j == TILE_COLUMNS && tile->last) ahead = lines_of(&b->output, b->row + s->row, 0, 64);
    multiply_tile(s->rows, min64(TILE_COLUMNS, columns - j), 0, query, p->query_step, panel, width, p->a.d, to + j, step, 0, ahead);
  }
}

static void make_scores(const QueryBlock *b, const KeyTile *tile, const Sight *s) {
  const ForwardPlan *p = b->plan;
  int64_t key = tile->start + s->first;
  if (b->score) {
    int64_t width = body_width(b, s);
    multiply_keys(b, tile, s, b->product + (p->whole ? key : 0), width, s->n);
    for (int64_t i = 0; i < s->rows; i += p->body_rows) {
      int64_t rows = min64(p->body_rows, s->rows - i);
      KERNEL(expression_tile)(b->score, 0, b->product + i * width);
      const float *from = run_body(b, s, b->score, key, i, rows);
      for (int64_t k = i; k < i + rows; k++, from += width)
        copy_scores(b->scores + k * p->score_step, from, s->n, b->mask ? b->seen + k * p->score_step : 0);
    }
  } else {
    multiply_keys(b, tile, s, b->scores, p->score_step, s->padded);
    if (b->mask)
      for (int64_t k = 0; k < s->rows; k++)
        copy_scores(b->scores + k * p->score_step, b->scores + k * p->score_step, s->n, b->seen + k * p->score_step);
  }
  // Where the strip's queries differ in what they may see, or its keys end within a vector.
  int64_t t = b->row + s->row, last = t + s->rows - 1;
  if (s->n == s->padded && range_from(&b->range, last) <= key && range_until(&b->range, t) >= key + s->n - 1) return;
  for (int64_t k = 0; k < s->rows; k++)
    keep_between(b->scores + k * p->score_step, s->padded, range_from(&b->range, t + k) - key,
                 min64(range_until(&b->range, t + k) + 1 - key, s->n));
}

static void add_values(const QueryBlock *b, const KeyTile *tile, const Sight *s) {
  const ForwardPlan *p = b->plan;
  int64_t slot = s->nth * divide_up(p->sum_step, TILE_COLUMNS);
  for (int64_t e = 0; e < p->sum_step; e += TILE_COLUMNS) {
    int64_t step;
    const float *value = value_at(b, tile, s->first + s->hidden, e, &step);
    multiply_tile(s->rows, min64(TILE_COLUMNS, p->sum_step - e), 0, b->scores + s->hidden, p->score_step, value, step,
                  s->n - s->hidden, b->sum + s->row * p->sum_step + e, p->sum_step, 1, next_tile(b, tile, slot++));
  }
}

// The same where some value is infinite or NaN: a weight of 0 must not meet it.
static void add_values_one_by_one(const QueryBlock *b, const KeyTile *tile, const Sight *s) {
  const ForwardPlan *p = b->plan;
  for (int64_t i = 0; i < s->rows; i++)
    for (int64_t j = s->hidden; j < s->n; j++) {
      float weight = b->scores[i * p->score_step + j], *sum = b->sum + (s->row + i) * p->sum_step;
      if (b->factor ? !b->seen[i * p->score_step + j] : weight == 0) continue;
      for (int64_t e = 0; e < p->sum_step; e += HEED_LANES) {
        int64_t step, panel = e / TILE_COLUMNS * TILE_COLUMNS;
        const float *value = value_at(b, tile, s->first + j, panel, &step) + (e - panel);
        store(sum + e, load(sum + e) + weight * load(value));
      }
    }
}

static void attend_tile(const QueryBlock *b, const KeyTile *tile, const Sight *s, int32_t one_by_one) {
  const ForwardPlan *p = b->plan;
  if (b->mask && !see(b, s, tile->start + s->first)) return;
  make_scores(b, tile, s);
  float shrink[STRIP_ROWS];
  int32_t any = b->score ? softmax_tile(b->scores, p->score_step, s->rows, s->padded, LOG2_E, s->kept, shrink)
                         : softmax_tile(b->scores, p->score_step, s->rows, s->padded, 1, s->kept, shrink);
  if (any)
    for (int64_t i = 0; i < s->rows; i++) {
      float *sum = b->sum + (s->row + i) * p->sum_step;
      for (int64_t e = 0; e < p->sum_step; e += HEED_LANES) store(sum + e, load(sum + e) * shrink[i]);
    }
  if (b->factor) multiply_factor(b, s, tile->start + s->first);
  if (one_by_one)
    add_values_one_by_one(b, tile, s);
  else
    add_values(b, tile, s);
}

// All that strips [from, until) see, which must be part of the block.
static void attend(const QueryBlock *b, int64_t from, int64_t until, int32_t one_by_one) {
  const ForwardPlan *p = b->plan;
  const Attention *a = &p->a;
  int64_t first = max64(0, range_from(&b->range, strip_row(p, from)));
  int64_t last = min64(a->s - 1, range_until(&b->range, strip_row(p, until) - 1));
  for (int64_t start = first / p->keys * p->keys; start <= last; start += p->keys) {
    int64_t count = min64(p->keys, (p->shared ? a->s : last + 1) - start);
    KeyTile tile = {start, count, b->key, b->value, start <= first, start + p->keys > last};
    if (p->shared) {
      tile.key = b->shared_key + start * a->d;
      tile.value = b->shared_value + start * p->sum_step;
    } else {
      pack_key_tile(p, &b->keys, start, count, b->key);
      if (!p->direct) pack_value_tile(p, &b->values, start, count, b->value);
    }
    for (int64_t strip = from; strip < until; strip++) {
      int64_t row = strip_row(p, strip), end = strip_row(p, strip + 1);
      if (tile.first) pack_query(b, strip);
      int64_t k0 = max64(range_from(&b->range, row), start), k1 = min64(range_until(&b->range, end - 1), start + count - 1);
      if (k0 > k1) continue;
      Sight s = {.row = row - b->row, .rows = end - row, .first = (k0 - start) / TILE_COLUMNS * TILE_COLUMNS,
                 .nth = strip - from, .more = strip + 1 < until, .kept = b->kept + (strip - b->strip)};
      s.n = k1 + 1 - start - s.first;
      s.padded = round_up(s.n, HEED_LANES);
      s.hidden = k0 - start - s.first;
      attend_tile(b, &tile, &s, one_by_one);
    }
  }
}

#endif
