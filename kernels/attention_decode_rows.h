// Rows of keys or values as they lie in memory, and the order in which they are read.
//
// Memory is fastest when several pages are read at a time and what comes is asked for early. So rows that share pages are read along
// several tracks at once, each step taking one row from each of several places in the block: a quarter faster than from the first to the
// last. Rows that are a page or more apart are read one after the other.
#ifndef HEED_ATTENTION_DECODE_ROWS_H
#define HEED_ATTENTION_DECODE_ROWS_H

#include "matmul_convert.h"
#include "vector_part.h"

#if HEED_LANES == 16 || defined(__aarch64__)  // 32 registers, elsewhere 16
#define TILE_ROWS 4
#else
#define TILE_ROWS 2
#endif

enum { TRACK_BYTES = 8192, AHEAD_BYTES = 16384, PAGE = 4096, LINE = 64 };

// Keys or values that lie ready: `step` bytes from row to row, `beside` from one group to the next, and where the pass after this one
// begins (null: nowhere).
typedef struct {
  const char *base, *next;
  int64_t step, beside, groups;
  int32_t dtype;
} Rows;

// bf16 is read in pairs, a 32-bit word each: of every 2 HEED_LANES numbers, those at even places come as one vector, those at odd places as
// the next. Queries are brought into this order before, sums back into theirs afterwards; what is left of a row stays as it is.
typedef int32_t vi_pairs __attribute__((vector_size(4 * HEED_LANES), aligned(2), may_alias));
HEED_INLINE vf load_evens(const char *p) { return (vf)(*(const vi_pairs *)p << 16); }
HEED_INLINE vf load_odds(const char *p) { return (vf)(*(const vi_pairs *)p & (int32_t)0xffff0000); }

static void part_pairs(float *row, int64_t n) {
  float pairs[2 * HEED_LANES];
  for (int64_t i = 0; i + 2 * HEED_LANES <= n; i += 2 * HEED_LANES) {
    memcpy(pairs, row + i, sizeof pairs);
    for (int64_t j = 0; j < HEED_LANES; j++) row[i + j] = pairs[2 * j], row[i + HEED_LANES + j] = pairs[2 * j + 1];
  }
}
static void join_pairs(float *row, int64_t n) {
  float parted[2 * HEED_LANES];
  for (int64_t i = 0; i + 2 * HEED_LANES <= n; i += 2 * HEED_LANES) {
    memcpy(parted, row + i, sizeof parted);
    for (int64_t j = 0; j < HEED_LANES; j++) row[i + 2 * j] = parted[j], row[i + 2 * j + 1] = parted[HEED_LANES + j];
  }
}

// The first n < HEED_LANES numbers, the other lanes zero.
HEED_INLINE vf load_end(const char *p, int32_t dtype, int64_t n) {
  if (dtype == DTYPE_F32) return load_part((const float *)p, n);
#if defined(__AVX512BW__) && defined(__AVX512VL__) && HEED_LANES == 16
  vh half = (vh)_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p);
  return load_wide((const char *)&half, dtype);
#else
  vf v = {0};
  for (int64_t i = 0; i < n; i++) v[i] = load_one(p + i * 2, dtype);
  return v;
#endif
}

// The length of the tracks into which n rows are divided, a multiple of four; 0 where one row after the other is better. Some rows may
// be left over.
HEED_INLINE int64_t track_rows(const Rows *rows, int64_t n, int64_t tracks) {
  int64_t length = n / tracks / 4 * 4;
  return rows->step > -PAGE && rows->step < PAGE && max64(rows->step, -rows->step) * length >= TRACK_BYTES ? length : 0;
}

// How many rows ahead to ask, in whole turns, where a turn takes so many rows of each track: what has been asked for has to fit into the
// first cache, or nearly.
HEED_INLINE int64_t rows_ahead(const Rows *rows, int64_t tracks, int64_t turn, int64_t width) {
  return max64(1, AHEAD_BYTES / (rows->groups * tracks * turn * width * dtype_bytes(rows->dtype) + 1)) * turn;
}
// From row i of a track of n to what is to be asked for while it is read, in bytes; 0: nothing.
HEED_INLINE int64_t look_ahead(const Rows *rows, int64_t i, int64_t n, int64_t ahead) {
  if (i + ahead < n) return ahead * rows->step;
  return rows->next ? rows->next + (i + ahead - n) * rows->step - (rows->base + i * rows->step) : 0;
}
HEED_INLINE void ask(const char *p, int64_t bytes, int64_t ahead) {
  if (ahead && bytes % LINE == 0) __builtin_prefetch(p + bytes + ahead, 0, 3);
}

#endif
