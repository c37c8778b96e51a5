// Small products, whole matrices at a time: everything lies in the first cache, so that only the number of instructions counts. Walks
// batch entries one after the other without dividing, packs B where it does not lie as the micro-kernel reads it, and nothing else.
#ifndef HEED_MATMUL_SMALL_H
#define HEED_MATMUL_SMALL_H

#include "matmul_plan.h"

// One batch entry: where its matrices begin, and its index along each batch axis.
typedef struct {
  const char *a, *b;
  char *c;
  int32_t at[SMALL_AXES];
} Entry;

HEED_INLINE void find_entry(Entry *e, const Problem *p, const Context *context, int64_t batch) {
  e->a = side_base(p, &p->a, context, batch);
  e->b = side_base(p, &p->b, context, batch);
  e->c = side_base(p, &p->c, context, batch);
  for (int32_t d = p->nb - 1; d >= 0; d--) {
    e->at[d] = batch ? (int32_t)(batch % p->sizes[d]) : 0;
    if (batch) batch /= p->sizes[d];
  }
}

HEED_INLINE void next_entry(Entry *e, const Problem *p) {
  int64_t bytes = dtype_bytes(p->b.dtype);
  for (int32_t d = p->nb - 1; d >= 0; d--) {
    int64_t steps = ++e->at[d] < p->sizes[d] ? 1 : 1 - p->sizes[d];
    e->a += steps * p->a.batches[d] * 4;
    e->b += steps * p->b.batches[d] * bytes;
    e->c += steps * p->c.batches[d] * 4;
    if (steps == 1) return;
    e->at[d] = 0;
  }
}

// C = A @ B for one entry, from panels of B or, with `step` floats from k to k, from B itself.
HEED_INLINE void multiply_entry(const Plan *plan, const Context *context, const float *a, const float *b, int64_t step, float *c) {
  const Problem *p = &plan->p;
  int32_t down = p->a.columns != 1;
  int64_t as = down ? p->a.columns : p->a.rows;
  for (int64_t j = 0; j < p->n; j += PANEL_COLUMNS) {
    int64_t columns = min64(PANEL_COLUMNS, p->n - j), width = round_up(columns, HEED_LANES);
    int64_t height = j + PANEL_COLUMNS <= p->n ? plan->height : plan->edge;
    const float *panel = step ? b + j : b + j * p->k;
    for (int64_t i = 0; i < p->m; i += height) {
      const float *from = a + i * (down ? 1 : as);
      multiply_tile_to(min64(height, p->m - i), columns, down, from, as, panel, step ? step : width, p->k, c + i * p->c.rows + j, p->c.rows,
                       bias_ending(&plan->bias, p->turned, context, i, j), (Ahead){(const char *)from, 0, 0});
    }
  }
}

// Leaves the epilogue to the caller: `finish` is called after each entry where there is one.
static void multiply_small(const Plan *plan, const Context *context, int64_t first, int64_t last,
                           void (*finish)(const Plan *plan, const Context *context, int64_t batch)) {
  const Problem *p = &plan->p;
  Entry e;
  find_entry(&e, p, context, first);
  const char *packed = 0;
  for (int64_t batch = first; batch < last; batch++) {
    if (plan->wide == WIDE_DIRECT) {
      multiply_entry(plan, context, (const float *)e.a, (const float *)e.b, p->b.rows, (float *)e.c);
    } else {
      if (e.b != packed) pack_panels((float *)context->own, e.b, p->b.dtype, p->b.rows, p->b.columns, p->k, p->n);
      packed = e.b;
      multiply_entry(plan, context, (const float *)e.a, (const float *)context->own, 0, (float *)e.c);
    }
    if (p->epilogue) finish(plan, context, batch);
    if (batch + 1 < last) next_entry(&e, p);
  }
}

#endif
