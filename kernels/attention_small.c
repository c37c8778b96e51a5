// Small attention, one batch entry after the other, without tiles of keys: scores = query · key, weights = softmax, output = weights ·
// value, each whole and in the first cache, where only the number of instructions counts. What the words say is worked out once. A mask
// and what is done to the scores are expressions that run over all of an entry's scores.
#include "attention_small.h"

#include "attention_small_plan.h"
#include "attention_softmax.h"
#include "vector_math.h"

int32_t KERNEL(attention_is_small)(const Attention *a) {
  const int32_t *output = a->output;
  return a->t >= LEAST_ROWS && a->t <= MOST_ROWS && a->s >= 1 && a->s <= MOST_KEYS && a->d >= 1 && a->d <= MOST_WIDTH && a->e >= 1 &&
         a->e <= MOST_WIDTH && work_of(a) <= SMALL_WORK && a->nb <= MOST_AXES && !a->factor.present && !a->sink &&
         ((!a->mask.present && !a->score.present) || a->t * a->s <= MOST_BODY) && output[3] == DTYPE_F32 && output[5 + a->nb] == 1;
}

int64_t KERNEL(attention_small_own_bytes)(const Attention *a) {
  Plan p;
  plan_small(a, &p);
  return p.own;
}

int64_t KERNEL(attention_small_tasks)(const Attention *a) {
  Plan p;
  plan_small(a, &p);
  return p.tasks;
}

int64_t KERNEL(attention_small_plan_bytes)(const Attention *a) { return whole_lines(sizeof(Plan)) + body_bytes(&a->mask) + body_bytes(&a->score); }

void KERNEL(attention_small_plan)(const int32_t *words, char *const *buffers, void *memory) {
  Plan *p = memory;
  Attention a;
  read_attention(words, 0, &a);
  plan_small(&a, p);
  char *behind = (char *)memory + whole_lines(sizeof(Plan));
  p->mask = plan_body(p, &a.mask, buffers, behind);
  p->score = plan_body(p, &a.score, buffers, behind + body_bytes(&a.mask));
  p->alike = p->mask ? entries_alike(&a, &a.mask.body) : 1;
}

typedef struct {
  char *base[MATRICES];
  int32_t at[MOST_AXES];  // the entry's index along each batch axis
} Entry;

HEED_INLINE int64_t rows_of(const Plan *p, int32_t matrix) { return p->operand[matrix][4 + p->a.nb]; }
HEED_INLINE int64_t columns_of(const Plan *p, int32_t matrix) { return p->operand[matrix][5 + p->a.nb]; }

static void find_entry(Entry *e, const Plan *p, const Context *context, int64_t batch) {
  for (int32_t m = 0; m < MATRICES; m++) e->base[m] = attention_matrix(&p->a, p->operand[m], context, batch).base;
  for (int32_t d = p->a.nb - 1; d >= 0; d--) {
    e->at[d] = batch ? (int32_t)(batch % p->a.shape[d]) : 0;
    if (batch) batch /= p->a.shape[d];
  }
}

static void next_entry(Entry *e, const Plan *p) {
  for (int32_t d = p->a.nb - 1; d >= 0; d--) {
    int64_t steps = ++e->at[d] < p->a.shape[d] ? 1 : 1 - p->a.shape[d];
    for (int32_t m = 0; m < MATRICES; m++)
      if (e->base[m]) e->base[m] += steps * p->operand[m][4 + d] * dtype_bytes(p->operand[m][3]);
    if (steps == 1) return;
    e->at[d] = 0;
  }
}

// C [T][n] = A [T][k] · panels, or, with a step from k to k, numbers where they lie.
HEED_INLINE void multiply(const Plan *p, const float *a, int64_t as, const float *wide, int64_t wide_step, int64_t k, int64_t n, float *c, int64_t cs) {
  for (int64_t j = 0; j < n; j += TILE_COLUMNS) {
    int64_t columns = min64(TILE_COLUMNS, n - j), width = columns > HEED_LANES ? TILE_COLUMNS : HEED_LANES;
    const float *panel = wide_step ? wide + j : wide + j * k;
    for (int64_t i = 0; i < p->a.t; i += p->height) {
      const float *from = a + i * as;
      multiply_tile(min64(p->height, p->a.t - i), columns, 0, from, as, panel, wide_step ? wide_step : width, k, c + i * cs + j, cs, 0,
                    (Ahead){(const char *)from, 0, 0});
    }
  }
}

// The scores of one entry before the softmax: products, or what the body made of them; and what the mask says of each, or 0.
typedef struct {
  const float *score;
  int64_t step;  // from row to row
  float scale;
  const float *mask;
} Scores;

HEED_INLINE vf load_up_to(const float *p, int64_t n) { return n < HEED_LANES ? load_part(p, n) : load(p); }

// Row t of the scores becomes its scaled numbers where keys may be seen, -infinity elsewhere; returns the largest of each lane.
HEED_INLINE vf scale_row(const Plan *p, const Range *range, const Scores *of, float *row, int64_t t) {
  const vi lane = lane_numbers();
  const float *score = of->score + t * of->step, *mask = of->mask ? of->mask + t * p->a.s : 0;
  int64_t from = max64(range_from(range, t), 0), until = min64(range_until(range, t), p->a.s - 1);
  vi low = splati((int32_t)min64(from, MOST_KEYS)), high = splati((int32_t)max64(until, -1));
  vf most = splat(-HEED_INFINITY);
  for (int64_t j = 0; j < p->step; j += HEED_LANES) {
    vi key = lane + (int32_t)j, seen = (key >= low) & (key <= high);
    if (mask) seen &= (vi)load_up_to(mask + j, p->a.s - j) != 0;
    vf x = select(seen, load_up_to(score + j, p->a.s - j) * of->scale, splat(-HEED_INFINITY));
    store(row + j, x);
    most = larger_number(most, x);
  }
  return most;
}

// What is kept of each row: the largest score, and the sum of weights, or 1 where that is 0.
typedef struct {
  float largest[MOST_ROWS + 4], total[MOST_ROWS + HEED_LANES];
} Kept;

// The weights of rows [t, t + rows), four at most.
HEED_INLINE void soften(const Plan *p, const Range *range, const Scores *of, float *scores, int64_t t, int64_t rows, Kept *kept) {
  float *row[4], *largest = kept->largest + t, factor[4];
  vf lanes[4];
  for (int64_t r = 0; r < 4; r++) row[r] = scores + (t + min64(r, rows - 1)) * p->step;
  for (int64_t r = 0; r < rows; r++) lanes[r] = scale_row(p, range, of, row[r], t + r);
  for (int64_t r = rows; r < 4; r++) lanes[r] = lanes[0];
  *(f4_any *)largest = largest_of_four(lanes);
  for (int64_t r = 0; r < rows; r++) {
    vf zero = splat(largest[r] == -HEED_INFINITY ? 0 : largest[r]), sum = {0};  // nothing seen: -infinity - 0 rather than NaN
    for (int64_t j = 0; j < p->step; j += HEED_LANES) {
      vf weight = power_of_two((load(row[r] + j) - zero) * LOG2_E);
      store(row[r] + j, weight);
      sum += weight;
    }
    lanes[r] = sum;
  }
  f4 total = sum_fours(lanes), one = {1, 1, 1, 1}, inverse = one / total;
  u4 none = (u4)(total == 0);
  *(f4_any *)factor = (f4)(~none & (u4)inverse);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < p->step; j += HEED_LANES) store(row[r] + j, load(row[r] + j) * factor[r]);
  *(f4_any *)(kept->total + t) = (f4)((none & (u4)one) | (~none & (u4)total));
}

// The largest score and the logarithm of the sum; NaN where that is.
static void write_logsumexp(const Plan *p, Kept *kept, char *logsumexp) {
  float *to = (float *)logsumexp;
  for (int64_t t = 0; t < p->a.t; t += HEED_LANES) store(kept->total + t, vector_log(load(kept->total + t)));
  for (int64_t t = 0; t < p->a.t; t++, to += rows_of(p, LOGSUMEXP))
    to[0] = kept->largest[t] + 0 * kept->total[t], to[columns_of(p, LOGSUMEXP)] = kept->total[t];
}

static int32_t is_finite(const Plan *p, const float *output) {
  vf wrong = {0};  // what is finite times 0
  for (int64_t t = 0; t < p->a.t; t++, output += rows_of(p, OUTPUT)) {
    int64_t e = 0;
    for (; e + HEED_LANES <= p->a.e; e += HEED_LANES) wrong = mad(load(output + e), splat(0), wrong);
    if (e < p->a.e) wrong = mad(load_part(output + e, p->a.e - e), splat(0), wrong);
  }
  vi some = wrong != 0;
  int32_t any = 0;
  for (int k = 0; k < HEED_LANES; k++) any |= some[k];
  return !any;
}

// The same where some value is infinite or NaN: a weight of 0 must not meet it.
static void mix_carefully(const Plan *p, const Entry *e, const float *weights) {
  int64_t bytes = dtype_bytes(p->operand[VALUE][3]);
  float *output = (float *)e->base[OUTPUT];
  for (int64_t t = 0; t < p->a.t; t++, weights += p->step, output += rows_of(p, OUTPUT))
    for (int64_t j = 0; j < p->a.e; j++) {
      float sum = 0;
      for (int64_t s = 0; s < p->a.s; s++)
        if (weights[s] != 0)
          sum += weights[s] * load_one(e->base[VALUE] + (s * rows_of(p, VALUE) + j * columns_of(p, VALUE)) * bytes, p->operand[VALUE][3]);
      output[j] = sum;
    }
}

// A body's values for one entry, row after row.
static const float *run_body(const Plan *p, const ExpressionPlan *body, const Context *context, char *scratch, const Entry *e, float *tile) {
  int64_t starts[MOST_AXES + 2] = {0};
  for (int32_t d = 0; d < p->a.nb; d++) starts[d] = e->at[d];
  Expression *x = KERNEL(expression_begin)(body, context->buffers, starts, scratch);
  KERNEL(expression_tile)(x, 0, tile);
  return KERNEL(expression_run)(x, 0, p->a.t, 0, p->a.s);
}

// The products of an entry, and what bodies make of them.
static Scores score_entry(const Plan *p, const Context *context, const Entry *e, const float *query, int64_t step, const float *key, const float *mask) {
  const Attention *a = &p->a;
  float *scores = (float *)context->own, *product = (float *)(context->own + p->product);
  if (p->mask && !mask) mask = run_body(p, p->mask, context, context->own + p->body[0], e, 0);
  if (!p->score) {
    multiply(p, query, step, key, 0, a->d, a->s, scores, p->step);
    return (Scores){scores, p->step, a->scale, mask};
  }
  multiply(p, query, step, key, 0, a->d, a->s, product, a->s);
  for (int64_t i = 0; i < a->t * a->s; i += HEED_LANES) store(product + i, load(product + i) * a->scale);
  return (Scores){run_body(p, p->score, context, context->own + p->body[1], e, product), a->s, 1, mask};
}

void KERNEL(attention_small_run)(const Context *context, int64_t task) {
  const Plan *p = context->plan;
  const Attention *a = &p->a;
  float *weights = (float *)context->own, *query = (float *)(context->own + p->query);
  float *key = (float *)(context->own + p->key), *value = (float *)(context->own + p->value);
  int32_t in_place = p->operand[QUERY][3] == DTYPE_F32 && columns_of(p, QUERY) == 1;
  const char *packed_key = 0, *packed_value = 0;
  const float *mask = 0;
  int64_t first = task * p->group, last = min64(first + p->group, a->batches);
  Entry e;
  Kept kept = {{0}, {0}};
  find_entry(&e, p, context, first);
  Range range = attention_range(a, context, first);
  for (int64_t batch = first; batch < last; batch++) {
    if (a->bounds && batch > first) range = attention_range(a, context, batch);
    if (e.base[KEY] != packed_key) pack_wide(key, e.base[KEY], p->operand[KEY][3], columns_of(p, KEY), rows_of(p, KEY), a->d, a->s);
    if (!p->direct && e.base[VALUE] != packed_value)
      pack_wide(value, e.base[VALUE], p->operand[VALUE][3], rows_of(p, VALUE), columns_of(p, VALUE), a->s, a->e);
    packed_key = e.base[KEY], packed_value = e.base[VALUE];
    if (!in_place) pack_tall(query, a->d, e.base[QUERY], p->operand[QUERY][3], rows_of(p, QUERY), columns_of(p, QUERY), a->t, a->d);

    const float *queries = in_place ? (const float *)e.base[QUERY] : query;
    Scores of = score_entry(p, context, &e, queries, in_place ? rows_of(p, QUERY) : a->d, key, mask);
    mask = (batch + 1) % p->alike ? of.mask : 0;
    for (int64_t t = 0; t < a->t; t += 4) soften(p, &range, &of, weights, t, min64(4, a->t - t), &kept);
    if (e.base[LOGSUMEXP]) write_logsumexp(p, &kept, e.base[LOGSUMEXP]);
    const float *values = p->direct ? (const float *)e.base[VALUE] : value;
    float *output = (float *)e.base[OUTPUT];
    multiply(p, weights, p->step, values, p->direct ? rows_of(p, VALUE) : 0, a->s, a->e, output, rows_of(p, OUTPUT));
    if (!is_finite(p, output)) mix_carefully(p, &e, weights);
    if (batch + 1 < last) next_entry(&e, p);
  }
}
