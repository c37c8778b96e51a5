// The reduction kernel. Words of a step: length, rank, shape[rank], reduced[rank], reduce code (sum, max, min, prod), is int, result
// register, inputs, operands, output operand (stride 0 on reduced axes), expression. The expression runs block by block
// (expression.h) and its result register is folded as it comes. The axes are walked kept ones first, so that what belongs to one output
// lies together; if the last axis is kept, it stays innermost and whole rows are added to a row of totals.
// Few outputs of many values are cut into chunks, whose results meet in shared scratch and are joined in order in a second phase.
// The chunks depend on the step alone. Sums: f32 over short runs, double precision over those.

#include "expression.h"
#include "fold.h"

enum { CHUNK_WORK = 1 << 17, MOST_CHUNKS = 64, MOST_ROW_CHUNKS = 16, TOTALS = 2048, GROUP = 16, JOINED = 256 };

typedef struct {
  Body body;
  int32_t kind, is_int, result, by_column;
  Axis axes[VIEW_AXES];
  int32_t kept;        // leading axes that are kept, the columns not counted
  int64_t outer, rows, columns;  // kept index; reduced rows of each; length of the innermost axis
  int64_t block_rows, block_columns;
  int64_t pieces;      // by column: pieces of a row of totals. By row: blocks of one output
  int64_t units;       // what a task does one or more of: by column the pieces, by row the outputs
  int64_t chunks;      // of the reduced rows, or of those blocks; then a task does one chunk of one unit
  int64_t tasks;       // of the first phase
} Plan;

// What is kept of a step: how it is reduced, the output as rows (kept indices) by columns (totals of each), and the plan of its expression.
typedef struct {
  Plan plan;
  View out;
  int64_t out_offset;  // bytes
  const ExpressionPlan *expression;
} Kept;

// The output in this run.
typedef struct {
  const View *view;
  char *base;
} Output;

static Plan plan_of(const int32_t *words) {
  int32_t rank = words[1];
  const int32_t *shape = words + 2, *reduced = shape + rank, *rest = reduced + rank;
  Plan p = {.body = body_read(rank, shape, rest + 3, 0), .kind = rest[0], .is_int = rest[1], .result = rest[2]};
  int32_t last = rank - 1, n = 0;
  while (last > 0 && shape[last] == 1) last--;
  p.by_column = rank == 0 || !reduced[last];
  p.outer = p.rows = 1;
  for (int32_t pass = 0; pass < 2; pass++) {
    for (int32_t k = 0; k < rank; k++) {
      if (k == last || (reduced[k] != 0) != pass) continue;
      p.axes[n++] = (Axis){k, 0, shape[k]};
      *(pass ? &p.rows : &p.outer) *= shape[k];
    }
    if (!pass) p.kept = n;
  }
  if (rank) p.axes[n] = (Axis){last, 0, shape[last]};
  p.columns = rank ? shape[last] : 1;
  int64_t block = KERNEL(body_block)(&p.body), work = KERNEL(body_cost)(&p.body) + 4, most, length = p.rows * p.columns;
  if (p.by_column) {
    p.pieces = (p.columns + TOTALS - 1) / TOTALS;
    p.block_columns = p.pieces <= 1 ? p.columns : (p.columns / p.pieces + 64) / 64 * 64;
    p.pieces = p.columns ? (p.columns + p.block_columns - 1) / p.block_columns : 0;
    p.block_rows = max64(1, min64(p.rows, block / max64(1, p.block_columns)));
    most = min64(MOST_ROW_CHUNKS, (p.rows + GROUP * p.block_rows - 1) / (GROUP * p.block_rows));
    p.units = p.outer * p.pieces;
  } else {
    if (length <= block) {  // several outputs in a block
      p.block_columns = p.columns;
      p.block_rows = p.rows * max64(1, min64(p.outer, block / max64(1, length)));
    } else {
      p.block_columns = min64(p.columns, block);
      p.block_rows = p.columns <= block ? min64(p.rows, block / p.columns) : 1;
    }
    int64_t across = p.block_columns ? (p.columns + p.block_columns - 1) / p.block_columns : 1;
    p.pieces = across * (p.columns <= block && p.block_rows ? (p.rows + p.block_rows - 1) / p.block_rows : p.rows);
    most = length <= block ? 1 : p.pieces;
    p.units = p.outer;
  }
  int64_t wanted = min64(p.outer * length * work / CHUNK_WORK, MOST_CHUNKS);
  p.chunks = p.units && p.units * 2 <= wanted ? max64(1, min64((wanted + p.units - 1) / p.units, most)) : 1;
  p.tasks = p.chunks > 1 ? p.units * p.chunks : min64(p.units, max64(1, wanted));
  return p;
}

static int64_t totals_of(const Plan *p) { return p->by_column ? p->columns : 1; }  // results for each kept index

// A piece of a row of totals, beside the expression's own scratch: a double for each, and f32 or i32 for a short while.
typedef struct {
  double *total;
  float *recent;
} Totals;
enum { SHORT_ROW = 8 * HEED_LANES };

static int64_t reduce_shared_bytes(const int32_t *words) {
  Plan p = plan_of(words);
  return p.chunks > 1 ? p.outer * p.chunks * totals_of(&p) * 8 : 0;
}

static int64_t totals_bytes(const Plan *p) { return whole_lines((p->block_columns + 1) * 8) + whole_lines((p->block_columns + SHORT_ROW) * 4); }

static int64_t reduce_own_bytes(const int32_t *words) {
  Plan p = plan_of(words);
  return totals_bytes(&p) + KERNEL(expression_scratch_bytes)(&p.body, p.block_rows, p.block_rows * p.block_columns);
}

static int32_t reduce_phases(const int32_t *words) { return plan_of(words).chunks > 1 ? 2 : 1; }

static int64_t reduce_tasks(const int32_t *words, int32_t phase) {
  Plan p = plan_of(words);
  return phase ? p.outer * ((totals_of(&p) + JOINED - 1) / JOINED) : p.tasks;
}

static double identity_of(const Plan *p) {
  vf one = fold_identity(p->kind, p->is_int);
  return p->is_int ? (double)((vi)one)[0] : (double)one[0];
}

static void plan_output(Kept *kept) {
  const Plan *p = &kept->plan;
  const int32_t *operand = body_output(&p->body, 0);
  Axis axes[VIEW_AXES];
  int32_t n = p->kept;
  for (int32_t k = 0; k < n; k++) axes[k] = p->axes[k];
  if (p->body.rank) {
    axes[n] = p->axes[p->body.rank - 1];
    if (!p->by_column) axes[n].size = 1;
    n++;
  }
  int64_t first = KERNEL(view_make)(&kept->out, operand[3], operand + 4, axes, n);
  kept->out_offset = word64(operand + 1) + first * dtype_bytes(operand[3]);
}

// n results of consecutive kept indices, or of consecutive columns of one.
static void write_results(const Plan *p, const Output *out, const double *from, int64_t row, int64_t column, int64_t n) {
  float values[JOINED];
  for (int64_t done = 0; done < n; done += JOINED) {
    int64_t count = min64(JOINED, n - done);
    for (int64_t i = 0; i < count; i++) values[i] = p->is_int ? bits_to_float((int32_t)from[done + i]) : (float)from[done + i];
    if (p->by_column)
      KERNEL(view_store)(out->view, out->base, values, row, 1, column + done, count);
    else
      KERNEL(view_store_rows)(out->view, out->base, values, row + done, count);
  }
}

#define FOLD_SEGMENTS(kind, is_int, to, from, count, length)                                   \
  for (int64_t i = 0; i < (count); i++) (to)[i] = fold_long(kind, is_int, (from) + i * (length), length);

static __attribute__((noinline)) void fold_segments(const Plan *p, double *to, const float *from, int64_t count, int64_t length) {
  FOLD_DISPATCH(FOLD_SEGMENTS, p->kind, p->is_int, to, from, count, length)
}

// The last axis is reduced and an output has few values: a block holds those of several outputs.
static void reduce_short(const Plan *p, const Output *out, Expression *e, int64_t from, int64_t to) {
  int64_t length = p->rows * p->columns, several = p->rows ? p->block_rows / p->rows : to - from;
  double results[JOINED];
  for (int64_t i = from; i < to;) {
    int64_t count = min64(min64(max64(several, 1), to - i), JOINED);
    if (length == 0) {
      for (int64_t j = 0; j < count; j++) results[j] = identity_of(p);
    } else {
      const float *values = KERNEL(expression_run)(e, i * p->rows, count * p->rows, 0, p->columns);
      fold_segments(p, results, values, count, length);
    }
    write_results(p, out, results, i, 0, count);
    i += count;
  }
}

// The last axis is reduced and an output has many values: its blocks [from, to).
static double reduce_blocks(const Plan *p, Expression *e, int64_t output, int64_t from, int64_t to) {
  int64_t across = (p->columns + p->block_columns - 1) / p->block_columns;
  double total = identity_of(p);
  for (int64_t block = from; block < to; block++) {
    int64_t row = block / across * p->block_rows, column = block % across * p->block_columns;
    int64_t rows = min64(p->block_rows, p->rows - row), columns = min64(p->block_columns, p->columns - column);
    double part;
    fold_segments(p, &part, KERNEL(expression_run)(e, output * p->rows + row, rows, column, columns), 1, rows * columns);
    total = fold_two(p->kind, p->is_int, total, part);
  }
  return total;
}

// Values are added to `recent` in turn, going round in it.
#define FOLD_AROUND(kind, is_int, recent, length, from, n)                                     \
  for (int64_t at = 0; at < (n); at += (length)) {                                             \
    int64_t count = min64(length, (n) - at), j = 0;                                            \
    const float *values = (from) + at;                                                         \
    for (; j + HEED_LANES <= count; j += HEED_LANES)                                           \
      store((recent) + j, fold_pair(kind, is_int, load((recent) + j), load(values + j)));      \
    if (j < count)                                                                             \
      store_part((recent) + j, fold_pair(kind, is_int, load_part((recent) + j, count - j), load_part(values + j, count - j)), count - j); \
  }
static __attribute__((noinline)) void fold_around(const Plan *p, float *recent, int64_t length, const float *from, int64_t n) {
  FOLD_DISPATCH(FOLD_AROUND, p->kind, p->is_int, recent, length, from, n)
}

// Moves `recent` (`times` rows of totals side by side) over to the totals.
static void fold_recent(const Plan *p, Totals t, int64_t columns, int64_t times) {
  float identity = fold_identity(p->kind, p->is_int)[0];
  for (int64_t k = 0; k < times; k++) {
    float *recent = t.recent + k * columns;
    if (p->kind == FOLD_SUM && !p->is_int)
      for (int64_t j = 0; j < columns; j++) t.total[j] += (double)recent[j];
    else
      for (int64_t j = 0; j < columns; j++)
        t.total[j] = fold_two(p->kind, p->is_int, t.total[j], p->is_int ? (double)float_to_bits(recent[j]) : (double)recent[j]);
  }
  for (int64_t j = 0; j < columns * times; j++) t.recent[j] = identity;
}

// The last axis is kept: reduced rows [from, to) of one kept index, columns [column, column + columns). Short rows are taken several
// at a time, as one that is long enough for vectors.
static void reduce_columns(const Plan *p, Expression *e, Totals t, int64_t output, int64_t from, int64_t to, int64_t column, int64_t columns) {
  int64_t times = columns >= SHORT_ROW / 2 ? 1 : SHORT_ROW / columns, added = 0;
  for (int64_t j = 0; j < columns; j++) t.total[j] = identity_of(p);
  float identity = fold_identity(p->kind, p->is_int)[0];
  for (int64_t j = 0; j < columns * times; j++) t.recent[j] = identity;
  for (int64_t row = from; row < to; row += p->block_rows) {
    int64_t rows = min64(p->block_rows, to - row);
    const float *values = KERNEL(expression_run)(e, output * p->rows + row, rows, column, columns);
    for (int64_t i = 0; i < rows;) {
      int64_t count = min64(rows - i, (GROUP - added) * times);
      fold_around(p, t.recent, columns * times, values + i * columns, count * columns);
      i += count, added += (count + times - 1) / times;
      if (added < GROUP) continue;
      fold_recent(p, t, columns, times);
      added = 0;
    }
  }
  fold_recent(p, t, columns, times);
}

#define JOIN_TWO(kind, is_int, to, from, n)                                                    \
  for (int64_t j = 0; j < (n); j++) (to)[j] = fold_two(kind, is_int, (to)[j], (from)[j]);

static void join_chunks(const Plan *p, const Context *context, const Output *out, int64_t task) {
  int64_t width = totals_of(p), pieces = (width + JOINED - 1) / JOINED, output = task / pieces, column = task % pieces * JOINED;
  int64_t count = min64(JOINED, width - column);
  const double *part = (const double *)context->shared + output * p->chunks * width + column;
  double joined[JOINED];
  memcpy(joined, part, (size_t)count * 8);
  for (int64_t k = 1; k < p->chunks; k++) FOLD_DISPATCH(JOIN_TWO, p->kind, p->is_int, joined, part + k * width, count)
  write_results(p, out, joined, output, column, count);
}

// One piece of a row of totals, or one chunk of it.
static void reduce_unit_by_column(const Plan *p, const Context *context, const Output *out, Expression *e, int64_t unit, int64_t chunk) {
  Totals t = {(double *)context->own, (float *)(context->own + whole_lines((p->block_columns + 1) * 8))};
  int64_t output = unit / p->pieces, column = unit % p->pieces * p->block_columns, columns = min64(p->block_columns, p->columns - column);
  int64_t blocks = (p->rows + p->block_rows - 1) / p->block_rows;
  int64_t from = blocks * chunk / p->chunks * p->block_rows, to = min64(p->rows, blocks * (chunk + 1) / p->chunks * p->block_rows);
  reduce_columns(p, e, t, output, from, to, column, columns);
  if (p->chunks == 1)
    write_results(p, out, t.total, output, column, columns);
  else
    memcpy((double *)context->shared + (output * p->chunks + chunk) * p->columns + column, t.total, (size_t)columns * 8);
}

static int64_t reduce_plan_bytes(const int32_t *words) {
  Plan p = plan_of(words);
  return (int64_t)sizeof(Kept) + KERNEL(expression_plan_bytes)(&p.body);
}

static void reduce_plan(const int32_t *words, char *const *buffers, void *memory) {
  Kept *kept = memory;
  kept->plan = plan_of(words);
  plan_output(kept);
  const Plan *p = &kept->plan;
  Part part = {p->axes, p->body.rank, p->block_rows, p->block_columns, p->result, 0, 0};
  kept->expression = KERNEL(expression_plan)(&p->body, buffers, &part, kept + 1);
}

static void reduce_run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)words;
  const Kept *kept = context->plan;
  const Plan *p = &kept->plan;
  Output out = {&kept->out, context->buffers[body_output(&p->body, 0)[0]] + kept->out_offset};
  if (phase) {
    join_chunks(p, context, &out, task);
    return;
  }
  Expression *e = KERNEL(expression_begin)(kept->expression, context->buffers, 0, context->own + totals_bytes(p));
  int64_t from = p->units * task / p->tasks, to = p->units * (task + 1) / p->tasks, chunk = 0;
  if (p->chunks > 1) from = task / p->chunks, to = from + 1, chunk = task % p->chunks;
  if (p->by_column) {
    for (int64_t i = from; i < to; i++) reduce_unit_by_column(p, context, &out, e, i, chunk);
  } else if (p->chunks > 1) {
    double total = reduce_blocks(p, e, from, p->pieces * chunk / p->chunks, p->pieces * (chunk + 1) / p->chunks);
    ((double *)context->shared)[task] = total;
  } else if (p->rows * p->columns <= p->block_rows * p->block_columns) {
    reduce_short(p, &out, e, from, to);
  } else {
    for (int64_t i = from; i < to; i++) {
      double total = reduce_blocks(p, e, i, 0, p->pieces);
      write_results(p, &out, &total, i, 0, 1);
    }
  }
}

const Kernel KERNEL(reduce_kernel) = {
    reduce_shared_bytes, reduce_own_bytes, reduce_phases, reduce_tasks, reduce_run, reduce_plan_bytes, reduce_plan,
};
