// Strided operands of up to three arrays over one shape, with as few axes as their strides allow, and the walk along them.
#ifndef HEED_STRIDED_H
#define HEED_STRIDED_H

#include "heed.h"

enum { STRIDED_RANK = 16, STRIDED_OPERANDS = 3 };

// An operand as encode.ts writes it: buffer, byte offset (2 words), dtype, strides[rank] in elements.
typedef struct {
  int32_t buffer, dtype;
  int64_t offset;
  const int32_t *strides;
} Operand;

// Returns where the next item of the step begins.
HEED_INLINE const int32_t *read_operand(const int32_t *words, int32_t rank, Operand *operand) {
  *operand = (Operand){words[0], words[3], word64(words + 1), words + 4};
  return words + 4 + rank;
}

HEED_INLINE char *operand_base(const Operand *operand, const Context *context) { return context->buffers[operand->buffer] + operand->offset; }

// Axes from outer to inner; there is always one.
typedef struct {
  int32_t rank;
  int64_t size[STRIDED_RANK], stride[STRIDED_OPERANDS][STRIDED_RANK];
} Domain;

HEED_INLINE Domain domain_of_one(void) { return (Domain){.rank = 1, .size = {1}}; }

// Adds an axis inside those that are there; it melts into the last one when all strides allow.
HEED_INLINE void domain_add(Domain *d, int64_t size, int64_t s0, int64_t s1, int64_t s2) {
  int64_t stride[STRIDED_OPERANDS] = {s0, s1, s2};
  int32_t last = d->rank - 1;
  if (size == 1) return;
  int melts = 1;
  for (int32_t k = 0; k < STRIDED_OPERANDS; k++) melts &= d->stride[k][last] == stride[k] * size;
  if (d->size[last] == 1) {
    d->size[last] = size;
  } else if (melts) {
    d->size[last] *= size;
  } else {
    last = d->rank++;
    d->size[last] = size;
  }
  for (int32_t k = 0; k < STRIDED_OPERANDS; k++) d->stride[k][last] = stride[k];
}

HEED_INLINE int64_t domain_elements(const Domain *d) {
  int64_t n = 1;
  for (int32_t a = 0; a < d->rank; a++) n *= d->size[a];
  return n;
}

// A position: `run` elements of the innermost axis begin at `offset` (in elements, of each operand).
typedef struct {
  int64_t at[STRIDED_RANK], offset[STRIDED_OPERANDS], run, left;
} Walk;

// Begins at element `begin` (in row-major order), to end before element `end`; begin < end.
HEED_INLINE Walk walk_begin(const Domain *d, int64_t begin, int64_t end) {
  Walk w = {.left = end - begin};
  for (int32_t a = d->rank - 1; a >= 0; a--) {
    w.at[a] = begin % d->size[a];
    begin /= d->size[a];
    for (int32_t k = 0; k < STRIDED_OPERANDS; k++) w.offset[k] += w.at[a] * d->stride[k][a];
  }
  w.run = min64(w.left, d->size[d->rank - 1] - w.at[d->rank - 1]);
  return w;
}

// Goes on behind the run; returns 0 at the end.
HEED_INLINE int walk_next(Walk *w, const Domain *d) {
  int32_t a = d->rank - 1;
  w->left -= w->run;
  if (w->left <= 0) return 0;
  for (int32_t k = 0; k < STRIDED_OPERANDS; k++) w->offset[k] -= w->at[a] * d->stride[k][a];
  w->at[a] = 0;
  while (--a >= 0) {
    for (int32_t k = 0; k < STRIDED_OPERANDS; k++) w->offset[k] += d->stride[k][a];
    if (++w->at[a] < d->size[a]) break;
    for (int32_t k = 0; k < STRIDED_OPERANDS; k++) w->offset[k] -= w->at[a] * d->stride[k][a];
    w->at[a] = 0;
  }
  w->run = min64(w->left, d->size[d->rank - 1]);
  return 1;
}

// Splits n items into at most 256 tasks of equal size, none smaller than `least`: how many items a task has.
HEED_INLINE int64_t task_size(int64_t n, int64_t least) { return max64(least, (n + 255) / 256); }
HEED_INLINE int64_t task_count(int64_t n, int64_t least) {
  int64_t size = task_size(n, least);
  return (n + size - 1) / size;
}

// The first failure of a program stays.
HEED_INLINE void fail_index(int32_t *status, int32_t index, int32_t size) {
  int32_t none = 0;
  if (!__atomic_compare_exchange_n(status, &none, 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
  status[1] = index;
  status[2] = size;
}

// For kernels that need no scratch and have one phase.
HEED_INLINE int64_t no_bytes(const int32_t *words) { return (void)words, 0; }
HEED_INLINE int32_t one_phase(const int32_t *words) { return (void)words, 1; }

#endif
