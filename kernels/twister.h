// A Mersenne Twister as the generator of src/base/random.ts keeps it, and what it can be asked to fill an array with.
#ifndef HEED_TWISTER_H
#define HEED_TWISTER_H

#include <stdint.h>

typedef struct {
  uint32_t *state;     // 624 words
  int32_t left, next;  // words until the next twist, and the position of the next one: left in 1..624, next + left - 1 at most 624
} Twister;

// Kinds of fill, numbered as in src/base/mersenne.ts.
enum {
  FILL_WORDS,          // uint32
  FILL_UNIFORM,        // float, first + second * u
  FILL_BERNOULLI,      // float, 1 with probability first
  FILL_INTEGERS,       // int32, first + word % second, where second < 2^28
  FILL_WIDE_INTEGERS,  // and where it is not, of two words
  FILL_ORDER,          // int32, which are put into random order
  FILLS,
};

#endif
