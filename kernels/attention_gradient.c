// The gradients of attention by recomputation (Dao 2023, FlashAttention-2, section 3.1.2): for each block of keys, the tiles of scores
// of all queries that see it are computed again from the queries, the keys and the log-sum-exp of each row.
//
//   forward                                     backward, for a tile
//   product = scale query keyᵀ                  P = exp(score(product) - logsumexp)
//   output = Σ_s P factor value                 dvalue += (P factor)ᵀ doutput
//                                               dscore = P (factor (doutput valueᵀ) - delta),  dproduct = slope(product, dscore)
//                                               dquery += scale dproduct key,  dkey += scale dproductᵀ query
//
// attention_words.h has the step's words, attention_gradient_plan.h the blocks and the scratch, attention_gradient_scores.h what is
// done to the scores, attention_gradient_products.h the products; this file walks keys and queries, and reads and writes the operands.

#include "attention_gradient_products.h"

// Rows of an operand as f32; what a row is padded with is 0 from the start.
static void read_rows(float *to, int64_t step, const Matrix *m, int64_t first, int64_t rows, int64_t columns) {
  pack_tall(to, step, matrix_at(m, first, 0), m->dtype, m->rows, m->columns, rows, columns);
}

// Rows of sums, multiplied, to where they belong.
static void write_rows(const Place *at, const Matrix *m, int64_t first, int64_t rows, int64_t columns, const float *sum, int64_t width,
                       float factor) {
  if (!m->base) return;
  const int direct = m->dtype == DTYPE_F32 && m->columns == 1 && columns == width;
  for (int64_t i = 0; i < rows; i++, sum += width) {
    float *line = direct ? (float *)matrix_at(m, first + i, 0) : at->scratch.line;
    for (int64_t j = 0; j < width; j += HEED_LANES) store(line + j, factor * load(sum + j));
    if (!direct) store_row(matrix_at(m, first + i, 0), m->dtype, m->columns, line, columns);
  }
}

// The keys of the block that each query of the tile sees, and whether any of them sees one. A query whose largest score is -infinity has
// seen nothing.
static int see(const Place *at) {
  const Scratch *s = &at->scratch;
  int any = 0;
  for (int64_t i = 0; i < at->queries; i++) {
    int64_t t = at->t + i;
    s->largest[i] = *(const float *)matrix_at(&at->logsumexp, t, 0);
    s->logsum[i] = *(const float *)matrix_at(&at->logsumexp, t, 1);
    s->delta[i] = *(const float *)matrix_at(&at->delta, t, 0);
    s->low[i] = max64(range_from(&at->range, t) - at->s, 0);
    s->high[i] = min64(range_until(&at->range, t) + 1 - at->s, at->keys);
    if (s->low[i] >= s->high[i] || s->largest[i] == -HEED_INFINITY) s->low[i] = s->high[i] = 0;
  }
  if (at->mask) mask_tile(at);
  for (int64_t i = 0; i < at->queries; i++) any |= s->low[i] < s->high[i];
  return any;
}

// Rows that see nothing at all may hold anything: they are multiplied by 0 and must not become NaN.
static void silence(const Place *at) {
  const Scratch *s = &at->scratch;
  for (int64_t i = 0; i < at->queries; i++)
    if (s->largest[i] == -HEED_INFINITY) {
      zeros(s->query + i * at->plan->d_step, 0, at->plan->d);
      zeros(s->output_gradient + i * at->plan->e_step, 0, at->plan->e);
    }
}

static void write_zero_scores(const Place *at, int64_t from, int64_t until) {
  if (!at->score_gradient.base || from >= until) return;
  Place rows = *at;
  rows.t = from;
  zeros(at->scratch.line, 0, at->keys);
  write_scores(&rows, 0, until - from, 0, at->keys, at->scratch.line, 0);
}

static void run_tile(const Place *at, float *query_sum, int last) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  const Scratch *s = &at->scratch;
  if (!see(at)) {
    write_zero_scores(at, at->t, at->t + at->queries);
    return;
  }
  read_rows(s->query, p->d_step, &at->query, at->t, at->queries, a->d);
  read_rows(s->output_gradient, p->e_step, &at->output_gradient, at->t, at->queries, a->e);
  silence(at);
  RowTiles queries, keys;
  tile_queries(at, &queries);
  tile_keys(at, &keys);
  // Asked for ahead of time: the queries of the next tile or, after the last, the keys of the next block and where sums are to go.
  const int64_t block = at->s + p->keys * p->tasks, next = at->t + at->queries;
  Soon first = last ? (Soon){&at->key, block, a->s - block} : (Soon){&at->query, next, at->queries}, second = first;
  second.matrix = last ? &at->value : &at->output_gradient;
  Soon key_sums = {last ? &at->key_gradient : 0, at->s, at->keys}, value_sums = {last ? &at->value_gradient : 0, at->s, at->keys};
  multiply_scores(at, &queries, s->pattern, s->query, p->d_step, s->key_wide, a->d, first);
  if (p->wants_products) multiply_scores(at, &queries, s->score, s->output_gradient, p->e_step, s->value_wide, a->e, second);
  weigh_tile(at);
  if (a->value_gradient) add_to_keys(at, &keys, s->value_sum, p->e, s->pattern, s->output_gradient, p->e_step, value_sums);
  if (a->key_gradient) add_to_keys(at, &keys, s->key_sum, p->d, s->score, s->query, p->d_step, key_sums);
  if (a->query_gradient) add_to_queries(at, &queries, query_sum + at->t * p->d, p->d, s->score, s->key, p->d_step);
}

// A key that nobody sees may hold anything, and is multiplied by 0; one that is seen has made its scores NaN already.
static void read_keys(const Place *at) {
  const Plan *p = at->plan;
  const Scratch *s = &at->scratch;
  pack_wide(s->key_wide, matrix_at(&at->key, at->s, 0), at->key.dtype, at->key.columns, at->key.rows, p->a.d, at->keys);
  if (p->wants_products)
    pack_wide(s->value_wide, matrix_at(&at->value, at->s, 0), at->value.dtype, at->value.columns, at->value.rows, p->a.e, at->keys);
  if (!p->a.query_gradient) return;
  read_rows(s->key, p->d_step, &at->key, at->s, at->keys, p->a.d);
  for (int64_t i = 0; i < at->keys; i++)
    for (int64_t j = 0; j < p->d; j += HEED_LANES) {
      vf x = load(s->key + i * p->d_step + j);
      store(s->key + i * p->d_step + j, where_set(x - x == 0, x));
    }
}

static void run_block(Place *at, float *query_sum) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  const Scratch *s = &at->scratch;
  const Range *r = &at->range;
  const int64_t last = at->s + at->keys - 1;
  // The queries that see a key of the block lie from t to until.
  int64_t t = r->until0 >= at->s ? max64(0, at->s - r->until1) : a->t;
  int64_t until = r->from0 <= last ? min64(a->t, last - r->from1 + 1) : 0;
  if (until < t) t = until = a->t;
  write_zero_scores(at, 0, t);
  write_zero_scores(at, until, a->t);
  if (a->key_gradient) zeros(s->key_sum, 0, at->keys * p->d);
  if (a->value_gradient) zeros(s->value_sum, 0, at->keys * p->e);
  if (t < until) {
    int64_t tiles = (until - t + p->queries - 1) / p->queries;
    read_keys(at);
    for (int64_t i = 0; i < tiles; i++) {
      at->t = t + (until - t) * i / tiles;
      at->queries = t + (until - t) * (i + 1) / tiles - at->t;
      run_tile(at, query_sum, i == tiles - 1);
    }
  }
  write_rows(at, &at->key_gradient, at->s, at->keys, a->d, s->key_sum, p->d, a->scale);
  write_rows(at, &at->value_gradient, at->s, at->keys, a->e, s->value_sum, p->e, 1);
}

// What pads the rows of operands up to whole vectors.
static void zero_padding(const Plan *p, const Scratch *s) {
  if (p->d != p->a.d) {
    zeros(s->query, 0, p->queries * p->d_step);
    if (p->a.query_gradient) zeros(s->key, 0, p->keys * p->d_step);
  }
  if (p->e != p->a.e) zeros(s->output_gradient, 0, p->queries * p->e_step);
}

static Expression *make_body(const Place *at, const Context *context, int64_t batch, const TileBody *tile, char *scratch) {
  const Plan *p = at->plan;
  Axis axes[VIEW_AXES];
  if (!tile->present) return 0;
  for (int32_t k = p->a.nb - 1; k >= 0; k--) {
    axes[k] = (Axis){k, batch % p->a.shape[k], 1};
    batch /= p->a.shape[k];
  }
  axes[p->a.nb] = (Axis){p->a.nb, 0, p->a.t};
  axes[p->a.nb + 1] = (Axis){p->a.nb + 1, 0, p->a.s};
  return KERNEL(expression_make)(&tile->body, context, scratch, axes, p->a.rank, p->piece_rows, p->piece, tile->result, 0);
}

static Place begin(const Plan *p, const Context *context, int64_t batch) {
  const Attention *a = &p->a;
  Place place = {.plan = p, .range = attention_range(a, context, batch)}, *at = &place;
  lay_out(p, context->own, &at->scratch);
  at->query = attention_matrix(a, a->query, context, batch);
  at->key = attention_matrix(a, a->key, context, batch);
  at->value = attention_matrix(a, a->value, context, batch);
  at->logsumexp = attention_matrix(a, a->logsumexp, context, batch);
  at->output_gradient = attention_matrix(a, a->output_gradient, context, batch);
  at->delta = attention_matrix(a, a->delta, context, batch);
  at->query_gradient = attention_matrix(a, a->query_gradient, context, batch);
  at->key_gradient = attention_matrix(a, a->key_gradient, context, batch);
  at->value_gradient = attention_matrix(a, a->value_gradient, context, batch);
  at->score_gradient = attention_matrix(a, a->score_gradient, context, batch);
  return place;
}

static void run_keys(const Plan *p, const Context *context, int64_t task) {
  const Attention *a = &p->a;
  const int64_t batch = task / p->tasks;
  Place place = begin(p, context, batch), *at = &place;
  if (a->t > 0 && a->s > 0) {
    at->mask = make_body(at, context, batch, &a->mask, at->scratch.body[0]);
    at->score = make_body(at, context, batch, &a->score, at->scratch.body[1]);
    at->factor = make_body(at, context, batch, &a->factor, at->scratch.body[2]);
    at->slope = make_body(at, context, batch, &a->slope, at->scratch.body[3]);
  }
  zero_padding(p, &at->scratch);
  float *query_sum = p->tasks == 1 ? at->scratch.query_sum : partial(p, context, task);
  if (a->query_gradient) zeros(query_sum, 0, a->t * p->d);
  for (int64_t block = task % p->tasks; block < p->key_blocks; block += p->tasks) {
    at->s = block * p->keys;
    at->keys = min64(p->keys, a->s - at->s);
    run_block(at, query_sum);
  }
  if (p->tasks == 1) write_rows(at, &at->query_gradient, 0, a->t, a->d, query_sum, p->d, a->scale);
}

HEED_INLINE int64_t sum_tasks(const Plan *p) { return (p->a.t + SUM_ROWS - 1) / SUM_ROWS; }

// The second phase: some rows of dquery from the sums of all tasks of a batch entry.
static void add_partials(const Plan *p, const Context *context, int64_t task) {
  const int64_t batch = task / sum_tasks(p), t = task % sum_tasks(p) * SUM_ROWS, rows = min64(SUM_ROWS, p->a.t - t);
  Place at = begin(p, context, batch);
  float *sum = partial(p, context, batch * p->tasks) + t * p->d;
  for (int64_t part = 1; part < p->tasks; part++) {
    const float *more = sum + part * partial_floats(p);
    for (int64_t j = 0; j < rows * p->d; j += HEED_LANES) store(sum + j, load(sum + j) + load(more + j));
  }
  write_rows(&at, &at.query_gradient, t, rows, p->a.d, sum, p->d, p->a.scale);
}

static int64_t shared_bytes(const int32_t *words) {
  Plan p;
  make_plan(words, &p);
  return p.tasks > 1 && p.a.query_gradient ? p.a.batches * p.tasks * partial_floats(&p) * 4 : 0;
}

static int64_t own_bytes(const int32_t *words) {
  Plan p;
  Scratch s;
  make_plan(words, &p);
  return lay_out(&p, 0, &s);
}

static int32_t phases(const int32_t *words) {
  Plan p;
  make_plan(words, &p);
  return p.tasks > 1 && p.a.query_gradient ? 2 : 1;
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  Plan p;
  make_plan(words, &p);
  return p.a.batches * (phase == 0 ? p.tasks : sum_tasks(&p));
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  Plan p;
  make_plan(words, &p);
  if (phase == 0)
    run_keys(&p, context, task);
  else
    add_partials(&p, context, task);
}

const Kernel KERNEL(attention_gradient_kernel) = {shared_bytes, own_bytes, phases, tasks, run, 0, 0};
