// Planning an expression: where each register's values will lie, and which action each instruction becomes. Two things save
// copies. A load whose values lie in one piece is only bound: its register is the input itself, unless the register is still read
// after a store that may write there. And an instruction whose result is stored in one piece writes straight to the output, unless
// something between it and the store still reads what lies there.

#include "expression_plan.h"
#include "expression_words.h"

enum { LINE = 64, IN_CACHE = 1 << 19 };

typedef struct {
  const Body *body;
  char *const *buffers;
  const Part *part;
  int whole_rows;
  int64_t scratch;        // bytes taken so far
  ExpressionPlan *plan;
  int32_t views;          // of inputs, then of outputs, then of indices
  // of each full register, as it stands at the instruction in hand:
  int32_t *place, *step;
  int32_t *bound;         // the input it lies in, or -1
  int32_t *by_row;        // the row register whose values it would repeat, when only divisions want them; or -1
  char *stored;           // of each instruction: a store that has been done by the instruction before it
} Maker;


// Bytes of the scratch; returns where they begin.
static int64_t take(Maker *m, int64_t bytes) {
  int64_t at = m->scratch;
  m->scratch += whole_lines(bytes);
  return at;
}

// Room for an array of values. Were the arrays of 1024 values 4 KiB apart, loads would wait for stores to the array before, which
// differ in the high bits of the address alone.
static int64_t values_bytes(int64_t values) { return whole_lines((values + HEED_LANES) * 4) + 8 * LINE; }

static int32_t index_views(const Body *b) {
  int32_t views = 0;
  for (int32_t k = 0; k < b->count; k++) views += instruction(b, k)[0] == OP_IOTA || instruction(b, k)[0] == OP_RANDOM;
  return views;
}
int KERNEL(body_has_indices)(const Body *b) { return index_views(b) > 0; }
static int64_t most_views(const Body *b) { return b->inputs + b->outputs + index_views(b); }
static int64_t most_places(const Body *b) { return b->full + b->rows + 2 * (int64_t)b->count + 2; }
static int64_t head_bytes(int64_t places, int64_t views) { return whole_lines((int64_t)sizeof(Expression) + (places + views) * 8); }

int64_t KERNEL(expression_scratch_bytes)(const Body *b, int64_t rows, int64_t values) {
  int64_t kept = 0, vectors = 0;  // arrays and single vectors that are filled once
  for (int32_t k = 0; k < b->count; k++) {
    const int32_t *i = instruction(b, k);
    kept += (i[0] == OP_LOAD || i[0] == OP_IOTA) && !i[1];
    vectors += (i[0] == OP_LOAD || i[0] == OP_CONSTANT || i[0] == OP_BROADCAST) && !i[1];
  }
  return head_bytes(most_places(b), most_views(b)) + (b->full + kept) * values_bytes(values) + b->rows * values_bytes(rows) +
         vectors * whole_lines(HEED_LANES * 4);
}

static int32_t new_place(Maker *m, int64_t at) {
  m->plan->place[m->plan->places] = at;
  return m->plan->places++;
}
static Action *add(Action *t, int32_t kind) {
  memset(t, 0, sizeof *t);
  t->kind = kind;
  t->view = t->seed = -1;
  return t;
}
static Action *act(Maker *m, int32_t kind) { return add(&m->plan->action[m->plan->actions++], kind); }
static Action *set_up(Maker *m, int32_t kind) { return add(&m->plan->setup[m->plan->setups++], kind); }
static void set_register(Maker *m, int32_t r, int32_t place, int32_t step) {
  m->place[r] = place, m->step[r] = step, m->bound[r] = m->by_row[r] = -1;
}
static int32_t row_place(const Maker *m, int32_t r) { return m->body->full + r; }
static int64_t block_values(const Maker *m) { return m->part->rows * m->part->columns; }

// One vector stands for a value that is the same everywhere.
static Action *set_everywhere(Maker *m, int32_t r, int32_t kind) {
  Action *t = set_up(m, kind);
  t->d = new_place(m, take(m, HEED_LANES * 4));
  set_register(m, r, t->d, 0);
  return t;
}

// The same where blocks are of one row: of a value that the row has once. (Not in the register's own array, which may become the result
// of the loop that reads it.)
static Action *set_for_row(Maker *m, int32_t r, int32_t kind) {
  Action *t = act(m, kind);
  t->d = new_place(m, take(m, HEED_LANES * 4));
  set_register(m, r, t->d, 0);
  return t;
}

// A view that will move can touch all of its operand.
static void reach_everywhere(const Maker *m, Planned *v, const int32_t *strides) {
  int64_t low = 0, high = 0, bytes = dtype_bytes(v->view.dtype);
  for (int32_t k = 0; k < m->body->rank; k++) {
    int64_t reach = (m->body->shape[k] - 1) * (int64_t)strides[k];
    if (reach < 0) low += reach;
    if (reach > 0) high += reach;
  }
  v->view.low = low * bytes, v->view.high = (high + 1) * bytes;
}

static void plan_view(Maker *m, int32_t dtype, const int32_t *strides, int32_t buffer, int64_t offset) {
  Planned *v = &m->plan->view[m->views++];
  int64_t first = KERNEL(view_make)(&v->view, dtype, strides, m->part->axes, m->part->rank);
  v->buffer = buffer;
  v->offset = offset + first * (buffer < 0 ? 1 : dtype_bytes(dtype));
  for (int32_t k = 0; k < m->part->rank; k++) v->along[k] = strides[m->part->axes[k].axis];
  if (m->part->moves) reach_everywhere(m, v, strides);
}

static void plan_operand(Maker *m, const int32_t *operand) { plan_view(m, operand[3], operand + 4, operand[0], word64(operand + 1)); }

// The index along an axis, or (axis < 0) in the whole shape, as a view without memory.
static int32_t index_view(Maker *m, int32_t axis) {
  int32_t strides[VIEW_AXES], stride = 1;
  for (int32_t k = m->body->rank - 1; k >= 0; k--) {
    strides[k] = axis < 0 ? stride : k == axis;
    stride = (int32_t)((uint32_t)stride * (uint32_t)m->body->shape[k]);
  }
  plan_view(m, DTYPE_I32, strides, -1, 0);
  return m->views - 1;
}

static const View *view_at(const Maker *m, int32_t view) { return &m->plan->view[view].view; }

static int lies_in_one_piece(const Maker *m, const View *v) {
  if (v->dtype != DTYPE_F32 && v->dtype != DTYPE_I32) return 0;
  if (m->part->rows == 1) return v->column == 1 || m->part->columns == 1;
  return m->whole_rows && view_is_dense(v, m->part->columns);
}

// Whether an input and an output share memory. A tile is the caller's own.
static int overlap(const Maker *m, int32_t input, int32_t output) {
  const Planned *a = &m->plan->view[input], *b = &m->plan->view[output];
  if (a->buffer < 0) return 0;
  const char *in = m->buffers[a->buffer] + a->offset, *out = m->buffers[b->buffer] + b->offset;
  return in + a->view.low < out + b->view.high && out + b->view.low < in + a->view.high;
}

static int32_t output_of(const Maker *m, const int32_t *store) { return m->body->inputs + store[2]; }

// Whether the register loaded by instruction k may be the input itself.
static int load_may_bind(const Maker *m, int32_t k, int32_t input) {
  int32_t r = instruction(m->body, k)[2], written = 0;
  for (int32_t j = k + 1; j < m->body->count; j++) {
    const int32_t *i = instruction(m->body, j);
    if (written && reads_full(i, r)) return 0;
    if (writes_full(i, r)) return 1;
    if (i[0] == OP_STORE && m->part->with_outputs && overlap(m, input, output_of(m, i))) written = 1;
  }
  return 1;
}

// The store of what instruction k computes, if k may write there itself; otherwise -1.
static int32_t store_to_bind(const Maker *m, int32_t k) {
  int32_t r = instruction(m->body, k)[2], s = k + 1;
  if (!m->part->with_outputs) return -1;
  for (;; s++) {
    if (s >= m->body->count) return -1;
    const int32_t *i = instruction(m->body, s);
    if (i[0] == OP_STORE && i[1] == 0 && i[3] == r) break;
    if (writes_full(i, r)) return -1;
  }
  int32_t out = output_of(m, instruction(m->body, s));
  if (!lies_in_one_piece(m, view_at(m, out))) return -1;
  for (int32_t j = k + 1; j < s; j++) {
    const int32_t *i = instruction(m->body, j);
    if (i[0] == OP_LOAD && overlap(m, i[3], out)) return -1;
    for (int32_t q = 0; q < m->body->full; q++)
      if (m->bound[q] >= 0 && reads_full(i, q) && overlap(m, m->bound[q], out)) return -1;
  }
  return s;
}

static void make_load(Maker *m, int32_t k) {
  const int32_t *i = instruction(m->body, k);
  const View *v = view_at(m, i[3]);
  int32_t buffer = m->plan->view[i[3]].buffer;
  if (buffer < 0) {
    Action *t = act(m, ACTION_TILE);
    t->code = -1 - buffer, t->d = new_place(m, 0);
    set_register(m, i[2], t->d, HEED_LANES);
  } else if (i[1]) {
    Action *t = act(m, ACTION_LOAD_ROWS);
    t->view = i[3], t->d = row_place(m, i[2]);
  } else if (v->column == 0 && view_is_constant_by_row(v)) {
    set_everywhere(m, i[2], SETUP_SCALAR)->view = i[3];
  } else if (m->part->rows == 1 && v->column == 0) {
    set_for_row(m, i[2], ACTION_LOAD_SPLAT)->view = i[3];
  } else if (lies_in_one_piece(m, v) && load_may_bind(m, k, i[3])) {
    Action *t = act(m, ACTION_BIND);
    t->view = i[3], t->d = new_place(m, 0);
    set_register(m, i[2], t->d, HEED_LANES);
    m->bound[i[2]] = i[3];
  } else if (m->whole_rows && view_is_constant_by_row(v)) {
    Action *t = set_up(m, SETUP_LOAD);
    t->view = i[3], t->d = new_place(m, take(m, values_bytes(block_values(m))));
    set_register(m, i[2], t->d, HEED_LANES);
  } else {
    Action *t = act(m, ACTION_LOAD);
    t->view = i[3], t->d = i[2];
    set_register(m, i[2], i[2], HEED_LANES);
  }
}

static void make_indices(Maker *m, const int32_t *i) {
  int32_t v = index_view(m, i[0] == OP_RANDOM ? -1 : i[3]);
  if (i[1]) {
    Action *t = act(m, ACTION_INDICES_ROWS);
    t->view = v, t->d = row_place(m, i[2]);
  } else if (i[0] == OP_IOTA && m->whole_rows && view_is_constant_by_row(view_at(m, v))) {
    Action *t = set_up(m, SETUP_INDICES);
    t->view = v, t->d = new_place(m, take(m, values_bytes(block_values(m))));
    set_register(m, i[2], t->d, HEED_LANES);
  } else {
    Action *t = act(m, i[0] == OP_RANDOM ? ACTION_RANDOM : ACTION_INDICES);
    t->view = v, t->d = i[2];
    if (i[0] == OP_RANDOM) t->seed = i[3], t->code = i[4];
    set_register(m, i[2], i[2], HEED_LANES);
  }
}

// The place of a full register as an array: what is the same everywhere is written out.
static int32_t spread(Maker *m, int32_t r) {
  if (m->step[r] == 0) {
    Action *t = act(m, ACTION_RUN);
    t->run = KERNEL(operation)(OP_INT + 48);  // i32 to i32: a copy
    t->a = m->place[r], t->d = r;
    set_register(m, r, r, HEED_LANES);
  }
  return m->place[r];
}

// Whether what instruction k broadcasts only ever divides, while the row register still holds it.
static int only_divides(const Maker *m, int32_t k) {
  const int32_t *broadcast = instruction(m->body, k);
  int32_t r = broadcast[2], row = broadcast[3], changed = 0;
  for (int32_t j = k + 1; j < m->body->count; j++) {
    const int32_t *i = instruction(m->body, j);
    if (reads_full(i, r) && (changed || i[0] != OP_DIV || i[3] == r)) return 0;
    if (writes_full(i, r)) return 1;
    if (i[1] == 1 && i[0] != OP_STORE && i[2] == row) changed = 1;
  }
  return 1;
}

static void make_broadcast(Maker *m, int32_t k) {
  const int32_t *i = instruction(m->body, k);
  set_register(m, i[2], i[2], HEED_LANES);
  if (only_divides(m, k)) {
    m->by_row[i[2]] = i[3];
    return;
  }
  if (m->part->rows == 1) {
    set_for_row(m, i[2], ACTION_SPLAT)->a = row_place(m, i[3]);
    return;
  }
  Action *t = act(m, ACTION_BROADCAST);
  t->a = row_place(m, i[3]), t->d = i[2];
}

static void make_scalar(Maker *m, int32_t k) {
  const int32_t *i = instruction(m->body, k);
  Operation run = KERNEL(operation)(i[0]);
  int32_t arity = KERNEL(operation_arity)(i[0]);
  if (i[1]) {
    Action *t = act(m, ACTION_RUN_ROWS);
    t->run = run, t->d = row_place(m, i[2]), t->a = row_place(m, i[3]);
    if (arity > 1) t->b = row_place(m, i[4]);
    if (arity > 2) t->c = row_place(m, i[5]);
    return;
  }
  int by_row = i[0] == OP_DIV && m->by_row[i[4]] >= 0;
  int32_t first = by_row ? spread(m, i[3]) : m->place[i[3]];
  Action *t = act(m, by_row ? ACTION_DIVIDE_ROWS : ACTION_RUN);
  t->run = run, t->a = first, t->a_step = m->step[i[3]];
  if (by_row)
    t->b = row_place(m, m->by_row[i[4]]);
  else if (arity > 1)
    t->b = m->place[i[4]], t->b_step = m->step[i[4]];
  if (arity > 2) t->c = m->place[i[5]], t->c_step = m->step[i[5]];
  if (i[0] == OP_POW && t->b_step == 0) t->kind = ACTION_POWER;  // one power for all
  int32_t store = store_to_bind(m, k);
  if (store >= 0) {
    m->stored[store] = 1;
    t->view = output_of(m, instruction(m->body, store));
    t->d = new_place(m, 0);
  } else {
    t->d = i[2];
  }
  set_register(m, i[2], t->d, HEED_LANES);
}

static void make_instruction(Maker *m, int32_t k) {
  const int32_t *i = instruction(m->body, k);
  if (i[0] == OP_LOAD) {
    make_load(m, k);
  } else if (i[0] == OP_IOTA || i[0] == OP_RANDOM) {
    make_indices(m, i);
  } else if (i[0] == OP_CONSTANT && i[1]) {
    Action *t = act(m, ACTION_FILL_ROWS);
    t->code = i[3], t->d = row_place(m, i[2]);
  } else if (i[0] == OP_CONSTANT) {
    set_everywhere(m, i[2], SETUP_CONSTANT)->code = i[3];
  } else if (i[0] == OP_STORE) {
    if (!m->part->with_outputs || m->stored[k]) return;
    int32_t from = i[1] ? row_place(m, i[3]) : spread(m, i[3]);
    Action *t = act(m, i[1] ? ACTION_STORE_ROWS : ACTION_STORE);
    t->view = output_of(m, i), t->a = from;
  } else if (i[0] == OP_BROADCAST) {
    make_broadcast(m, k);
  } else if (is_reduce(i[0])) {
    int32_t from = spread(m, i[3]);
    Action *t = act(m, ACTION_REDUCE);
    t->code = i[0], t->a = from, t->d = row_place(m, i[2]);
  } else {
    make_scalar(m, k);
  }
}

// Once all actions are known: which operands to ask for ahead of time.
static void choose_streams(Maker *m) {
  ExpressionPlan *p = m->plan;
  int64_t bytes = 0;
  int32_t found = 0;
  for (const Action *t = p->action, *end = t + p->actions; t < end; t++) {
    int computes = t->kind == ACTION_RUN || t->kind == ACTION_POWER;
    p->loops += computes;
    if (t->view < 0 || (t->kind != ACTION_BIND && !computes) || found == STREAMS) continue;
    const Planned *v = &p->view[t->view];
    int seen = 0;
    for (int32_t i = 0; i < found; i++) seen |= p->view[p->stream[i]].buffer == v->buffer && p->view[p->stream[i]].offset == v->offset;
    if (seen) continue;
    p->stream[found++] = t->view;
    bytes += v->view.high - v->view.low;
  }
  if (p->loops && bytes > IN_CACHE && !m->part->moves) p->streams = found;
}

// Pieces of the plan's memory.
static void *piece(char **free, int64_t bytes) {
  char *p = *free;
  *free += (bytes + 7) & ~(int64_t)7;
  return p;
}

int64_t KERNEL(expression_plan_bytes)(const Body *b) {
  return whole_lines((int64_t)sizeof(ExpressionPlan) + most_views(b) * (int64_t)sizeof(Planned) + 3 * (int64_t)b->count * (int64_t)sizeof(Action) +
                    most_places(b) * 8 + 4 * (b->full * 4 + 8) + b->count + 8);
}

const ExpressionPlan *KERNEL(expression_plan)(const Body *b, char *const *buffers, const Part *part, void *memory) {
  char *free = memory;
  Maker maker = {.body = b, .buffers = buffers, .part = part, .whole_rows = part->rank == 0 || part->columns == part->axes[part->rank - 1].size};
  Maker *m = &maker;
  ExpressionPlan *p = m->plan = piece(&free, sizeof(ExpressionPlan));
  *p = (ExpressionPlan){.rank = part->rank, .rows = part->rows, .columns = part->columns, .first_row = b->full, .after_rows = b->full + b->rows};
  p->action = piece(&free, 2 * (int64_t)b->count * (int64_t)sizeof(Action));
  p->setup = piece(&free, (int64_t)b->count * (int64_t)sizeof(Action));
  p->view = piece(&free, most_views(b) * (int64_t)sizeof(Planned));
  p->place = piece(&free, most_places(b) * 8);
  m->place = piece(&free, b->full * 4), m->step = piece(&free, b->full * 4), m->bound = piece(&free, b->full * 4);
  m->by_row = piece(&free, b->full * 4);
  m->stored = piece(&free, b->count);
  memset(m->stored, 0, (size_t)b->count);
  take(m, head_bytes(most_places(b), most_views(b)));
  for (int32_t r = 0; r < b->full; r++) {
    set_register(m, r, r, HEED_LANES);
    new_place(m, take(m, values_bytes(block_values(m))));
  }
  for (int32_t r = 0; r < b->rows; r++) new_place(m, take(m, values_bytes(part->rows)));
  if (p->places == 0) new_place(m, 0);
  for (int32_t i = 0; i < b->inputs; i++) plan_operand(m, body_input(b, i));
  for (int32_t i = 0; i < b->outputs && part->with_outputs; i++) plan_operand(m, body_output(b, i));
  for (int32_t k = 0; k < b->count; k++) make_instruction(m, k);
  if (part->result >= 0) p->result = spread(m, part->result);
  p->views = m->views;
  choose_streams(m);
  return p;
}

int64_t KERNEL(expression_bytes)(const Body *b, int64_t rows, int64_t values) {
  return KERNEL(expression_plan_bytes)(b) + KERNEL(expression_scratch_bytes)(b, rows, values);
}

Expression *KERNEL(expression_make)(const Body *b, const Context *context, char *scratch, const Axis *axes, int32_t rank,
                                    int64_t rows, int64_t columns, int32_t result, int with_outputs) {
  Part part = {axes, rank, rows, columns, result, with_outputs, 0};
  const ExpressionPlan *plan = KERNEL(expression_plan)(b, context->buffers, &part, scratch);
  return KERNEL(expression_begin)(plan, context->buffers, 0, scratch + KERNEL(expression_plan_bytes)(b));
}
