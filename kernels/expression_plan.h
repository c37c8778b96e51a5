// An expression made ready: a list of actions on places. A place is an address that holds a block's values: a register's own array, a
// value filled once, or a piece of an input or output used where it lies (its address is then set anew in every block).
#ifndef HEED_EXPRESSION_PLAN_H
#define HEED_EXPRESSION_PLAN_H

#include "counter.h"
#include "expression.h"

enum {
  ACTION_RUN, ACTION_RUN_ROWS, ACTION_BIND, ACTION_LOAD, ACTION_LOAD_ROWS, ACTION_STORE, ACTION_STORE_ROWS, ACTION_BROADCAST,
  ACTION_DIVIDE_ROWS, ACTION_REDUCE, ACTION_INDICES, ACTION_INDICES_ROWS, ACTION_RANDOM, ACTION_TILE,
};

typedef struct {
  int32_t kind, code;
  int32_t d, a, b, c;  // places
  int32_t a_step, b_step, c_step;
  Operation run;
  const View *view;    // of the operand; for ACTION_RUN and ACTION_DIVIDE_ROWS the output that d lies in, or 0
  CounterKey key;
} Action;

// Operands used where they lie are asked for a block ahead, a few lines before each loop: arithmetic then hides the wait for memory.
enum { STREAMS = 12 };

struct Expression {
  int32_t actions, places, result;
  int32_t loops;       // actions of kind ACTION_RUN
  int32_t streams;     // 0 where all operands fit in the cache
  const View *stream[STREAMS];
  Action *action;
  char **place;
  char *tile[TILES];   // of the step that runs this expression: see expression.h
};

HEED_INLINE char *view_address(const View *v, int64_t row, int64_t column) {
  int64_t offset = v->axes == 0 ? 0 : v->axes == 1 ? row * v->stride[0] : KERNEL(view_row)(v, row);
  return v->base + (offset + column * v->column) * dtype_bytes(v->dtype);
}

#endif
