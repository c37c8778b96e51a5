// C = A @ B, batched, in f32, f16 and bf16, with all sums in f32 and an epilogue over C while it is warm.
// matmul_problem.h has the words, matmul_plan.h decides the blocks, matmul_pack.h copies the operands, matmul_tile.h and
// matmul_skinny.h do the arithmetic, matmul_sums.h adds up a side on the way, matmul_bias.h finds what needs no epilogue; this file walks the blocks. Panels in the manner of Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication" (2008).
#include "epilogue.h"
#include "matmul_ahead.h"
#include "matmul_plan.h"
#include "matmul_skinny.h"
#include "matmul_small.h"
#include "matmul_sums.h"

#define EPILOGUE_ROWS 64

typedef struct {
  int64_t batch, row, rows, column, columns, k0, k1;
} Block;

HEED_INLINE const char *at(const char *base, const Side *side, int64_t row, int64_t column) {
  return base + (row * side->rows + column * side->columns) * dtype_bytes(side->dtype);
}

// Rows [k0, k0 + k) and columns [j, j + n) of the B that begins at `base`, into panels.
static void pack_right(const Problem *p, float *to, const char *base, int64_t k0, int64_t k, int64_t j, int64_t n) {
  const Side *b = &p->b;
  if (p->grid.rows.axes)
    pack_grid(to, base, b->dtype, &p->grid, k0, k, j, n);
  else
    pack_panels(to, at(base, b, k0, j), b->dtype, b->rows, b->columns, k, n);
}

// target[rows][columns] = A[rows][k0..k1) @ B[k0..k1)[columns], by the micro-kernel; `totals` may be null.
static void multiply_block(const Plan *plan, const Context *context, const Block *at_, float *target, int64_t ld, double *totals) {
  const Problem *p = &plan->p;
  const Side *a = &p->a, *b = &p->b;
  const char *a_base = side_base(p, a, context, at_->batch), *b_base = side_base(p, b, context, at_->batch);
  float *tall = (float *)context->own, *wide = (float *)(context->own + plan->own_tall);
  const float *shared = (const float *)context->shared;
  int64_t padded_n = round_up(p->n, PANEL_COLUMNS);
  if (plan->wide == WIDE_SHARED) shared += (plan->wides > 1 ? at_->batch : 0) * p->k * padded_n;

  int64_t k0 = at_->k0;
  do {
    int64_t k = min64(plan->depth, at_->k1 - k0);
    const char *a_from = at(a_base, a, at_->row, k0), *b_from = at(b_base, b, k0, at_->column);
    const float *a_rows = (const float *)a_from;
    int64_t step = a->rows;
    int32_t down = 0;
    if (plan->tall == TALL_ROWS) {
      step = k + HEED_LANES;
      pack_tall(tall, step, a_from, a->dtype, a->rows, a->columns, at_->rows, k);
      a_rows = tall;
    } else if (plan->tall == TALL_STRIPS) {
      pack_strips(tall, plan->height, a_from, a->dtype, a->columns, at_->rows, k);
      down = 1;
      step = strip_width(plan->height);
      a_rows = tall;
    } else if (a->columns != 1) {
      down = 1;
      step = a->columns;
    }
    Asking asking = {.count = 0};
    if (k0 + k < at_->k1)
      ask_for_wide(&asking, plan, at(b_from, b, k, 0), k, at_->columns);
    else if (plan->wide == WIDE_OWN && at_->column + at_->columns < p->n)
      ask_for_wide(&asking, plan, at(b_base, b, 0, at_->column + at_->columns), k, at_->columns);
    if (k0 + k == at_->k1) ask_for_epilogue(&asking, plan, context, at_->batch, at_->row, at_->rows, at_->column, at_->columns);
    if (plan->wide == WIDE_OWN) pack_right(p, wide, b_base, k0, k, at_->column, at_->columns);
    int64_t summed = totals && p->summed == SUM_TALL ? 0 : at_->rows;

    for (int64_t j = 0; j < at_->columns; j += PANEL_COLUMNS) {
      int64_t columns = min64(PANEL_COLUMNS, at_->columns - j), width = round_up(columns, HEED_LANES);
      const float *panel = wide + j * k;
      // Tiles `together` make a strip; what is not packed in strips is one.
      int64_t strips = 1, together = divide_up(at_->rows, min64(tile_height(columns), plan->tallest));
      if (plan->tall == TALL_STRIPS) strips = divide_up(at_->rows, step), together = step / plan->height;
      int64_t tiles = strips * together;
      if (plan->wide == WIDE_SHARED) panel = shared + k0 * padded_n + (at_->column + j) * k;
      if (plan->wide == WIDE_DIRECT) {
        if (columns == width) {
          panel = (const float *)b_from + j;
          width = b->rows;
        } else {  // a ragged edge is padded first
          pack_panels(wide, b_from + j * 4, b->dtype, b->rows, 1, k, columns);
          panel = wide;
        }
      }
      if (totals && p->summed == SUM_WIDE) add_lines(totals + j, panel, width, k, columns);
      for (int64_t t = 0; t < tiles; t++) {
        int64_t strip = t / together, nth = t % together, first = part_start(at_->rows, strips, strip);
        int64_t all = part_start(at_->rows, strips, strip + 1) - first, above = part_start(all, together, nth);
        int64_t row = first + above, rows = part_start(all, together, nth + 1) - above;
        const float *from = a_rows + strip * step * k + above * (down ? 1 : step);
        if (rows == 0) continue;
        int64_t last = down ? rows - 1 : 0;  // a line of memory that the tile enters: its first row's is known from the one before
        Ahead ahead = {(const char *)from, 0, 0};
        if (plan->wide == WIDE_DIRECT && tiles < 4)  // few rows: B is what costs
          ahead = ahead_wide(b, at(b_from, b, 0, j + PANEL_COLUMNS + t * HEED_LANES));
        else if (is_asking(&asking, k) && plan->wide != WIDE_SHARED)
          ahead = ahead_asked(&asking, k);
        else if (j == 0 && (k0 == at_->k0 || at_->columns <= PANEL_COLUMNS))  // A is new: its next tile
          ahead = ahead_tall(a, at(a_from, a, row + rows + last, 0));
        else if (j + PANEL_COLUMNS >= at_->columns && k0 + k < at_->k1)  // A is done with: the next k
          ahead = ahead_tall(a, at(a_from, a, row + last, k));
        else if (t < PANEL_VECTORS && plan->wide != WIDE_DIRECT)  // the next panel of B
          ahead = (Ahead){(const char *)(panel + PANEL_COLUMNS * k + t * HEED_LANES * k), 64, 1024};
        else if (is_asking(&asking, k))
          ahead = ahead_asked(&asking, k);
        for (; summed < row + rows; summed += HEED_LANES)
          add_lines(totals + summed, (const float *)at(a_from, a, summed, 0), a->columns, k, min64(HEED_LANES, at_->rows - summed));
        Ending ending = {0, 0};
        if (k0 + k == at_->k1) ending = bias_ending(&plan->bias, p->turned, context, at_->row + row, at_->column + j);
        if (k0 > at_->k0) ending.does |= TILE_ADDS;
        multiply_tile_to(rows, columns, down, from, step, panel, width, k, target + row * ld + j, ld, ending, ahead);
      }
    }
    k0 += k;
  } while (k0 < at_->k1);
}

// The same, for few rows.
static void multiply_skinny(const Plan *plan, const Context *context, const Block *at_, float *target, int64_t ld) {
  const Problem *p = &plan->p;
  const Side *a = &p->a, *b = &p->b;
  const char *a_from = at(side_base(p, a, context, at_->batch), a, at_->row, at_->k0);
  const char *b_from = at(side_base(p, b, context, at_->batch), b, at_->k0, at_->column);
  const float *rows = (const float *)a_from;
  int64_t step = a->rows, k = at_->k1 - at_->k0;
  if (plan->tall == TALL_ROWS) {
    float *tall = (float *)context->own;
    step = round_up(p->k, HEED_LANES);
    pack_tall(tall, step, a_from, a->dtype, a->rows, a->columns, at_->rows, k);
    for (int64_t i = 0; i < at_->rows; i++)
      for (int64_t j = k; j < step; j++) tall[i * step + j] = 0;
    rows = tall;
  }
  if (plan->path == PATH_DOT)
    dot_rows(rows, step, b_from, b->dtype, b->columns, at_->rows, at_->columns, k, target, ld);
  else
    stream_rows(rows, step, b_from, b->dtype, b->rows, at_->rows, at_->columns, k, target, ld);
}

// rows x columns of f32 to where they lie the other way: row i of `from` becomes column i of `to`.
static void store_turned(float *to, int64_t step, const float *from, int64_t ld, int64_t rows, int64_t columns) {
  int64_t whole = rows / HEED_LANES * HEED_LANES;
  for (int64_t i = 0; i < whole; i += HEED_LANES) transpose_columns(to + i, step, (const char *)(from + i * ld), DTYPE_F32, ld * 4, columns, HEED_LANES);
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = whole; i < rows; i++) to[j * step + i] = from[i * ld + j];
}

static void finish_block(const Plan *plan, const Context *context, const Block *at_, const float *target, int64_t ld) {
  const Problem *p = &plan->p;
  if (plan->buffered || plan->parts > 1) {
    char *to = (char *)at(side_base(p, &p->c, context, at_->batch), &p->c, at_->row, at_->column);
    if (p->c.dtype == DTYPE_F32 && p->c.rows == 1 && p->c.columns != 1)
      store_turned((float *)to, p->c.columns, target, ld, at_->rows, at_->columns);
    else
      for (int64_t i = 0; i < at_->rows; i++)
        store_row(to + i * p->c.rows * dtype_bytes(p->c.dtype), p->c.dtype, p->c.columns, target + i * ld, at_->columns);
  }
  if (!p->epilogue) return;
  for (int64_t i = 0; i < at_->rows; i += EPILOGUE_ROWS) {
    int64_t i0 = at_->row + i, i1 = min64(i0 + EPILOGUE_ROWS, at_->row + at_->rows), j0 = at_->column, j1 = j0 + at_->columns;
    if (p->turned)
      KERNEL(epilogue_run)(plan->epilogue, context, at_->batch, j0, j1, i0, i1);
    else
      KERNEL(epilogue_run)(plan->epilogue, context, at_->batch, i0, i1, j0, j1);
  }
}

static void finish_small(const Plan *plan, const Context *context, int64_t batch) {
  Block block = {batch, 0, plan->p.m, 0, plan->p.n, 0, plan->p.k};
  finish_block(plan, context, &block, 0, 0);
}

// Threads take neighbouring blocks: rows of them, so that each meets its own rows of A, or, where a packed B is the larger side, columns of them, so
// that most of what it meets of B is what it packed itself and no other core's cache has to give it up.
HEED_INLINE Block nth_block(const Plan *plan, int64_t index) {
  const Problem *p = &plan->p;
  int64_t down = index / plan->across, across = index % plan->across;
  if (plan->wide == WIDE_SHARED && p->n >= p->m) down = index % plan->down, across = index / plan->down;
  Block block = {0, down * plan->rows, 0, across * plan->columns, 0, 0, p->k};
  block.rows = min64(plan->rows, p->m - block.row);
  block.columns = min64(plan->columns, p->n - block.column);
  return block;
}

// Where the sums over one part of k stand: [part][batch][row][column], rows padded to `ld`.
HEED_INLINE float *partial(const Plan *plan, const Context *context, const Block *at_, int64_t part, int64_t ld) {
  return (float *)context->shared + ((part * plan->p.batches + at_->batch) * plan->p.m + at_->row) * ld + at_->column;
}

// Of the side that is summed, the first row or column of a block and how many it has.
HEED_INLINE int64_t first_sum(const Plan *plan, const Block *at_) { return plan->p.summed == SUM_TALL ? at_->row : at_->column; }
HEED_INLINE int64_t sums_of(const Plan *plan, const Block *at_) { return plan->p.summed == SUM_TALL ? at_->rows : at_->columns; }

static double *begin_totals(const Plan *plan, const Context *context, const Block *at_, int64_t part) {
  double *totals = block_totals(plan, context, at_->row, at_->column, part);
  for (int64_t i = 0; totals && i < sums_of(plan, at_); i++) totals[i] = 0;
  if (totals && plan->path != PATH_TILED) sum_lines(&plan->p, context, totals, first_sum(plan, at_), sums_of(plan, at_), at_->k0, at_->k1);
  return totals;
}

static void run_blocks(const Plan *plan, const Context *context, int64_t task) {
  const Problem *p = &plan->p;
  if (plan->path == PATH_SMALL) {
    multiply_small(plan, context, task * plan->group, min64((task + 1) * plan->group, p->batches), finish_small);
    if (!p->summed) return;
    Block whole = {0, 0, p->m, 0, p->n, 0, p->k};
    store_totals(p, context, 0, begin_totals(plan, context, &whole, 0), sum_count(p));
    return;
  }
  int64_t part = task % plan->parts, index = task / plan->parts, group = index / blocks(plan);
  Block block = nth_block(plan, index % blocks(plan));
  block.k0 = part * plan->part;
  block.k1 = min64(block.k0 + plan->part, p->k);
  int64_t last = min64((group + 1) * plan->group, p->batches);
  for (block.batch = group * plan->group; block.batch < last; block.batch++) {
    float *target = (float *)(context->own + plan->own_tall + plan->own_wide);
    int64_t ld = round_up(plan->columns, HEED_LANES);
    if (plan->parts > 1) {
      ld = round_up(p->n, HEED_LANES);
      target = partial(plan, context, &block, part, ld);
    } else if (!plan->buffered) {
      ld = p->c.rows;
      target = (float *)at(side_base(p, &p->c, context, block.batch), &p->c, block.row, block.column);
    }
    double *totals = begin_totals(plan, context, &block, part);
    if (plan->path == PATH_TILED)
      multiply_block(plan, context, &block, target, ld, totals);
    else
      multiply_skinny(plan, context, &block, target, ld);
    if (plan->parts > 1) continue;
    if (totals) store_totals(p, context, first_sum(plan, &block), totals, sums_of(plan, &block));
    finish_block(plan, context, &block, target, ld);
  }
}

// The last phase of a product in parts.
static void add_parts(const Plan *plan, const Context *context, int64_t task) {
  Block block = nth_block(plan, task % blocks(plan));
  block.batch = task / blocks(plan);
  int64_t ld = round_up(plan->p.n, HEED_LANES);
  float *sum = partial(plan, context, &block, 0, ld);
  for (int64_t part = 1; part < plan->parts; part++) {
    const float *more = partial(plan, context, &block, part, ld);
    for (int64_t i = 0; i < block.rows; i++)
      for (int64_t j = 0; j < block.columns; j++) sum[i * ld + j] += more[i * ld + j];
  }
  double *totals = block_totals(plan, context, block.row, block.column, 0);
  for (int64_t part = 1; totals && part < plan->parts; part++) {
    const double *more = block_totals(plan, context, block.row, block.column, part);
    for (int64_t i = 0; i < sums_of(plan, &block); i++) totals[i] += more[i];
  }
  if (totals) store_totals(&plan->p, context, first_sum(plan, &block), totals, sums_of(plan, &block));
  finish_block(plan, context, &block, sum, ld);
}

// How many pieces of so many columns a shared B has.
HEED_INLINE int64_t pack_pieces(const Plan *plan, int64_t columns) {
  return plan->wides * divide_up(plan->p.n, columns) * divide_up(plan->p.k, plan->depth);
}

enum { PACK_TASKS = 8 };  // enough of them to keep some threads busy

// Columns that a task of the shared phase packs: where B's rows run along memory, long pieces of them if there are enough; else a panel.
HEED_INLINE int64_t pack_columns_of(const Plan *plan) {
  return plan->p.b.columns == 1 && pack_pieces(plan, 4 * PANEL_COLUMNS) >= PACK_TASKS ? 4 * PANEL_COLUMNS : PANEL_COLUMNS;
}

// The k that a task packs: those of a block, or of a part of it where a B of few panels would leave threads idle.
HEED_INLINE int64_t pack_depth_of(const Plan *plan) {
  int64_t pieces = pack_pieces(plan, pack_columns_of(plan));
  if (pieces >= PACK_TASKS) return plan->depth;
  return min64(plan->depth, max64(64, round_up(divide_up(plan->depth * pieces, PACK_TASKS), HEED_LANES)));
}

HEED_INLINE int64_t pack_parts(const Plan *plan) { return divide_up(plan->depth, pack_depth_of(plan)); }

HEED_INLINE int64_t pack_tasks(const Plan *plan) {
  return plan->wides * divide_up(plan->p.k, plan->depth) * divide_up(plan->p.n, pack_columns_of(plan)) * pack_parts(plan);
}

// The shared phase: one block of k, or a part of it, by some columns of one B.
static void pack_shared(const Plan *plan, const Context *context, int64_t task) {
  const Problem *p = &plan->p;
  int64_t most = pack_columns_of(plan), across = divide_up(p->n, most), deep = divide_up(p->k, plan->depth), padded_n = round_up(p->n, PANEL_COLUMNS);
  int64_t parts = pack_parts(plan), part = task % parts * pack_depth_of(plan);
  task /= parts;
  int64_t j = task % across * most, k0 = task / across % deep * plan->depth, batch = task / across / deep;
  int64_t k = min64(plan->depth, p->k - k0), n = min64(most, p->n - j);
  float *to = (float *)context->shared + batch * p->k * padded_n + k0 * padded_n + j * k;
  if (part >= k) return;
  if (parts > 1) to += part * min64(PANEL_COLUMNS, round_up(n, HEED_LANES)), k = min64(pack_depth_of(plan), k - part);
  pack_right(p, to, side_base(p, &p->b, context, batch), k0 + part, k, j, n);
}

static int64_t shared_bytes(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  if (plan.parts > 1) return plan.shared_sums + plan.parts * sum_count(&plan.p) * 8;
  return plan.wide == WIDE_SHARED ? plan.wides * plan.p.k * round_up(plan.p.n, PANEL_COLUMNS) * 4 : 0;
}

static int64_t own_bytes(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  return plan.own_tall + plan.own_wide + plan.own_c + plan.own_sums;
}

static int32_t phases(const int32_t *words) {
  Plan plan;
  make_plan(words, &plan);
  return plan.wide == WIDE_SHARED || plan.parts > 1 ? 2 : 1;
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  Plan plan;
  make_plan(words, &plan);
  if (plan.wide == WIDE_SHARED && phase == 0) return pack_tasks(&plan);
  return groups(&plan) * blocks(&plan) * (phase == 0 ? plan.parts : 1);
}

static int64_t plan_bytes(const int32_t *words) {
  Problem p;
  read_problem(words, &p);
  return (int64_t)sizeof(Plan) + (p.epilogue ? KERNEL(epilogue_plan_bytes)(p.epilogue) : 0);
}

static void plan(const int32_t *words, char *const *buffers, void *memory) {
  Plan *plan = memory;
  make_plan(words, plan);
  if (!plan->p.epilogue) return;
  int64_t rows = min64(plan->rows, EPILOGUE_ROWS), columns = plan->columns, turned = plan->p.turned;
  plan->epilogue = KERNEL(epilogue_plan)(plan->p.epilogue, buffers, plan->p.c.buffer, turned ? columns : rows, turned ? rows : columns, plan + 1);
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)words;
  const Plan *plan = context->plan;
  if (plan->wide == WIDE_SHARED && phase == 0)
    pack_shared(plan, context, task);
  else if (plan->parts > 1 && phase == 1)
    add_parts(plan, context, task);
  else
    run_blocks(plan, context, task);
}

const Kernel KERNEL(matmul_kernel) = {shared_bytes, own_bytes, phases, tasks, run, plan_bytes, plan};
