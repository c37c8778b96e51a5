// The functions of two f32 vectors that need double precision inside: pow, remainder and floorDivide. Each works on half a vector
// at a time, since a double takes twice the room.
#ifndef HEED_VECTOR_DOUBLE_H
#define HEED_VECTOR_DOUBLE_H

#include "vector_basic.h"

typedef float hf __attribute__((vector_size(2 * HEED_LANES)));
typedef int32_t hi __attribute__((vector_size(2 * HEED_LANES)));
typedef double hd __attribute__((vector_size(4 * HEED_LANES)));
typedef int64_t hl __attribute__((vector_size(4 * HEED_LANES)));

typedef union {
  vf whole;
  hf half[2];
} Halves;

HEED_INLINE hd splatd(double x) { return x - (hd){0}; }
HEED_INLINE hd selectd(hl mask, hd a, hd b) { return (hd)((mask & (hl)a) | (~mask & (hl)b)); }
HEED_INLINE hd absoluted(hd x) { return (hd)((hl)x & INT64_MAX); }
HEED_INLINE hd wide(hf x) { return __builtin_convertvector(x, hd); }
HEED_INLINE hf narrow(hd x) { return __builtin_convertvector(x, hf); }

// x + 1.5 * 2^52 keeps in its last places the whole number nearest to x.
#define WHOLE_SHIFT 0x1.8p52

HEED_INLINE hd round_down_double(hd x) {
  hd r = x + WHOLE_SHIFT;
  __asm__("" : "+m"(r));
  r -= WHOLE_SHIFT;
  r -= (hd)((hl)(r > x) & (hl)splatd(1));
  return selectd(absoluted(x) < 0x1p51, r, x);
}

// log2 of a positive finite number (denormal f32 are normal here), error 2^-45: an odd polynomial of s = (m - 1) / (m + 1).
HEED_INLINE hd log2_double(hd x) {
  hl bits = (hl)x - 0x3fe6a09e667f3bcd;  // the square root of 1/2
  hl e = bits >> 52;
  hd m = (hd)((bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd);
  hd s = (m - 1) / (m + 1), t = s * s;
  hd p = 0.28290332519236522 * t + 0.3199054911259574;
  p = p * t + 0.41220925695815958;
  p = p * t + 0.57707794232480369;
  p = p * t + 0.96179669411345348;
  p = p * t + 2.8853900817778499;
  hd exponent = (hd)(e + 0x4338000000000000) - WHOLE_SHIFT;  // 2^52 + 2^51 as bits: a small whole number becomes a double
  return exponent + s * p;
}

// 2^x for x from -1000 to 1000, error 2^-40.
HEED_INLINE hd exp2_double(hd x) {
  hd shifted = x + WHOLE_SHIFT;
  __asm__("" : "+m"(shifted));
  hd f = x - (shifted - WHOLE_SHIFT);
  hd p = 1.3175809933671319e-06 * f + 1.5309737046107769e-05;
  p = p * f + 0.00015403851988632993;
  p = p * f + 0.0013333452063907189;
  p = p * f + 0.0096181285424897008;
  p = p * f + 0.055504109393396187;
  p = p * f + 0.24022650698882217;
  p = p * f + 0.69314718054651481;
  p = p * f + 0.99999999999976219;
  return p * (hd)(((hl)shifted + 1023) << 52);
}

// x^y as in C and PyTorch: 2^(y log2 |x|), with the sign of x where y is odd and NaN where x is negative and y is not whole.
HEED_INLINE hf power_half(hf x, hf y) {
  hd a = absoluted(wide(x)), b = wide(y);
  hl finite = (a > 0) & (a < (double)HEED_INFINITY);
  hd log = selectd(finite, log2_double(selectd(finite, a, splatd(1))), selectd(a == 0, splatd(-HEED_INFINITY), a));  // NaN stays
  hd t = selectd(a == 1, splatd(0), b * log);
  t = selectd(t > 1000, splatd(1000), selectd(t < -1000, splatd(-1000), t));
  hd r = exp2_double(t);
  hd half = b * 0.5, is_whole = round_down_double(b) - b, is_even = round_down_double(half) - half;
  hl negative = (hl)wide(x) < 0, huge = absoluted(b) >= 0x1p31;  // huge numbers are whole and even
  hl whole = (is_whole == 0) | huge, odd = whole & ~((is_even == 0) | huge);
  r = (hd)((hl)r ^ (negative & odd & INT64_MIN));
  r = selectd(negative & ~whole & finite, splatd(HEED_NAN), r);
  r = selectd((t != t), t, r);
  return narrow(selectd((b == 0) | (wide(x) == 1), splatd(1), r));
}

// What is left of a double that is far larger than b: fmod, 28 bits of the quotient at a time; every product is exact.
static __attribute__((noinline)) double remainder_far(double a, double b) {
  while (a >= b) {
    double part = b;
    while (part * 0x1p28 <= a) part *= 0x1p28;
    a -= (double)(int64_t)(a / part) * part;
    if (a < 0) a += part;
  }
  return a;
}

// a - b floor(a / b), with the sign of b, as in Python; NaN when b is 0 or a infinite.
HEED_INLINE hf remainder_half(hf x, hf y) {
  hd a = wide(x), b = wide(y), size = absoluted(a), divisor = absoluted(b), quotient = round_down_double(size / divisor);
  hd r = size - quotient * divisor;  // both are exact below 2^29
  r = selectd(r < 0, r + divisor, r);
  r = selectd(r >= divisor, r - divisor, r);
  hl far = (quotient >= 0x1p29) & (size < (double)HEED_INFINITY) & (divisor > 0);
  for (int i = 0; i < HEED_LANES / 2; i++)
    if (far[i]) r[i] = remainder_far(size[i], divisor[i]);
  r = selectd((divisor == (double)HEED_INFINITY) & (size < (double)HEED_INFINITY), size, r);
  r = (hd)((hl)r ^ ((hl)a & INT64_MIN));
  return narrow(selectd((r != 0) & ((r < 0) != (b < 0)), r + b, r));
}

HEED_INLINE hf floor_divide_half(hf x, hf y) { return narrow(round_down_double(wide(x) / wide(y))); }

HEED_INLINE vf vector_pow(vf x, vf y) {
  Halves a = {x}, b = {y};
  return (Halves){.half = {power_half(a.half[0], b.half[0]), power_half(a.half[1], b.half[1])}}.whole;
}
HEED_INLINE vf vector_remainder(vf x, vf y) {
  Halves a = {x}, b = {y};
  return (Halves){.half = {remainder_half(a.half[0], b.half[0]), remainder_half(a.half[1], b.half[1])}}.whole;
}
HEED_INLINE vf vector_floor_divide(vf x, vf y) {
  Halves a = {x}, b = {y};
  return (Halves){.half = {floor_divide_half(a.half[0], b.half[0]), floor_divide_half(a.half[1], b.half[1])}}.whole;
}

#endif
