// A bias: an epilogue that does nothing but add one row to every row of the product, or one column to every column, in its place, and perhaps cut it
// off at 0. The micro-kernel does that to its sums before it stores them, with the same bits, and the product need not be read again.
#ifndef HEED_MATMUL_BIAS_H
#define HEED_MATMUL_BIAS_H

#include "expression_words.h"
#include "matmul_problem.h"
#include "matmul_tile.h"

typedef struct {
  int32_t found, relu, buffer;  // no buffer is -1
  int32_t down;                 // a column for all columns, as a convolution's, not a row for all rows
  int64_t offset;               // bytes
} Bias;

// The epilogue speaks of C as it was before the problem was turned.
HEED_INLINE int64_t written_rows(const Problem *p) { return p->turned ? p->n : p->m; }
HEED_INLINE int64_t written_columns(const Problem *p) { return p->turned ? p->m : p->n; }

// Whether an operand of the epilogue is C itself.
HEED_INLINE int is_product(const Problem *p, const int32_t *operand) {
  if (operand[0] != p->c.buffer || word64(operand + 1) != p->c.offset || operand[3] != p->c.dtype) return 0;
  const int32_t *strides = operand + 4;
  for (int32_t d = 0; d < p->nb; d++)
    if (p->sizes[d] > 1 && strides[d] != p->c.batches[d]) return 0;
  Side c = p->turned ? turned_side(p->c) : p->c;
  return (written_rows(p) == 1 || strides[p->nb] == c.rows) && (written_columns(p) == 1 || strides[p->nb + 1] == c.columns);
}

enum { NO_BIAS, BIAS_ROW, BIAS_COLUMN };

// Whether an operand of the epilogue is a row of f32 for all rows, or a column for all columns.
HEED_INLINE int32_t bias_kind(const Problem *p, const int32_t *operand) {
  const int32_t *strides = operand + 4;
  if (operand[0] < 0 || operand[0] == p->c.buffer || operand[3] != DTYPE_F32) return NO_BIAS;
  for (int32_t d = 0; d < p->nb; d++)
    if (p->sizes[d] > 1 && strides[d] != 0) return NO_BIAS;
  int32_t down = strides[p->nb], across = strides[p->nb + 1], one_row = written_rows(p) == 1, one_column = written_columns(p) == 1;
  if ((one_row || down == 0) && (one_column || across == 1)) return BIAS_ROW;
  return (one_row || down == 1) && (one_column || across == 0) ? BIAS_COLUMN : NO_BIAS;
}

static Bias find_bias(const Problem *p) {
  Bias none = {0}, bias = {.found = 1, .buffer = -1};
  if (!p->epilogue || p->c.dtype != DTYPE_F32 || (p->turned ? p->c.rows : p->c.columns) != 1) return none;
  Body b = body_read(p->epilogue[0], p->epilogue + 1, p->epilogue + 1 + p->epilogue[0], 1);
  if (b.rank != p->nb + 2 || b.outputs != 1 || !is_product(p, body_output(&b, 0))) return none;
  int32_t value = -1, row = -1, stored = 0;  // registers: what has become of the product, and the bias until it is added
  for (int32_t k = 0; k < b.count; k++) {
    const int32_t *i = instruction(&b, k), *operand = i[0] == OP_LOAD ? body_input(&b, i[3]) : 0;
    int32_t kind = operand ? bias_kind(p, operand) : NO_BIAS;
    if (i[1] || stored) return none;
    if (operand && value < 0 && is_product(p, operand)) {
      value = i[2];
    } else if (bias.buffer < 0 && kind != NO_BIAS) {
      row = i[2], bias.buffer = operand[0], bias.offset = word64(operand + 1), bias.down = kind == BIAS_COLUMN;
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

// What the tile does that begins at a row and a column of C and has its last sums.
HEED_INLINE Ending bias_ending(const Bias *bias, int32_t turned, const Context *context, int64_t row, int64_t column) {
  Ending ending = {bias->relu ? TILE_CUTS : 0, 0};
  if (!bias->found || bias->buffer < 0) return ending;
  int32_t down = bias->down != turned;
  if (down) ending.does |= TILE_ADDS_DOWN;
  ending.bias = (const float *)(context->buffers[bias->buffer] + bias->offset) + (down ? row : column);
  return ending;
}

#endif
