// Memory to ask for while tiles are computed, so that whoever needs it next finds it in the cache: the next tile of A, the part of B that
// comes after this one, what the epilogue will read and write. A tile asks for one line of 64 bytes with each k.
#ifndef HEED_MATMUL_AHEAD_H
#define HEED_MATMUL_AHEAD_H

#include "matmul_plan.h"

HEED_INLINE Ahead ahead_tall(const Side *a, const char *from) {
  int64_t bytes = dtype_bytes(a->dtype);
  return a->columns == 1 ? (Ahead){from, a->rows * bytes, 64} : (Ahead){from, a->columns * bytes, a->columns * bytes * 16};
}

HEED_INLINE Ahead ahead_wide(const Side *b, const char *from) { return (Ahead){from, b->rows * 4, b->rows * 64}; }

// Memory that is wanted before long: rows of `bytes` bytes, `step` bytes apart.
typedef struct {
  const char *from;
  int64_t step, rows, bytes;
} Region;

enum { REGIONS = 6 };

// The regions that are still to be asked for, and how far the first of them has been.
typedef struct {
  Region region[REGIONS];
  int32_t next, count;
  int64_t row, line;
} Asking;

HEED_INLINE void ask(Asking *asking, Region region) {
  if (asking->count < REGIONS) asking->region[asking->count++] = region;
}

HEED_INLINE int is_asking(const Asking *asking, int64_t k) { return asking->next < asking->count && k >= 16; }

// The share of one tile of depth k: sixteen rows at a time, line after line; or, where a row is but a line, row after row.
HEED_INLINE Ahead ahead_asked(Asking *asking, int64_t k) {
  const Region *r = &asking->region[asking->next];
  Ahead ahead = {r->from + asking->row * r->step + asking->line * 64, r->step, 64};
  if (r->bytes <= 64) {
    ahead.jump = r->step * 16;
    asking->row += k;
  } else {
    asking->line += k / 16;
    if (asking->line * 64 >= r->bytes) asking->line = 0, asking->row += 16;
  }
  if (asking->row >= r->rows) asking->row = 0, asking->next++;
  return ahead;
}

// The k x columns of B at `from`, unless all tasks share a packed copy, or A is read in place too and has more to fetch.
HEED_INLINE void ask_for_wide(Asking *asking, const Plan *plan, const char *from, int64_t k, int64_t columns) {
  const Side *b = &plan->p.b;
  int64_t bytes = dtype_bytes(b->dtype);
  if (!plan->p.grid.rows.axes && b->columns == 1 && (plan->wide == WIDE_OWN || (plan->wide == WIDE_DIRECT && plan->p.n > plan->p.m)))
    ask(asking, (Region){from, b->rows * bytes, k, columns * bytes});
}

// What the epilogue reads and writes in a block of C.
static void ask_for_epilogue(Asking *asking, const Plan *plan, const Context *context, int64_t batch, int64_t row, int64_t rows, int64_t column,
                             int64_t columns) {
  if (!plan->p.epilogue || plan->p.turned || plan->parts > 1) return;
  for (int32_t i = 0, n = KERNEL(epilogue_far)(plan->epilogue); i < n; i++) {
    int64_t step, bytes;
    const char *from = KERNEL(epilogue_from)(plan->epilogue, context, i, batch, row, column, &step, &bytes);
    ask(asking, (Region){from, step, rows, columns * bytes});
  }
}

#endif
