// A bias: an epilogue that does nothing but add one row to every row of the product, in its place, and perhaps cut it off at 0. The micro-kernel
// does that to its sums before it stores them, with the same bits, and the product need not be read again.
#ifndef HEED_MATMUL_BIAS_H
#define HEED_MATMUL_BIAS_H

#include "expression_words.h"
#include "matmul_problem.h"

typedef struct {
  int32_t found, relu, buffer;  // no buffer is -1
  int64_t offset;               // bytes
} Bias;

// Whether an operand of the epilogue is C itself.
HEED_INLINE int is_product(const Problem *p, const int32_t *operand) {
  if (operand[0] != p->c.buffer || word64(operand + 1) != p->c.offset || operand[3] != p->c.dtype) return 0;
  const int32_t *strides = operand + 4;
  for (int32_t d = 0; d < p->nb; d++)
    if (p->sizes[d] > 1 && strides[d] != p->c.batches[d]) return 0;
  return (p->m == 1 || strides[p->nb] == p->c.rows) && (p->n == 1 || strides[p->nb + 1] == p->c.columns);
}

// Whether it is a row of f32 that all rows share.
HEED_INLINE int is_shared_row(const Problem *p, const int32_t *operand) {
  const int32_t *strides = operand + 4;
  for (int32_t d = 0; d < p->nb + 1; d++)
    if ((d < p->nb ? p->sizes[d] : p->m) > 1 && strides[d] != 0) return 0;
  return operand[0] >= 0 && operand[0] != p->c.buffer && operand[3] == DTYPE_F32 && (p->n == 1 || strides[p->nb + 1] == 1);
}

static Bias find_bias(const Problem *p) {
  Bias none = {0}, bias = {.found = 1, .buffer = -1};
  if (!p->epilogue || p->turned || p->c.dtype != DTYPE_F32 || p->c.columns != 1) return none;
  Body b = body_read(p->epilogue[0], p->epilogue + 1, p->epilogue + 1 + p->epilogue[0], 1);
  if (b.rank != p->nb + 2 || b.outputs != 1 || !is_product(p, body_output(&b, 0))) return none;
  int32_t value = -1, row = -1, stored = 0;  // registers: what has become of the product, and the row
  for (int32_t k = 0; k < b.count; k++) {
    const int32_t *i = instruction(&b, k);
    if (i[1] || stored) return none;
    if (i[0] == OP_LOAD && value < 0 && is_product(p, body_input(&b, i[3]))) {
      value = i[2];
    } else if (i[0] == OP_LOAD && bias.buffer < 0 && is_shared_row(p, body_input(&b, i[3]))) {
      const int32_t *operand = body_input(&b, i[3]);
      row = i[2], bias.buffer = operand[0], bias.offset = word64(operand + 1);
    } else if (i[0] == OP_ADD && value != row && value >= 0 && row >= 0 && !bias.relu && ((i[3] == value && i[4] == row) || (i[3] == row && i[4] == value))) {
      value = i[2], row = -1;
    } else if (i[0] == OP_RELU && i[3] == value && !bias.relu) {
      value = i[2], bias.relu = 1;
    } else if (i[0] == OP_STORE && i[3] == value) {
      stored = 1;
    } else {
      return none;
    }
  }
  return stored && row < 0 ? bias : none;
}

// The bias from a column on, or 0 where there is none.
HEED_INLINE const float *bias_at(const Bias *bias, const Context *context, int64_t column) {
  return bias->found && bias->buffer >= 0 ? (const float *)(context->buffers[bias->buffer] + bias->offset) + column : 0;
}

#endif
