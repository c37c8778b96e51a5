// Scores become weights, block after block (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"): with each block the
// maximum of a row may grow, and what was added up before is then scaled down.
#ifndef HEED_ATTENTION_DECODE_SOFTEN_H
#define HEED_ATTENTION_DECODE_SOFTEN_H

#include "fold.h"
#include "vector_math.h"

HEED_INLINE float exp_one(float x) { return vector_exp((vf)(float_to_bits(x) + (vi){0}))[0]; }
HEED_INLINE float log_one(float x) { return vector_log((vf)(float_to_bits(x) + (vi){0}))[0]; }
HEED_INLINE float larger_one(float a, float b) { return a > b || a != a ? a : b; }

HEED_INLINE vf load_up_to(const float *p, int64_t n) { return n >= HEED_LANES ? load(p) : load_part(p, n); }
HEED_INLINE void store_up_to(float *p, vf v, int64_t n) {
  if (n >= HEED_LANES)
    store(p, v);
  else
    store_part(p, v, n);
}

// weight[from, until) = exp(score - maximum) * factor, and 0 elsewhere in [0, n); mask and factor may be null. Returns what earlier sums
// have to be multiplied by. A weight is +0 only where the key is not seen: where its factor alone makes it 0, it is -0.
static float soften(float *weight, const float *score, const int32_t *mask, const float *factor, int64_t from, int64_t until, int64_t n,
                    float *maximum, float *sum) {
  memset(weight, 0, (size_t)from * 4);
  memset(weight + until, 0, (size_t)(n - until) * 4);
  if (from == until) return 1;
  if (mask || score != weight) {
    for (int64_t j = from; j < until; j += HEED_LANES) {
      vf x = load_up_to(score + j, until - j);
      if (mask) x = select((vi)load_up_to((const float *)mask + j, until - j) != 0, x, splat(-HEED_INFINITY));
      store_up_to(weight + j, x, until - j);
    }
  }
  float before = *maximum, top = larger_one(before, (float)fold_run(FOLD_MAX, 0, weight + from, until - from));
  if (top == -HEED_INFINITY) {
    memset(weight + from, 0, (size_t)(until - from) * 4);
    return 1;
  }
  vf shift = splat(top), total = {0};
  for (int64_t j = from; j < until; j += HEED_LANES) {
    vf x = load_up_to(weight + j, until - j);
    if (until - j < HEED_LANES) {  // lanes past the end must not count
      vi lane;
      for (int i = 0; i < HEED_LANES; i++) lane[i] = i;
      x = select(lane < (int32_t)(until - j), x, splat(-HEED_INFINITY));
    }
    vf w = vector_exp(x - shift);
    total += w;
    if (factor) {
      vf f = w * load_up_to(factor + j, until - j);
      w = select(w == 0, splat(0), select(f == 0, splat(-0.0f), f));
    }
    store_up_to(weight + j, w, until - j);
  }
  float shrink = before == top ? 1 : exp_one(before - top);
  *maximum = top;
  *sum = *sum * shrink + (float)fold_lanes(FOLD_SUM, 0, total);
  return shrink;
}

HEED_INLINE void scale_row(float *row, float by, int64_t n) {
  for (int64_t j = 0; j < n; j += HEED_LANES) store(row + j, load(row + j) * by);
}

// row += by * more
HEED_INLINE void add_row(float *row, float by, const float *more, int64_t n) {
  for (int64_t j = 0; j < n; j += HEED_LANES) store(row + j, load(row + j) + load(more + j) * by);
}

HEED_INLINE int all_finite(const float *row, int64_t n) {
  vi bad = {0};
  for (int64_t j = 0; j < n; j += HEED_LANES) {
    vf x = load(row + j);
    bad |= x - x != 0;
  }
  return fold_lanes(FOLD_MIN, 1, (vf)bad) == 0;
}

#endif
