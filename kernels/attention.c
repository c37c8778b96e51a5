// Attention without an array of scores (Dao 2023, "FlashAttention-2"): each block of queries walks over tiles of keys and keeps, for
// every query, the largest score, the sum of weights and the weighted sum of values so far. attention_words.h has the words,
// attention_forward_plan.h the blocks, attention_forward.h the arithmetic; a few queries against many keys are attention_decode.c's,
// what is small altogether is attention_small.c's.
#include "attention_forward.h"
#include "attention_small.h"
#include "vector_math.h"

extern const Kernel KERNEL(attention_decode_kernel);
int32_t KERNEL(attention_decodes)(const Attention *attention);
extern const Kernel KERNEL(attention_kernel);

// The plan, and which file the step is for.
enum { FORWARD, DECODE, SMALL };
static int32_t plan_forward(const int32_t *words, ForwardPlan *p) {
  make_forward_plan(words, p);
  return KERNEL(attention_is_small)(&p->a) ? SMALL : KERNEL(attention_decodes)(&p->a) ? DECODE : FORWARD;
}

// Before: one tile of the keys and values of one source.
static void pack_shared(const ForwardPlan *p, const Context *context, int64_t task) {
  const Attention *a = &p->a;
  int64_t tiles = divide_up(a->s, p->keys), source = task / tiles, start = task % tiles * p->keys, count = min64(p->keys, a->s - start);
  int64_t batch = entry_of(a, source);
  Matrix keys = attention_matrix(a, a->key, context, batch), values = attention_matrix(a, a->value, context, batch);
  float *to = (float *)context->shared + source * (p->key_floats + p->value_floats);
  pack_key_tile(p, &keys, start, count, to + start * a->d);
  if (!p->direct) pack_value_tile(p, &values, start, count, to + p->key_floats + start * p->sum_step);
}

static Expression *make_body(const ForwardPlan *p, const Context *context, const TileBody *tile, int64_t scratch, int64_t batch,
                             int64_t row, int64_t rows) {
  const Attention *a = &p->a;
  if (!tile->present) return 0;
  Axis axes[VIEW_AXES];
  for (int32_t d = a->nb - 1; d >= 0; batch /= a->shape[d--]) axes[d] = (Axis){d, batch % a->shape[d], 1};
  axes[a->nb] = (Axis){a->nb, row, rows};
  axes[a->nb + 1] = (Axis){a->nb + 1, 0, a->s};
  return KERNEL(expression_make)(&tile->body, context, context->own + scratch, axes, a->rank, p->body_rows, p->whole ? a->s : p->keys,
                                 tile->result, 0);
}

// Nothing seen yet, but for the sink: a score whose value is 0.
static void begin_rows(const QueryBlock *b, const Matrix *sink, int64_t strip) {
  const ForwardPlan *p = b->plan;
  Rows *kept = b->kept + (strip - b->strip);
  int64_t row = strip_row(p, strip), rows = strip_row(p, strip + 1) - row;
  memset(kept->total, 0, sizeof kept->total);
  for (int64_t i = 0; i < STRIP_ROWS; i++) kept->largest[i] = -HEED_INFINITY;
  memset(b->sum + (row - b->row) * p->sum_step, 0, (size_t)(rows * p->sum_step) * 4);
  if (!sink->base) return;
  for (int64_t i = 0; i < rows; i++) {
    float score = load_one(sink->base + (row + i) * sink->rows * dtype_bytes(sink->dtype), sink->dtype);
    kept->largest[i] = b->score ? score : score * LOG2_E;
    kept->total[i][0] = score == -HEED_INFINITY ? 0 : 1 + (score - score);
  }
}

// output = sum / total, logsumexp = (largest, log total). Returns whether something in the output is not finite.
static int32_t finish_rows(const QueryBlock *b, const Matrix *logsumexp, int64_t strip) {
  const ForwardPlan *p = b->plan;
  Rows *kept = b->kept + (strip - b->strip);
  int64_t row = strip_row(p, strip), rows = strip_row(p, strip + 1) - row;
  const Matrix *output = &b->output;
  float total[STRIP_ROWS + 4];
  vf wrong = {0};  // what is finite times 0
  for (int64_t i = 0; i < rows; i += 4) {
    vf lanes[4];
    for (int64_t r = 0; r < 4; r++) lanes[r] = load(kept->total[min64(i + r, rows - 1)]);
    *(f4_any *)(total + i) = sum_fours(lanes);
  }
  for (int64_t i = 0; i < rows; i++) {
    float *sum = b->sum + (row - b->row + i) * p->sum_step, factor = total[i] == 0 ? 0 : 1 / total[i];
    char *to = output->base + (row + i) * output->rows * dtype_bytes(output->dtype);
    int64_t e = 0;
    if (output->dtype == DTYPE_F32 && output->columns == 1)
      for (; e + HEED_LANES <= p->a.e; e += HEED_LANES) {
        vf x = load(sum + e) * factor;
        wrong = mad(x, splat(0), wrong);
        store((float *)to + e, x);
      }
    if (e == p->a.e) continue;
    for (int64_t j = e; j < p->sum_step; j += HEED_LANES) {
      vf x = load(sum + j) * factor;
      wrong = mad(x, splat(0), wrong);
      store(sum + j, x);
    }
    store_row(to + e * output->columns * dtype_bytes(output->dtype), output->dtype, output->columns, sum + e, p->a.e - e);
  }
  if (logsumexp->base) {
    for (int64_t i = 0; i < STRIP_ROWS; i += HEED_LANES) {
      vf largest = load(kept->largest + i);
      vf sum = load(total + i);
      store(kept->largest + i, (b->score ? largest : largest * LN2) + (sum - sum));  // NaN where the sum is
      store(total + i, vector_log(select(sum == splat(0), splat(1), sum)));
    }
    for (int64_t i = 0; i < rows; i++) {
      float *to = (float *)logsumexp->base + (row + i) * logsumexp->rows;
      to[0] = kept->largest[i], to[logsumexp->columns] = total[i];
    }
  }
  int32_t any = 0;
  for (int k = 0; k < HEED_LANES; k++) any |= wrong[k] != 0;
  return any;
}

static void run_block(const ForwardPlan *p, const Context *context, int64_t batch, int64_t block) {
  const Attention *a = &p->a;
  Matrix sink = attention_matrix(a, a->sink, context, batch), logsumexp = attention_matrix(a, a->logsumexp, context, batch);
  QueryBlock b = {.plan = p, .strip = block * p->strips / p->blocks};
  b.strips = (block + 1) * p->strips / p->blocks - b.strip;
  b.row = strip_row(p, b.strip), b.rows = strip_row(p, b.strip + b.strips) - b.row;
  b.range = attention_range(a, context, batch);
  b.queries = attention_matrix(a, a->query, context, batch), b.output = attention_matrix(a, a->output, context, batch);
  b.keys = attention_matrix(a, a->key, context, batch), b.values = attention_matrix(a, a->value, context, batch);
  b.shared_key = (const float *)context->shared + (p->shared ? source_of(a, batch) * (p->key_floats + p->value_floats) : 0);
  b.shared_value = b.shared_key + p->key_floats;
  char *own = context->own;
  b.query = (float *)(own + p->query), b.sum = (float *)(own + p->sum), b.scores = (float *)(own + p->scores);
  b.product = (float *)(own + p->product), b.key = (float *)(own + p->key), b.value = (float *)(own + p->value);
  b.seen = (int32_t *)(own + p->seen), b.kept = (Rows *)(own + p->rows);
  b.mask = make_body(p, context, &a->mask, p->mask, batch, b.row, b.rows);
  b.score = make_body(p, context, &a->score, p->score, batch, b.row, b.rows);
  b.factor = make_body(p, context, &a->factor, p->factor, batch, b.row, b.rows);

  for (int64_t strip = b.strip; strip < b.strip + b.strips; strip++) begin_rows(&b, &sink, strip);
  attend(&b, b.strip, b.strip + b.strips, 0);
  for (int64_t strip = b.strip; strip < b.strip + b.strips; strip++) {
    if (!finish_rows(&b, &logsumexp, strip)) continue;
    begin_rows(&b, &sink, strip);
    attend(&b, strip, strip + 1, 1);
    finish_rows(&b, &logsumexp, strip);
  }
}

static int64_t shared_bytes(const int32_t *words) {
  ForwardPlan p;
  switch (plan_forward(words, &p)) {
    case SMALL: return 0;
    case DECODE: return KERNEL(attention_decode_kernel).shared_bytes(words);
    default: return p.shared ? p.sources * (p.key_floats + p.value_floats) * 4 : 0;
  }
}

static int64_t own_bytes(const int32_t *words) {
  ForwardPlan p;
  switch (plan_forward(words, &p)) {
    case SMALL: return KERNEL(attention_small_own_bytes)(&p.a);
    case DECODE: return KERNEL(attention_decode_kernel).own_bytes(words);
    default: return p.own;
  }
}

static int32_t phases(const int32_t *words) {
  ForwardPlan p;
  switch (plan_forward(words, &p)) {
    case SMALL: return 1;
    case DECODE: return KERNEL(attention_decode_kernel).phases(words);
    default: return 1 + p.shared;
  }
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  ForwardPlan p;
  switch (plan_forward(words, &p)) {
    case SMALL: return KERNEL(attention_small_tasks)(&p.a);
    case DECODE: return KERNEL(attention_decode_kernel).tasks(words, phase);
    default: return phase < p.shared ? p.sources * divide_up(p.a.s, p.keys) : p.tasks;
  }
}

// Only small steps take as long to plan as to run.
static int64_t plan_bytes(const int32_t *words) {
  ForwardPlan p;
  return plan_forward(words, &p) == SMALL ? KERNEL(attention_small_plan_bytes)(&p.a) : 0;
}

static void plan(const int32_t *words, char *const *buffers, void *memory) {
  KERNEL(attention_small_plan)(words, buffers, memory);
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  if (context->plan) {
    KERNEL(attention_small_run)(context, task);
    return;
  }
  ForwardPlan p;
  if (plan_forward(words, &p) == DECODE) {
    KERNEL(attention_decode_kernel).run(words, context, phase, task);
  } else if (phase < p.shared) {
    pack_shared(&p, context, task);
  } else if (p.blocks > 1) {
    // The last queries, which under a causal bound see most, come first: what is left at the end is short.
    run_block(&p, context, task / p.blocks, p.blocks - 1 - task % p.blocks);
  } else {
    for (int64_t batch = task * p.group; batch < min64((task + 1) * p.group, p.a.batches); batch++) run_block(&p, context, batch, 0);
  }
}

const Kernel KERNEL(attention_kernel) = {shared_bytes, own_bytes, phases, tasks, run, plan_bytes, plan};
