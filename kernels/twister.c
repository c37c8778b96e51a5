// Words of the Mersenne Twister and the numbers that PyTorch makes of them, a twin to the bit of src/base/mersenne.ts, which says where
// the twister comes from, and of src/base/random.ts, which says what each distribution takes.

#include "fused.h"
#include "twister.h"

enum { STATE = 624, SHIFT = 397, MOST = 1024 };

void KERNEL(twister)(Twister *twister, int32_t fill, void *out, int64_t count, double first, double second);

HEED_INLINE uint32_t mix(uint32_t upper, uint32_t lower) {
  return (((upper & 0x80000000) | (lower & 0x7fffffff)) >> 1) ^ (-(lower & 1) & 0x9908b0df);
}

static void twist(uint32_t *state) {
  for (int32_t j = 0; j < STATE - SHIFT; j++) state[j] = state[j + SHIFT] ^ mix(state[j], state[j + 1]);
  for (int32_t j = STATE - SHIFT; j < STATE - 1; j++) state[j] = state[j + SHIFT - STATE] ^ mix(state[j], state[j + 1]);
  state[STATE - 1] = state[SHIFT - 1] ^ mix(state[STATE - 1], state[0]);
}

HEED_INLINE uint32_t temper(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >> 18);
}

static void draw(Twister *t, uint32_t *restrict out, int64_t count) {
  while (count > 0) {
    if (t->left == 1) {
      twist(t->state);
      t->left = STATE + 1;  // a twist belongs to a draw, and none is made yet
      t->next = 0;
    }
    int32_t run = (int32_t)min64(count, t->left - 1);
    const uint32_t *state = t->state + t->next;
    for (int32_t j = 0; j < run; j++) out[j] = temper(state[j]);
    t->left -= run, t->next += run;
    out += run, count -= run;
  }
}

// --- what becomes of a buffer of words

static void uniform(const uint32_t *words, float *restrict out, int32_t count, float low, float range) {
  for (int32_t j = 0; j < count; j++) out[j] = fused((float)(int32_t)(words[j] & 0xffffff) * 0x1p-24f, range, low);
}

// Two words give 53 bits, the high one first; they are below p * 2^53 just where they are below the next whole number.
static void bernoulli(const uint32_t *words, float *restrict out, int32_t count, uint64_t limit) {
  for (int32_t j = 0; j < count; j++) {
    uint64_t bits = (uint64_t)(words[2 * j] & 0x1fffff) << 32 | words[2 * j + 1];
    out[j] = bits < limit ? 1.0f : 0.0f;
  }
}

// The remainder by way of a quotient that may be off by one.
static void integers(const uint32_t *words, int32_t *restrict out, int32_t count, int32_t low, int32_t range) {
  double share = 1.0 / range;
  for (int32_t j = 0; j < count; j++) {
    uint32_t quotient = (uint32_t)(int64_t)((double)words[j] * share);
    int32_t rest = (int32_t)(words[j] - quotient * (uint32_t)range);
    rest += rest < 0 ? range : 0;
    rest -= rest >= range ? range : 0;
    out[j] = low + rest;
  }
}

static void wide_integers(const uint32_t *words, int32_t *restrict out, int32_t count, int64_t low, uint64_t range) {
  for (int32_t j = 0; j < count; j++)
    out[j] = (int32_t)(low + (int64_t)(((uint64_t)words[2 * j] << 32 | words[2 * j + 1]) % range));
}

// Each place but the last changes with one at or behind it.
static void shuffle(const uint32_t *words, int32_t *order, int64_t from, int32_t count, int64_t places) {
  for (int64_t i = from; i < from + count; i++) {
    int64_t other = i + words[i - from] % (uint32_t)(places - i);
    int32_t value = order[i];
    order[i] = order[other];
    order[other] = value;
  }
}

// `count` numbers at `out`: see twister.h for the kinds of fill.
void KERNEL(twister)(Twister *t, int32_t fill, void *out, int64_t count, double first, double second) {
  uint32_t words[MOST];
  if (fill == FILL_WORDS) {
    draw(t, out, count);
    return;
  }
  int32_t each = fill == FILL_BERNOULLI || fill == FILL_WIDE_INTEGERS ? 2 : 1;  // words
  int64_t wanted = fill == FILL_ORDER ? max64(count - 1, 0) : count;
  double limit = fill == FILL_BERNOULLI ? first * 0x1p53 : 0;
  uint64_t below = (uint64_t)limit + ((double)(uint64_t)limit < limit);
  for (int64_t at = 0; at < wanted; at += MOST / each) {
    int32_t n = (int32_t)min64(wanted - at, MOST / each);
    draw(t, words, (int64_t)n * each);
    if (fill == FILL_UNIFORM) uniform(words, (float *)out + at, n, (float)first, (float)second);
    if (fill == FILL_BERNOULLI) bernoulli(words, (float *)out + at, n, below);
    if (fill == FILL_INTEGERS) integers(words, (int32_t *)out + at, n, (int32_t)first, (int32_t)second);
    if (fill == FILL_WIDE_INTEGERS) wide_integers(words, (int32_t *)out + at, n, (int64_t)first, (uint64_t)second);
    if (fill == FILL_ORDER) shuffle(words, out, at, n, count);
  }
}
