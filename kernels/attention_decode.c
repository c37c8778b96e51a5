// Attention of one or a few queries over a long cache of keys and values: what costs is reading the cache, once, at the speed of memory.
// attention_words.h has the words, attention_decode_plan.h the division into tasks, attention_decode_rows.h the order of reading,
// attention_decode_dot.h, _soften.h and _mix.h the arithmetic; this file walks the blocks of a chunk and merges the chunks (Dao et al.
// 2023, "Flash-Decoding for long-context inference"). Many queries are the affair of attention.c.
//
// Values that may not be seen can hold anything, NaN too, although a weight of 0 is multiplied with them here; where that made a sum
// that is not finite, the chunk is done once more, adding only what may be seen.
#include "attention_decode_dot.h"
#include "attention_decode_mix.h"
#include "attention_decode_plan.h"
#include "attention_decode_soften.h"

int32_t KERNEL(attention_decodes)(const Attention *a);
extern const Kernel KERNEL(attention_decode_kernel);

// A chunk of a bundle. What belongs to a row lies at group * rows + row.
typedef struct {
  const Plan *plan;
  const Context *context;
  int64_t group, groups;  // the first, and how many
  int64_t first, end;     // the keys that any row sees
  Matrix key, value;      // of the first group
  int64_t key_beside, value_beside;  // from one group to the next, in bytes
  float *query, *weight, *mixed, *maximum, *sum;
  int32_t *from, *until;  // of each row: the keys it sees, [from, until)
  Expression *body[MOST_GROUPS][3];  // mask, score, factor
  int32_t careful;
} Chunk;

// Whether the rows of a matrix lie ready, and whether they are read in pairs (attention_decode_rows.h).
HEED_INLINE int is_ready(const Matrix *m, int64_t width) { return m->columns == 1 || width <= 1; }
HEED_INLINE int reads_pairs(const Matrix *m, int64_t width) { return m->dtype == DTYPE_BF16 && is_ready(m, width); }

static void chunk_begin(Chunk *c, const Plan *p, const Context *context, int64_t group, int64_t groups) {
  c->plan = p, c->context = context, c->group = group, c->groups = groups, c->careful = 0;
  c->key = attention_matrix(&p->a, p->a.key, context, group * p->members);
  c->value = attention_matrix(&p->a, p->a.value, context, group * p->members);
  int32_t axis = p->a.nb - 1 - p->shared_axes;
  c->key_beside = groups > 1 ? c->key.batches[axis] * dtype_bytes(c->key.dtype) : 0;
  c->value_beside = groups > 1 ? c->value.batches[axis] * dtype_bytes(c->value.dtype) : 0;
  char *own = context->own;
  c->query = (float *)(own + p->query), c->weight = (float *)(own + p->weight), c->mixed = (float *)(own + p->mixed);
  c->maximum = (float *)(own + p->maximum), c->sum = (float *)(own + p->sum);
  c->from = (int32_t *)(own + p->from), c->until = (int32_t *)(own + p->until);
}

// Which keys of [first, end) each row sees.
static void see(Chunk *c, int64_t first, int64_t end) {
  const Plan *p = c->plan;
  c->first = end, c->end = first;
  for (int64_t i = 0, row = 0; i < c->groups * p->members; i++) {
    Range range = attention_range(&p->a, c->context, c->group * p->members + i);
    for (int64_t t = 0; t < p->a.t; t++, row++) {
      int64_t low = max64(first, range_from(&range, t)), high = min64(end, range_until(&range, t) + 1);
      c->from[row] = (int32_t)min64(low, end), c->until[row] = (int32_t)max64(high, c->from[row]);
      if (low < high) c->first = min64(c->first, low), c->end = max64(c->end, high);
    }
  }
}

static void load_queries(const Chunk *c) {
  const Plan *p = c->plan;
  float *to = c->query;
  for (int64_t entry = 0; entry < c->groups * p->members; entry++) {
    Matrix q = attention_matrix(&p->a, p->a.query, c->context, c->group * p->members + entry);
    int64_t bytes = dtype_bytes(q.dtype);
    for (int64_t t = 0; t < p->a.t; t++, to += p->d) {
      const char *row = q.base + t * q.rows * bytes;
      int64_t i = 0;
      if (q.columns == 1)
        for (; i + HEED_LANES <= p->a.d; i += HEED_LANES) store(to + i, load_wide(row + i * bytes, q.dtype));
      for (; i < p->a.d; i++) to[i] = load_one(row + i * q.columns * bytes, q.dtype);
      for (; i < p->d; i++) to[i] = 0;
      if (reads_pairs(&c->key, p->a.d)) part_pairs(to, p->a.d);
    }
  }
}

// The expressions of each group, over its rows and all keys.
static void make_bodies(Chunk *c) {
  const Plan *p = c->plan;
  const TileBody *tiles[] = {&p->a.mask, &p->a.score, &p->a.factor};
  char *scratch = c->context->own + p->body;
  for (int64_t g = 0; g < c->groups; g++) {
    Axis axes[VIEW_AXES];
    int64_t entry = c->group + g;
    for (int32_t d = p->a.rank - 1; d >= 0; d--) {
      axes[d] = (Axis){d, 0, p->a.shape[d]};
      if (d >= p->a.nb - p->shared_axes) continue;
      axes[d].start = entry % p->a.shape[d], axes[d].size = 1;
      entry /= p->a.shape[d];
    }
    for (int32_t i = 0; i < 3; i++) {
      c->body[g][i] = 0;
      if (!tiles[i]->present) continue;
      c->body[g][i] =
          KERNEL(expression_make)(&tiles[i]->body, c->context, scratch, axes, p->a.rank, p->rows, body_columns(p), tiles[i]->result, 0);
      scratch += p->body_bytes[i];
    }
  }
}

// Keys or values from s on, of the groups from g on; packed as f32 where the numbers of a row do not lie side by side.
static Rows ready_rows(const Chunk *c, const Matrix *m, int64_t beside, int64_t width, int64_t s, int64_t n, int64_t g, int64_t groups) {
  int64_t bytes = dtype_bytes(m->dtype), step = whole_vectors(width);
  const char *base = m->base + s * m->rows * bytes + g * beside;
  if (is_ready(m, width)) return (Rows){base, base + n * m->rows * bytes, m->rows * bytes, beside, groups, m->dtype};
  float *pack = (float *)(c->context->own + c->plan->pack);
  for (int64_t i = 0; i < width; i++)
    for (int64_t j = 0; j < n; j++) pack[j * step + i] = load_one(base + (j * m->rows + i * m->columns) * bytes, m->dtype);
  return (Rows){(const char *)pack, 0, step * 4, 0, 1, DTYPE_F32};
}

// The weights of a group's rows, from the products that lie there.
static void soften_block(const Chunk *c, int64_t s, int64_t n, int64_t g) {
  const Plan *p = c->plan;
  float *weight = c->weight + g * p->rows * n;
  const float *score = weight, *factor = 0;
  const int32_t *mask = 0;
  if (c->body[g][0]) mask = KERNEL(expression_run)(c->body[g][0], 0, p->rows, s, n);
  if (c->body[g][2]) factor = KERNEL(expression_run)(c->body[g][2], 0, p->rows, s, n);
  if (c->body[g][1]) {
    KERNEL(expression_tile)(c->body[g][1], 0, weight);
    score = KERNEL(expression_run)(c->body[g][1], 0, p->rows, s, n);
  }
  for (int64_t r = 0; r < p->rows; r++) {
    int64_t row = g * p->rows + r, at = r * n;
    int64_t from = min64(max64(c->from[row] - s, 0), n), until = max64(from, min64(c->until[row] - s, n));
    float shrink = soften(weight + at, score + at, mask ? mask + at : 0, factor ? factor + at : 0, from, until, n, &c->maximum[row],
                          &c->sum[row]);
    if (shrink != 1) scale_row(c->mixed + row * p->e, shrink, p->e);
  }
}

// Only what has a weight, value by value.
static void mix_carefully(const Chunk *c, const Rows *values, int64_t n, int64_t g) {
  const Plan *p = c->plan;
  for (int64_t row = g * p->rows; row < (g + 1) * p->rows; row++)
    for (int64_t j = 0; j < n; j++) {
      Rows one = {values->base + j * values->step, 0, values->step, 0, 1, values->dtype};
      const float *weight = c->weight + row * n + j;
      if (float_to_bits(*weight)) mix_values(weight, n, 1, &one, 1, p->a.e, c->mixed + row * p->e, p->e);
    }
}

// All keys that are seen and their values, block by block, for some of the groups.
static void run_blocks(const Chunk *c, int64_t g, int64_t groups) {
  const Plan *p = c->plan;
  for (int64_t row = g * p->rows; row < (g + groups) * p->rows; row++) c->maximum[row] = -HEED_INFINITY, c->sum[row] = 0;
  memset(c->mixed + g * p->rows * p->e, 0, (size_t)(groups * p->rows * p->e * 4));
  for (int64_t s = c->first; s < c->end; s += p->block) {
    int64_t n = min64(p->block, c->end - s);
    Rows keys = ready_rows(c, &c->key, c->key_beside, p->a.d, s, n, g, groups);
    const char *next = keys.next;
    keys.next = c->value.base + s * c->value.rows * dtype_bytes(c->value.dtype);
    dot_products(c->query + g * p->rows * p->d, p->d, p->rows, &keys, n, p->a.d, p->a.scale, c->weight + g * p->rows * n);
    for (int64_t i = g; i < g + groups; i++) soften_block(c, s, n, i);
    Rows values = ready_rows(c, &c->value, c->value_beside, p->a.e, s, n, g, groups);
    values.next = next;
    if (c->careful)
      mix_carefully(c, &values, n, g);
    else
      mix_values(c->weight + g * p->rows * n, n, p->rows, &values, n, p->a.e, c->mixed + g * p->rows * p->e, p->e);
  }
}

// Writes the rows of the chunk's groups: the sums divided by their total, the sink counted in.
static void finish(const Chunk *c) {
  const Plan *p = c->plan;
  const Context *context = c->context;
  for (int64_t i = 0, row = 0; i < c->groups * p->members; i++) {
    int64_t entry = c->group * p->members + i;
    Matrix output = attention_matrix(&p->a, p->a.output, context, entry), sink = attention_matrix(&p->a, p->a.sink, context, entry);
    Matrix logsumexp = attention_matrix(&p->a, p->a.logsumexp, context, entry);
    for (int64_t t = 0; t < p->a.t; t++, row++) {
      float beside = sink.base ? load_one(sink.base + t * sink.rows * dtype_bytes(sink.dtype), sink.dtype) : -HEED_INFINITY;
      float top = larger_one(c->maximum[row], beside), log = 0, *mixed = c->mixed + row * p->e;
      if (top != -HEED_INFINITY) {
        float shrink = c->maximum[row] == top ? 1 : exp_one(c->maximum[row] - top);
        float total = c->sum[row] * shrink + (sink.base ? exp_one(beside - top) : 0);
        scale_row(mixed, shrink / total, p->e);
        log = log_one(total);
      }
      if (reads_pairs(&c->value, p->a.e)) join_pairs(mixed, p->a.e);
      if (logsumexp.base) {
        float *pair = (float *)logsumexp.base + t * logsumexp.rows;
        pair[0] = top, pair[logsumexp.columns] = log;
      }
      store_row(output.base + t * output.rows * dtype_bytes(output.dtype), output.dtype, output.columns, mixed, p->a.e);
    }
  }
}

// What a chunk leaves of a group: the maxima and sums of its rows, then the rows of mixed values.
HEED_INLINE float *part(const Plan *p, const Context *context, int64_t group, int64_t chunk) {
  return (float *)context->shared + (group * p->chunks + chunk) * part_floats(p);
}

static void run_chunk(const Plan *p, const Context *context, int64_t task) {
  int64_t bundle = task / p->chunks, nth = task % p->chunks, beside = bundle % p->bundles * p->bundle;
  Chunk chunk, *c = &chunk;
  chunk_begin(c, p, context, bundle / p->bundles * p->side + beside, min64(p->bundle, p->side - beside));
  see(c, nth * p->chunk, min64((nth + 1) * p->chunk, p->a.s));
  if (c->first < c->end) load_queries(c), make_bodies(c);
  run_blocks(c, 0, c->groups);
  c->careful = 1;
  for (int64_t g = 0; g < c->groups; g++) {
    const float *mixed = c->mixed + g * p->rows * p->e;
    if (!all_finite(mixed, p->rows * p->e)) run_blocks(c, g, 1);
    if (p->chunks == 1) continue;
    float *to = part(p, context, c->group + g, nth);
    memcpy(to, c->maximum + g * p->rows, (size_t)p->rows * 4);
    if (c->first == c->end) continue;
    memcpy(to + p->rows, c->sum + g * p->rows, (size_t)p->rows * 4);
    memcpy(to + whole_vectors(2 * p->rows), mixed, (size_t)(p->rows * p->e * 4));
  }
  if (p->chunks == 1) finish(c);
}

// The second phase: the chunks of a group, in order.
static void merge_chunks(const Plan *p, const Context *context, int64_t group) {
  Chunk c;
  chunk_begin(&c, p, context, group, 1);
  memset(c.mixed, 0, (size_t)(p->rows * p->e * 4));
  for (int64_t r = 0; r < p->rows; r++) {
    float top = -HEED_INFINITY, sum = 0;
    for (int64_t i = 0; i < p->chunks; i++) top = larger_one(top, part(p, context, group, i)[r]);
    for (int64_t i = 0; i < p->chunks; i++) {
      const float *from = part(p, context, group, i), *mixed = from + whole_vectors(2 * p->rows) + r * p->e;
      if (from[r] == -HEED_INFINITY) continue;
      float shrink = from[r] == top ? 1 : exp_one(from[r] - top);
      sum += from[p->rows + r] * shrink;
      add_row(c.mixed + r * p->e, shrink, mixed, p->e);
    }
    c.maximum[r] = top, c.sum[r] = sum;
  }
  finish(&c);
}

// Where this is the faster way: attention.c packs keys and values into tiles, which pays with many queries or few keys.
int32_t KERNEL(attention_decodes)(const Attention *a) { return a->t == 1 || (a->t <= 8 && a->t * 32 <= a->s); }

static int64_t shared_bytes(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  return plan.chunks > 1 ? plan.groups * plan.chunks * part_floats(&plan) * 4 : 0;
}

static int64_t own_bytes(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  return plan.own;
}

static int32_t phases(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  return plan.chunks > 1 ? 2 : 1;
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  Plan plan;
  make_plan(words, &plan);
  if (plan.rows == 0) return 0;
  return phase == 0 ? plan.groups / plan.side * plan.bundles * plan.chunks : plan.groups;
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  Plan plan;
  make_plan(words, &plan);
  if (phase == 0)
    run_chunk(&plan, context, task);
  else
    merge_chunks(&plan, context, task);
}

const Kernel KERNEL(attention_decode_kernel) = {shared_bytes, own_bytes, phases, tasks, run, 0, 0};
