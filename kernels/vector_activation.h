// Activations and their slopes: ReLU, and GELU exactly and with the hyperbolic tangent (Hendrycks and Gimpel 2016), gelu(x) = x gate(x).
#ifndef HEED_VECTOR_ACTIVATION_H
#define HEED_VECTOR_ACTIVATION_H

#include "vector_math.h"

// max(x, 0); NaN stays NaN and -0 what it is.
HEED_INLINE vf vector_relu(vf x) {
#if HEED_WIDE_AVX512  // the second operand comes out when both are zeros, or one is NaN
  return (vf)_mm512_max_ps(_mm512_setzero_ps(), (__m512)x);
#elif HEED_WIDE_AVX2
  return (vf)_mm256_max_ps(_mm256_setzero_ps(), (__m256)x);
#elif HEED_WIDE_SSE2
  return (vf)_mm_max_ps(_mm_setzero_ps(), (__m128)x);
#else
  return (vf)(~(x < 0) & (vi)x);
#endif
}
// What reaches x of the gradient g of y = relu(x): nothing unless y is positive, or NaN.
HEED_INLINE vf relu_gradient(vf y, vf g) {
#if HEED_WIDE_AVX512
  return (vf)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)y, _mm512_setzero_ps(), _CMP_NLE_UQ), (__m512)g);
#else
  return (vf)(~(y <= 0) & (vi)g);
#endif
}

#define SQRT_HALF 0.707106781f
#define NORMAL_PEAK 0.398942280f  // the normal density at 0
#define GELU_LINEAR 1.59576912f   // 2 sqrt(2 / pi)
#define GELU_CUBIC 0.0713548163f  // 0.044715 times that
#define LOG2_E 1.44269504f

HEED_INLINE vf gelu_gate(vf x) { return mad(vector_erf(x * SQRT_HALF), splat(0.5f), splat(0.5f)); }

// phi + x density
HEED_INLINE vf gelu_slope(vf x, vf gate) { return mad(x * NORMAL_PEAK, vector_exp(x * x * -0.5f), gate); }

// sigma(v) with v = x (LINEAR + CUBIC x^2)
HEED_INLINE vf gelu_tanh_gate(vf x) {
#if HEED_WIDE_AVX512
  // 1 / (1 + 2^t) with t = -v log2 e = n + f: v carries the roundings of its own formula, so e^-v needs no more care than they.
  vf t = x * mad(x * x, splat(-GELU_CUBIC * LOG2_E), splat(-GELU_LINEAR * LOG2_E));
  __mmask16 lasts = _mm512_cmp_ps_mask((__m512)t, _mm512_set1_ps(126), _CMP_NGE_UQ);
  t = (vf)_mm512_max_ps(_mm512_set1_ps(-64), (__m512)t);
  vf f = (vf)_mm512_reduce_ps((__m512)t, 8), n = t - f;
  vf p = splat(0.00015353362f);  // (2^f - 1) / f, error of 2^f 2^-29
  p = mad(p, f, splat(0.00133988750f));
  p = mad(p, f, splat(0.00961843692f));
  p = mad(p, f, splat(0.0555033237f));
  p = mad(p, f, splat(0.240226477f));
  p = mad(p, f, splat(0.693147182f));
  vf d = (vf)_mm512_scalef_ps((__m512)mad(p, f, splat(1)), (__m512)n) + 1;
  vf y = (vf)_mm512_rcp14_ps((__m512)d);
  return (vf)_mm512_maskz_fmadd_ps(lasts, (__m512)mad(-d, y, splat(1)), (__m512)y, (__m512)y);  // y is good to 2^-14, this to 2^-28
#else
  return vector_sigmoid(x * mad(x * x, splat(GELU_CUBIC), splat(GELU_LINEAR)));
#endif
}

// sigma + x sigma (1 - sigma) v'
HEED_INLINE vf gelu_tanh_slope(vf x, vf gate) {
  return mad(x * gate * (1 - gate), mad(x * x, splat(3 * GELU_CUBIC), splat(GELU_LINEAR)), gate);
}

#endif
