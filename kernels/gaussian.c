// Normal numbers from words of PyTorch's generator, a twin of src/base/gaussian.ts to the bit, which says what is done and why a
// multiply-add in double, rounded to float, serves where there is no fused one, but for the last step.

#include "fused.h"

enum { PAIRS = 512, MANTISSA = 0x7fffff, HALF = 0x3f000000 };
#if HEED_HAS_FUSED
#define FMA fused
#else
#define FMA(a, b, c) ((float)((double)(a) * (double)(b) + (double)(c)))
#endif

void KERNEL(gaussian_blocks)(const uint32_t *words, int32_t count, float *out, float mean, float std);

// sqrt(-2 ln(1 - u)) of the first eight words of each block of 16
static void radii(const uint32_t *words, int32_t pairs, float *radius) {
  for (int32_t i = 0; i < pairs; i++) {
    union {
      float number;
      uint32_t bits;
    } k;
    k.number = (float)(int32_t)(0x1000000 - (words[((i & ~7) << 1) | (i & 7)] & 0xffffff));  // 1 - u = k / 2^24, exact
    float e = (float)((int32_t)(k.bits >> 23) - 126 - 24);
    k.bits = (k.bits & MANTISSA) | HALF;
    int32_t small = k.number < 0.707106781186547524f;
    e -= (float)small;
    float x = (small ? k.number + k.number : k.number) - 1.0f, z = x * x;
    float y = FMA(7.0376836292e-2f, x, -1.1514610310e-1f);
    y = FMA(y, x, 1.1676998740e-1f);
    y = FMA(y, x, -1.2420140846e-1f);
    y = FMA(y, x, 1.4249322787e-1f);
    y = FMA(y, x, -1.6668057665e-1f);
    y = FMA(y, x, 2.0000714765e-1f);
    y = FMA(y, x, -2.4999993993e-1f);
    y = FMA(y, x, 3.3333331174e-1f);
    y = FMA(y * x, z, e * -2.12194440e-4f);
    y = FMA(z, -0.5f, y);
    radius[i] = -2.0f * FMA(e, 0.693359375f, x + y);
  }
  for (int32_t i = 0; i < pairs; i++) radius[i] = __builtin_sqrtf(radius[i]);
}

// out[j] = radius cos(angle) std + mean, out[j + 8] = radius sin(angle) std + mean
static void rotate(const uint32_t *words, const float *radius, float *out, float mean, float std) {
  for (int32_t j = 0; j < 8; j++) {
    float angle = 6.283185307179586f * ((float)(int32_t)(words[j + 8] & 0xffffff) * 0x1p-24f);
    int32_t octant = ((int32_t)(angle * 1.27323954473516f) + 1) & ~1;
    float n = (float)octant;
    float x = FMA(n, -0.78515625f, angle);
    x = FMA(n, -2.4187564849853515625e-4f, x);
    x = FMA(n, -3.77489497744594108e-8f, x);
    float z = x * x;
    float c = FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);
    c = FMA(c, z, 4.166664568298827e-2f);
    c = FMA(c * z, z, -(z * 0.5f)) + 1.0f;
    float s = FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);
    s = FMA(s, z, -1.6666654611e-1f);
    s = FMA(s * z, x, x);
    int32_t swap = octant & 2;
    float sine = swap ? c : s, cosine = swap ? s : c;
    sine = octant & 4 ? -sine : sine;
    cosine = (octant + 2) & 4 ? -cosine : cosine;
    out[j] = fused(radius[j] * cosine, std, mean);
    out[j + 8] = fused(radius[j] * sine, std, mean);
  }
}

// `count` words, a multiple of 16 and at most 1024, become as many numbers.
void KERNEL(gaussian_blocks)(const uint32_t *words, int32_t count, float *out, float mean, float std) {
  float radius[PAIRS];
  radii(words, count / 2, radius);
  for (int32_t block = 0; block < count; block += 16) rotate(words + block, radius + block / 2, out + block, mean, std);
}
