// The words of recurrent steps, and how their work is divided: by the step alone, never by the number of threads.
//
// words: rank (3), T, B, H, gates G, cell, reverse, then operands (a buffer of -1: there is none): weight [GH,H], hidden [B,H],
// memory [B,H], lengths [B], and those of the kernel (recurrent.c, recurrent_gradient.c).
//
// A few rows, or weights that no thread can keep near itself: every time step is a phase of its own, whose tasks divide the units, so that
// each thread meets its part of the weights again. Otherwise the rows are divided, and a task walks through all time steps of its rows
// without waiting for anybody.
#ifndef HEED_RECURRENT_PLAN_H
#define HEED_RECURRENT_PLAN_H

// Products pack in one more way than is needed here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "matmul_pack.h"
#pragma GCC diagnostic pop
#include "strided.h"

enum { CELL_TANH, CELL_RELU, CELL_LSTM, CELL_GRU };

enum {
  ROWS_TOGETHER = 16,        // rows of a task that walks through time
  ROWS_STEPPED = 256,        // and of one that does a single step
  STEP_WORK = 1 << 19,       // products of two numbers in a step that are worth meeting after it
  CACHED_WEIGHTS = 1 << 20,  // bytes of weights that a thread can keep near itself
  MOST_PARTS = 16,
  PANELS_PACKED = 8,         // panels of weights that a task packs
};

typedef struct {
  int64_t t, b, h, gates, saved;  // saved: gates kept for the gradient
  int32_t cell, reverse;
  Operand weight, hidden, memory, lengths;
  const int32_t *rest;  // the kernel's own operands
  int32_t stepped;      // a phase for each time step
  int64_t blocks, parts;  // tasks of a step: blocks of rows times parts of units
  int64_t panels;         // of units
  int64_t width;          // units, padded to whole vectors
  int64_t part_width;     // the most units of a part, padded
  int64_t rows;           // the most rows of a block
  int64_t shared, own;    // floats of scratch: all tasks', and each task's
} Recurrent;

HEED_INLINE int has(const Operand *o) { return o->buffer >= 0; }

static void read_recurrent(const int32_t *words, Recurrent *r) {
  const int32_t *w = words + 2;
  memset(r, 0, sizeof *r);
  r->t = w[0], r->b = w[1], r->h = w[2], r->gates = w[3], r->cell = w[4], r->reverse = w[5];
  r->saved = r->cell >= CELL_LSTM ? 4 : 0;
  w = read_operand(w + 6, 2, &r->weight);
  w = read_operand(w, 2, &r->hidden);
  w = read_operand(w, 2, &r->memory);
  r->rest = read_operand(w, 1, &r->lengths);
  if (r->t == 0 || r->b == 0 || r->h == 0) return;

  int64_t weights = r->gates * r->h * r->h;
  r->panels = divide_up(r->h, TILE_COLUMNS);
  r->width = round_up(r->h, HEED_LANES);
  r->stepped = r->b * weights >= STEP_WORK && (r->b <= ROWS_TOGETHER || weights * 4 > CACHED_WEIGHTS);
  r->blocks = divide_up(r->b, r->stepped ? ROWS_STEPPED : ROWS_TOGETHER);
  r->parts = r->stepped ? min64(r->panels, MOST_PARTS) : 1;
  r->part_width = min64(divide_up(r->panels, r->parts) * TILE_COLUMNS, r->width);
  r->rows = divide_up(r->b, r->blocks);
}

// A part of a block: units of rows.
typedef struct {
  int64_t row, rows, unit, units;
} Share;

static Share share_of(const Recurrent *r, int64_t block, int64_t part) {
  int64_t row = block * r->b / r->blocks, unit = part * r->panels / r->parts * TILE_COLUMNS;
  int64_t end = min64((part + 1) * r->panels / r->parts * TILE_COLUMNS, r->h);
  return (Share){row, (block + 1) * r->b / r->blocks - row, unit, end - unit};
}

// The time of the step that is done as number `s`.
HEED_INLINE int64_t time_of(const Recurrent *r, int64_t s) { return r->reverse ? r->t - 1 - s : s; }

// Whether the row has ended by then: its state stays as it is.
HEED_INLINE int has_ended(const Recurrent *r, const Context *context, int64_t time, int64_t row) {
  if (!has(&r->lengths)) return 0;
  return time >= ((const int32_t *)operand_base(&r->lengths, context))[row * r->lengths.strides[0]];
}

// Rows of matrices in scratch lie so far apart that they do not crowd into the same lines of the cache.
HEED_INLINE int64_t row_stride(int64_t columns) { return round_up(columns, HEED_LANES) + HEED_LANES; }

// --- rows of operands

// A row [count][H] of an operand; `room` for it where its numbers do not lie side by side.
typedef struct {
  float *base, *room;
  int64_t stride;
} Row;

HEED_INLINE Row row_at(const Operand *o, const Context *context, int64_t time, int64_t row, float *room) {
  if (!has(o)) return (Row){0, 0, 1};
  float *base = (float *)operand_base(o, context) + time * o->strides[0] + row * o->strides[1];
  return (Row){base, room, o->strides[2]};
}

// A row [H] of an initial state.
HEED_INLINE Row state_at(const Operand *o, const Context *context, int64_t row, float *room) {
  if (!has(o)) return (Row){0, 0, 1};
  return (Row){(float *)operand_base(o, context) + row * o->strides[0], room, o->strides[1]};
}

// The row's numbers of these units, side by side: where they lie, or copied.
static const float *read_row(Row row, int64_t count, int64_t h, int64_t unit, int64_t units) {
  if (row.stride == 1) return row.base;
  for (int64_t g = 0; g < count; g++)
    for (int64_t u = g * h + unit; u < g * h + unit + units; u++) row.room[u] = row.base[u * row.stride];
  return row.room;
}

// Where to write them, and bringing them home.
HEED_INLINE float *begin_row(Row row) { return row.stride == 1 ? row.base : row.room; }
static void end_row(Row row, int64_t count, int64_t h, int64_t unit, int64_t units) {
  if (row.stride == 1) return;
  for (int64_t g = 0; g < count; g++)
    for (int64_t u = g * h + unit; u < g * h + unit + units; u++) row.base[u * row.stride] = row.room[u];
}

#endif
