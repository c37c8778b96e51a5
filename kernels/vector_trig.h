// Sine and cosine of f32 vectors for all finite arguments. The argument is x = n pi/2 + r with |r| <= pi/4: below 10^5 by taking
// away n times pi/2 in three parts (Cody and Waite), above in whole-number arithmetic with 2/pi to 256 bits (Payne and Hanek, 1983).
#ifndef HEED_VECTOR_TRIG_H
#define HEED_VECTOR_TRIG_H

#include "vector_basic.h"

typedef struct {
  vf r;
  vi quadrant;
} Angle;

// a * b + c in one rounding everywhere: the cancellation in the reduction needs the whole product.
HEED_INLINE vf fused(vf a, vf b, vf c) {
#if HEED_WIDE_AVX512 || HEED_WIDE_AVX2 || HEED_WIDE_NEON
  return mad(a, b, c);
#else
  vf r;
  for (int i = 0; i < HEED_LANES; i++) r[i] = (float)((double)a[i] * (double)b[i] + (double)c[i]);
  return r;
#endif
}

// One argument of size 10^5 or more. Bits of x 2/pi above 2^1 are whole turns; 96 bits from there on hold quadrant and fraction.
static __attribute__((noinline)) void reduce_large_angle(float x, float *r, int32_t *quadrant) {
  static const uint32_t two_over_pi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                         0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};
  uint32_t bits, window[3];
  memcpy(&bits, &x, 4);
  if ((bits & 0x7f800000) == 0x7f800000) {
    *r = HEED_NAN, *quadrant = 0;
    return;
  }
  uint32_t mantissa = (bits & 0x7fffff) | 0x800000, first = (bits >> 23 & 255) - 150 + 30;  // 32 zero bits lead the table
  for (uint32_t i = 0; i < 3; i++) {
    uint64_t pair = (uint64_t)two_over_pi[first / 32 + i] << 32 | two_over_pi[first / 32 + i + 1];
    window[i] = (uint32_t)(pair >> (32 - first % 32));
  }
  uint64_t turns = ((uint64_t)(mantissa * window[0]) << 32) + (uint64_t)mantissa * window[1] + ((uint64_t)mantissa * window[2] >> 32);
  uint32_t n = (uint32_t)((turns + ((uint64_t)1 << 61)) >> 62);
  double angle = (double)(int64_t)(turns - ((uint64_t)n << 62)) * 0x1.921fb54442d18p-62;  // pi/2 * 2^-62
  *r = (float)(x < 0 ? -angle : angle);
  *quadrant = (int32_t)(x < 0 ? 0u - n : n);
}

HEED_INLINE Angle reduce_angle(vf x) {
  vf n = round_even(clamp(x, -1e5f, 1e5f) * 0.636619772f);
  vf r = fused(n, splat(0x1.777a5cp-25f), fused(n, splat(-0x1.921fb6p+0f), x));
  r = fused(n, splat(0x1.ee59dap-50f), r);
  vi quadrant = __builtin_convertvector(n, vi), small = absolute(x) < 1e5f;
  int32_t all = -1;
  for (int i = 0; i < HEED_LANES; i++) all &= small[i];
  if (!all)
    for (int i = 0; i < HEED_LANES; i++)
      if (!small[i]) {
        float one;
        int32_t q;
        reduce_large_angle(x[i], &one, &q);
        r[i] = one, quadrant[i] = q;
      }
  return (Angle){r, quadrant};
}

HEED_INLINE vf sine_of(Angle angle) {
  vf r = angle.r, t = r * r;
  vf s = splat(2.71811336e-06f);  // (sin r - r) / r^3, error 2^-37
  s = mad(s, t, splat(-0.000198393114f));
  s = mad(s, t, splat(0.00833332911f));
  s = mad(s, t, splat(-0.166666672f));
  s = mad(s * t, r, r);
  vf c = splat(2.44330822e-05f);  // (cos r - 1 + r^2 / 2) / r^4, error 2^-33
  c = mad(c, t, splat(-0.00138873153f));
  c = mad(c, t, splat(0.0416666456f));
  c = mad(c, t * t, mad(t, splat(-0.5f), splat(1)));
  vf result = select((angle.quadrant & 1) != 0, c, s);
  return (vf)((vi)result ^ (angle.quadrant & 2) << 30);
}

HEED_INLINE vf vector_sin(vf x) { return sine_of(reduce_angle(x)); }
HEED_INLINE vf vector_cos(vf x) {
  Angle angle = reduce_angle(x);
  angle.quadrant += 1;
  return sine_of(angle);
}

#endif
