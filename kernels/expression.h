// The interpreter of fused expressions (src/program/expression.ts). An expression is planned once per program, begun once per task, and
// run block by block: R whole rows, or a piece of one row. Its registers are arrays in scratch that hold a block ("full": R x W values packed row
// after row; "row": R values); each instruction is one loop over a block, so that decoding costs nothing next to the arithmetic.
// What never changes is filled once; inputs and outputs that lie in one piece are used in place instead of being copied.
#ifndef HEED_EXPRESSION_H
#define HEED_EXPRESSION_H

#include "instructions.h"
#include "view.h"

// The words of a body, as encode.ts writes them: operands and instructions over a shape.
typedef struct {
  int32_t rank, inputs, outputs;
  const int32_t *shape, *input, *output;  // an operand has 4 + rank words: buffer, byte offset (2), dtype, strides
  int32_t full, rows, count;              // registers of both widths, instructions
  const int32_t *code;                    // 6 words each: opcode, width, dst, a, b, c
} Body;

// Reads [inputs, operands, outputs, operands, expression] at `words`; `outputs_counted` is 0 for steps with one output and no count.
HEED_INLINE Body body_read(int32_t rank, const int32_t *shape, const int32_t *words, int outputs_counted) {
  Body b = {.rank = rank, .shape = shape};
  int32_t operand = 4 + rank;
  b.inputs = *words++;
  b.input = words, words += b.inputs * operand;
  b.outputs = outputs_counted ? *words++ : 1;
  b.output = words, words += b.outputs * operand;
  b.full = words[0], b.rows = words[1], b.count = words[2];
  b.code = words + 3;
  return b;
}
HEED_INLINE const int32_t *body_input(const Body *b, int32_t i) { return b->input + i * (4 + b->rank); }
HEED_INLINE const int32_t *body_output(const Body *b, int32_t i) { return b->output + i * (4 + b->rank); }

// A guess of what one element costs, in units of one cheap instruction.
int64_t KERNEL(body_cost)(const Body *body);
// Whether its values depend on where in the shape they are, beside what is read there: indices, and random numbers.
int KERNEL(body_has_indices)(const Body *body);
// The number of values in a block that keeps the registers in the first cache.
int64_t KERNEL(body_block)(const Body *body);

// What follows from the words of a body, and what a thread that runs it holds.
typedef struct ExpressionPlan ExpressionPlan;
typedef struct Expression Expression;

// The part of a body's shape that `axes` spans is to be run; they may come in any order, the last is the columns. Blocks have at most
// `rows` rows and `columns` columns; unless `columns` is the whole of the last axis, what has several rows is copied into the
// registers. With `result` >= 0 that full register is kept for the caller. The body's stores are done when `with_outputs` is set. A part
// that `moves` will begin at other indices of its axes.
typedef struct {
  const Axis *axes;
  int32_t rank;
  int64_t rows, columns;
  int32_t result;
  int with_outputs, moves;
} Part;

// Plans a body in `memory` (8-byte aligned, expression_plan_bytes long). Of the buffers it matters here only which overlap.
int64_t KERNEL(expression_plan_bytes)(const Body *body);
const ExpressionPlan *KERNEL(expression_plan)(const Body *body, char *const *buffers, const Part *part, void *memory);

// Begins to run a plan in `scratch` (64-byte aligned; expression_scratch_bytes long for blocks of at most `rows` rows and `values` values).
// `starts`, unless 0, says by how many indices along each of its axes the part has moved.
int64_t KERNEL(expression_scratch_bytes)(const Body *body, int64_t rows, int64_t values);
Expression *KERNEL(expression_begin)(const ExpressionPlan *plan, char *const *buffers, const int64_t *starts, char *scratch);

// Both at once, for what is not worth keeping; `scratch` is expression_bytes long.
int64_t KERNEL(expression_bytes)(const Body *body, int64_t rows, int64_t values);
Expression *KERNEL(expression_make)(const Body *body, const Context *context, char *scratch, const Axis *axes, int32_t rank,
                                    int64_t rows, int64_t columns, int32_t result, int with_outputs);

// An input whose buffer is negative is a tile of the caller's own: -1 the first, -2 the second. The caller says before each run where the
// tile's block of rows x columns lies, packed row after row like the registers; the run may write to it.
enum { TILES = 2 };
void KERNEL(expression_tile)(Expression *expression, int32_t tile, void *block);

// Runs rows [row, row + rows) by columns [column, column + columns). Returns where the values of the result register lie.
const void *KERNEL(expression_run)(Expression *expression, int64_t row, int64_t rows, int64_t column, int64_t columns);

#endif
