// C = A @ B on matrix tiles where the processor has them (see matmul_amx.h), else, and where tiles do not pay or would not be exact, as
// matmul.c does it. Two ways: many small products, each packed and computed by one task; or one large product, whose operands are packed into
// shared scratch by panels, K block by K block, and computed in macro tiles of 128 by 128.
//
// Infinities, NaN and numbers at the ends of f32's range do not survive the splitting. They are noticed while packing; then the tile phases
// do nothing, and the phases of matmul.c, which follow and otherwise do nothing, compute the product.

#if defined(__x86_64__) && defined(__linux__) && HEED_LANES == 16 && defined(__GNUC__)
#pragma GCC target("amx-tile,amx-bf16,avx512bf16")

#include "matmul_amx.h"

extern const Kernel KERNEL(matmul_kernel);
void KERNEL(matmul_epilogue)(const int32_t *epilogue, const Context *context, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1);

enum { MACRO = 4, STEP = 16, PACKED = 4, EPILOGUE_ROWS = 64 };
enum { NONE, OWN, SHARED };
#define MOST_OWN (3 << 20)
#define MOST_SHARED (40 << 20)
#define LARGEST_BITS 0x7f7f0000  // above it a number may round to a bf16 infinity
#define SMALLEST_BITS 0x12800000  // 2^-90: below it the smaller parts would be denormal, which tiles read as 0

typedef struct {
  Problem p;
  int32_t way, direct;
  int64_t rows, columns;              // panels
  int64_t block, blocks;              // K per block, number of blocks
  int64_t left_entries, right_entries;  // packed copies: one for all batches, or one each
  int64_t left_panel, right_panel;    // bytes
  int64_t flags;                      // bytes before the panels
} Plan;

HEED_INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t pack_tasks(const Plan *plan) {
  return divide_up(plan->left_entries * plan->rows + plan->right_entries * plan->columns, PACKED);
}

static Plan make_plan(const int32_t *words) {
  Plan plan = {.way = NONE};
  Problem *p = &plan.p;
  read_problem(words, p);
  if (p->c.columns != 1 && p->c.rows == 1) turn(p);
  if (p->m < 16 || p->n < 16 || p->k < 16 || p->batches < 1) return plan;
  plan.direct = p->c.columns == 1 && p->c.dtype == DTYPE_F32;
  plan.rows = divide_up(p->m, PANEL);
  plan.columns = divide_up(p->n, PANEL);
  const int64_t left = 2 * TILE_BYTES * parts_of(p->a.dtype), right = 2 * TILE_BYTES * parts_of(p->b.dtype);  // bytes a chunk
  const int64_t chunks = divide_up(p->k, CHUNK);
  const double work = (double)p->m * p->n * p->k;
  if (p->batches >= 4 && work >= 16384 && (plan.rows * left + plan.columns * right) * chunks <= MOST_OWN) {
    plan.way = OWN;
    plan.block = chunks * CHUNK;
    plan.blocks = 1;
    plan.left_entries = plan.right_entries = 1;
  } else if (work >= 120000) {
    plan.left_entries = is_shared(p, &p->a) ? 1 : p->batches;
    plan.right_entries = is_shared(p, &p->b) ? 1 : p->batches;
    const int64_t a_chunk = plan.left_entries * plan.rows * left + plan.right_entries * plan.columns * right;
    int64_t most = min64(chunks, max64(MOST_SHARED / a_chunk, 0));
    if (plan.direct) most = min64(most, 16);
    if (most < chunks && (most < STEP || !plan.direct)) return plan;
    plan.blocks = divide_up(chunks, most);
    plan.block = divide_up(divide_up(chunks, plan.blocks), STEP) * STEP * CHUNK;
    if (plan.blocks == 1) plan.block = chunks * CHUNK;
    plan.blocks = divide_up(p->k, plan.block);
    plan.way = SHARED;
  }
  plan.left_panel = plan.block / CHUNK * left;
  plan.right_panel = plan.block / CHUNK * right;
  plan.flags = plan.way == SHARED ? divide_up(8 * plan.blocks * pack_tasks(&plan), 64) * 64 : 0;
  return plan;
}

static int64_t panels_bytes(const Plan *plan) {
  return plan->flags + plan->left_entries * plan->rows * plan->left_panel + plan->right_entries * plan->columns * plan->right_panel;
}

// --- computing from packed panels

// Rows [i, i + 32) by columns [j, j + 32) at `to`, whose edge may cut the block: then by way of a buffer.
static void edge_block(const Plan *plan, float *to, int64_t ld, int64_t i, int64_t j, const char *a, const char *b, int64_t chunks, int32_t add) {
  const Problem *p = &plan->p;
  const int64_t high = min64(PANEL, p->m - i), wide = min64(PANEL, p->n - j);
  const int32_t a_parts = parts_of(p->a.dtype), b_parts = parts_of(p->b.dtype);
  if (high == PANEL && wide == PANEL) {
    if (a_parts == 3 && b_parts == 3)
      block_product(to, ld, a, 3, b, 3, chunks, add, 1, 1);
    else
      block_product(to, ld, a, a_parts, b, b_parts, chunks, add, 1, 1);
    return;
  }
  float buffer[PANEL * PANEL] __attribute__((aligned(64)));
  if (add)
    for (int64_t r = 0; r < high; r++) memcpy(buffer + r * PANEL, to + r * ld, wide * 4);
  block_product(buffer, PANEL, a, a_parts, b, b_parts, chunks, add, high > 16, wide > 16);
  for (int64_t r = 0; r < high; r++) memcpy(to + r * ld, buffer + r * PANEL, wide * 4);
}

static void finish(const Plan *plan, const Context *context, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  const Problem *p = &plan->p;
  if (!p->epilogue) return;
  for (int64_t i = i0; i < i1; i += EPILOGUE_ROWS) {
    const int64_t end = min64(i + EPILOGUE_ROWS, i1);
    if (p->turned)
      KERNEL(matmul_epilogue)(p->epilogue, context, batch, j0, j1, i, end);
    else
      KERNEL(matmul_epilogue)(p->epilogue, context, batch, i, end, j0, j1);
  }
}

// A macro tile: panels [r0, r1) by [c0, c1). K is walked in short steps so that a panel of B stays in the first-level cache.
static void macro_tile(const Plan *plan, const Context *context, int64_t batch, int64_t r0, int64_t r1, int64_t c0, int64_t c1, const char *left,
                       const char *right, int64_t k_block, float *buffer) {
  const Problem *p = &plan->p;
  const int64_t i0 = r0 * PANEL, i1 = min64(r1 * PANEL, p->m), j0 = c0 * PANEL, j1 = min64(c1 * PANEL, p->n);
  const int64_t chunks = divide_up(min64(plan->block, p->k - k_block * plan->block), CHUNK);
  char *c = side_base(p, &p->c, context, batch) + (i0 * p->c.rows + j0 * p->c.columns) * dtype_bytes(p->c.dtype);
  float *to = plan->direct ? (float *)c : buffer;
  const int64_t ld = plan->direct ? p->c.rows : MACRO * PANEL;
  const int64_t a_chunk = plan->left_panel / (plan->block / CHUNK), b_chunk = plan->right_panel / (plan->block / CHUNK);
  for (int64_t k = 0; k < chunks; k += STEP) {
    const int64_t step = min64(STEP, chunks - k);
    for (int64_t j = c0; j < c1; j++)
      for (int64_t i = r0; i < r1; i++)
        edge_block(plan, to + (i - r0) * PANEL * ld + (j - c0) * PANEL, ld, i * PANEL, j * PANEL, left + i * plan->left_panel + k * a_chunk,
                   right + j * plan->right_panel + k * b_chunk, step, k > 0 || k_block > 0);
  }
  if (k_block < plan->blocks - 1) return;
  if (!plan->direct)
    for (int64_t i = 0; i < i1 - i0; i++) store_row(c + i * p->c.rows * dtype_bytes(p->c.dtype), p->c.dtype, p->c.columns, to + i * ld, j1 - j0);
  finish(plan, context, batch, i0, i1, j0, j1);
}

// --- many small products

// The plain loop, for an entry whose numbers tiles cannot hold.
static void plain_entry(const Plan *plan, const Context *context, int64_t batch) {
  const Problem *p = &plan->p;
  const char *a = side_base(p, &p->a, context, batch), *b = side_base(p, &p->b, context, batch);
  char *c = side_base(p, &p->c, context, batch);
  const int64_t size_a = dtype_bytes(p->a.dtype), size_b = dtype_bytes(p->b.dtype), size_c = dtype_bytes(p->c.dtype);
  for (int64_t i = 0; i < p->m; i++)
    for (int64_t j = 0; j < p->n; j++) {
      float sum = 0;
      for (int64_t k = 0; k < p->k; k++)
        sum += load_one(a + (i * p->a.rows + k * p->a.columns) * size_a, p->a.dtype) *
               load_one(b + (k * p->b.rows + j * p->b.columns) * size_b, p->b.dtype);
      store_one(c + (i * p->c.rows + j * p->c.columns) * size_c, p->c.dtype, sum);
    }
  finish(plan, context, batch, 0, p->m, 0, p->n);
}

HEED_INLINE int32_t splits(int32_t largest) { return largest == 0 || (largest > SMALLEST_BITS && largest < LARGEST_BITS); }

static void run_own(const Plan *plan, const Context *context, int64_t batch) {
  const Problem *p = &plan->p;
  char *left = context->own, *right = left + plan->rows * plan->left_panel;
  float *buffer = (float *)(right + plan->columns * plan->right_panel);
  const char *a = side_base(p, &p->a, context, batch), *b = side_base(p, &p->b, context, batch);
  int32_t most_a = 0, most_b = 0;
  for (int64_t i = 0; i < plan->rows; i++) {
    int32_t most = pack_panel(p, &p->a, 0, a, i * PANEL, 0, p->k, left + i * plan->left_panel);
    if (most > most_a) most_a = most;
  }
  for (int64_t j = 0; j < plan->columns; j++) {
    int32_t most = pack_panel(p, &p->b, 1, b, j * PANEL, 0, p->k, right + j * plan->right_panel);
    if (most > most_b) most_b = most;
  }
  if (!splits(most_a) || !splits(most_b)) {
    plain_entry(plan, context, batch);
    return;
  }
  begin_tiles();
  for (int64_t i = 0; i < plan->rows; i += MACRO)
    for (int64_t j = 0; j < plan->columns; j += MACRO)
      macro_tile(plan, context, batch, i, min64(i + MACRO, plan->rows), j, min64(j + MACRO, plan->columns), left, right, 0, buffer);
  _tile_release();
}

// --- one large product

static void run_pack(const Plan *plan, const Context *context, int64_t k_block, int64_t task) {
  const Problem *p = &plan->p;
  const int64_t lefts = plan->left_entries * plan->rows, all = lefts + plan->right_entries * plan->columns;
  const int64_t k0 = k_block * plan->block, length = min64(plan->block, p->k - k0);
  char *left = context->shared + plan->flags, *right = left + lefts * plan->left_panel;
  int32_t *flag = (int32_t *)context->shared + 2 * (k_block * pack_tasks(plan) + task);
  flag[0] = flag[1] = 0;
  for (int64_t panel = task * PACKED; panel < min64((task + 1) * PACKED, all); panel++) {
    const int32_t is_right = panel >= lefts;
    const int64_t index = is_right ? panel - lefts : panel, across = is_right ? plan->columns : plan->rows;
    const Side *side = is_right ? &p->b : &p->a;
    char *to = is_right ? right + index * plan->right_panel : left + index * plan->left_panel;
    int32_t most = pack_panel(p, side, is_right, side_base(p, side, context, index / across), index % across * PANEL, k0, length, to);
    if (most > flag[is_right]) flag[is_right] = most;
  }
}

// Whether tiles can hold everything packed so far; of the whole of K once all of it is packed.
static int32_t usable(const Plan *plan, const Context *context, int64_t blocks) {
  const int32_t *flag = (const int32_t *)context->shared;
  int32_t most[2] = {0, 0}, fits = 1;
  const int64_t tasks = pack_tasks(plan);
  for (int64_t b = 0; b < blocks; b++) {
    int32_t part[2] = {0, 0};
    for (int64_t t = 0; t < tasks; t++, flag += 2)
      for (int32_t s = 0; s < 2; s++)
        if (flag[s] > part[s]) part[s] = flag[s];
    for (int32_t s = 0; s < 2; s++)
      if (part[s] > most[s]) most[s] = part[s];
  }
  for (int32_t s = 0; s < 2; s++) fits &= most[s] < LARGEST_BITS && (blocks < plan->blocks || splits(most[s]));
  return fits;
}

static int64_t macros(const Plan *plan) { return plan->p.batches * divide_up(plan->rows, MACRO) * divide_up(plan->columns, MACRO); }

static void run_compute(const Plan *plan, const Context *context, int64_t k_block, int64_t task) {
  const Problem *p = &plan->p;
  if (!usable(plan, context, k_block + 1)) return;
  const int64_t across = divide_up(plan->columns, MACRO), down = divide_up(plan->rows, MACRO);
  const int64_t batch = task / (across * down), r = task / across % down * MACRO, c = task % across * MACRO;
  const char *left = context->shared + plan->flags, *right = left + plan->left_entries * plan->rows * plan->left_panel;
  if (plan->left_entries > 1) left += batch * plan->rows * plan->left_panel;
  if (plan->right_entries > 1) right += batch * plan->columns * plan->right_panel;
  begin_tiles();
  macro_tile(plan, context, batch, r, min64(r + MACRO, plan->rows), c, min64(c + MACRO, plan->columns), left, right, k_block, (float *)context->own);
  _tile_release();
}

// --- the kernel

static int64_t shared_bytes(const int32_t *words) {
  Plan plan = make_plan(words);
  if (plan.way == OWN) return 0;
  int64_t other = KERNEL(matmul_kernel).shared_bytes(words);
  return plan.way == SHARED ? divide_up(panels_bytes(&plan), 64) * 64 + other : other;
}

static int64_t own_bytes(const int32_t *words) {
  Plan plan = make_plan(words);
  const int64_t buffer = (int64_t)MACRO * PANEL * MACRO * PANEL * 4;
  if (plan.way == OWN) return panels_bytes(&plan) + buffer;
  int64_t other = KERNEL(matmul_kernel).own_bytes(words);
  return plan.way == SHARED ? max64(buffer, other) : other;
}

static int32_t phases(const int32_t *words) {
  Plan plan = make_plan(words);
  if (plan.way == OWN) return 1;
  return KERNEL(matmul_kernel).phases(words) + (plan.way == SHARED ? (int32_t)(2 * plan.blocks) : 0);
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  Plan plan = make_plan(words);
  if (plan.way == OWN) return plan.p.batches;
  if (plan.way == NONE) return KERNEL(matmul_kernel).tasks(words, phase);
  if (phase < 2 * plan.blocks) return phase % 2 == 0 ? pack_tasks(&plan) : macros(&plan);
  return KERNEL(matmul_kernel).tasks(words, phase - (int32_t)(2 * plan.blocks));
}

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  Plan plan = make_plan(words);
  if (plan.way == OWN) {
    run_own(&plan, context, task);
  } else if (plan.way == NONE) {
    KERNEL(matmul_kernel).run(words, context, phase, task);
  } else if (phase < 2 * plan.blocks) {
    if (phase % 2 == 0)
      run_pack(&plan, context, phase / 2, task);
    else
      run_compute(&plan, context, phase / 2, task);
  } else if (!usable(&plan, context, plan.blocks)) {
    Context rest = *context;
    rest.shared += divide_up(panels_bytes(&plan), 64) * 64;
    KERNEL(matmul_kernel).run(words, &rest, phase - (int32_t)(2 * plan.blocks), task);
  }
}

const Kernel KERNEL(matmul_amx_kernel) = {shared_bytes, own_bytes, phases, tasks, run};
#else
typedef int matmul_amx_needs_x86_64_linux;
#endif
