// f32 products on matrix tiles of bf16 (AMX). A number is split exactly into three bf16 parts, x = x1 + x2 + x3, and of the nine products of
// two numbers' parts the six largest are summed in f32: what is left out is below 2^-24 of a product, f32's own rounding. An f16 number
// has two parts, a bf16 number one. This file holds the parts: the layout of packed panels and the 32x32 block; matmul_amx.c the plan.
//
// A tile is 16 rows of 64 bytes: of the left operand 16 rows by 32 columns of K, of the right one 16 pairs along K by 16 columns. A panel is 32
// rows (or columns) by K: for every chunk of 32 along K, part after part, two tiles.
#ifndef HEED_MATMUL_AMX_H
#define HEED_MATMUL_AMX_H

#include "vector_basic.h"

#include "matmul_convert.h"
#include "matmul_problem.h"

enum { TILE_BYTES = 1024, PANEL = 32, CHUNK = 32 };

// The parts a number of each dtype has.
HEED_INLINE int32_t parts_of(int32_t dtype) { return dtype == DTYPE_F32 ? 3 : dtype == DTYPE_F16 ? 2 : 1; }

typedef struct {
  uint8_t palette, start, reserved[14];
  uint16_t bytes[16];
  uint8_t rows[16];
} __attribute__((packed)) TileConfig;

HEED_INLINE void begin_tiles(void) {
  TileConfig config = {.palette = 1};
  for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16;
  _tile_loadconfig(&config);
}

HEED_INLINE void transpose_pairs(__m512i v[16]) {
  __m512i t[16];
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    v[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    v[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    v[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    v[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(v[i], v[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(v[8 + i], v[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(v[8 + i], v[12 + i], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    v[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    v[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    v[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

HEED_INLINE __m512 widened(__m256i bf16) { return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16); }

// Writes one tile for each part (`apart` bytes from part to part) from up to 16 by 32 numbers: `outer` runs over rows of the left or columns
// of the right operand. Returns the largest magnitude as bits.
static int32_t pack_tile(const char *from, int32_t dtype, int64_t outer, int64_t along, int64_t outers, int64_t length, int32_t right,
                         char *to, int64_t apart) {
  const int64_t bytes = dtype_bytes(dtype);
  const int32_t parts = parts_of(dtype);
  float padded[16 * CHUNK] __attribute__((aligned(64)));
  if ((along != 1 && outer != 1) || outers < 16 || length < CHUNK) {
    memset(padded, 0, sizeof padded);
    for (int64_t o = 0; o < outers; o++)
      for (int64_t l = 0; l < length; l++) padded[o * CHUNK + l] = load_one(from + (o * outer + l * along) * bytes, dtype);
    from = (const char *)padded, dtype = DTYPE_F32, outer = CHUNK, along = 1;
  }
  const int64_t width = dtype_bytes(dtype);
  const int32_t pairs = along != 1;  // a vector holds 16 outers of one k, and a row of pairs comes out
  __m512i rows[3][16];
  __m512i largest = _mm512_setzero_si512();
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  for (int i = 0; i < 16; i++) {
    const char *first = pairs ? from + 2 * i * along * width : from + i * outer * width;
    const char *second = pairs ? first + along * width : first + 16 * width;
    __m512 x = (__m512)load_wide(first, dtype), y = (__m512)load_wide(second, dtype);
    largest = _mm512_max_epi32(largest, _mm512_and_si512((__m512i)x, magnitude));
    largest = _mm512_max_epi32(largest, _mm512_and_si512((__m512i)y, magnitude));
    for (int32_t p = 0; p < parts; p++) {
      __m256i low = (__m256i)_mm512_cvtneps_pbh(x), high = (__m256i)_mm512_cvtneps_pbh(y);
      if (pairs)
        rows[p][i] = _mm512_or_si512(_mm512_cvtepu16_epi32(low), (__m512i)widened(high));
      else
        rows[p][i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
      x -= widened(low);
      y -= widened(high);
    }
  }
  for (int32_t p = 0; p < parts; p++) {
    if (pairs != right) transpose_pairs(rows[p]);
    for (int i = 0; i < 16; i++) _mm512_store_si512(to + p * apart + 64 * i, rows[p][i]);
  }
  return _mm512_reduce_max_epi32(largest);
}

// One panel: 32 outers by `length` along K, padded with zeros.
static int32_t pack_panel(const Problem *p, const Side *side, int32_t right, const char *base, int64_t outer0, int64_t k0, int64_t length, char *to) {
  const int64_t outer = right ? side->columns : side->rows, along = right ? side->rows : side->columns;
  const int64_t end = right ? p->n : p->m, bytes = dtype_bytes(side->dtype);
  const int32_t parts = parts_of(side->dtype);
  int32_t largest = 0;
  for (int64_t k = 0; k < length; k += CHUNK) {
    for (int64_t t = 0; t < 2; t++) {
      const int64_t o = outer0 + 16 * t, outers = max64(0, min64(16, end - o));
      const char *from = base + (o * outer + (k0 + k) * along) * bytes;
      int32_t most = pack_tile(from, side->dtype, outer, along, outers, min64(CHUNK, length - k), right, to + t * TILE_BYTES, 2 * TILE_BYTES);
      if (most > largest) largest = most;
    }
    to += parts * 2 * TILE_BYTES;
  }
  return largest;
}

// c [32,32] (+)= a b over some chunks; `ld` floats from row to row of c. The second tile of either side may be all padding.
HEED_INLINE void block_product(float *c, int64_t ld, const char *a, int32_t a_parts, const char *b, int32_t b_parts, int64_t chunks, int32_t add,
                               int32_t tall, int32_t wide) {
  const int64_t stride = ld * 4, most = a_parts > b_parts ? a_parts : b_parts;
  if (add) {
    _tile_loadd(0, c, stride);
    if (wide) _tile_loadd(1, c + 16, stride);
    if (tall) _tile_loadd(2, c + 16 * ld, stride);
    if (tall && wide) _tile_loadd(3, c + 16 * ld + 16, stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < chunks; k++) {
    for (int32_t i = 0; i < a_parts; i++) {
      _tile_loadd(4, a + 2 * TILE_BYTES * i, 64);
      if (tall) _tile_loadd(5, a + 2 * TILE_BYTES * i + TILE_BYTES, 64);
      for (int32_t j = 0; j < b_parts && i + j < most; j++) {
        _tile_loadd(6, b + 2 * TILE_BYTES * j, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (tall) _tile_dpbf16ps(2, 5, 6);
        if (!wide) continue;
        _tile_loadd(7, b + 2 * TILE_BYTES * j + TILE_BYTES, 64);
        _tile_dpbf16ps(1, 4, 7);
        if (tall) _tile_dpbf16ps(3, 5, 7);
      }
    }
    a += 2 * TILE_BYTES * a_parts;
    b += 2 * TILE_BYTES * b_parts;
  }
  _tile_stored(0, c, stride);
  if (wide) _tile_stored(1, c + 16, stride);
  if (tall) _tile_stored(2, c + 16 * ld, stride);
  if (tall && wide) _tile_stored(3, c + 16 * ld + 16, stride);
}

#endif
