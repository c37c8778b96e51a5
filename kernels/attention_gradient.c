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

// Rows of an operand as f32, multiplied, and with 0 for what is not finite if they are to be `tame`; what a row is padded with is 0 from
// the start.
HEED_INLINE vf as_read(vf x, float factor, const int32_t tame) { return tame ? where_set(x - x == 0, x * factor) : x * factor; }
HEED_INLINE void read_rows(float *to, int64_t step, const Matrix *m, int64_t first, int64_t rows, int64_t columns, float factor,
                           const int32_t tame) {
  const int32_t in_vectors = is_plain(m) && columns % HEED_LANES == 0;
  if (!in_vectors) pack_tall(to, step, matrix_at(m, first, 0), m->dtype, m->rows, m->columns, rows, columns);
  const float *from = in_vectors ? (const float *)matrix_at(m, first, 0) : to;
  const int64_t from_step = in_vectors ? m->rows : step;
  for (int64_t i = 0; i < rows; i++, to += step, from += from_step)
    for (int64_t j = 0; j < columns; j += HEED_LANES) store(to + j, as_read(load(from + j), factor, tame));
}

// Rows of sums to where they belong.
static void write_rows(const Matrix *m, int64_t first, int64_t rows, int64_t columns, const float *sum, int64_t width) {
  for (int64_t i = 0; m->base && i < rows; i++, sum += width) store_row(matrix_at(m, first + i, 0), m->dtype, m->columns, sum, columns);
}
static void write_zeros(const Place *at, const Matrix *m, int64_t first, int64_t rows, int64_t columns) {
  zeros(at->scratch.line, 0, columns);
  write_rows(m, first, rows, columns, at->scratch.line, 0);
}
static void write_zero_scores(const Place *at, int64_t from, int64_t until) {
  if (at->score_gradient.base) zeros(at->scratch.line, 0, at->keys);
  if (at->score_gradient.base) write_scores(at, from - at->t, until - from, 0, at->keys, at->scratch.line, 0);
}

// Where a tile's sums for some rows go. If it is the only one that has any, straight to where they belong.
static Sums sums_of(const Matrix *m, int64_t first, int64_t columns, float *own, int64_t width, int32_t only) {
  if (only && is_plain(m)) return (Sums){(float *)matrix_at(m, first, 0), m->rows, columns, 0};
  return (Sums){own, width, width, !only};
}
// What is left to be done then.
static void write_sums(const Sums *sums, const Matrix *m, int64_t first, int64_t rows, int64_t columns) {
  if ((char *)sums->to != matrix_at(m, first, 0)) write_rows(m, first, rows, columns, sums->to, sums->step);
}

// The keys of the block that each query of the tile sees, and whether any of them sees one. A query whose largest score is -infinity has
// seen nothing.
static int see(Place *at) {
  const Scratch *s = &at->scratch;
  const Range r = at->range;
  const float *logsumexp = (const float *)matrix_at(&at->logsumexp, at->t, 0), *delta = (const float *)matrix_at(&at->delta, at->t, 0);
  int any = 0;
  for (int64_t i = 0; i < at->queries; i++, logsumexp += at->logsumexp.rows, delta += at->delta.rows)
    s->largest[i] = logsumexp[0], s->logsum[i] = logsumexp[at->logsumexp.columns], s->delta[i] = *delta;
  for (int64_t i = 0; i < at->queries; i++) {
    int64_t low = max64(range_from(&r, at->t + i) - at->s, 0), high = min64(range_until(&r, at->t + i) + 1 - at->s, at->keys);
    int64_t seen = low < high && s->largest[i] != -HEED_INFINITY;
    s->low[i] = seen ? low : 0;
    s->high[i] = seen ? high : 0;
  }
  if (at->body[MASK]) {
    if (at->masked != at->batch / at->plan->alike) fill_keep(at);
    if (at->plan->alike > 1) at->masked = at->batch / at->plan->alike;
    draw_closer(at);
  }
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

// Where the tiles of a block stand: its sums, and what comes after it.
typedef struct {
  Sums key_sums, value_sums;
  float *query_sum;          // of all queries; 0 where each has but one tile
  int64_t tiles, tile;
  const Place *next;         // the next batch entry, or 0
} Block;

// What is to be read and written soon: the queries of the next tile or, after the last, where sums are to go, the keys of the next block
// or the next batch entry.
static void ask_tile(const Place *at, const Block *block, Asking *asking) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  const int64_t keys = at->s + p->keys * p->tasks, queries = at->t + at->queries;
  const Place *next = block->next;
  if (p->key_blocks == 1) ask(asking, &at->query_gradient, at->t, at->queries, a->d);
  if (block->tile + 1 < block->tiles) {
    ask(asking, &at->query, queries, at->queries, a->d);
    ask(asking, &at->output_gradient, queries, at->queries, a->e);
    return;
  }
  ask(asking, &at->value_gradient, at->s, at->keys, a->e);
  ask(asking, &at->key_gradient, at->s, at->keys, a->d);
  if (keys < a->s) {
    ask(asking, &at->key, keys, min64(a->s - keys, p->keys), a->d);
    ask(asking, &at->value, keys, min64(a->s - keys, p->keys), a->e);
  } else if (next) {
    ask(asking, &next->key, 0, p->keys, a->d);
    ask(asking, &next->value, 0, p->keys, a->e);
    ask(asking, &next->query, 0, p->queries, a->d);
    ask(asking, &next->output_gradient, 0, p->queries, a->e);
  }
}

static void run_tile(Place *at, const Block *block) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  const Scratch *s = &at->scratch;
  const int32_t only = !block->query_sum;
  Sums query_sums = sums_of(&at->query_gradient, at->t, a->d, only ? s->query_sum : block->query_sum + at->t * p->d, p->d, only);
  Asking asking = {.count = 0};
  ask_tile(at, block, &asking);
  if (!see(at)) {
    write_zero_scores(at, at->t, at->t + at->queries);
    if (a->value_gradient) add_nothing(&block->value_sums, 0, at->keys);
    if (a->key_gradient) add_nothing(&block->key_sums, 0, at->keys);
    if (a->query_gradient) add_nothing(&query_sums, 0, at->queries);
  } else {
    read_rows(s->query, p->d_step, &at->query, at->t, at->queries, a->d, a->scale, 0);
    read_rows(s->output_gradient, p->e_step, &at->output_gradient, at->t, at->queries, a->e, 1, 0);
    silence(at);
    RowTiles queries, keys;
    tile_queries(at, &queries);
    tile_keys(at, &keys);
    multiply_scores(at, &queries, s->pattern, s->query, p->d_step, s->key_wide, a->d, &asking);
    if (p->wants_products) multiply_scores(at, &queries, s->score, s->output_gradient, p->e_step, s->value_wide, a->e, &asking);
    weigh_tile(at);
    if (a->value_gradient) add_to_keys(at, &keys, &block->value_sums, s->pattern, s->output_gradient, p->e_step, &asking);
    if (a->key_gradient) add_to_keys(at, &keys, &block->key_sums, s->score, s->query, p->d_step, &asking);
    if (a->query_gradient) add_to_queries(at, &queries, &query_sums, s->score, s->key, p->d_step, &asking);
  }
  if (only) write_sums(&query_sums, &at->query_gradient, at->t, at->queries, a->d);
}

// A key that nobody sees may hold anything, and is multiplied by 0: it is tamed. One that is seen has made its scores NaN already.
static void read_keys(const Place *at) {
  const Plan *p = at->plan;
  const Scratch *s = &at->scratch;
  pack_wide(s->key_wide, matrix_at(&at->key, at->s, 0), at->key.dtype, at->key.columns, at->key.rows, p->a.d, at->keys);
  if (p->wants_products)
    pack_wide(s->value_wide, matrix_at(&at->value, at->s, 0), at->value.dtype, at->value.columns, at->value.rows, p->a.e, at->keys);
  if (p->a.query_gradient) read_rows(s->key, p->d_step, &at->key, at->s, at->keys, p->a.d, p->a.scale, 1);
}

static void run_block(Place *at, float *query_sum, const Place *next) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  const Scratch *s = &at->scratch;
  const Range *r = &at->range;
  const int64_t last = at->s + at->keys - 1;
  // The queries that see a key of the block lie from t to until.
  int64_t t = r->until0 >= at->s ? max64(0, at->s - r->until1) : a->t;
  int64_t until = r->from0 <= last ? min64(a->t, last - r->from1 + 1) : 0;
  if (until < t) t = until = a->t;
  Block block = {.query_sum = query_sum, .tiles = divide_up(until - t, p->queries), .next = next};
  at->t = 0;
  write_zero_scores(at, 0, t);
  write_zero_scores(at, until, a->t);
  if (!query_sum) write_zeros(at, &at->query_gradient, 0, t, a->d), write_zeros(at, &at->query_gradient, until, a->t - until, a->d);
  if (block.tiles == 0) {
    write_zeros(at, &at->key_gradient, at->s, at->keys, a->d);
    write_zeros(at, &at->value_gradient, at->s, at->keys, a->e);
    return;
  }
  block.key_sums = sums_of(&at->key_gradient, at->s, a->d, s->key_sum, p->d, block.tiles == 1);
  block.value_sums = sums_of(&at->value_gradient, at->s, a->e, s->value_sum, p->e, block.tiles == 1);
  if (a->key_gradient && block.tiles > 1) zeros(s->key_sum, 0, at->keys * p->d);
  if (a->value_gradient && block.tiles > 1) zeros(s->value_sum, 0, at->keys * p->e);
  read_keys(at);
  for (; block.tile < block.tiles; block.tile++) {
    at->t = t + part_start(until - t, block.tiles, block.tile);
    at->queries = t + part_start(until - t, block.tiles, block.tile + 1) - at->t;
    run_tile(at, &block);
  }
  write_sums(&block.key_sums, &at->key_gradient, at->s, at->keys, a->d);
  write_sums(&block.value_sums, &at->value_gradient, at->s, at->keys, a->e);
}

// What pads the rows of operands up to whole vectors.
static void zero_padding(const Plan *p, const Scratch *s) {
  if (p->d != p->a.d) {
    zeros(s->query, 0, p->queries * p->d_step);
    if (p->a.query_gradient) zeros(s->key, 0, p->keys * p->d_step);
  }
  if (p->e != p->a.e) zeros(s->output_gradient, 0, p->queries * p->e_step);
}

// Where the operands of a batch entry lie.
static void find_entry(Place *at, const Context *context, int64_t batch, int64_t *index) {
  const Attention *a = &at->plan->a;
  attention_index(a, batch, index);
  at->batch = batch;
  at->query = attention_matrix_of(a, a->query, context, index);
  at->key = attention_matrix_of(a, a->key, context, index);
  at->value = attention_matrix_of(a, a->value, context, index);
  at->output_gradient = attention_matrix_of(a, a->output_gradient, context, index);
}

static void enter(Place *at, const Context *context, int64_t batch) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  int64_t index[VIEW_AXES];
  find_entry(at, context, batch, index);
  at->logsumexp = attention_matrix_of(a, a->logsumexp, context, index);
  at->delta = attention_matrix_of(a, a->delta, context, index);
  at->query_gradient = attention_matrix_of(a, a->query_gradient, context, index);
  at->key_gradient = attention_matrix_of(a, a->key_gradient, context, index);
  at->value_gradient = attention_matrix_of(a, a->value_gradient, context, index);
  at->score_gradient = attention_matrix_of(a, a->score_gradient, context, index);
  at->range = attention_range(a, context, batch);
  for (int32_t i = 0; i < BODIES; i++)
    if (p->body[i] && (i != MASK || at->masked != batch / p->alike))
      at->body[i] = KERNEL(expression_begin)(p->body[i], context->buffers, index, at->scratch.body[i]);
}

// Some blocks of keys of a batch entry: every `tasks`th, from `first` on.
static void run_entry(Place *at, int64_t first, float *query_sum, const Place *next) {
  const Plan *p = at->plan;
  const Attention *a = &p->a;
  if (query_sum && a->query_gradient) zeros(query_sum, 0, a->t * p->d);
  for (int64_t block = first; block < p->key_blocks; block += p->tasks) {
    at->s = block * p->keys;
    at->keys = min64(p->keys, a->s - at->s);
    run_block(at, query_sum, next);
  }
}

static void run_keys(const Plan *p, const Context *context, int64_t task) {
  const Attention *a = &p->a;
  Place place = {.plan = p, .masked = -1}, *at = &place;
  lay_out(p, context->own, &at->scratch);
  zero_padding(p, &at->scratch);
  if (p->tasks > 1) {
    enter(at, context, task / p->tasks);
    run_entry(at, task % p->tasks, partial(p, context, task), 0);
    return;
  }
  for (int64_t batch = task * p->group; batch < min64((task + 1) * p->group, a->batches); batch++) {
    int64_t index[VIEW_AXES];
    Place next = {0};
    if (batch + 1 < a->batches) next.plan = p, find_entry(&next, context, batch + 1, index);
    enter(at, context, batch);
    run_entry(at, 0, p->key_blocks > 1 ? at->scratch.query_sum : 0, next.plan ? &next : 0);
    if (p->key_blocks > 1) write_rows(&at->query_gradient, 0, a->t, a->d, at->scratch.query_sum, p->d);
    if (p->key_blocks == 0) write_zeros(at, &at->query_gradient, 0, a->t, a->d);
  }
}

HEED_INLINE int64_t sum_tasks(const Plan *p) { return divide_up(p->a.t, SUM_ROWS); }

// The second phase: some rows of dquery from the sums of all tasks of a batch entry.
static void add_partials(const Plan *p, const Context *context, int64_t task) {
  const int64_t batch = task / sum_tasks(p), t = task % sum_tasks(p) * SUM_ROWS, rows = min64(SUM_ROWS, p->a.t - t);
  Matrix to = attention_matrix(&p->a, p->a.query_gradient, context, batch);
  float *sum = partial(p, context, batch * p->tasks) + t * p->d;
  for (int64_t part = 1; part < p->tasks; part++) {
    const float *more = sum + part * partial_floats(p);
    for (int64_t j = 0; j < rows * p->d; j += HEED_LANES) store(sum + j, load(sum + j) + load(more + j));
  }
  write_rows(&to, t, rows, p->a.d, sum, p->d);
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
  return phase == 1 ? p.a.batches * sum_tasks(&p) : p.tasks > 1 ? p.a.batches * p.tasks : divide_up(p.a.batches, p.group);
}

static int64_t plan_bytes(const int32_t *words) {
  Plan p;
  make_plan(words, &p);
  int64_t bytes = whole_lines(sizeof p);
  for (int32_t i = 0; i < BODIES; i++) bytes += body_bytes(body_of(&p.a, i));
  return bytes;
}

static void plan(const int32_t *words, char *const *buffers, void *memory) {
  make_plan(words, memory);
  plan_bodies(memory, buffers, (char *)memory + whole_lines(sizeof(Plan)));
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)words;
  if (phase == 0)
    run_keys(context->plan, context, task);
  else
    add_partials(context->plan, context, task);
}

const Kernel KERNEL(attention_gradient_kernel) = {shared_bytes, own_bytes, phases, tasks, run, plan_bytes, plan};
