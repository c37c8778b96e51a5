// The gradient of a recurrent layer: its loop backwards. With D the gradients of what the state adds to the gates (W h + b), the state
// before a step gets D W, and what reaches it past W. A row that had ended hands its gradient on as it is.
//
// words: those of recurrent_plan.h, then states [T,B,H], memories [T,B,H], kept gates [T,B,4H], the gradients of states and of memories,
// and the results, of which any may be missing: gradients of projected [T,B,GH], of W h + b [T,B,GH], of hidden and memory [B,H].

#include "recurrent_cells.h"
#include "recurrent_product.h"

enum { TURNS_AFTER = 1 };  // the last one is for the initial state

typedef struct {
  Recurrent r;
  Operand states, memories, kept, dstates, dmemories;
  Operand dprojected, dsums, dhidden, dmemory;
  int64_t depth;                             // GH
  int64_t wide, stride, apart;               // of rows of D and of the state; from D before a step to the one after it, or 0
  int64_t d, direct, memory;                 // where they begin in shared scratch, in floats; the weights come first
  int64_t sum;                               // floats of a task's sums, the first of its own scratch
} Pass;

static void plan_pass(const int32_t *words, Pass *b) {
  Recurrent *r = &b->r;
  read_recurrent(words, r);
  const int32_t *w = r->rest;
  w = read_operand(w, 3, &b->states);
  w = read_operand(w, 3, &b->memories);
  w = read_operand(w, 3, &b->kept);
  w = read_operand(w, 3, &b->dstates);
  w = read_operand(w, 3, &b->dmemories);
  w = read_operand(w, 3, &b->dprojected);
  w = read_operand(w, 3, &b->dsums);
  w = read_operand(w, 2, &b->dhidden);
  read_operand(w, 2, &b->dmemory);
  b->depth = r->gates * r->h;
  b->wide = row_stride(b->depth);
  b->stride = row_stride(r->h);
  b->apart = r->stepped ? r->b * b->wide : 0;
  b->d = r->width * b->depth;
  b->direct = b->d + r->b * b->wide + b->apart;
  b->memory = b->direct + r->b * b->stride;
  r->shared = b->memory + (r->cell == CELL_LSTM ? r->b * b->stride : 0);
  b->sum = r->rows * r->part_width;
  r->own = b->sum + (6 + 2 * r->gates + r->saved) * r->h;
}

static int64_t pack_tasks(const Recurrent *r) { return divide_up(r->panels, PANELS_PACKED); }

// W [gate and unit after][unit before], some panels of it.
static void pack(const Pass *b, const Context *context, int64_t task) {
  const Recurrent *r = &b->r;
  const Operand *w = &r->weight;
  int64_t unit = task * PANELS_PACKED * TILE_COLUMNS;
  const float *from = (const float *)operand_base(w, context) + unit * w->strides[1];
  float *to = (float *)context->shared + unit * b->depth;
  pack_wide(to, (const char *)from, DTYPE_F32, w->strides[0], w->strides[1], b->depth, min64(r->h - unit, PANELS_PACKED * TILE_COLUMNS));
}

static void begin(const Pass *b, const Context *context, int64_t row, int64_t rows) {
  float *shared = (float *)context->shared;
  size_t bytes = (size_t)(rows * b->stride) * 4;
  memset(shared + b->direct + row * b->stride, 0, bytes);
  if (b->r.cell == CELL_LSTM) memset(shared + b->memory + row * b->stride, 0, bytes);
}

typedef struct {
  const float *kept, *after, *memory_after, *before, *memory_before;  // 0 for a state before that was zeros
  const float *dstates, *dmemories;                                   // or 0
  float *direct, *memory;                                             // gradients of the state before that are not by W; of its memory
  float *d, *dprojected, *dsums;
} Step;

// What reaches the state after the step.
HEED_INLINE vf gradient_of_state(const Step *s, const float *sum, int64_t v, int64_t u, int64_t n) {
  vf dh = load(sum + v) + load_units(s->direct + u, n);
  return s->dstates ? dh + load_units(s->dstates + u, n) : dh;
}
HEED_INLINE vf gradient_of_memory(const Step *s, int64_t u, int64_t n) {
  vf dc = load_units(s->memory + u, n);
  return s->dmemories ? dc + load_units(s->dmemories + u, n) : dc;
}

HEED_INLINE void step_row(const int cell, int64_t h, const Step *s, const float *sum, Share share) {
  const int64_t gates = gates_of(cell);
  for (int64_t v = 0; v < share.units; v += HEED_LANES) {
    int64_t u = share.unit + v, n = share.units - v;
    vf dh = gradient_of_state(s, sum, v, u, n), kept[4], zero = {0}, dc = zero, after = zero, c = zero, before = zero, cp = zero;
    if (cell >= CELL_LSTM)
#pragma GCC unroll 4
      for (int64_t g = 0; g < 4; g++) kept[g] = load_units(s->kept + g * h + u, n);
    if (cell < CELL_LSTM) after = load_units(s->after + u, n);
    if (cell == CELL_GRU && s->before) before = load_units(s->before + u, n);
    if (cell == CELL_LSTM) {
      dc = gradient_of_memory(s, u, n), c = load_units(s->memory_after + u, n);
      if (s->memory_before) cp = load_units(s->memory_before + u, n);
    }
    Before b = step_backward(cell, kept, after, c, before, cp, dh, dc);
    if (cell == CELL_LSTM) store_units(s->memory + u, b.c, n);
    store_units(s->direct + u, b.h, n);
#pragma GCC unroll 4
    for (int64_t g = 0; g < gates; g++) {
      vf side = cell == CELL_GRU && g == 2 ? b.s : b.x[g];
      store_units(s->d + g * h + u, side, n);
      if (s->dprojected) store_units(s->dprojected + g * h + u, b.x[g], n);
      if (s->dsums) store_units(s->dsums + g * h + u, side, n);
    }
  }
}

static void pass_row(const Recurrent *r, const Step *s, const float *sum, Share share) {
  for (int64_t v = 0; v < share.units; v += HEED_LANES) {
    int64_t u = share.unit + v, n = share.units - v;
    store_units(s->direct + u, gradient_of_state(s, sum, v, u, n), n);
    if (r->cell == CELL_LSTM) store_units(s->memory + u, gradient_of_memory(s, u, n), n);
    for (int64_t g = 0; g < r->gates; g++) {
      store_units(s->d + g * r->h + u, splat(0), n);
      if (s->dprojected) store_units(s->dprojected + g * r->h + u, splat(0), n);
      if (s->dsums) store_units(s->dsums + g * r->h + u, splat(0), n);
    }
  }
}

// D W for the state after step `number`, into own scratch.
static void multiply(const Pass *b, const Context *context, int64_t number, Share share) {
  const Recurrent *r = &b->r;
  const float *shared = (const float *)context->shared;
  if (number == r->t - 1) {
    memset(context->own, 0, (size_t)(share.rows * r->part_width) * 4);
    return;
  }
  int64_t panel = share.unit / TILE_COLUMNS;
  Weights w = {shared, 1, 0, b->depth, r->width, panel, panel + divide_up(share.units, TILE_COLUMNS)};
  const float *d = shared + b->d + (number % 2 ? 0 : b->apart) + share.row * b->wide;
  multiply_rows(d, b->wide, share.rows, &w, (float *)context->own, 0, r->part_width);
}

static void do_step(const Pass *b, const Context *context, int64_t number, Share share) {
  const Recurrent *r = &b->r;
  float *shared = (float *)context->shared, *own = (float *)context->own, *room = own + b->sum;
  int64_t h = r->h, time = time_of(r, number), earlier = number > 0 ? time_of(r, number - 1) : 0;
  multiply(b, context, number, share);
  for (int64_t i = 0; i < share.rows; i++) {
    int64_t row = share.row + i;
    Row dprojected = row_at(&b->dprojected, context, time, row, room + (6 + r->saved) * h);
    Row dsums = row_at(&b->dsums, context, time, row, room + (6 + r->saved + r->gates) * h);
#define UNITS(row, count) read_row(row, count, h, share.unit, share.units)
    Step s = {
        .dstates = UNITS(row_at(&b->dstates, context, time, row, room), 1),
        .dmemories = UNITS(row_at(&b->dmemories, context, time, row, room + h), 1),
        .direct = shared + b->direct + row * b->stride,
        .memory = shared + b->memory + row * b->stride,
        .d = shared + b->d + (number % 2 ? b->apart : 0) + row * b->wide,
        .dprojected = begin_row(dprojected),
        .dsums = begin_row(dsums),
    };
    const float *sum = own + i * r->part_width;
    if (has_ended(r, context, time, row)) {
      pass_row(r, &s, sum, share);
    } else {
      Row before = number > 0 ? row_at(&b->states, context, earlier, row, room + 2 * h) : state_at(&r->hidden, context, row, room + 2 * h);
      Row memory = number > 0 ? row_at(&b->memories, context, earlier, row, room + 3 * h) : state_at(&r->memory, context, row, room + 3 * h);
      s.before = UNITS(before, 1), s.memory_before = UNITS(memory, 1);
      s.after = UNITS(row_at(&b->states, context, time, row, room + 4 * h), 1);
      s.memory_after = UNITS(row_at(&b->memories, context, time, row, room + 5 * h), 1);
      s.kept = UNITS(row_at(&b->kept, context, time, row, room + 6 * h), 4);
#define STEP_ROW(cell) step_row(cell, h, &s, sum, share)
      WITH_CELL(r->cell, STEP_ROW)
#undef STEP_ROW
    }
#undef UNITS
    end_row(dprojected, r->gates, h, share.unit, share.units);
    end_row(dsums, r->gates, h, share.unit, share.units);
  }
}

static void write_state(const Operand *to, const Context *context, int64_t row, const float *from, const float *also, Share share) {
  if (!has(to)) return;
  float *base = (float *)operand_base(to, context) + row * to->strides[0];
  for (int64_t v = 0; v < share.units; v++) base[(share.unit + v) * to->strides[1]] = from[share.unit + v] + (also ? also[v] : 0);
}

// Before the first step: the gradients of the initial state.
static void end(const Pass *b, const Context *context, Share share) {
  const float *shared = (const float *)context->shared, *own = (const float *)context->own;
  if (has(&b->dhidden)) multiply(b, context, -1, share);
  for (int64_t i = 0; i < share.rows; i++) {
    int64_t at = (share.row + i) * b->stride;
    write_state(&b->dhidden, context, share.row + i, shared + b->direct + at, own + i * b->r.part_width, share);
    write_state(&b->dmemory, context, share.row + i, shared + b->memory + at, 0, share);
  }
}

static void take_turn(const Pass *b, const Context *context, int64_t turn, Share share) {
  if (turn < b->r.t)
    do_step(b, context, b->r.t - 1 - turn, share);
  else
    end(b, context, share);
}

#include "recurrent_frame.h"

const Kernel KERNEL(recurrent_gradient_kernel) = {shared_bytes, own_bytes, phases, tasks, run, plan_bytes, plan};
