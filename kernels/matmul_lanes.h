// Numbers moved across the lanes of vectors: a vector is HEED_LANES / 4 groups of four lanes, and all groups move alike.
#ifndef HEED_MATMUL_LANES_H
#define HEED_MATMUL_LANES_H

#include "matmul_convert.h"

#if HEED_LANES == 16
#define IN_FOURS(a, b, p, q, r, s)                                                                                             \
  __builtin_shufflevector(a, b, p, q, r, s, p + 4, q + 4, r + 4, s + 4, p + 8, q + 8, r + 8, s + 8, p + 12, q + 12, r + 12, s + 12)
#elif HEED_LANES == 8
#define IN_FOURS(a, b, p, q, r, s) __builtin_shufflevector(a, b, p, q, r, s, p + 4, q + 4, r + 4, s + 4)
#else
#define IN_FOURS(a, b, p, q, r, s) __builtin_shufflevector(a, b, p, q, r, s)
#endif

// Each group of four vectors' lanes is a 4 x 4 matrix; it is transposed.
HEED_INLINE void transpose_fours(vf x[4]) {
  enum { L = HEED_LANES };
  vf low01 = IN_FOURS(x[0], x[1], 0, L, 1, L + 1), high01 = IN_FOURS(x[0], x[1], 2, L + 2, 3, L + 3);
  vf low23 = IN_FOURS(x[2], x[3], 0, L, 1, L + 1), high23 = IN_FOURS(x[2], x[3], 2, L + 2, 3, L + 3);
  x[0] = IN_FOURS(low01, low23, 0, 1, L, L + 1);
  x[1] = IN_FOURS(low01, low23, 2, 3, L + 2, L + 3);
  x[2] = IN_FOURS(high01, high23, 0, 1, L, L + 1);
  x[3] = IN_FOURS(high01, high23, 2, 3, L + 2, L + 3);
}

// Vectors of groups: group g of vector q becomes group q of vector g.
HEED_INLINE void transpose_groups(vf x[HEED_LANES / 4]) {
#if HEED_LANES == 16
  enum { L = HEED_LANES };
#define GROUPS(a, b, p, q, r, s)                                                                                               \
  __builtin_shufflevector(a, b, 4 * (p), 4 * (p) + 1, 4 * (p) + 2, 4 * (p) + 3, 4 * (q), 4 * (q) + 1, 4 * (q) + 2, 4 * (q) + 3, L + 4 * (r), L + 4 * (r) + 1, \
                          L + 4 * (r) + 2, L + 4 * (r) + 3, L + 4 * (s), L + 4 * (s) + 1, L + 4 * (s) + 2, L + 4 * (s) + 3)
  vf low01 = GROUPS(x[0], x[1], 0, 1, 0, 1), high01 = GROUPS(x[0], x[1], 2, 3, 2, 3);
  vf low23 = GROUPS(x[2], x[3], 0, 1, 0, 1), high23 = GROUPS(x[2], x[3], 2, 3, 2, 3);
  x[0] = GROUPS(low01, low23, 0, 2, 0, 2);
  x[1] = GROUPS(low01, low23, 1, 3, 1, 3);
  x[2] = GROUPS(high01, high23, 0, 2, 0, 2);
  x[3] = GROUPS(high01, high23, 1, 3, 1, 3);
#undef GROUPS
#elif HEED_LANES == 8
  vf low = __builtin_shufflevector(x[0], x[1], 0, 1, 2, 3, 8, 9, 10, 11), high = __builtin_shufflevector(x[0], x[1], 4, 5, 6, 7, 12, 13, 14, 15);
  x[0] = low, x[1] = high;
#else
  (void)x;
#endif
}

// As many vectors as each has lanes: lane c of vector r becomes lane r of vector c.
HEED_INLINE void transpose_square(vf x[HEED_LANES]) {
#pragma GCC unroll 4
  for (int q = 0; q < HEED_LANES; q += 4) transpose_fours(x + q);
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    vf column[HEED_LANES / 4];
#pragma GCC unroll 4
    for (int q = 0; q < HEED_LANES / 4; q++) column[q] = x[4 * q + j];
    transpose_groups(column);
#pragma GCC unroll 4
    for (int q = 0; q < HEED_LANES / 4; q++) x[4 * q + j] = column[q];
  }
}

// The sums over the lanes of four vectors.
HEED_INLINE f4 sum_fours(const vf *from) {
  vf x[4] = {from[0], from[1], from[2], from[3]};
  transpose_fours(x);
  vf sum = (x[0] + x[1]) + (x[2] + x[3]);
#if HEED_LANES == 16
  typedef float f8 __attribute__((vector_size(32)));
  f8 half = __builtin_shufflevector(sum, sum, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif HEED_LANES == 8
  return __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
#else
  return sum;
#endif
}

#undef IN_FOURS

#endif
