// Running an expression: see expression.h. Making it ready is in expression_make.c.

#include "expression_plan.h"
#include "expression_words.h"

#include "counter.h"
#include "fold.h"
#include "row_division.h"

int64_t KERNEL(body_cost)(const Body *b) {
  int64_t cost = 0;
  for (int32_t k = 0; k < b->count; k++) {
    const int32_t *i = instruction(b, k);
    int32_t code = i[0] & 127;
    if (i[1] && !is_reduce(code)) continue;
    int dear = (code >= 19 && code <= 22) || (code >= 26 && code <= 29) || code == 35 || code == OP_RANDOM;
    int slow = code == 23 || code == 24 || code == 25 || code == 67;
    cost += code == OP_CONSTANT ? 0 : code == 68 || code == 71 ? 20 : dear ? 8 : slow ? 4 : 1;
  }
  return cost;
}

int64_t KERNEL(body_block)(const Body *b) {
  int32_t live = b->full;
  for (int32_t k = 0; k < b->count; k++) live -= instruction(b, k)[0] == OP_CONSTANT && !instruction(b, k)[1];
  return live <= 8 ? 1024 : live <= 16 ? 512 : 256;
}

HEED_INLINE int64_t whole_vectors(int64_t n) { return (n + HEED_LANES - 1) / HEED_LANES * HEED_LANES; }

// One value of each row, repeated along the row.
static void broadcast_rows(float *to, const float *from, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++, to += columns) {
    vf value = (vf)splati(float_to_bits(from[i]));
    int64_t j = 0;
    for (; j + HEED_LANES <= columns; j += HEED_LANES) store(to + j, value);
    if (j < columns) store_part(to + j, value, columns - j);
  }
}

#define FOLD_ROWS(kind, is_int, to, from, rows, columns)                                       \
  for (int64_t i = 0; i < (rows); i++) {                                                       \
    double value = fold_long(kind, is_int, (from) + i * (columns), columns);                   \
    (to)[i] = (is_int) ? bits_to_float((int32_t)value) : (float)value;                         \
  }

static __attribute__((noinline)) void reduce_rows(int32_t code, float *to, const float *from, int64_t rows, int64_t columns) {
  int32_t is_int = code >= OP_INT, kind = (code & 127) - OP_REDUCE_SUM;
  FOLD_DISPATCH(FOLD_ROWS, kind, is_int, to, from, rows, columns)
}

static void random_values(CounterKey key, float *values, int64_t n) {  // from the indices that lie there
  int64_t i = 0;
  for (; i + HEED_LANES <= n; i += HEED_LANES) store(values + i, counter_uniform(key, (vu)load(values + i)));
  if (i < n) store_part(values + i, counter_uniform(key, (vu)load_part(values + i, n - i)), n - i);
}

// Where the operands of the next block are asked for. Past the last block this asks for what nobody needs, which does no harm.
typedef struct {
  int32_t stream;
  int64_t line, lines, share;  // lines of 64 bytes: the next, of each stream, for each loop
} Ahead;

HEED_INLINE void ask_ahead(const Expression *e, Ahead *ahead, int64_t row, int64_t column) {
  int64_t left = ahead->share;
  while (left > 0 && ahead->stream < e->streams) {
    const char *next = view_address(e->stream[ahead->stream], row, column) + ahead->lines * 64;
    int64_t end = min64(ahead->lines, ahead->line + left);
    left -= end - ahead->line;
    for (int64_t i = ahead->line; i < end; i++) __builtin_prefetch(next + i * 64, 0, 2);
    ahead->line = end;
    if (end == ahead->lines) ahead->stream++, ahead->line = 0;
  }
}

const void *KERNEL(expression_run)(Expression *e, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  char **place = e->place;
  const int64_t n = rows * columns;
  Ahead ahead = {.lines = n / 16};
  if (e->streams) ahead.share = (ahead.lines * e->streams + e->loops - 1) / e->loops;
  for (const Action *t = e->action, *end = t + e->actions; t < end; t++) {
    switch (t->kind) {
      case ACTION_RUN: {
        if (t->view) place[t->d] = view_address(t->view, row, column);
        Run run = {place[t->d], place[t->a], place[t->b], place[t->c], n, t->a_step, t->b_step, t->c_step};
        if (e->streams) ask_ahead(e, &ahead, row, column);
        t->run(&run);
        break;
      }
      case ACTION_RUN_ROWS: {
        Run run = {place[t->d], place[t->a], place[t->b], place[t->c], whole_vectors(rows), HEED_LANES, HEED_LANES, HEED_LANES};
        t->run(&run);
        break;
      }
      case ACTION_TILE: place[t->d] = e->tile[t->code]; break;
      case ACTION_BIND: place[t->d] = view_address(t->view, row, column); break;
      case ACTION_LOAD: KERNEL(view_load)(t->view, place[t->d], row, rows, column, columns); break;
      case ACTION_LOAD_ROWS: KERNEL(view_load_rows)(t->view, place[t->d], row, rows); break;
      case ACTION_STORE: KERNEL(view_store)(t->view, place[t->a], row, rows, column, columns); break;
      case ACTION_STORE_ROWS: KERNEL(view_store_rows)(t->view, place[t->a], row, rows); break;
      case ACTION_BROADCAST: broadcast_rows((float *)place[t->d], (const float *)place[t->a], rows, columns); break;
      case ACTION_DIVIDE_ROWS:
        if (t->view) place[t->d] = view_address(t->view, row, column);
        divide_rows((float *)place[t->d], (const float *)place[t->a], (const float *)place[t->b], rows, columns);
        break;
      case ACTION_REDUCE: reduce_rows(t->code, (float *)place[t->d], (const float *)place[t->a], rows, columns); break;
      case ACTION_INDICES: KERNEL(view_indices)(t->view, (int32_t *)place[t->d], row, rows, column, columns); break;
      case ACTION_INDICES_ROWS: KERNEL(view_indices_rows)(t->view, (int32_t *)place[t->d], row, rows); break;
      case ACTION_RANDOM:
        KERNEL(view_indices)(t->view, (int32_t *)place[t->d], row, rows, column, columns);
        random_values(t->key, (float *)place[t->d], n);
        break;
    }
  }
  return place[e->result];
}

void KERNEL(expression_tile)(Expression *e, int32_t tile, void *block) { e->tile[tile] = block; }
