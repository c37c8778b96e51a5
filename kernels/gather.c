// gather: out[i...] = source[i... with the axis replaced by index[i...]]. Words after the length: rank, shape, source (stride 0 on the
// axis), axis stride, axis size, index (i32), output. Elements are moved as bits, whatever their dtype. An index out of range writes
// zero and the status [1, index, size].

#include "strided.h"

typedef struct {
  Domain domain;  // of source, index, output
  Operand source, index, output;
  int64_t axis_stride;
  int32_t axis_size;
} Gather;

enum { LEAST = 16384 };

static Gather read_gather(const int32_t *words) {
  Gather g = {.domain = domain_of_one()};
  int32_t rank = words[1];
  const int32_t *shape = words + 2, *w = read_operand(shape + rank, rank, &g.source);
  g.axis_stride = w[0];
  g.axis_size = w[1];
  w = read_operand(w + 2, rank, &g.index);
  read_operand(w, rank, &g.output);
  for (int32_t a = 0; a < rank; a++) domain_add(&g.domain, shape[a], g.source.strides[a], g.index.strides[a], g.output.strides[a]);
  return g;
}

// One run of elements of type T, an index for each.
#define EACH(T)                                                                        \
  for (int64_t j = 0; j < n; j++) {                                                    \
    int32_t i = index[j * index_stride];                                               \
    int in = (uint32_t)i < (uint32_t)g->axis_size;                                     \
    if (!in) fail_index(status, i, g->axis_size);                                      \
    ((T *)to)[j * to_stride] = in ? ((const T *)from)[j * from_stride + i * g->axis_stride] : 0; \
  }

static void gather_each(const Gather *g, int64_t bytes, char *to, const char *from, const int32_t *index, int64_t n, int32_t *status) {
  int32_t last = g->domain.rank - 1;
  int64_t from_stride = g->domain.stride[0][last], index_stride = g->domain.stride[1][last], to_stride = g->domain.stride[2][last];
  if (bytes == 4) {
    EACH(uint32_t)
  } else if (bytes == 2) {
    EACH(uint16_t)
  } else {
    EACH(uint8_t)
  }
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)phase;
  Gather g = read_gather(words);
  int64_t elements = domain_elements(&g.domain), size = task_size(elements, LEAST), bytes = dtype_bytes(g.source.dtype);
  int32_t last = g.domain.rank - 1, *status = context->status;
  // Rows: one index for a stretch of neighbours, as in an embedding.
  int rows = g.domain.stride[0][last] == 1 && g.domain.stride[1][last] == 0 && g.domain.stride[2][last] == 1;
  const char *source = operand_base(&g.source, context);
  const int32_t *index = (const int32_t *)operand_base(&g.index, context);
  char *output = operand_base(&g.output, context);
  Walk walk = walk_begin(&g.domain, task * size, min64(elements, (task + 1) * size));
  do {
    const int32_t *at = index + walk.offset[1];
    char *to = output + walk.offset[2] * bytes;
    if (!rows) {
      gather_each(&g, bytes, to, source + walk.offset[0] * bytes, at, walk.run, status);
    } else if ((uint32_t)*at < (uint32_t)g.axis_size) {
      memcpy(to, source + (walk.offset[0] + *at * g.axis_stride) * bytes, (size_t)(walk.run * bytes));
    } else {
      fail_index(status, *at, g.axis_size);
      memset(to, 0, (size_t)(walk.run * bytes));
    }
  } while (walk_next(&walk, &g.domain));
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  (void)phase;
  Gather g = read_gather(words);
  return task_count(domain_elements(&g.domain), LEAST);
}

const Kernel KERNEL(gather_kernel) = {no_bytes, no_bytes, one_phase, tasks, run, 0, 0};
