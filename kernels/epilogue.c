// Epilogues: see epilogue.h.

#include "epilogue.h"

#include "expression.h"

enum { SCRATCH = 1 << 16, BLOCK = 512, FAR = 4 };

struct EpiloguePlan {
  Body body;
  int64_t rows, columns;  // of the rectangles that are planned for
  int64_t high, wide;     // of a block
  const int32_t *far[FAR];
  int32_t fars;
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

static void find_far(EpiloguePlan *p, int32_t product) {
  const Body *b = &p->body;
  for (int32_t i = 0; i < b->inputs + b->outputs && p->fars < FAR; i++) {
    const int32_t *operand = i < b->inputs ? body_input(b, i) : body_output(b, i - b->inputs);
    if (operand[0] != product && operand[2 + b->rank] != 0 && operand[3 + b->rank] == 1) p->far[p->fars++] = operand;
  }
}

int32_t KERNEL(epilogue_far)(const EpiloguePlan *p) { return p->fars; }

// The index along each axis of a batch entry.
static void unravel(const EpiloguePlan *p, int64_t batch, int64_t *starts) {
  for (int32_t k = p->body.rank - 3; k >= 0 && batch > 0; k--) {
    starts[k] = batch % p->body.shape[k];
    batch /= p->body.shape[k];
  }
}

const char *KERNEL(epilogue_from)(const EpiloguePlan *p, const Context *context, int32_t far, int64_t batch, int64_t i0, int64_t j0,
                                  int64_t *row_bytes, int64_t *bytes) {
  const int32_t *operand = p->far[far], *strides = operand + 4;
  int64_t starts[VIEW_AXES] = {0}, element = 0;
  int32_t rank = p->body.rank;
  unravel(p, batch, starts);
  starts[rank - 2] = i0, starts[rank - 1] = j0;
  for (int32_t k = 0; k < rank; k++) element += starts[k] * strides[k];
  *bytes = dtype_bytes(operand[3]);
  *row_bytes = strides[rank - 2] * *bytes;
  return context->buffers[operand[0]] + word64(operand + 1) + element * *bytes;
}

const EpiloguePlan *KERNEL(epilogue_plan)(const int32_t *words, char *const *buffers, int32_t product, int64_t rows, int64_t columns, void *memory) {
  EpiloguePlan *p = memory;
  Axis axes[VIEW_AXES];
  *p = (EpiloguePlan){.body = body_of(words), .rows = rows, .columns = columns};
  int32_t rank = p->body.rank;
  find_far(p, product);
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
  unravel(p, batch, starts);
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
