// scatter: out[i... with the axis replaced by index[i...]] += or = updates[i...]. Words after the length: rank, shape, axis, output
// (stride 0 on the axis), axis stride, axis size, index (i32), updates, adds. The output holds what is added to or kept; f16 and bf16 are rounded
// after every addition.
//
// The same bits for any number of threads: a column (everything but the axis) belongs to one task, which goes along the axis in
// order. In the gradient of an embedding the tasks are stripes of the width, and each takes all tokens.

#include "matmul_convert.h"
#include "strided.h"

typedef struct {
  Domain columns;  // of output, index, updates
  Operand output, index, updates;
  int64_t length, axis_stride, index_stride, updates_stride;
  int32_t axis_size, adds;
  int tied;  // columns share elements of the output, so they cannot be split
} Scatter;

static Scatter read_scatter(const int32_t *words) {
  Scatter s = {.columns = domain_of_one()};
  int32_t rank = words[1];
  const int32_t *shape = words + 2, *w = shape + rank;
  int32_t axis = *w;
  w = read_operand(w + 1, rank, &s.output);
  s.axis_stride = w[0];
  s.axis_size = w[1];
  w = read_operand(w + 2, rank, &s.index);
  s.adds = *read_operand(w, rank, &s.updates);
  s.length = shape[axis];
  s.index_stride = s.index.strides[axis];
  s.updates_stride = s.updates.strides[axis];
  for (int32_t a = 0; a < rank; a++) {
    if (a == axis) continue;
    s.tied |= shape[a] > 1 && s.output.strides[a] == 0;
    domain_add(&s.columns, shape[a], s.output.strides[a], s.index.strides[a], s.updates.strides[a]);
  }
  return s;
}

// Columns of a task: at least a cache line of them, and some ten thousand additions.
static int64_t least(const Scatter *s) {
  int64_t columns = max64(16, 16384 / max64(1, s->length));
  return s->tied ? INT64_MAX / 2 : (columns + 15) & ~(int64_t)15;
}

static __attribute__((noinline)) void add_rare(char *to, const char *from, int32_t dtype) {
  if (dtype == DTYPE_BOOL) *to |= *from;
  else store_one(to, dtype, load_one(to, dtype) + load_one(from, dtype));
}

HEED_INLINE void add_one(char *to, const char *from, int32_t dtype) {
  if (dtype == DTYPE_F32) *(float *)to += *(const float *)from;
  else if (dtype == DTYPE_I32) *(uint32_t *)to += *(const uint32_t *)from;
  else add_rare(to, from, dtype);
}

HEED_INLINE void set_run(char *to, const char *from, int64_t n, int64_t to_stride, int64_t from_stride, int64_t bytes) {
  if (to_stride == 1 && from_stride == 1) {
    memcpy(to, from, (size_t)(n * bytes));
    return;
  }
  for (int64_t j = 0; j < n; j++) memcpy(to + j * to_stride * bytes, from + j * from_stride * bytes, (size_t)bytes);
}

HEED_INLINE void add_run(char *to, const char *from, int64_t n, int64_t to_stride, int64_t from_stride, int32_t dtype) {
  int64_t bytes = dtype_bytes(dtype);
  for (int64_t j = 0; j < n; j++) add_one(to + j * to_stride * bytes, from + j * from_stride * bytes, dtype);
}

HEED_INLINE void scatter(const Scatter *s, const Context *context, int64_t begin, int64_t end, int32_t dtype) {
  int32_t last = s->columns.rank - 1;
  int64_t to_stride = s->columns.stride[0][last], at_stride = s->columns.stride[1][last], from_stride = s->columns.stride[2][last];
  int64_t bytes = dtype_bytes(dtype);
  char *output = operand_base(&s->output, context);
  const int32_t *index = (const int32_t *)operand_base(&s->index, context);
  const char *updates = operand_base(&s->updates, context);
  Walk walk = walk_begin(&s->columns, begin, end);
  do {
    // One index for a stretch of columns: add it as a row. Else each column has its own.
    int64_t width = at_stride == 0 ? walk.run : 1;
    for (int64_t j = 0; j < walk.run; j += width) {
      char *column = output + (walk.offset[0] + j * to_stride) * bytes;
      const int32_t *at = index + walk.offset[1] + j * at_stride;
      const char *from = updates + (walk.offset[2] + j * from_stride) * bytes;
      for (int64_t t = 0; t < s->length; t++, at += s->index_stride, from += s->updates_stride * bytes) {
        if ((uint32_t)*at >= (uint32_t)s->axis_size) {
          fail_index(context->status, *at, s->axis_size);
          continue;
        }
        char *to = column + *at * s->axis_stride * bytes;
        if (!s->adds) set_run(to, from, width, to_stride, from_stride, bytes);
        else if (to_stride == 1 && from_stride == 1) add_run(to, from, width, 1, 1, dtype);
        else add_run(to, from, width, to_stride, from_stride, dtype);
      }
    }
  } while (walk_next(&walk, &s->columns));
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)phase;
  Scatter s = read_scatter(words);
  int64_t columns = domain_elements(&s.columns), size = task_size(columns, least(&s));
  int64_t begin = task * size, end = min64(columns, begin + size);
  if (s.output.dtype == DTYPE_F32) scatter(&s, context, begin, end, DTYPE_F32);
  else if (s.output.dtype == DTYPE_I32) scatter(&s, context, begin, end, DTYPE_I32);
  else scatter(&s, context, begin, end, s.output.dtype);
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  (void)phase;
  Scatter s = read_scatter(words);
  int64_t columns = s.length ? domain_elements(&s.columns) : 0;
  return columns ? s.tied ? 1 : task_count(columns, least(&s)) : 0;
}

const Kernel KERNEL(scatter_add_kernel) = {no_bytes, no_bytes, one_phase, tasks, run, 0, 0};
