// Reading the instructions of a body: 6 words each, [opcode, width (0 full, 1 row), dst, a, b, c].
#ifndef HEED_EXPRESSION_WORDS_H
#define HEED_EXPRESSION_WORDS_H

#include "expression.h"

enum { INSTRUCTION_WORDS = 6, OP_RELU = 37, OP_ADD = 64, OP_DIV = 67, OP_POW = 68 };

HEED_INLINE const int32_t *instruction(const Body *b, int32_t k) { return b->code + k * INSTRUCTION_WORDS; }
HEED_INLINE int is_scalar(int32_t code) { return (code & 127) >= 16; }
HEED_INLINE int is_reduce(int32_t code) { return (code & 127) >= OP_REDUCE_SUM && (code & 127) <= OP_REDUCE_PROD; }

HEED_INLINE int reads_full(const int32_t *i, int32_t r) {
  if (i[0] == OP_STORE) return i[1] == 0 && i[3] == r;
  if (is_reduce(i[0])) return i[3] == r;
  if (i[1] || !is_scalar(i[0])) return 0;
  int32_t arity = KERNEL(operation_arity)(i[0]);
  return i[3] == r || (arity > 1 && i[4] == r) || (arity > 2 && i[5] == r);
}
HEED_INLINE int writes_full(const int32_t *i, int32_t r) { return i[1] == 0 && i[0] != OP_STORE && i[2] == r; }

#endif
