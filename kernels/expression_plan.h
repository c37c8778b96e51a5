// An expression made ready, in two parts. Its plan follows from the words alone and may be kept: a list of actions on places. Where the
// places are is only known when a thread begins to run it. A place is an address that holds a block's values: a register's own array,
// a value filled once, or a piece of an input or output used where it lies (its address is then set anew in every block).
#ifndef HEED_EXPRESSION_PLAN_H
#define HEED_EXPRESSION_PLAN_H

#include "counter.h"
#include "expression.h"

enum {
  ACTION_RUN, ACTION_POWER, ACTION_RUN_ROWS, ACTION_BIND, ACTION_LOAD, ACTION_LOAD_ROWS, ACTION_STORE, ACTION_STORE_ROWS,
  ACTION_BROADCAST, ACTION_SPLAT, ACTION_LOAD_SPLAT, ACTION_DIVIDE_ROWS, ACTION_REDUCE, ACTION_INDICES, ACTION_INDICES_ROWS, ACTION_RANDOM, ACTION_FILL_ROWS, ACTION_TILE,
  // once, before the first block:
  SETUP_CONSTANT, SETUP_SCALAR, SETUP_LOAD, SETUP_INDICES,
};

typedef struct {
  int32_t kind, code;  // code: of the instruction; the bits of a constant; the number of a tile or of a random stream
  int32_t d, a, b, c;  // places
  int32_t a_step, b_step, c_step;
  int32_t view;        // of the operand; of a computation, the output that d lies in, or -1
  int32_t seed;        // of random numbers: the view of their seed
  Operation run;
} Action;

// A view and where it begins, which `along` says for each axis that does not begin at its first index.
typedef struct {
  View view;
  int32_t buffer;                // -1: the values are indices, or a tile
  int64_t offset;                // bytes in the buffer; the first index
  int32_t along[VIEW_AXES];      // from one index to the next, in elements
} Planned;

// Operands used where they lie are asked for a block ahead, a few lines before each loop: arithmetic then hides the wait for memory.
enum { STREAMS = 12 };

struct ExpressionPlan {
  int32_t setups, actions, places, views, result, rank;
  int32_t loops;       // actions of kind ACTION_RUN
  int32_t streams;     // 0 where all operands fit in the cache
  int32_t stream[STREAMS];
  int32_t first_row, after_rows;  // places of the row registers
  int64_t rows, columns;          // of the largest block
  Action *setup, *action;
  Planned *view;
  int64_t *place;      // bytes from the beginning of the scratch
};

struct Expression {
  const ExpressionPlan *plan;
  char **place;
  char **base;         // of each view; for indices the first index itself
  char *tile[TILES];   // of the step that runs this expression: see expression.h
};

HEED_INLINE char *view_address(const View *v, char *base, int64_t row, int64_t column) {
  int64_t offset = v->axes == 0 ? 0 : v->axes == 1 ? row * v->stride[0] : KERNEL(view_row)(v, row);
  return base + (offset + column * v->column) * dtype_bytes(v->dtype);
}

#endif
