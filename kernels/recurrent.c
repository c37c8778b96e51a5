// A recurrent layer over all time steps: h[t] = cell(projected[t], W h[t-1] + b), t running backwards with `reverse`. A row that has ended
// (t >= length) keeps its state. recurrent_plan.h has the division of work, recurrent_product.h the product, recurrent_cells.h the cells.
//
// words: those of recurrent_plan.h, then projected [T,B,GH], bias [GH], states [T,B,H], memories [T,B,H], kept gates [T,B,4H]; bias and the
// three results may be missing.

#include "recurrent_cells.h"
#include "recurrent_product.h"

enum { TURNS_AFTER = 0 };

typedef struct {
  Recurrent r;
  Operand projected, bias, states, memories, kept;
  int64_t stride, apart;                   // of rows of the state; from the state before a step to the one after it, or 0
  int64_t biases, state, memory;           // where they begin in shared scratch, in floats; the weights come first
  int64_t sum;                             // floats of a task's sums, the first of its own scratch
} Pass;

static void plan_pass(const int32_t *words, Pass *f) {
  Recurrent *r = &f->r;
  read_recurrent(words, r);
  const int32_t *w = read_operand(r->rest, 3, &f->projected);
  w = read_operand(w, 1, &f->bias);
  w = read_operand(w, 3, &f->states);
  w = read_operand(w, 3, &f->memories);
  read_operand(w, 3, &f->kept);
  f->stride = row_stride(r->h);
  f->apart = r->stepped ? r->b * f->stride : 0;
  f->biases = r->gates * r->width * r->h;
  f->state = f->biases + r->gates * r->width;
  f->memory = f->state + r->b * f->stride + f->apart;
  r->shared = f->memory + (r->cell == CELL_LSTM ? r->b * f->stride : 0);
  f->sum = r->rows * r->gates * r->part_width;
  r->own = f->sum + (r->gates + 2 + r->saved) * r->h;
}

// --- before the first step: weights into panels, the initial state into scratch

static int64_t weight_tasks(const Recurrent *r) { return r->gates * divide_up(r->panels, PANELS_PACKED); }
static int64_t pack_tasks(const Recurrent *r) { return weight_tasks(r) + 1; }  // and the bias

// Wᵀ [k][unit] of one gate, some panels of it.
static void pack_weights(const Pass *f, const Context *context, int64_t task) {
  const Recurrent *r = &f->r;
  const Operand *w = &r->weight;
  int64_t gate = task % r->gates, unit = task / r->gates * PANELS_PACKED * TILE_COLUMNS;
  const float *from = (const float *)operand_base(w, context) + (gate * r->h + unit) * w->strides[0];
  float *to = (float *)context->shared + (gate * r->width + unit) * r->h;
  pack_wide(to, (const char *)from, DTYPE_F32, w->strides[1], w->strides[0], r->h, min64(r->h - unit, PANELS_PACKED * TILE_COLUMNS));
}

static void spread_bias(const Pass *f, const Context *context) {
  const Recurrent *r = &f->r;
  float *to = (float *)context->shared + f->biases;
  for (int64_t g = 0; g < r->gates; g++, to += r->width)
    for (int64_t u = 0; u < r->width; u++)
      to[u] = has(&f->bias) && u < r->h ? ((const float *)operand_base(&f->bias, context))[(g * r->h + u) * f->bias.strides[0]] : 0;
}

static void pack(const Pass *f, const Context *context, int64_t task) {
  if (task < weight_tasks(&f->r))
    pack_weights(f, context, task);
  else
    spread_bias(f, context);
}

static void begin_state(const Operand *initial, const Context *context, float *state, int64_t stride, int64_t row, int64_t rows, int64_t h) {
  for (; rows > 0; rows--, row++) {
    float *to = state + row * stride;
    Row from = state_at(initial, context, row, to);
    if (from.base)
      for (int64_t u = 0; u < h; u++) to[u] = from.base[u * from.stride];
    else
      memset(to, 0, (size_t)h * 4);
  }
}

static void begin(const Pass *f, const Context *context, int64_t row, int64_t rows) {
  float *shared = (float *)context->shared;
  begin_state(&f->r.hidden, context, shared + f->state, f->stride, row, rows, f->r.h);
  if (f->r.cell == CELL_LSTM) begin_state(&f->r.memory, context, shared + f->memory, f->stride, row, rows, f->r.h);
}

// --- a step

typedef struct {
  const float *projected, *sum, *bias;  // gate after gate: h, part_width and width floats apart
  const float *before;                  // h[t-1], and h[t] for the step to come
  float *after, *memory;
  float *states, *memories, *kept;      // results, or 0
} Step;

HEED_INLINE void step_row(const int cell, const Pass *f, const Step *s, Share share) {
  const int64_t gates = gates_of(cell), h = f->r.h;
  for (int64_t v = 0; v < share.units; v += HEED_LANES) {
    int64_t u = share.unit + v, n = share.units - v;
    vf x[4], sum[4];
#pragma GCC unroll 4
    for (int64_t g = 0; g < gates; g++) {
      x[g] = load_units(s->projected + g * h + u, n);
      sum[g] = load(s->sum + g * f->r.part_width + v) + load(s->bias + g * f->r.width + u);
    }
    Next next = step_forward(cell, x, sum, load_units(s->before + u, n), cell == CELL_LSTM ? load_units(s->memory + u, n) : splat(0));
    store_units(s->after + u, next.h, n);
    if (s->states) store_units(s->states + u, next.h, n);
    if (cell == CELL_LSTM) store_units(s->memory + u, next.c, n);
    if (cell == CELL_LSTM && s->memories) store_units(s->memories + u, next.c, n);
    if (cell >= CELL_LSTM && s->kept)
#pragma GCC unroll 4
      for (int64_t g = 0; g < 4; g++) store_units(s->kept + g * h + u, next.kept[g], n);
  }
}

static void keep_row(const Step *s, Share share) {
  size_t bytes = (size_t)share.units * 4;
  if (s->after != s->before) memcpy(s->after + share.unit, s->before + share.unit, bytes);
  if (s->states) memcpy(s->states + share.unit, s->before + share.unit, bytes);
  if (s->memories) memcpy(s->memories + share.unit, s->memory + share.unit, bytes);
}

static void take_turn(const Pass *f, const Context *context, int64_t number, Share share) {
  const Recurrent *r = &f->r;
  float *shared = (float *)context->shared, *own = (float *)context->own, *room = own + f->sum;
  const float *before = shared + f->state + (number % 2 ? f->apart : 0);
  float *after = shared + f->state + (number % 2 ? 0 : f->apart);
  int64_t time = time_of(r, number), part_row = r->gates * r->part_width;
  if (number > 0 || has(&r->hidden)) {
    int64_t panel = share.unit / TILE_COLUMNS;
    Weights w = {shared, r->gates, r->width * r->h, r->h, r->width, panel, panel + divide_up(share.units, TILE_COLUMNS)};
    multiply_rows(before + share.row * f->stride, f->stride, share.rows, &w, own, r->part_width, part_row);
  } else {
    memset(own, 0, (size_t)(share.rows * part_row) * 4);
  }
  for (int64_t i = 0; i < share.rows; i++) {
    int64_t row = share.row + i;
    Row projected = row_at(&f->projected, context, time, row, room);
    Row states = row_at(&f->states, context, time, row, room + r->gates * r->h);
    Row memories = row_at(&f->memories, context, time, row, room + (r->gates + 1) * r->h);
    Row kept = row_at(&f->kept, context, time, row, room + (r->gates + 2) * r->h);
    Step s = {
        .sum = own + i * part_row, .bias = shared + f->biases,
        .before = before + row * f->stride, .after = after + row * f->stride, .memory = shared + f->memory + row * f->stride,
        .states = begin_row(states), .memories = begin_row(memories), .kept = begin_row(kept),
    };
    int ended = has_ended(r, context, time, row);
    if (ended) {
      keep_row(&s, share);
    } else {
      s.projected = read_row(projected, r->gates, r->h, share.unit, share.units);
#define STEP_ROW(cell) step_row(cell, f, &s, share)
      WITH_CELL(r->cell, STEP_ROW)
#undef STEP_ROW
    }
    end_row(states, 1, r->h, share.unit, share.units);
    end_row(memories, 1, r->h, share.unit, share.units);
    if (!ended) end_row(kept, 4, r->h, share.unit, share.units);
  }
}

#include "recurrent_frame.h"

const Kernel KERNEL(recurrent_kernel) = {shared_bytes, own_bytes, phases, tasks, run, plan_bytes, plan};
