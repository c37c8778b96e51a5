// One instruction of an expression, applied to a run of values. The interpreter (expression.c) decides where the values lie.
#ifndef HEED_INSTRUCTIONS_H
#define HEED_INSTRUCTIONS_H

#include "heed.h"

// Opcodes of src/base/scalar.ts that the interpreter treats apart; on i32 operands a scalar function's code is 128 higher.
enum {
  OP_LOAD = 0, OP_STORE = 1, OP_CONSTANT = 2, OP_IOTA = 3, OP_RANDOM = 4, OP_BROADCAST = 5,
  OP_REDUCE_SUM = 8, OP_REDUCE_PROD = 11, OP_TO_BOOL = 52, OP_INT = 128,
};

// n values from a, b, c to d; 4 bytes each, f32 or i32. A step of HEED_LANES walks through the values, 0 repeats the first vector.
// d may be one of a, b, c; otherwise it must not overlap them.
typedef struct {
  void *d;
  const void *a, *b, *c;
  int64_t n, a_step, b_step, c_step;
} Run;

typedef void (*Operation)(const Run *run);

// The loop of a scalar function or conversion; 0 for a code that has none.
Operation KERNEL(operation)(int32_t code);
// How many operands the function has.
int32_t KERNEL(operation_arity)(int32_t code);
// The loop of x^power, for those powers that have one of their own; otherwise 0.
Operation KERNEL(operation_power)(float power);

#endif
