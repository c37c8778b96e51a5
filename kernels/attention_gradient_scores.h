// What happens to a tile between its two products and the sums: query·key becomes P factor, and doutput·value becomes dproduct.
//
//   P = exp((score - largest) - log sum), 0 where the key may not be seen
//   dscore = P (factor (doutput·value) - delta), dproduct = slope(product, dscore)
//
// What is 0 stays so whatever it is multiplied by: a key or value that nobody sees may hold anything.
#ifndef HEED_ATTENTION_GRADIENT_SCORES_H
#define HEED_ATTENTION_GRADIENT_SCORES_H

#include "attention_gradient_plan.h"
#include "vector_math.h"
#include "vector_part.h"

// Where a task stands: queries [t, t + queries) by keys [s, s + keys) of a batch entry.
typedef struct {
  const Plan *plan;
  Scratch scratch;
  Expression *body[BODIES];  // null where there is none
  int64_t masked;            // the batch entry whose mask is in the scratch, if it is for others too; -1
  int64_t batch;
  Matrix query, key, value, logsumexp, output_gradient, delta, query_gradient, key_gradient, value_gradient, score_gradient;
  Range range;
  int64_t t, queries, s, keys;
} Place;

HEED_INLINE void zeros(float *to, int64_t from, int64_t until) {
  if (from < until) memset(to + from, 0, (size_t)(until - from) * 4);
}
HEED_INLINE vf where_set(vi mask, vf a) { return (vf)(mask & (vi)a); }
HEED_INLINE vi lane_numbers(void) {
  vi lane;
  for (int i = 0; i < HEED_LANES; i++) lane[i] = i;
  return lane;
}

HEED_INLINE char *matrix_at(const Matrix *m, int64_t row, int64_t column) {
  return m->base + (row * m->rows + column * m->columns) * dtype_bytes(m->dtype);
}

HEED_INLINE int32_t is_plain(const Matrix *m) { return m->dtype == DTYPE_F32 && m->columns == 1; }

// Rows of dscore on their way out, if anybody wants them; with a step of 0 it is the same row again and again.
static void write_scores(const Place *at, int64_t row, int64_t rows, int64_t column, int64_t columns, const float *from, int64_t step) {
  const Matrix *m = &at->score_gradient;
  if (!m->base) return;
  for (int64_t i = 0; i < rows; i++)
    store_row(matrix_at(m, at->t + row + i, at->s + column), m->dtype, m->columns, from + i * step, columns);
}

// e^x for what is at most 0: a score less the log-sum-exp of its row, which rounding may have put above 0 where scores are huge. As
// vector_exp, but for its ends: below 2^-126 it is 0, and NaN stays NaN.
HEED_INLINE vf weigh(vf x) {
  const vf magic = splat(0x1.8p23f);  // what is added to it is rounded to a whole number, in its lowest bits
  vf y = clamp(x, -87.3f, 0), shifted = mad(y, splat(1.44269504f), magic), n = shifted - magic;
  vf r = mad(n, splat(-LN2_LOW), mad(n, splat(-LN2_HIGH), y));
  vf p = splat(0.00138144661f);
  p = mad(p, r, splat(0.00836878084f));
  p = mad(p, r, splat(0.0416683927f));
  p = mad(p, r, splat(0.166665196f));
  p = mad(p, r, splat(0.49999994f));
  p = mad(mad(p, r, splat(1)), r, splat(1));
  return where_set(~(x < -87.3f), p * (vf)(((vi)shifted << 23) + (vi)splat(1)));
}

// One row of a tile without bodies, in whole vectors: 0 outside [low, high). `gradient` and `keep` may be null.
HEED_INLINE void plain_row(float *pattern, float *gradient, const int32_t *keep, int64_t low, int64_t high, int64_t keys, float largest,
                           float logsum, float delta) {
  const vi key = lane_numbers(), first = splati((int32_t)low), end = splati((int32_t)high);
  int64_t j = 0, from = low / HEED_LANES * HEED_LANES;
  for (; j < from; j += HEED_LANES) {
    store(pattern + j, splat(0));
    if (gradient) store(gradient + j, splat(0));
  }
  for (; j < high; j += HEED_LANES) {
    vi seen = (key + (int32_t)j >= first) & (key + (int32_t)j < end);
    if (keep) seen &= loadi(keep + j) != 0;
    vf p = where_set(seen, weigh(load(pattern + j) - largest - logsum));
    store(pattern + j, p);
    if (gradient) store(gradient + j, where_set(p != 0, p * (load(gradient + j) - delta)));
  }
  for (; j < keys; j += HEED_LANES) {
    store(pattern + j, splat(0));
    if (gradient) store(gradient + j, splat(0));
  }
}

static void plain_rows(const Place *at) {
  const Scratch *s = &at->scratch;
  const int64_t step = at->plan->step, keys = at->keys;
  for (int64_t i = 0; i < at->queries; i++) {
    float *pattern = s->pattern + i * step, *gradient = s->score + i * step, largest = s->largest[i], logsum = s->logsum[i], delta = s->delta[i];
    const int64_t low = s->low[i], high = s->high[i];
    if (!at->plan->wants_products)
      plain_row(pattern, 0, at->body[MASK] ? s->keep + i * step : 0, low, high, keys, largest, logsum, delta);
    else if (at->body[MASK])
      plain_row(pattern, gradient, s->keep + i * step, low, high, keys, largest, logsum, delta);
    else
      plain_row(pattern, gradient, 0, low, high, keys, largest, logsum, delta);
  }
  write_scores(at, 0, at->queries, 0, at->keys, s->score, step);
}

// A piece of a tile, packed row after row, on which bodies work.
typedef struct {
  int64_t row, rows, column, columns;
} Piece;

// Vectors of a row, the last of which may be a part.
#define FOR_EACH_VECTOR(j, lanes, from, until) \
  for (int64_t j = (from), lanes; j < (until) && (lanes = min64(HEED_LANES, (until) - j), 1); j += HEED_LANES)
HEED_INLINE vf load_lanes(const float *p, int64_t lanes) { return lanes == HEED_LANES ? load(p) : load_part(p, lanes); }
HEED_INLINE void store_lanes(float *p, vf v, int64_t lanes) {
  if (lanes == HEED_LANES)
    store(p, v);
  else
    store_part(p, v, lanes);
}

static const void *run_body(const Place *at, Expression *body, const Piece *p) {
  return KERNEL(expression_run)(body, at->t + p->row, p->rows, at->s + p->column, p->columns);
}

static void copy_products(const Place *at, const Piece *p) {
  for (int64_t i = 0; i < p->rows; i++) {
    const float *from = at->scratch.pattern + (p->row + i) * at->plan->step + p->column;
    float *to = at->scratch.product + i * p->columns;
    FOR_EACH_VECTOR(j, lanes, 0, p->columns) store_lanes(to + j, load_lanes(from + j, lanes), lanes);
  }
}

static int piece_is_seen(const Place *at, const Piece *p) {
  int seen = 0;
  for (int64_t i = p->row; i < p->row + p->rows; i++)
    seen |= at->scratch.low[i] < p->column + p->columns && at->scratch.high[i] > p->column;
  return seen;
}

// P of one row of a piece.
static void weigh_row(const Place *at, const Piece *p, int64_t i, const float *scores) {
  const Scratch *s = &at->scratch;
  const int64_t row = p->row + i, low = min64(max64(s->low[row] - p->column, 0), p->columns);
  const int64_t high = max64(low, min64(s->high[row] - p->column, p->columns));
  const float *keep = at->body[MASK] ? (const float *)s->keep + row * at->plan->step + p->column : 0;
  float *weight = s->weight + i * p->columns;
  zeros(weight, 0, low), zeros(weight, high, p->columns);
  FOR_EACH_VECTOR(j, lanes, low, high) {
    vf w = weigh(load_lanes(scores + j, lanes) - s->largest[row] - s->logsum[row]);
    if (keep) w = where_set((vi)load_lanes(keep + j, lanes) != 0, w);
    store_lanes(weight + j, w, lanes);
  }
}

static void bodied_piece(const Place *at, const Piece *p) {
  const Scratch *s = &at->scratch;
  const int64_t step = at->plan->step, n = p->rows * p->columns;
  float *pattern = s->pattern + p->row * step + p->column, *gradient = s->score + p->row * step + p->column;
  copy_products(at, p);
  const float *scores = s->product, *factors = 0, *slopes = s->gradient;
  if (at->body[SCORE]) {
    KERNEL(expression_tile)(at->body[SCORE], 0, s->product);
    scores = run_body(at, at->body[SCORE], p);
  }
  for (int64_t i = 0; i < p->rows; i++) weigh_row(at, p, i, scores + i * p->columns);
  if (at->body[FACTOR]) factors = run_body(at, at->body[FACTOR], p);
  if (at->plan->wants_products) {
    for (int64_t i = 0; i < p->rows; i++)
      FOR_EACH_VECTOR(j, lanes, 0, p->columns) {
        int64_t k = i * p->columns + j;
        vf w = load_lanes(s->weight + k, lanes), g = load_lanes(gradient + i * step + j, lanes);
        if (factors) g *= load_lanes(factors + k, lanes);
        store_lanes(s->gradient + k, where_set(w != 0, w * (g - s->delta[p->row + i])), lanes);
      }
    write_scores(at, p->row, p->rows, p->column, p->columns, s->gradient, p->columns);
    if (at->body[SLOPE]) {  // bodies may write to their tiles
      if (at->body[SCORE]) copy_products(at, p);
      memcpy(s->slope, s->gradient, (size_t)n * 4);
      KERNEL(expression_tile)(at->body[SLOPE], 0, s->product);
      KERNEL(expression_tile)(at->body[SLOPE], 1, s->slope);
      slopes = run_body(at, at->body[SLOPE], p);
    }
  }
  for (int64_t i = 0; i < p->rows; i++)
    FOR_EACH_VECTOR(j, lanes, 0, p->columns) {
      int64_t k = i * p->columns + j;
      vf w = load_lanes(s->weight + k, lanes);
      if (factors) w = where_set(w != 0, w * load_lanes(factors + k, lanes));
      store_lanes(pattern + i * step + j, w, lanes);
      if (!at->plan->wants_products) continue;
      vf g = load_lanes(s->gradient + k, lanes);
      store_lanes(gradient + i * step + j, where_set(g != 0, load_lanes(slopes + k, lanes)), lanes);
    }
}

// A piece that nobody sees.
static void empty_piece(const Place *at, const Piece *p) {
  const Scratch *s = &at->scratch;
  for (int64_t i = p->row; i < p->row + p->rows; i++) {
    zeros(s->pattern + i * at->plan->step + p->column, 0, p->columns);
    if (at->plan->wants_products) zeros(s->score + i * at->plan->step + p->column, 0, p->columns);
  }
  const int64_t step = at->plan->step;
  if (at->plan->wants_products)
    write_scores(at, p->row, p->rows, p->column, p->columns, s->score + p->row * step + p->column, step);
}

#define FOR_EACH_PIECE(at, piece)                                                                                        \
  for (Piece piece = {.column = 0}; piece.column < (at)->keys; piece.column += (at)->plan->piece)                        \
    for (piece.columns = min64((at)->plan->piece, (at)->keys - piece.column), piece.row = 0;                             \
         piece.row < (at)->queries && (piece.rows = min64((at)->plan->piece_rows, (at)->queries - piece.row), 1);        \
         piece.row += (at)->plan->piece_rows)

static void weigh_tile(const Place *at) {
  if (!at->plan->has_bodies) {
    plain_rows(at);
    return;
  }
  FOR_EACH_PIECE(at, piece) {
    if (piece_is_seen(at, &piece))
      bodied_piece(at, &piece);
    else
      empty_piece(at, &piece);
  }
}

// Evaluates the mask: all of it, where other batch entries will want it too.
static void fill_keep(const Place *at) {
  FOR_EACH_PIECE(at, piece) {
    if (at->plan->alike == 1 && !piece_is_seen(at, &piece)) continue;
    const int32_t *truths = run_body(at, at->body[MASK], &piece);
    int32_t *keep = at->scratch.keep + piece.row * at->plan->step + piece.column;
    for (int64_t i = 0; i < piece.rows; i++)
      memcpy(keep + i * at->plan->step, truths + i * piece.columns, (size_t)piece.columns * 4);
  }
}

// Draws the bounds of each query's keys closer, to what the mask lets it see.
static void draw_closer(const Place *at) {
  const Scratch *s = &at->scratch;
  for (int64_t i = 0; i < at->queries; i++) {
    const int32_t *keep = s->keep + i * at->plan->step;
    while (s->low[i] < s->high[i] && !keep[s->low[i]]) s->low[i]++;
    while (s->low[i] < s->high[i] && !keep[s->high[i] - 1]) s->high[i]--;
  }
}

#endif
