// cumsum: the running sum along the last axis. Words after the length: rank, shape, input, output. As PyTorch on a CPU sums: f32 in
// double, f16 and bf16 in f32, i32 (and bool) with wrap-around; each sum is rounded once, when it is written. Rows are independent;
// along a row the order is that of the axis.

#include "matmul_convert.h"
#include "strided.h"

typedef struct {
  Domain rows;  // of input, output
  Operand input, output;
  int64_t length, from_stride, to_stride;
} Cumsum;

enum { LEAST = 16384, BLOCK = 64, FEW = 8 };

static Cumsum read_cumsum(const int32_t *words) {
  Cumsum c = {.rows = domain_of_one(), .length = 1};
  int32_t rank = words[1];
  const int32_t *shape = words + 2;
  read_operand(read_operand(shape + rank, rank, &c.input), rank, &c.output);
  if (rank > 0) {
    c.length = shape[rank - 1];
    c.from_stride = c.input.strides[rank - 1];
    c.to_stride = c.output.strides[rank - 1];
  }
  for (int32_t a = 0; a < rank - 1; a++) domain_add(&c.rows, shape[a], c.input.strides[a], c.output.strides[a], 0);
  return c;
}

static int64_t least(const Cumsum *c) { return max64(1, LEAST / max64(1, c->length)); }

static __attribute__((noinline)) void store_half(char *p, int32_t dtype, float x) { store_one(p, dtype, x); }

HEED_INLINE int32_t load_int(const char *p, int32_t dtype) { return dtype == DTYPE_I32 ? *(const int32_t *)p : *(const uint8_t *)p; }

static __attribute__((noinline)) float load_any(const char *p, int32_t dtype) {
  return dtype == DTYPE_I32 || dtype == DTYPE_BOOL ? (float)load_int(p, dtype) : load_one(p, dtype);
}

// `n` neighbouring rows at once (at most BLOCK), their sums side by side: one sum waits for the last, several fill the wait. When
// rows are close and their elements far apart (a sum over an outer axis), this also goes through memory in its order.
#define SUM(NAME, SUM_T, LOAD, STORE)                                                                       \
  HEED_INLINE void NAME(const Cumsum *c, const char *from, char *to, int64_t n, int64_t from_row, int64_t to_row, \
                        int32_t from_dtype, int32_t to_dtype) {                                             \
    SUM_T sum[BLOCK];                                                                                       \
    int64_t from_bytes = dtype_bytes(from_dtype), to_bytes = dtype_bytes(to_dtype);                         \
    for (int64_t r = 0; r < n; r++) sum[r] = 0;                                                             \
    for (int64_t t = 0; t < c->length; t++, from += c->from_stride * from_bytes, to += c->to_stride * to_bytes) \
      for (int64_t r = 0; r < n; r++) {                                                                     \
        sum[r] += (SUM_T)LOAD(from + r * from_row * from_bytes, from_dtype);                                \
        STORE(to + r * to_row * to_bytes, to_dtype, sum[r]);                                                \
      }                                                                                                     \
  }

HEED_INLINE void store_int(char *p, int32_t dtype, uint32_t x) {
  (void)dtype;
  *(uint32_t *)p = x;
}
HEED_INLINE float load_float(const char *p, int32_t dtype) { return dtype == DTYPE_F32 ? *(const float *)p : load_any(p, dtype); }
HEED_INLINE void store_float(char *p, int32_t dtype, double x) {
  (void)dtype;
  *(float *)p = (float)x;
}

SUM(sum_int, uint32_t, load_int, store_int)
SUM(sum_half, float, load_any, store_half)
SUM(sum_float, double, load_float, store_float)

static void sum_rows(const Cumsum *c, const char *from, char *to, int64_t n, int64_t from_row, int64_t to_row) {
  int32_t in = c->input.dtype, out = c->output.dtype;
  if (out == DTYPE_I32) {
    sum_int(c, from, to, n, from_row, to_row, in, DTYPE_I32);
  } else if (out != DTYPE_F32) {
    sum_half(c, from, to, n, from_row, to_row, in, out);
  } else if (in != DTYPE_F32) {
    sum_float(c, from, to, n, from_row, to_row, in, DTYPE_F32);
  } else if (from_row == 1 && to_row == 1) {
    sum_float(c, from, to, n, 1, 1, DTYPE_F32, DTYPE_F32);
  } else if (n == FEW) {
    sum_float(c, from, to, FEW, from_row, to_row, DTYPE_F32, DTYPE_F32);
  } else {
    for (int64_t r = 0; r < n; r++) sum_float(c, from + r * from_row * 4, to + r * to_row * 4, 1, 0, 0, DTYPE_F32, DTYPE_F32);
  }
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)phase;
  Cumsum c = read_cumsum(words);
  int64_t rows = domain_elements(&c.rows), size = task_size(rows, least(&c));
  int64_t from_bytes = dtype_bytes(c.input.dtype), to_bytes = dtype_bytes(c.output.dtype);
  int64_t from_row = c.rows.stride[0][c.rows.rank - 1], to_row = c.rows.stride[1][c.rows.rank - 1];
  int64_t block = magnitude(from_row) < magnitude(c.from_stride) ? BLOCK : FEW;
  const char *input = operand_base(&c.input, context);
  char *output = operand_base(&c.output, context);
  Walk walk = walk_begin(&c.rows, task * size, min64(rows, (task + 1) * size));
  do {
    for (int64_t r = 0; r < walk.run; r += block)
      sum_rows(&c, input + (walk.offset[0] + r * from_row) * from_bytes, output + (walk.offset[1] + r * to_row) * to_bytes,
               min64(block, walk.run - r), from_row, to_row);
  } while (walk_next(&walk, &c.rows));
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  (void)phase;
  Cumsum c = read_cumsum(words);
  int64_t rows = c.length ? domain_elements(&c.rows) : 0;
  return rows ? task_count(rows, least(&c)) : 0;
}

const Kernel KERNEL(cumsum_kernel) = {no_bytes, no_bytes, one_phase, tasks, run, 0, 0};
