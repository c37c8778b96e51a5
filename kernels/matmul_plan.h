// How a product is computed: which path, which blocks, what is packed. Decided by the step's words alone, never by the number of
// threads, so that the bits of the result do not depend on it.
#ifndef HEED_MATMUL_PLAN_H
#define HEED_MATMUL_PLAN_H

#include "epilogue.h"
#include "matmul_bias.h"
#include "matmul_grid.h"
#include "matmul_pack.h"
#include "matmul_problem.h"

enum { PATH_TILED, PATH_SMALL, PATH_DOT, PATH_STREAM };  // micro-kernel, in blocks or all at once; few rows against B's columns, B's rows
enum { WIDE_DIRECT, WIDE_OWN, WIDE_SHARED };       // B: read in place; packed by each task; packed once, in a phase before
enum { TALL_DIRECT, TALL_ROWS, TALL_STRIPS };       // A: read in place; packed as rows; packed as strips

typedef struct {
  Problem p;
  int32_t path, wide, tall;
  int32_t buffered;                 // C is not plain f32 rows: sum in scratch, then store
  int64_t group;                    // batch entries a task
  int64_t rows, columns;            // of a block of C, the work of a task
  int64_t down, across;             // blocks in C
  int64_t depth;                    // k of a packed block
  int64_t parts, part;              // independent partial sums over k, and the k of each
  int64_t wides;                    // matrices to pack in the shared phase
  int64_t own_tall, own_wide, own_c, own_sums;  // bytes of own scratch, in this order
  int64_t shared_sums;                // where sums of parts begin in shared scratch
  int64_t tallest;                    // rows of a tile at most
  int64_t height, edge;               // rows of a tile in a whole panel of columns, and in the last, narrower one
  const EpiloguePlan *epilogue;       // for blocks that are not at an edge; or 0
  Bias bias;                          // in place of an epilogue
} Plan;

HEED_INLINE int64_t groups(const Plan *plan) { return divide_up(plan->p.batches, plan->group); }
HEED_INLINE int64_t blocks(const Plan *plan) { return plan->down * plan->across; }

#define SKINNY_DOT 32            // rows up to which dot products beat packing a transposed B
#define SKINNY_STREAM 8          // rows up to which B is streamed
#define SKINNY_TURN 8            // columns up to which the transposed problem is better
#define SHARED_LIMIT (32 << 20)  // bytes of packed B kept for all tasks
#define SMALL_WORK (1 << 17)     // products of two numbers up to which matrices are multiplied whole
#define SMALL_DEPTH 256          // k of the same
#define SMALL_AXES 8             // batch axes of the same
#define WEIGHTS_TURN 128             // rows up to which a B of many columns that run along memory is taken for the left side, which needs no packing
#define FEW_ROWS_FOR_B 256       // rows up to which packing a B whose rows run along memory may not pay
#define LOW_LEAST 1024           // columns from which so few rows are multiplied all at once where they run along memory
#define LOW_MOST 3072            // and up to which
#define LOW_COLUMNS 64           // columns of a block then
#define FEW_ROWS_TO_PACK 512     // rows up to which a phase of its own that packs a transposed B takes longer than it saves
#define CROWDED_ROWS 8           // rows of a tile whose lines all belong in the same place of the cache
#define FAR_LINES 1024           // numbers from line to line of a left side from which it is packed if its rows run along memory
#define FEW_COLUMNS 384          // columns up to which it had better be the right side that is packed
#define LEAST_COLUMNS 16         // and from which: fewer would leave tiles empty
#define DEEP (HEED_LANES == 16 ? 512 : 256)  // k of a block where A's rows are read along k; a panel of B of that depth is a fraction of the second cache
#define WHOLE_ROW 1024           // columns of a product with an epilogue up to which blocks are cut across the rows only

// Blocks of C: enough for 16 threads to share, not so small that their edges cost.
static void plan_blocks(Plan *plan, int64_t want, int64_t most_rows, int64_t most_columns, int64_t least_rows, int64_t least_columns,
                        int64_t wider) {
  int64_t m = plan->p.m, n = plan->p.n, down = divide_up(m, most_rows), across = divide_up(n, most_columns);
  while (down * across < want) {
    int64_t rows = m / down, columns = n / across;
    int32_t can_down = rows >= 2 * least_rows, can_across = columns >= 2 * least_columns;
    if (!can_down && !can_across) break;
    if (can_down && (rows * wider >= columns || !can_across))
      down *= 2;
    else
      across *= 2;
  }
  plan->rows = divide_up(m, down);
  plan->columns = min64(round_up(divide_up(n, across), PANEL_COLUMNS), n);
  plan->down = divide_up(m, plan->rows);
  plan->across = divide_up(n, plan->columns);
}

// Blocks of whole tiles, but for the last: 32 rows are three tiles of 5 and three of 6, and take as long as 36. Where A's rows run along memory, whole
// lines count for more.
static void whole_tiles(Plan *plan, int64_t height) {
  if (plan->down == 1 || plan->p.a.columns != 1) return;
  plan->rows = min64(round_up(plan->rows, height), plan->p.m);
  plan->down = divide_up(plan->p.m, plan->rows);
}

// Too few blocks for the threads, but a long k: sums over parts of k go to shared scratch and are added, in order, afterwards.
static void plan_parts(Plan *plan, int64_t want, int64_t least) {
  Problem *p = &plan->p;
  int64_t parts = min64(want / blocks(plan), p->k / least), bytes = p->batches * p->m * round_up(p->n, HEED_LANES) * 4;
  if (parts < 2 || plan->group > 1 || plan->wide == WIDE_SHARED || parts * bytes > SHARED_LIMIT) return;
  plan->part = round_up(divide_up(p->k, parts), 16);
  plan->parts = divide_up(p->k, plan->part);
  plan->depth = min64(plan->depth, plan->part);
}

static void plan_tiled(Plan *plan, int64_t work, int64_t want) {
  Problem *p = &plan->p;
  plan->path = PATH_TILED;
  // Where A lies well it is read in place. Rows a multiple of a page apart crowd into the same lines of the cache, where there is room for
  // those of a short tile; numbers of one tile a page apart or more each want a page of their own.
  int32_t plain = p->a.dtype == DTYPE_F32;
  plan->tallest = p->a.columns == 1 && p->a.rows % 1024 == 0 ? min64(CROWDED_ROWS, TILE_ROWS) : TILE_ROWS;
  int32_t crowded = p->a.rows % 2048 == 0 && p->m > 2 * TILE_ROWS && p->n > 2 * PANEL_COLUMNS;  // and met by several panels
  if (plain && p->a.columns == 1 && !crowded)
    plan->tall = TALL_DIRECT;
  else if (plain && p->a.rows == 1 && p->a.columns < FAR_LINES)
    plan->tall = TALL_DIRECT;
  else
    plan->tall = p->a.rows == 1 && p->a.columns != 1 ? TALL_STRIPS : TALL_ROWS;
  // A block of A that is packed should meet many columns; a B too large to keep packed should meet many rows.
  int64_t wide_bytes = p->k * round_up(p->n, PANEL_COLUMNS) * 4 * (is_shared(p, &p->b) ? 1 : p->batches);
  int32_t direct = plan->tall == TALL_DIRECT;
  // An epilogue would rather have whole rows, which it can take where they lie.
  int32_t whole = p->epilogue && !plan->bias.found && !p->turned && !p->grid.rows.axes && p->n <= WHOLE_ROW;
  // Few rows that run along memory, against many columns: a block of all rows reads its columns of B once.
  int32_t low = p->a.rows == 1 && p->a.columns != 1 && p->m <= FEW_ROWS_FOR_B && p->n >= LOW_LEAST && p->n <= LOW_MOST && !whole;
  // A B that is transposed is packed where it is used, by whole columns of blocks, if it is small or meets few rows.
  int32_t few = p->m <= FEW_ROWS_TO_PACK && p->k >= 256 && p->n >= 4 * PANEL_COLUMNS;
  if (p->b.rows == 1 && p->b.columns != 1 && p->batches == 1 && (work <= 1 << 22 ? p->n >= 2 * PANEL_COLUMNS : few))
    plan_blocks(plan, min64(want, p->n / PANEL_COLUMNS), p->m, PANEL_COLUMNS, p->m, PANEL_COLUMNS, 1);
  else
    plan_blocks(plan, want, wide_bytes <= SHARED_LIMIT ? 256 : 768, low ? LOW_COLUMNS : direct && !whole ? 256 : 1024, 2 * TILE_ROWS, 2 * TILE_COLUMNS,
                whole ? WHOLE_ROW : direct ? 1 : 4);
  plan->height = tile_height(plan->columns);
  whole_tiles(plan, min64(plan->height, plan->tallest));
  // Deep blocks of k meet C, which is read and written once a block, less often. Where A's rows run along memory, its lines lie as far apart as
  // its columns and leave the first cache as soon as they come: less depth leaves room for them. One panel of columns passes over A once, and had
  // better read its rows in long pieces.
  int64_t deep = p->a.columns != 1 ? 128 : p->n <= PANEL_COLUMNS ? 1024 : DEEP;
  plan->depth = p->k <= deep * 3 / 2 ? p->k : round_up(divide_up(p->k, divide_up(p->k, deep)), 16);
  int64_t k = plan->depth;

  if (plan->tall == TALL_ROWS) plan->own_tall = whole_lines(plan->rows * (k + HEED_LANES) * 4);
  if (plan->tall == TALL_STRIPS) plan->own_tall = whole_lines(divide_up(plan->rows, strip_width(plan->height)) * strip_width(plan->height) * k * 4);

  plan->wides = is_shared(p, &p->b) ? 1 : p->batches;
  int32_t short_rows = plan->rows <= 3 * TILE_ROWS ? p->b.rows % 1024 != 0 : plan->rows <= 128 && p->b.rows < 1024;
  if (p->b.dtype == DTYPE_F32 && p->b.columns == 1 && p->m <= FEW_ROWS_FOR_B && short_rows && !p->grid.rows.axes)
    plan->wide = WIDE_DIRECT;
  else if ((plan->down > 1 || plan->wides < p->batches) && work >= 1 << 21 && wide_bytes <= SHARED_LIMIT)
    plan->wide = WIDE_SHARED;
  else
    plan->wide = WIDE_OWN;
  plan->own_wide = whole_lines((plan->wide == WIDE_OWN ? round_up(plan->columns, PANEL_COLUMNS) : PANEL_COLUMNS) * k * 4);
  if (plan->wide == WIDE_SHARED) plan->own_wide = 0;
  plan_parts(plan, want, 512);
}

static void plan_skinny(Plan *plan, int32_t path, int64_t want) {
  Problem *p = &plan->p;
  plan->path = path;
  plan_blocks(plan, want, p->m, path == PATH_DOT ? p->n : 2048, p->m, path == PATH_DOT ? 8 : 512, 1);
  plan->depth = p->k;
  if (path == PATH_STREAM) plan_parts(plan, want, 64);
  int32_t whole = path == PATH_STREAM || p->k % HEED_LANES == 0;
  plan->tall = p->a.dtype == DTYPE_F32 && p->a.columns == 1 && whole ? TALL_DIRECT : TALL_ROWS;
  if (plan->tall == TALL_ROWS) plan->own_tall = whole_lines(p->m * round_up(p->k, HEED_LANES) * 4);
}

// Whether a product is small and its A and C lie as the micro-kernel wants them.
static int is_small(const Plan *plan, int64_t one) {
  const Problem *p = &plan->p;
  return one <= SMALL_WORK && p->k <= SMALL_DEPTH && p->nb <= SMALL_AXES && !plan->buffered && p->a.dtype == DTYPE_F32 &&
         (p->a.columns == 1 || p->a.rows == 1);
}

static void plan_small(Plan *plan) {
  Problem *p = &plan->p;
  plan->path = PATH_SMALL;
  plan->rows = p->m, plan->columns = p->n, plan->depth = p->k;
  plan->down = plan->across = 1;
  plan->height = divide_up(p->m, divide_up(p->m, tile_height(PANEL_COLUMNS)));
  plan->edge = divide_up(p->m, divide_up(p->m, tile_height(p->n % PANEL_COLUMNS)));
  plan->wide = p->b.dtype == DTYPE_F32 && p->b.columns == 1 && p->b.rows > 0 && p->n % HEED_LANES == 0 ? WIDE_DIRECT : WIDE_OWN;
  if (plan->wide == WIDE_OWN) plan->own_wide = whole_lines(p->k * round_up(p->n, PANEL_COLUMNS) * 4);
}

static void make_plan(const int32_t *words, Plan *plan) {
  memset(plan, 0, sizeof *plan);
  Problem *p = &plan->p;
  read_problem(words, p);
  plan->group = plan->parts = 1;
  plan->part = p->k;
  if (p->m == 0 || p->n == 0 || p->batches == 0) return;
  int32_t grid = p->grid.rows.axes > 0;
  if (!grid && (p->n < p->m ? p->n <= SKINNY_TURN : p->c.columns != 1 && p->c.rows == 1 && p->m > SKINNY_TURN)) turn(p);
  // Few tokens against the rows of a weight matrix: copying the weights would cost as much as the product.
  if (!grid && p->b.rows == 1 && p->m > HEED_LANES && p->m <= WEIGHTS_TURN && p->n >= 4 * p->m && p->m * p->n * p->k > SMALL_WORK) turn(p);
  // A left side that would have to be packed for few panels of B: B, whose lines are closer, is read in place instead. What is packed then is as
  // long as k is, and meets no more than the columns of B: sums over a short k are faster as they are.
  if (!grid && p->a.rows == 1 && p->b.columns == 1 && p->a.columns >= FAR_LINES && p->b.rows < FAR_LINES && p->n <= FEW_COLUMNS &&
      p->n >= LEAST_COLUMNS && p->k >= 3 * p->n)
    turn(p);
  if (p->n == 1) p->b.columns = p->c.columns = 1;
  if (p->k == 1) p->a.columns = 1;

  int64_t one = p->m * p->n * max64(p->k, 1), work = one * p->batches;
  if (work < 1 << 17)
    plan->group = p->batches;
  else if (one < 1 << 17)
    plan->group = max64(1, min64((1 << 17) / one, p->batches / 16));
  int64_t want = min64(work >> 19, 16);
  want = divide_up(max64(want, 1), p->batches);
  plan->buffered = p->c.dtype != DTYPE_F32 || p->c.columns != 1;

  plan->bias = find_bias(p);
  int small = is_small(plan, one);
  if (grid)
    plan_tiled(plan, work, want);
  else if (small && p->m > 3 && (p->b.rows != 1 || p->k <= 4 * p->m))
    plan_small(plan);
  else if (p->b.rows == 1 && p->k >= HEED_LANES && p->m <= SKINNY_DOT && p->m * p->k <= 1 << 16)
    plan_skinny(plan, PATH_DOT, want);
  else if (p->b.columns == 1 && p->m <= (p->b.rows < 1024 ? 3 : SKINNY_STREAM) && p->k > 0)
    plan_skinny(plan, PATH_STREAM, want);
  else
    plan_tiled(plan, work, want);
  // Only the micro-kernel knows of a bias, and only where it has whole sums.
  if (plan->bias.found && plan->parts == 1 && (plan->path == PATH_TILED || plan->path == PATH_SMALL))
    p->epilogue = 0;
  else
    plan->bias = (Bias){0};
  if (plan->buffered && plan->parts == 1) plan->own_c = whole_lines(plan->rows * round_up(plan->columns, HEED_LANES) * 4);
  if (p->summed && plan->parts == 1) plan->own_sums = whole_lines((p->summed == SUM_TALL ? plan->rows : plan->columns) * 8);
  plan->shared_sums = whole_lines(plan->parts * p->batches * p->m * round_up(p->n, HEED_LANES) * 4);
}

#endif
