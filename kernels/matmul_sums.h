// Sums over k of one side of a product, made as the product passes over it: with a weight's gradient, dyᵀ x, comes the bias's, the sums of
// dy. The left side gives a sum for each row of C, the right side one for each column; each is made by the blocks of C's first column or row.
// f32 over a block of k, four sums apart; double precision over the blocks.
#ifndef HEED_MATMUL_SUMS_H
#define HEED_MATMUL_SUMS_H

#include "matmul_plan.h"

// totals[j] += the sum of column j of k lines, `step` floats apart.
HEED_INLINE void add_lines(double *totals, const float *from, int64_t step, int64_t k, int64_t columns) {
  for (int64_t j = 0; j < columns; j += HEED_LANES) {
    const float *line = from + j;
    int64_t lanes = min64(HEED_LANES, columns - j), i = 0;
    vf sum[4] = {{0}, {0}, {0}, {0}};
    if (lanes == HEED_LANES)
      for (; i + 4 <= k; i += 4)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++, line += step) sum[r] += load(line);
    for (; i < k; i++, line += step) sum[i % 4] += load_part(line, lanes);
    vf all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (int64_t l = 0; l < lanes; l++) totals[j + l] += (double)all[l];
  }
}

// Of a block, or of one of several parts of k, which stand in shared scratch behind the partial products.
HEED_INLINE double *totals_of_part(const Plan *plan, const Context *context, int64_t part) {
  return (double *)(context->shared + plan->shared_sums) + part * sum_count(&plan->p);
}
HEED_INLINE double *block_totals(const Plan *plan, const Context *context, int64_t row, int64_t column, int64_t part) {
  const int32_t side = plan->p.summed;
  if (!side || (side == SUM_TALL ? column : row)) return 0;
  if (plan->parts > 1) return totals_of_part(plan, context, part) + (side == SUM_TALL ? row : column);
  return (double *)(context->own + plan->own_tall + plan->own_wide + plan->own_c);
}

HEED_INLINE void store_totals(const Problem *p, const Context *context, int64_t first, const double *totals, int64_t count) {
  float *to = (float *)(context->buffers[p->sums.buffer] + p->sums.offset) + first;
  for (int64_t i = 0; i < count; i++) to[i] = (float)totals[i];
}

// Where no block of the side is packed or walked in tiles: from where it lies.
static void sum_lines(const Problem *p, const Context *context, double *totals, int64_t first, int64_t count, int64_t k0, int64_t k1) {
  enum { LINES = 256 };
  const int32_t tall = p->summed == SUM_TALL;
  const Side *side = tall ? &p->a : &p->b;
  const int64_t step = tall ? side->columns : side->rows;
  const float *from = (const float *)(context->buffers[side->buffer] + side->offset) + first;
  for (; k0 < k1; k0 += LINES) add_lines(totals, from + k0 * step, step, min64(LINES, k1 - k0), count);
}

#endif
