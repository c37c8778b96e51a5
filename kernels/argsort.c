// argsort: the indices that sort the last axis, stable, NaN largest, -0 equal to 0, the first `count` of them. Words after the
// length: rank, shape, descending, count, input, output (i32, its last axis `count` long).
//
// Every number becomes an unsigned key of the same order (turned over when descending), and key and index one 64-bit number: no two
// are equal, so any way to sort them is the stable one. A few of many are selected through a heap, other rows are sorted by radix.

#include "strided.h"

typedef struct {
  Domain rows;  // of input, output
  Operand input, output;
  int64_t length, count, from_stride, to_stride;
  int32_t descending;
} Argsort;

enum { LEAST = 4096, SHORT = 40, BLOCK = 64 };

static Argsort read_argsort(const int32_t *words) {
  Argsort s = {.rows = domain_of_one(), .length = 1};
  int32_t rank = words[1];
  const int32_t *shape = words + 2, *w = shape + rank;
  s.descending = w[0];
  s.count = w[1];
  read_operand(read_operand(w + 2, rank, &s.input), rank, &s.output);
  if (rank > 0) {
    s.length = shape[rank - 1];
    s.from_stride = s.input.strides[rank - 1];
    s.to_stride = s.output.strides[rank - 1];
  }
  s.count = max64(0, min64(s.count, s.length));
  for (int32_t a = 0; a < rank - 1; a++) domain_add(&s.rows, shape[a], s.input.strides[a], s.output.strides[a], 0);
  return s;
}

static int few_of_many(const Argsort *s) { return s->length > 256 && s->count * 16 <= s->length; }

static int64_t own_bytes(const int32_t *words) {
  Argsort s = read_argsort(words);
  return few_of_many(&s) ? s.count * 8 : s.length * 16;
}

static int64_t least(const Argsort *s) { return max64(1, LEAST / max64(1, s->length)); }

// The key of `bits`, `sign` the sign bit of its type and `infinity` the bits of its infinity (0: an integer).
HEED_INLINE uint32_t ordered(uint32_t bits, uint32_t sign, uint32_t infinity) {
  uint32_t all = sign | (sign - 1), negative = 0 - (uint32_t)((bits & sign) != 0);
  if (!infinity) return bits ^ sign;
  uint32_t key = bits == sign ? sign : (bits ^ (negative | sign)) & all;
  return (bits & (sign - 1)) > infinity ? all : key;
}

HEED_INLINE void keys_of(uint32_t *key, const char *from, int64_t stride, int64_t n, int32_t dtype, int32_t descending) {
  uint32_t turn = !descending ? 0 : dtype == DTYPE_F32 || dtype == DTYPE_I32 ? 0xffffffff : dtype == DTYPE_BOOL ? 1 : 0xffff;
  for (int64_t j = 0; j < n; j++) {
    const char *p = from + j * stride * dtype_bytes(dtype);
    uint32_t k;
    if (dtype == DTYPE_F32) k = ordered(*(const uint32_t *)p, 0x80000000, 0x7f800000);
    else if (dtype == DTYPE_I32) k = ordered(*(const uint32_t *)p, 0x80000000, 0);
    else if (dtype == DTYPE_BOOL) k = *(const uint8_t *)p != 0;
    else k = ordered(*(const uint16_t *)p, 0x8000, dtype == DTYPE_F16 ? 0x7c00 : 0x7f80);
    key[j] = k ^ turn;
  }
}

// Keys of at most BLOCK numbers, `at` the first one's index.
static void keys(const Argsort *s, const char *row, int64_t at, int64_t n, uint32_t *key) {
  int32_t dtype = s->input.dtype;
  const char *from = row + at * s->from_stride * dtype_bytes(dtype);
  if (dtype == DTYPE_F32 && s->from_stride == 1) keys_of(key, from, 1, n, DTYPE_F32, s->descending);
  else keys_of(key, from, s->from_stride, n, dtype, s->descending);
}

static void insertion_sort(uint64_t *pair, int64_t n) {
  for (int64_t j = 1; j < n; j++) {
    uint64_t x = pair[j];
    int64_t i = j;
    for (; i > 0 && pair[i - 1] > x; i--) pair[i] = pair[i - 1];
    pair[i] = x;
  }
}

// Sorts by the bytes of the key, lowest first; returns which of the two arrays holds the result.
static uint64_t *radix_sort(uint64_t *pair, uint64_t *other, int64_t n) {
  uint32_t count[4][256] = {{0}};
  for (int64_t j = 0; j < n; j++)
    for (int d = 0; d < 4; d++) count[d][pair[j] >> (32 + 8 * d) & 255]++;
  for (int d = 0; d < 4; d++) {
    int shift = 32 + 8 * d;
    if (count[d][pair[0] >> shift & 255] == n) continue;  // all alike here
    uint32_t at = 0;
    for (int b = 0; b < 256; b++) {
      uint32_t c = count[d][b];
      count[d][b] = at;
      at += c;
    }
    for (int64_t j = 0; j < n; j++) other[count[d][pair[j] >> shift & 255]++] = pair[j];
    uint64_t *swap = pair;
    pair = other;
    other = swap;
  }
  return pair;
}

static uint64_t *sort_all(const Argsort *s, const char *row, uint64_t *pair) {
  uint32_t key[BLOCK];
  for (int64_t at = 0; at < s->length; at += BLOCK) {
    int64_t n = min64(BLOCK, s->length - at);
    keys(s, row, at, n, key);
    for (int64_t j = 0; j < n; j++) pair[at + j] = (uint64_t)key[j] << 32 | (uint64_t)(at + j);
  }
  if (s->length > SHORT) return radix_sort(pair, pair + s->length, s->length);
  insertion_sort(pair, s->length);
  return pair;
}

// Lets x sink from the top of a heap of n whose top is its largest.
static void sink(uint64_t *heap, int64_t at, int64_t n, uint64_t x) {
  for (int64_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && heap[child + 1] > heap[child]) child++;
    if (heap[child] <= x) break;
    heap[at] = heap[child];
  }
  heap[at] = x;
}

// The `count` smallest, in order: a heap of the best so far, whose top is the one to beat.
static uint64_t *select_few(const Argsort *s, const char *row, uint64_t *heap) {
  uint32_t key[BLOCK];
  int64_t k = s->count, held = 0;
  for (int64_t at = 0; at < s->length; at += BLOCK) {
    int64_t n = min64(BLOCK, s->length - at), j = 0;
    keys(s, row, at, n, key);
    for (; held < k && j < n; j++) {
      heap[held++] = (uint64_t)key[j] << 32 | (uint64_t)(at + j);
      if (held == k)
        for (int64_t i = k / 2; i-- > 0;) sink(heap, i, k, heap[i]);
    }
    if (held < k) continue;
    // Of equal keys the earlier is the better, so only a smaller key beats the top.
    uint32_t least = 0xffffffff;
    for (int64_t i = j; i < n; i++) least = key[i] < least ? key[i] : least;
    if (least >= heap[0] >> 32) continue;
    for (; j < n; j++)
      if (key[j] < heap[0] >> 32) sink(heap, 0, k, (uint64_t)key[j] << 32 | (uint64_t)(at + j));
  }
  for (int64_t n = k - 1; n > 0; n--) {
    uint64_t largest = heap[0];
    sink(heap, 0, n, heap[n]);
    heap[n] = largest;
  }
  return heap;
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)phase;
  Argsort s = read_argsort(words);
  int64_t rows = domain_elements(&s.rows), size = task_size(rows, least(&s));
  int64_t from_row = s.rows.stride[0][s.rows.rank - 1], to_row = s.rows.stride[1][s.rows.rank - 1], bytes = dtype_bytes(s.input.dtype);
  const char *input = operand_base(&s.input, context);
  int32_t *output = (int32_t *)operand_base(&s.output, context);
  uint64_t *own = (uint64_t *)context->own;
  int few = few_of_many(&s);
  Walk walk = walk_begin(&s.rows, task * size, min64(rows, (task + 1) * size));
  do {
    for (int64_t r = 0; r < walk.run; r++) {
      const char *row = input + (walk.offset[0] + r * from_row) * bytes;
      int32_t *to = output + walk.offset[1] + r * to_row;
      const uint64_t *sorted = few ? select_few(&s, row, own) : sort_all(&s, row, own);
      for (int64_t j = 0; j < s.count; j++) to[j * s.to_stride] = (int32_t)(uint32_t)sorted[j];
    }
  } while (walk_next(&walk, &s.rows));
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  (void)phase;
  Argsort s = read_argsort(words);
  int64_t rows = s.count ? domain_elements(&s.rows) : 0;
  return rows ? task_count(rows, least(&s)) : 0;
}

const Kernel KERNEL(argsort_kernel) = {no_bytes, own_bytes, one_phase, tasks, run, 0, 0};
