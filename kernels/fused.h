// a * b + c of floats, rounded once, on every instruction set: PyTorch's random numbers are made so.
#ifndef HEED_FUSED_H
#define HEED_FUSED_H

#include "heed.h"

#if defined(__FMA__) || defined(__aarch64__)
#define HEED_HAS_FUSED 1
HEED_INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
#define HEED_HAS_FUSED 0
// The product is exact in double. Its sum is rounded to odd there (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums",
// 2008): where something was lost, the last bit is made 1, so that the rounding to float never takes a sum for a tie that is none.
HEED_INLINE float fused(float a, float b, float c) {
  double product = (double)a * (double)b, other = c, sum = product + other;
  double part = sum - product, lost = (product - (sum - part)) + (other - part);
  union {
    double number;
    int64_t bits;
  } odd = {sum};
  int64_t up = (lost > 0) == (sum > 0) ? 1 : -1, even = ~odd.bits & 1;
  odd.bits += lost < 0 || lost > 0 ? up & -even : 0;
  return (float)odd.number;
}
#endif

#endif
