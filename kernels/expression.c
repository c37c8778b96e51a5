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
    int dear = (code >= 19 && code <= 22) || (code >= 26 && code <= 29) || code == 35 || code == 38 || code == 39 || code == 83 || code == OP_RANDOM;
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

static void fill(float *to, int32_t bits, int64_t n) {  // whole vectors
  for (int64_t j = 0; j < n; j += HEED_LANES) store(to + j, (vf)splati(bits));
}

// One value of each row, repeated along the row.
static void broadcast_rows(float *to, const float *from, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++, to += columns) {
    vf value = (vf)splati(float_to_bits(from[i]));
    int64_t j = 0;
    for (; j + HEED_LANES <= columns; j += HEED_LANES) store(to + j, value);
    if (j < columns) store_part(to + j, value, columns - j);
  }
}

static __attribute__((noinline)) void reduce_rows(int32_t code, float *to, const float *from, int64_t rows, int64_t columns) {
  int32_t is_int = code >= OP_INT, kind = (code & 127) - OP_REDUCE_SUM;
  FOLD_DISPATCH(fold_rows, kind, is_int, to, from, rows, columns)
}

static void random_values(CounterKey key, float *values, int64_t n) {  // from the indices that lie there
  int64_t i = 0;
  for (; i + HEED_LANES <= n; i += HEED_LANES) store(values + i, counter_uniform(key, (vu)load(values + i)));
  if (i < n) store_part(values + i, counter_uniform(key, (vu)load_part(values + i, n - i)), n - i);
}

HEED_INLINE const View *view_of(const Expression *e, int32_t view) { return &e->plan->view[view].view; }
HEED_INLINE char *address_in(const Expression *e, int32_t view, int64_t row, int64_t column) {
  return view_address(view_of(e, view), e->base[view], row, column);
}
HEED_INLINE int64_t first_index(const Expression *e, int32_t view) { return (int64_t)(intptr_t)e->base[view]; }

static CounterKey random_key(const Expression *e, const Action *t) {
  int32_t seed;
  KERNEL(view_load)(view_of(e, t->seed), e->base[t->seed], &seed, 0, 1, 0, 1);
  return counter_key((uint32_t)seed, (uint32_t)t->code);
}

// Where the operands of the next block are asked for. Past the last block this asks for what nobody needs, which does no harm.
typedef struct {
  int32_t stream;
  int64_t line, lines, share;  // lines of 64 bytes: the next, of each stream, for each loop
} Ahead;

HEED_INLINE void ask_ahead(const Expression *e, Ahead *ahead, int64_t row, int64_t column) {
  int64_t left = ahead->share;
  while (left > 0 && ahead->stream < e->plan->streams) {
    const char *next = address_in(e, e->plan->stream[ahead->stream], row, column) + ahead->lines * 64;
    int64_t end = min64(ahead->lines, ahead->line + left);
    left -= end - ahead->line;
    for (int64_t i = ahead->line; i < end; i++) __builtin_prefetch(next + i * 64, 0, 2);
    ahead->line = end;
    if (end == ahead->lines) ahead->stream++, ahead->line = 0;
  }
}

const void *KERNEL(expression_run)(Expression *e, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const ExpressionPlan *plan = e->plan;
  char **place = e->place;
  const int64_t n = rows * columns;
  Ahead ahead = {.lines = n / 16};
  if (plan->streams) ahead.share = (ahead.lines * plan->streams + plan->loops - 1) / plan->loops;
  for (const Action *t = plan->action, *end = t + plan->actions; t < end; t++) {
    int32_t v = t->view;
    switch (t->kind) {
      case ACTION_RUN: case ACTION_POWER: {
        if (v >= 0) place[t->d] = address_in(e, v, row, column);
        Run run = {place[t->d], place[t->a], place[t->b], place[t->c], n, t->a_step, t->b_step, t->c_step};
        if (plan->streams) ask_ahead(e, &ahead, row, column);
        Operation power = t->kind == ACTION_POWER ? KERNEL(operation_power)(*(const float *)run.b) : 0;
        (power ? power : t->run)(&run);
        break;
      }
      case ACTION_RUN_ROWS: {
        Run run = {place[t->d], place[t->a], place[t->b], place[t->c], whole_vectors(rows), HEED_LANES, HEED_LANES, HEED_LANES};
        t->run(&run);
        break;
      }
      case ACTION_TILE: place[t->d] = e->tile[t->code]; break;
      case ACTION_BIND: place[t->d] = address_in(e, v, row, column); break;
      case ACTION_LOAD: KERNEL(view_load)(view_of(e, v), e->base[v], place[t->d], row, rows, column, columns); break;
      case ACTION_LOAD_ROWS: KERNEL(view_load_rows)(view_of(e, v), e->base[v], place[t->d], row, rows); break;
      case ACTION_STORE: KERNEL(view_store)(view_of(e, v), e->base[v], place[t->a], row, rows, column, columns); break;
      case ACTION_STORE_ROWS: KERNEL(view_store_rows)(view_of(e, v), e->base[v], place[t->a], row, rows); break;
      case ACTION_BROADCAST: broadcast_rows((float *)place[t->d], (const float *)place[t->a], rows, columns); break;
      case ACTION_SPLAT: fill((float *)place[t->d], *(const int32_t *)place[t->a], HEED_LANES); break;
      case ACTION_LOAD_SPLAT: {
        int32_t bits;
        KERNEL(view_load)(view_of(e, v), e->base[v], &bits, row, 1, column, 1);
        fill((float *)place[t->d], bits, HEED_LANES);
        break;
      }
      case ACTION_DIVIDE_ROWS:
        if (v >= 0) place[t->d] = address_in(e, v, row, column);
        divide_rows((float *)place[t->d], (const float *)place[t->a], (const float *)place[t->b], rows, columns);
        break;
      case ACTION_REDUCE: reduce_rows(t->code, (float *)place[t->d], (const float *)place[t->a], rows, columns); break;
      case ACTION_FILL_ROWS: fill((float *)place[t->d], t->code, whole_vectors(rows)); break;
      case ACTION_INDICES: KERNEL(view_indices)(view_of(e, v), first_index(e, v), (int32_t *)place[t->d], row, rows, column, columns); break;
      case ACTION_INDICES_ROWS: KERNEL(view_indices_rows)(view_of(e, v), first_index(e, v), (int32_t *)place[t->d], row, rows); break;
      case ACTION_RANDOM:
        KERNEL(view_indices)(view_of(e, v), first_index(e, v), (int32_t *)place[t->d], row, rows, column, columns);
        random_values(random_key(e, t), (float *)place[t->d], n);
        break;
    }
  }
  return place[plan->result];
}

void KERNEL(expression_tile)(Expression *e, int32_t tile, void *block) { e->tile[tile] = block; }

// What is filled once.
static void set_up(Expression *e) {
  const ExpressionPlan *plan = e->plan;
  for (const Action *t = plan->setup, *end = t + plan->setups; t < end; t++) {
    char *to = e->place[t->d];
    int32_t v = t->view, bits = t->code;
    switch (t->kind) {
      case SETUP_SCALAR: KERNEL(view_load)(view_of(e, v), e->base[v], &bits, 0, 1, 0, 1);  // fall through
      case SETUP_CONSTANT: fill((float *)to, bits, HEED_LANES); break;
      case SETUP_LOAD: KERNEL(view_load)(view_of(e, v), e->base[v], to, 0, plan->rows, 0, plan->columns); break;
      case SETUP_INDICES: KERNEL(view_indices)(view_of(e, v), first_index(e, v), (int32_t *)to, 0, plan->rows, 0, plan->columns); break;
    }
  }
}

Expression *KERNEL(expression_begin)(const ExpressionPlan *plan, char *const *buffers, const int64_t *starts, char *scratch) {
  Expression *e = (Expression *)scratch;
  e->plan = plan;
  e->place = (char **)(e + 1);
  e->base = e->place + plan->places;
  for (int32_t i = 0; i < plan->places; i++) e->place[i] = scratch + plan->place[i];
  for (int32_t i = 0; i < plan->views; i++) {
    const Planned *v = &plan->view[i];
    int64_t moved = 0;
    for (int32_t k = 0; starts && k < plan->rank; k++) moved += starts[k] * v->along[k];
    e->base[i] = v->buffer < 0 ? (char *)(intptr_t)(v->offset + moved) : buffers[v->buffer] + v->offset + moved * dtype_bytes(v->view.dtype);
  }
  // Lanes past the last row are computed too.
  int64_t last = (plan->rows - 1) / HEED_LANES * HEED_LANES;
  for (int32_t r = plan->first_row; r < plan->after_rows; r++) store((float *)e->place[r] + last, (vf){0});
  set_up(e);
  return e;
}
