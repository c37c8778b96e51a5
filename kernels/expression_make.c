// Making an expression ready: where each register's values will lie, and which action each instruction becomes. Two things save
// copies. A load whose values lie in one piece is only bound: its register is the input itself, unless the register is still read
// after a store that may write there. And an instruction whose result is stored in one piece writes straight to the output, unless
// something between it and the store still reads what lies there.

#include "expression_plan.h"
#include "expression_words.h"

enum { LINE = 64, IN_CACHE = 1 << 19 };

typedef struct {
  const Body *body;
  const Context *context;
  const Axis *axes;
  int32_t rank;
  int64_t rows, columns;  // of the largest block
  int whole_rows, with_outputs;
  char *free;             // rest of the scratch
  Expression *expression;
  View *view;             // of inputs, then of outputs, then of indices
  int32_t views;
  // of each full register, as it stands at the instruction in hand:
  int32_t *place, *step;
  int32_t *bound;         // the input it lies in, or -1
  int32_t *by_row;        // the row register whose values it would repeat, when only divisions want them; or -1
  char *stored;           // of each instruction: a store that has been done by the instruction before it
} Maker;

static int64_t round_line(int64_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

static void *take(Maker *m, int64_t bytes) {
  char *p = m->free;
  m->free += round_line(bytes);
  return p;
}

// Room for an array of values. Were the arrays of 1024 values 4 KiB apart, loads would wait for stores to the array before, which
// differ in the high bits of the address alone.
static int64_t values_bytes(int64_t values) { return round_line((values + HEED_LANES) * 4) + 8 * LINE; }

int64_t KERNEL(expression_bytes)(const Body *b, int64_t rows, int64_t values) {
  int64_t indices = 0, kept = 0, vectors = 0;  // views without memory; arrays and single vectors that are filled once
  for (int32_t k = 0; k < b->count; k++) {
    const int32_t *i = instruction(b, k);
    indices += i[0] == OP_IOTA || i[0] == OP_RANDOM;
    kept += (i[0] == OP_LOAD || i[0] == OP_IOTA) && !i[1];
    vectors += (i[0] == OP_LOAD || i[0] == OP_CONSTANT) && !i[1];
  }
  int64_t places = b->full + b->rows + 2 * (int64_t)b->count + 2;
  return round_line(sizeof(Expression)) + round_line((b->inputs + b->outputs + indices) * (int64_t)sizeof(View)) +
         round_line(2 * (int64_t)b->count * (int64_t)sizeof(Action)) + round_line(places * 8) + 4 * round_line(b->full * 4 + 4) +
         round_line(b->count + 1) + (b->full + kept) * values_bytes(values) + b->rows * values_bytes(rows) +
         vectors * round_line(HEED_LANES * 4);
}

static int32_t new_place(Maker *m, char *address) {
  m->expression->place[m->expression->places] = address;
  return m->expression->places++;
}
static Action *act(Maker *m, int32_t kind) {
  Action *t = &m->expression->action[m->expression->actions++];
  memset(t, 0, sizeof *t);
  t->kind = kind;
  return t;
}
static void set_register(Maker *m, int32_t r, int32_t place, int32_t step) {
  m->place[r] = place, m->step[r] = step, m->bound[r] = m->by_row[r] = -1;
}
static int32_t row_place(const Maker *m, int32_t r) { return m->body->full + r; }

// One vector stands for a value that is the same everywhere.
static void set_everywhere(Maker *m, int32_t r, int32_t bits) {
  int32_t *slot = take(m, HEED_LANES * 4);
  for (int j = 0; j < HEED_LANES; j++) slot[j] = bits;
  set_register(m, r, new_place(m, (char *)slot), 0);
}

static View *make_view(Maker *m, const int32_t *operand, View *view) {
  char *base = operand[0] < 0 ? 0 : m->context->buffers[operand[0]] + word64(operand + 1);
  KERNEL(view_make)(view, base, operand[3], operand + 4, m->axes, m->rank);
  return view;
}

// The index along an axis, or (axis < 0) in the whole shape, as a view without memory.
static View *index_view(Maker *m, int32_t axis) {
  int32_t strides[VIEW_AXES], stride = 1;
  for (int32_t k = m->body->rank - 1; k >= 0; k--) {
    strides[k] = axis < 0 ? stride : k == axis;
    stride = (int32_t)((uint32_t)stride * (uint32_t)m->body->shape[k]);
  }
  View *view = &m->view[m->views++];
  KERNEL(view_make)(view, 0, DTYPE_I32, strides, m->axes, m->rank);
  return view;
}

static int lies_in_one_piece(const Maker *m, const View *v) {
  if (v->dtype != DTYPE_F32 && v->dtype != DTYPE_I32) return 0;
  if (m->rows == 1) return v->column == 1 || m->columns == 1;
  return m->whole_rows && view_is_dense(v, m->columns);
}
static int overlap(const View *a, const View *b) { return a->base + a->low < b->base + b->high && b->base + b->low < a->base + a->high; }

static const View *output_of(const Maker *m, const int32_t *store) { return &m->view[m->body->inputs + store[2]]; }

// Whether the register loaded by instruction k may be the input itself.
static int load_may_bind(const Maker *m, int32_t k, const View *input) {
  int32_t r = instruction(m->body, k)[2], written = 0;
  for (int32_t j = k + 1; j < m->body->count; j++) {
    const int32_t *i = instruction(m->body, j);
    if (written && reads_full(i, r)) return 0;
    if (writes_full(i, r)) return 1;
    if (i[0] == OP_STORE && overlap(input, output_of(m, i))) written = 1;
  }
  return 1;
}

// The store of what instruction k computes, if k may write there itself; otherwise -1.
static int32_t store_to_bind(const Maker *m, int32_t k) {
  int32_t r = instruction(m->body, k)[2], s = k + 1;
  if (!m->with_outputs) return -1;
  for (;; s++) {
    if (s >= m->body->count) return -1;
    const int32_t *i = instruction(m->body, s);
    if (i[0] == OP_STORE && i[1] == 0 && i[3] == r) break;
    if (writes_full(i, r)) return -1;
  }
  const View *out = output_of(m, instruction(m->body, s));
  if (!lies_in_one_piece(m, out)) return -1;
  for (int32_t j = k + 1; j < s; j++) {
    const int32_t *i = instruction(m->body, j);
    if (i[0] == OP_LOAD && overlap(&m->view[i[3]], out)) return -1;
    for (int32_t q = 0; q < m->body->full; q++)
      if (m->bound[q] >= 0 && reads_full(i, q) && overlap(&m->view[m->bound[q]], out)) return -1;
  }
  return s;
}

static void make_load(Maker *m, int32_t k) {
  const int32_t *i = instruction(m->body, k);
  View *v = &m->view[i[3]];
  int32_t buffer = body_input(m->body, i[3])[0];
  if (buffer < 0) {
    Action *t = act(m, ACTION_TILE);
    t->code = -1 - buffer, t->d = new_place(m, 0);
    set_register(m, i[2], t->d, HEED_LANES);
  } else if (i[1]) {
    Action *t = act(m, ACTION_LOAD_ROWS);
    t->view = v, t->d = row_place(m, i[2]);
  } else if (v->column == 0 && view_is_constant_by_row(v)) {
    int32_t bits;
    KERNEL(view_load)(v, &bits, 0, 1, 0, 1);
    set_everywhere(m, i[2], bits);
  } else if (lies_in_one_piece(m, v) && load_may_bind(m, k, v)) {
    Action *t = act(m, ACTION_BIND);
    t->view = v, t->d = new_place(m, 0);
    set_register(m, i[2], t->d, HEED_LANES);
    m->bound[i[2]] = i[3];
  } else if (m->whole_rows && view_is_constant_by_row(v)) {
    char *values = take(m, values_bytes(m->rows * m->columns));
    KERNEL(view_load)(v, values, 0, m->rows, 0, m->columns);
    set_register(m, i[2], new_place(m, values), HEED_LANES);
  } else {
    Action *t = act(m, ACTION_LOAD);
    t->view = v, t->d = i[2];
    set_register(m, i[2], i[2], HEED_LANES);
  }
}

static void make_indices(Maker *m, const int32_t *i) {
  View *v = index_view(m, i[0] == OP_RANDOM ? -1 : i[3]);
  if (i[1]) {
    Action *t = act(m, ACTION_INDICES_ROWS);
    t->view = v, t->d = row_place(m, i[2]);
  } else if (i[0] == OP_IOTA && m->whole_rows && view_is_constant_by_row(v)) {
    char *values = take(m, values_bytes(m->rows * m->columns));
    KERNEL(view_indices)(v, (int32_t *)values, 0, m->rows, 0, m->columns);
    set_register(m, i[2], new_place(m, values), HEED_LANES);
  } else {
    Action *t = act(m, i[0] == OP_RANDOM ? ACTION_RANDOM : ACTION_INDICES);
    t->view = v, t->d = i[2];
    if (i[0] == OP_RANDOM) {
      int32_t seed;
      KERNEL(view_load)(&m->view[i[3]], &seed, 0, 1, 0, 1);
      t->key = counter_key((uint32_t)seed, (uint32_t)i[4]);
    }
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
  if (i[0] == OP_POW && t->b_step == 0) {  // x to a known power
    Operation power = KERNEL(operation_power)(*(const float *)m->expression->place[t->b]);
    if (power) t->run = power, t->b = 0;
  }
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
    int32_t *values = (int32_t *)m->expression->place[row_place(m, i[2])];
    for (int64_t j = 0; j < m->rows + HEED_LANES; j++) values[j] = i[3];
  } else if (i[0] == OP_CONSTANT) {
    set_everywhere(m, i[2], i[3]);
  } else if (i[0] == OP_STORE) {
    if (!m->with_outputs || m->stored[k]) return;
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
  Expression *e = m->expression;
  int64_t bytes = 0;
  int32_t found = 0;
  for (const Action *t = e->action, *end = t + e->actions; t < end; t++) {
    e->loops += t->kind == ACTION_RUN;
    if (!t->view || (t->kind != ACTION_BIND && t->kind != ACTION_RUN) || found == STREAMS) continue;
    int seen = 0;
    for (int32_t i = 0; i < found; i++) seen |= e->stream[i]->base == t->view->base;
    if (seen) continue;
    e->stream[found++] = t->view;
    bytes += t->view->high - t->view->low;
  }
  if (e->loops && bytes > IN_CACHE) e->streams = found;
}

Expression *KERNEL(expression_make)(const Body *b, const Context *context, char *scratch, const Axis *axes, int32_t rank,
                                    int64_t rows, int64_t columns, int32_t result, int with_outputs) {
  Maker maker = {.body = b, .context = context, .axes = axes, .rank = rank, .rows = rows, .columns = columns, .free = scratch,
                 .with_outputs = with_outputs, .whole_rows = rank == 0 || columns == axes[rank - 1].size};
  Maker *m = &maker;
  Expression *e = m->expression = take(m, sizeof(Expression));
  int64_t indices = 0;
  for (int32_t k = 0; k < b->count; k++) indices += instruction(b, k)[0] == OP_IOTA || instruction(b, k)[0] == OP_RANDOM;
  m->view = take(m, (b->inputs + b->outputs + indices) * (int64_t)sizeof(View));
  e->action = take(m, 2 * (int64_t)b->count * (int64_t)sizeof(Action));
  e->place = take(m, (b->full + b->rows + 2 * (int64_t)b->count + 2) * 8);
  e->actions = e->places = e->result = e->loops = e->streams = 0;
  m->place = take(m, b->full * 4 + 4), m->step = take(m, b->full * 4 + 4), m->bound = take(m, b->full * 4 + 4);
  m->by_row = take(m, b->full * 4 + 4);
  m->stored = take(m, b->count + 1);
  memset(m->stored, 0, (size_t)b->count + 1);
  for (int32_t r = 0; r < b->full; r++) {
    set_register(m, r, r, HEED_LANES);
    new_place(m, take(m, values_bytes(rows * columns)));
  }
  for (int32_t r = 0; r < b->rows; r++) {
    char *values = take(m, values_bytes(rows));
    memset(values, 0, (size_t)values_bytes(rows));  // lanes past the last row are computed too
    new_place(m, values);
  }
  if (e->places == 0) new_place(m, 0);
  for (int32_t i = 0; i < b->inputs; i++) make_view(m, body_input(b, i), &m->view[m->views++]);
  for (int32_t i = 0; i < b->outputs && with_outputs; i++) make_view(m, body_output(b, i), &m->view[b->inputs + i]);
  m->views = b->inputs + b->outputs;
  for (int32_t k = 0; k < b->count; k++) make_instruction(m, k);
  if (result >= 0) e->result = spread(m, result);
  choose_streams(m);
  return e;
}
