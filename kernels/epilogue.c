// Epilogues: see epilogue.h.

#include "epilogue.h"

#include "expression.h"

enum { SCRATCH = 1 << 16, BLOCK = 512 };

struct EpiloguePlan {
  Body body;
  int64_t rows, columns;  // of the rectangles that are planned for
  int64_t high, wide;     // of a block
  const ExpressionPlan *expression;
};

static int64_t block_of(const Body *b) {
  int64_t block = BLOCK;
  while (block > HEED_LANES && KERNEL(expression_bytes)(b, block, block) > SCRATCH) block /= 2;
  return block;
}

static Body body_of(const int32_t *words) { return body_read(words[0], words + 1, words + 1 + words[0], 1); }

int64_t KERNEL(epilogue_plan_bytes)(const int32_t *words) {
  Body body = body_of(words);
  return (int64_t)sizeof(EpiloguePlan) + KERNEL(expression_plan_bytes)(&body);
}

const EpiloguePlan *KERNEL(epilogue_plan)(const int32_t *words, char *const *buffers, int64_t rows, int64_t columns, void *memory) {
  EpiloguePlan *p = memory;
  Axis axes[VIEW_AXES];
  *p = (EpiloguePlan){.body = body_of(words), .rows = rows, .columns = columns};
  int32_t rank = p->body.rank;
  int64_t block = block_of(&p->body);
  p->wide = min64(columns, block);
  p->high = columns <= block ? max64(1, min64(rows, block / max64(1, columns))) : 1;
  for (int32_t k = 0; k < rank - 2; k++) axes[k] = (Axis){k, 0, 1};
  axes[rank - 2] = (Axis){rank - 2, 0, rows};
  axes[rank - 1] = (Axis){rank - 1, 0, columns};
  Part part = {.axes = axes, .rank = rank, .rows = p->high, .columns = p->wide, .result = -1, .with_outputs = 1, .moves = 1};
  p->expression = KERNEL(expression_plan)(&p->body, buffers, &part, p + 1);
  return p;
}

void KERNEL(epilogue_run)(const EpiloguePlan *p, const Context *context, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  char scratch[SCRATCH] __attribute__((aligned(64)));
  int64_t starts[VIEW_AXES] = {0}, rows = i1 - i0, columns = j1 - j0, high = p->high, wide = p->wide;
  int32_t rank = p->body.rank;
  if (rows <= 0 || columns <= 0) return;
  for (int32_t k = rank - 3; k >= 0 && batch > 0; k--) {
    starts[k] = batch % p->body.shape[k];
    batch /= p->body.shape[k];
  }
  starts[rank - 2] = i0, starts[rank - 1] = j0;
  Expression *e;
  if (columns == p->columns && rows <= p->rows) {
    e = KERNEL(expression_begin)(p->expression, context->buffers, starts, scratch);
  } else {
    Axis axes[VIEW_AXES];
    int64_t block = block_of(&p->body);
    wide = min64(columns, block), high = columns <= block ? max64(1, min64(rows, block / columns)) : 1;
    for (int32_t k = 0; k < rank; k++) axes[k] = (Axis){k, starts[k], k < rank - 2 ? 1 : k < rank - 1 ? rows : columns};
    e = KERNEL(expression_make)(&p->body, context, scratch, axes, rank, high, wide, -1, 1);
  }
  for (int64_t i = 0; i < rows; i += high)
    for (int64_t j = 0; j < columns; j += wide) KERNEL(expression_run)(e, i, min64(high, rows - i), j, min64(wide, columns - j));
}
