// The fused elementwise kernel. Words of a step: length, rank, shape[rank], rowwise, inputs, operands, outputs, operands, expression.
// The domain is cut into blocks: whole rows as long as they are short, pieces of a row where it is long and the step need not see it
// whole, and small tiles where an operand runs across the rows (a transpose). A task is a range of blocks.

#include "expression.h"

enum { TASK_WORK = 1 << 17, MOST_TASKS = 64, LARGE = 1 << 17, LARGE_TASKS = 8, TILE = 32 };

typedef struct {
  Body body;
  int64_t rows, columns;              // of the domain
  int64_t block_rows, block_columns;  // of a block
  int64_t down, across, tasks;        // blocks and tasks
} Grid;

// What is kept of a step: its grid, and behind it the plan of its expression.
typedef struct {
  Grid grid;
  const ExpressionPlan *expression;
} Plan;

// Whether an operand is walked faster down the rows than along them.
static int runs_across(const Body *b, const int32_t *operand) {
  int32_t columns = operand[3 + b->rank], k = b->rank - 2;
  while (k > 0 && b->shape[k] == 1) k--;
  int32_t down = operand[4 + k];
  return down != 0 && columns != 0 && (down < 0 ? -down : down) < (columns < 0 ? -columns : columns);
}

static int wants_tiles(const Body *b, int64_t rows, int64_t columns) {
  if (b->rank < 2 || rows < TILE || columns < TILE) return 0;
  for (int32_t i = 0; i < b->inputs; i++)
    if (runs_across(b, body_input(b, i))) return 1;
  for (int32_t i = 0; i < b->outputs; i++)
    if (runs_across(b, body_output(b, i))) return 1;
  return 0;
}

static Grid grid_of(const int32_t *words) {
  int32_t rank = words[1], rowwise = words[2 + rank];
  Grid g = {.body = body_read(rank, words + 2, words + 3 + rank, 1)};
  g.columns = rank ? words[1 + rank] : 1;
  g.rows = 1;
  for (int32_t k = 0; k < rank - 1; k++) g.rows *= words[2 + k];
  int64_t block = KERNEL(body_block)(&g.body);
  if (!rowwise && wants_tiles(&g.body, g.rows, g.columns)) {
    g.block_rows = min64(TILE, g.rows), g.block_columns = min64(TILE, g.columns);
  } else if (rowwise || g.columns <= block) {
    g.block_columns = g.columns;
    g.block_rows = max64(1, min64(g.rows, block / max64(1, g.columns)));
  } else {
    int64_t pieces = (g.columns + block - 1) / block, piece = (g.columns + pieces - 1) / pieces;
    g.block_columns = min64(g.columns, (piece + 63) / 64 * 64);
    g.block_rows = 1;
  }
  int empty = g.rows == 0 || (g.columns == 0 && !rowwise);  // a row of nothing still has its sum
  g.down = empty ? 0 : (g.rows + g.block_rows - 1) / g.block_rows;
  g.across = g.columns ? (g.columns + g.block_columns - 1) / g.block_columns : 1;
  int64_t values = g.rows * max64(1, g.columns), work = values * (KERNEL(body_cost)(&g.body) + 4);
  g.tasks = max64(values > LARGE ? LARGE_TASKS : 1, min64(work / TASK_WORK, MOST_TASKS));
  g.tasks = min64(g.tasks, g.down * g.across);
  return g;
}

static int64_t elementwise_shared_bytes(const int32_t *words) {
  (void)words;
  return 0;
}

static int64_t elementwise_own_bytes(const int32_t *words) {
  Grid g = grid_of(words);
  return KERNEL(expression_scratch_bytes)(&g.body, g.block_rows, g.block_rows * g.block_columns);
}

static int32_t elementwise_phases(const int32_t *words) {
  (void)words;
  return 1;
}

static int64_t elementwise_tasks(const int32_t *words, int32_t phase) {
  (void)phase;
  return grid_of(words).tasks;
}

static int64_t elementwise_plan_bytes(const int32_t *words) {
  Grid g = grid_of(words);
  return (int64_t)sizeof(Plan) + KERNEL(expression_plan_bytes)(&g.body);
}

static void elementwise_plan(const int32_t *words, char *const *buffers, void *memory) {
  Plan *plan = memory;
  plan->grid = grid_of(words);
  const Grid *g = &plan->grid;
  Axis axes[VIEW_AXES];
  for (int32_t k = 0; k < g->body.rank; k++) axes[k] = (Axis){k, 0, g->body.shape[k]};
  Part part = {axes, g->body.rank, g->block_rows, g->block_columns, -1, 1, 0};
  plan->expression = KERNEL(expression_plan)(&g->body, buffers, &part, plan + 1);
}

static void elementwise_run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)words, (void)phase;
  const Plan *plan = context->plan;
  const Grid *g = &plan->grid;
  Expression *e = KERNEL(expression_begin)(plan->expression, context->buffers, 0, context->own);
  int64_t blocks = g->down * g->across, end = blocks * (task + 1) / g->tasks;
  for (int64_t block = blocks * task / g->tasks; block < end; block++) {
    int64_t row = block / g->across * g->block_rows, column = block % g->across * g->block_columns;
    KERNEL(expression_run)(e, row, min64(g->block_rows, g->rows - row), column, min64(g->block_columns, g->columns - column));
  }
}

const Kernel KERNEL(elementwise_kernel) = {
    elementwise_shared_bytes, elementwise_own_bytes, elementwise_phases, elementwise_tasks,
    elementwise_run,          elementwise_plan_bytes, elementwise_plan,
};
