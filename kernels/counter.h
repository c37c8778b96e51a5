// The counter-based generator of src/base/counter.ts, lane by lane: a number is a pure function of (seed, stream, index).
#ifndef HEED_COUNTER_H
#define HEED_COUNTER_H

#include "heed.h"

typedef struct {
  uint32_t a, b;
} CounterKey;

HEED_INLINE uint32_t counter_mix(uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

HEED_INLINE CounterKey counter_key(uint32_t seed, uint32_t stream) {
  uint32_t first = counter_mix(seed + 0x9e3779b9u), second = counter_mix(stream ^ first), a = counter_mix(first ^ second);
  return (CounterKey){a, counter_mix(second + a)};
}

HEED_INLINE vu counter_mix_wide(vu x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

// Uniform in [0, 1) with 24 bits, for each index.
HEED_INLINE vf counter_uniform(CounterKey key, vu index) {
  vu word = counter_mix_wide(counter_mix_wide(index ^ key.a) + key.b);
  return __builtin_convertvector((vi)(word >> 8), vf) * 0x1p-24f;
}

#endif
