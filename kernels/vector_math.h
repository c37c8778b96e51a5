// Elementary functions of f32 vectors: exp, log and their kin, tanh, erf. Errors are below 1.5 units in the last place (sigmoid: 2.6);
// NaN, infinities and denormals are honoured. The polynomials are minimax fits of the function named beside them. Trigonometry is in
// vector_trig.h; what needs double precision inside (pow) is in vector_double.h.
#ifndef HEED_VECTOR_MATH_H
#define HEED_VECTOR_MATH_H

#include "vector_basic.h"
#include "vector_table.h"

#define LN2_HIGH 0.693359375f  // nine bits: times a whole number up to 2^15 it is exact
#define LN2_LOW -2.12194440e-4f

// e^x = 2^n e^r with |r| <= ln(2) / 2. What underflows to 0 is taken apart: computing it would cost a microcode assist a vector, and a
// masked score is -infinity.
HEED_INLINE vf vector_exp(vf x) {
#if HEED_WIDE_AVX512
  const vf magic = splat(0x1.8p23f);  // added and taken away it rounds to the nearest integer
  __mmask16 lasts = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-104), _CMP_NLT_UQ);
  x = (vf)_mm512_min_ps(_mm512_set1_ps(89), (__m512)x);  // the second operand comes out when it is NaN
  vf n = mad(x, splat(1.44269504f), magic) - magic;
#else
  vi vanishes = x < -104;
  x = select(vanishes, splat(0), clamp(x, -104, 89));
  vf n = round_even(x * 1.44269504f);
#endif
  vf r = mad(n, splat(-LN2_LOW), mad(n, splat(-LN2_HIGH), x));
  vf p = splat(0.00138144661f);  // (e^r - 1 - r) / r^2, error 2^-28
  p = mad(p, r, splat(0.00836878084f));
  p = mad(p, r, splat(0.0416683927f));
  p = mad(p, r, splat(0.166665196f));
  p = mad(p, r, splat(0.49999994f));
  p = mad(r * r, p, r) + 1;
#if HEED_WIDE_AVX512
  return (vf)_mm512_maskz_scalef_ps(lasts, (__m512)p, (__m512)n);
#else
  return select(vanishes, splat(0), scale_by_power(p, n));
#endif
}

// e^x - 1 = 2^n (e^r - 1) + (2^n - 1), at half size so that 2^128 does not come up.
HEED_INLINE vf vector_expm1(vf x) {
  vf y = clamp(x, -18, 89);
  vf n = round_even(y * 1.44269504f);
  vf r = mad(n, splat(-LN2_LOW), mad(n, splat(-LN2_HIGH), y));
  vf p = splat(0.000198458845f);  // (e^r - 1 - r) / r^2, error 2^-32
  p = mad(p, r, splat(0.00139407208f));
  p = mad(p, r, splat(0.00833338965f));
  p = mad(p, r, splat(0.0416663587f));
  p = mad(p, r, splat(0.166666657f));
  p = mad(p, r, splat(0.5f));
  vf power = (vf)((__builtin_convertvector(n, vi) + 126) << 23);
  return select(x == 0, x, mad(mad(r * r, p, r), power, power - 0.5f) * 2);
}

// log(1 + f) - f for 1 + f between the square roots of 1/2 and of 2.
HEED_INLINE vf log_tail(vf f) {
  vf p = splat(0.067466408f);  // (log(1 + f) - f + f^2 / 2) / f^3, error 2^-30
  p = mad(p, f, splat(-0.116756521f));
  p = mad(p, f, splat(0.11888162f));
  p = mad(p, f, splat(-0.124055892f));
  p = mad(p, f, splat(0.142195523f));
  p = mad(p, f, splat(-0.166679963f));
  p = mad(p, f, splat(0.200021192f));
  p = mad(p, f, splat(-0.250000089f));
  p = mad(p, f, splat(0.333333135f));
  return f * f * mad(f, p, splat(-0.5f));
}

#define SQRT_HALF_BITS 0x3f3504f3

// What log gives outside of the positive finite numbers.
HEED_INLINE vf log_edges(vf x, vf result) {
  result = select(x < HEED_INFINITY, result, x);
  result = select(x == 0, splat(-HEED_INFINITY), result);
  return select(x < 0, splat(HEED_NAN), result);
}

// log(2^e m) = e log 2 + log m.
HEED_INLINE vf vector_log(vf x) {
  vi tiny = x < 0x1p-126f;
  vi bits = (vi)select(tiny, x * 0x1p23f, x) - SQRT_HALF_BITS;
  vf e = __builtin_convertvector((bits >> 23) - (tiny & 23), vf);
  vf f = (vf)((bits & 0x7fffff) + SQRT_HALF_BITS) - 1;
  vf low = f + mad(e, splat(LN2_LOW), log_tail(f));
  return log_edges(x, mad(e, splat(LN2_HIGH), low));
}

// log(1 + x); what 1 + x loses in rounding is given back to f, or as a quotient where the exponent is not 0.
HEED_INLINE vf vector_log1p(vf x) {
  vf u = x + 1;
  vi bits = (vi)u - SQRT_HALF_BITS, e = bits >> 23;
  vf power = __builtin_convertvector(e, vf), m = (vf)((bits & 0x7fffff) + SQRT_HALF_BITS);
  vf lost = select(absolute(x) < 1, x - (u - 1), 1 - (u - x));
  vf f = select(e == 0, x, m - 1), rest = (vf)(~(e == 0) & (vi)(lost / u));
  vf low = f + (mad(power, splat(LN2_LOW), log_tail(f)) + rest);
  vf result = select(u < HEED_INFINITY, mad(power, splat(LN2_HIGH), low), u);
  result = select(u == 0, splat(-HEED_INFINITY), result);
  return select(x == 0, x, select(u < 0, splat(HEED_NAN), result));
}

// 1 / (1 + e^-x), written with e^-|x| so that the far ends keep their precision.
HEED_INLINE vf vector_sigmoid(vf x) {
#if HEED_WIDE_AVX512
  // vector_exp(-|x|) over 1 + that by a reciprocal and a correction, shorter than a division.
  const vf magic = splat(0x1.8p23f);
  vf a = (vf)((vi)x | INT32_MIN);
  __mmask16 lasts = _mm512_cmp_ps_mask((__m512)a, _mm512_set1_ps(-104), _CMP_NLT_UQ), negative = _mm512_movepi32_mask((__m512i)x);
  a = (vf)_mm512_maskz_mov_ps(lasts, (__m512)a);
  vf n = mad(a, splat(1.44269504f), magic) - magic;
  vf r = mad(n, splat(-LN2_LOW), mad(n, splat(-LN2_HIGH), a));
  vf square = r * r, high = mad(splat(0.00138144661f), r, splat(0.00836878084f)), low = mad(splat(0.0416683927f), r, splat(0.166665196f));
  vf p = mad(mad(high, square, low), r, splat(0.49999994f));
  vf e = (vf)_mm512_maskz_scalef_ps(lasts, (__m512)mad(square, p, r + 1), (__m512)n), d = 1 + e;
  vf over = (vf)_mm512_mask_mov_ps(_mm512_set1_ps(1), negative, (__m512)e), y = (vf)_mm512_rcp14_ps((__m512)d), q = over * y;
  return mad(mad(-d, q, over), y, q);  // y is good to 2^-14, the quotient to 2^-28
#else
  vf e = vector_exp(-absolute(x));
  return select(x < 0, e, splat(1)) / (1 + e);
#endif
}

// tanh x: odd polynomial below 5/8, otherwise 1 - 2 / (e^2|x| + 1).
HEED_INLINE vf vector_tanh(vf x) {
#if HEED_WIDE_AVX512
  return tanh_by_table(x);
#else
  vf a = absolute(x), t = x * x;
  vf p = splat(0.00214296579f);  // (tanh x - x) / x^3, error 2^-32
  p = mad(p, t, splat(-0.00817740336f));
  p = mad(p, t, splat(0.0217007063f));
  p = mad(p, t, splat(-0.0539467633f));
  p = mad(p, t, splat(0.133332059f));
  p = mad(p, t, splat(-0.333333313f));
  vf large = 1 - 2 / (vector_exp(a + a) + 1);
  return with_sign(select(a < 0.625f, mad(t * a, p, a), large), x);
#endif
}

// erf x: odd polynomial below 1, otherwise 1 - e^q(x) with q = log(1 - erf x).
HEED_INLINE vf vector_erf(vf x) {
#if HEED_WIDE_AVX512
  return erf_by_table(x);
#else
  vf a = clamp(x, -4, 4), t = a * a;
  a = absolute(a);
  vf p = splat(7.84724543e-05f);  // erf(x) / x - 1, error 2^-30
  p = mad(p, t, splat(-0.000800835434f));
  p = mad(p, t, splat(0.00518813729f));
  p = mad(p, t, splat(-0.0268537216f));
  p = mad(p, t, splat(0.112835832f));
  p = mad(p, t, splat(-0.37612626f));
  p = mad(p, t, splat(0.128379166f));
  vf q = splat(-2.1697575e-05f);  // log(1 - erf x) from 1 to 4, error 2^-35
  q = mad(q, a, splat(0.000441472162f));
  q = mad(q, a, splat(-0.00420528231f));
  q = mad(q, a, splat(0.0252103321f));
  q = mad(q, a, splat(-0.108422086f));
  q = mad(q, a, splat(-0.633216381f));
  q = mad(q, a, splat(-1.12958026f));
  q = mad(q, a, splat(0.000188466336f));
  return with_sign(select(a < 1, mad(a, p, a), 1 - vector_exp(q)), x);
#endif
}

#endif
