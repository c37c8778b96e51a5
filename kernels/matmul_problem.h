// The words of a matrix multiply step, read into a struct. It leaves how to compute to the plan in matmul.c.
//
// words: [0] kind, [1] nb, nb batch sizes, M, N, K, three operands A [M,K], B [K,N], C [M,N], then the epilogue's length and words,
// for the rows and the columns of a B that is a grid (matmul_grid.h) the number of axes, their sizes and their strides, and for the sums of
// a side (matmul_sums.h) which one (0 none, 1 A, 2 B), the buffer and the byte offset low and high of as many floats.
// An operand: buffer, byte offset low and high, dtype, row stride, column stride, nb batch strides (all in elements; 0 repeats).
#ifndef HEED_MATMUL_PROBLEM_H
#define HEED_MATMUL_PROBLEM_H

#include "heed.h"

typedef struct {
  int32_t buffer, dtype;
  int64_t offset, rows, columns;  // bytes to the first element; elements from row to row and from column to column
  const int32_t *batches;         // elements from one batch entry to the next, a stride a batch dimension
} Side;

// Positions along several axes, the last of them fastest.
enum { WALK_AXES = 8 };
typedef struct {
  int32_t axes;
  const int32_t *sizes, *strides;
} GridWalk;

typedef struct {
  GridWalk rows, columns;
} Grid;

// Sums over k of A, whose rows run along memory, or of B, whose columns do. Only without batches and in f32.
enum { SUM_TALL = 1, SUM_WIDE = 2 };
typedef struct {
  int32_t buffer;
  int64_t offset;
} SumsPlace;

typedef struct {
  int32_t nb;
  const int32_t *sizes;
  int64_t batches, m, n, k;
  Side a, b, c;
  const int32_t *epilogue;  // null if there is none
  Grid grid;                // how B lies; without axes it lies by its strides
  int32_t summed;           // which side is summed, or 0
  SumsPlace sums;
  int32_t turned;           // this is the transposed problem: C^T = B^T A^T
} Problem;

HEED_INLINE const int32_t *read_side(const int32_t *w, int32_t nb, Side *side) {
  side->buffer = w[0];
  side->offset = word64(w + 1);
  side->dtype = w[3];
  side->rows = w[4];
  side->columns = w[5];
  side->batches = w + 6;
  return w + 6 + nb;
}

HEED_INLINE Side turned_side(Side side) {
  int64_t rows = side.rows;
  side.rows = side.columns;
  side.columns = rows;
  return side;
}

// The same product seen from the other side: rows become columns.
HEED_INLINE void turn(Problem *p) {
  Side a = p->a;
  int64_t m = p->m;
  p->a = turned_side(p->b);
  p->b = turned_side(a);
  p->c = turned_side(p->c);
  p->m = p->n;
  p->n = m;
  if (p->summed) p->summed = SUM_TALL + SUM_WIDE - p->summed;
  p->turned = !p->turned;
}

HEED_INLINE const int32_t *read_walk(const int32_t *w, GridWalk *walk) {
  *walk = (GridWalk){w[0], w + 1, w + 1 + w[0]};
  return w + 1 + 2 * w[0];
}

static void read_problem(const int32_t *words, Problem *p) {
  const int32_t *w = words + 1;
  p->nb = *w++;
  p->sizes = w;
  p->batches = 1;
  for (int32_t d = 0; d < p->nb; d++) p->batches *= *w++;
  p->m = *w++;
  p->n = *w++;
  p->k = *w++;
  w = read_side(w, p->nb, &p->a);
  w = read_side(w, p->nb, &p->b);
  w = read_side(w, p->nb, &p->c);
  p->epilogue = *w ? w + 1 : 0;
  w += 1 + *w;
  w = read_walk(w, &p->grid.rows);
  w = read_walk(w, &p->grid.columns);
  p->summed = w[0];
  p->sums = (SumsPlace){w[1], word64(w + 2)};
  p->turned = 0;
}

HEED_INLINE int64_t sum_count(const Problem *p) { return p->summed == SUM_TALL ? p->m : p->summed ? p->n : 0; }

// Address of an operand's first element in one batch entry (entries are counted with the last batch dimension fastest).
HEED_INLINE char *side_base(const Problem *p, const Side *side, const Context *context, int64_t batch) {
  int64_t element = 0;
  for (int32_t d = p->nb - 1; d >= 0 && batch > 0; d--) {
    element += batch % p->sizes[d] * side->batches[d];
    batch /= p->sizes[d];
  }
  return context->buffers[side->buffer] + side->offset + element * dtype_bytes(side->dtype);
}

// Whether every batch entry reads the same matrix.
HEED_INLINE int32_t is_shared(const Problem *p, const Side *side) {
  for (int32_t d = 0; d < p->nb; d++)
    if (p->sizes[d] > 1 && side->batches[d] != 0) return 0;
  return 1;
}

#endif
