// How an attention step is divided: queries into strips of the micro-kernel's height, strips into blocks (the work of a task), keys into
// tiles, and where all that lies in scratch. Decided by the step's words alone, never by the number of threads.
#ifndef HEED_ATTENTION_FORWARD_PLAN_H
#define HEED_ATTENTION_FORWARD_PLAN_H

#include "matmul_pack.h"

#include "attention_softmax.h"
#include "attention_words.h"

#define LONG_BLOCK_ROWS 448         // most queries of a block that packs the keys it sees itself
#define BLOCK_ROWS 112              // and of one whose keys are packed once for all blocks
#define BLOCK_FLOATS (1 << 17)      // of queries and output in a block
#define MOST_KEYS 256               // of a tile
#define TILE_FLOATS (1 << 16)       // of keys and values in a tile: two such fit the second cache
#define SHARED_KEYS_LIMIT (48 << 20)  // bytes of packed keys and values kept for all tasks
#define LEAST_WORK (1 << 17)        // multiplications worth a task

typedef struct {
  Attention a;
  int64_t strips, blocks;     // in T
  int64_t group;              // batch entries a task, where they have one block each
  int64_t tasks;
  int64_t keys;               // of a tile, a multiple of TILE_COLUMNS
  int32_t shared;             // keys and values are packed in a phase before
  int32_t direct;             // values are read where they lie
  int64_t sources;            // different matrices of keys and values: grouped queries share theirs
  int64_t key_floats, value_floats;  // of one source, packed
  int64_t query_step, sum_step, score_step;  // from row to row, in floats
  int32_t whole;              // bodies run on whole rows of S keys
  int64_t body_rows;          // queries a run of a body
  // Offsets in a task's own scratch, and its length.
  int64_t query, sum, rows, scores, product, seen, key, value, mask, score, factor, own;
} ForwardPlan;

// Whether the queries of a batch axis share their keys and values.
HEED_INLINE int32_t shares_axis(const Attention *a, int32_t axis) { return a->key[4 + axis] == 0 && a->value[4 + axis] == 0; }

// The number of a batch entry's keys and values among the sources.
HEED_INLINE int64_t source_of(const Attention *a, int64_t batch) {
  int64_t source = 0, step = 1;
  for (int32_t d = a->nb - 1; d >= 0; batch /= a->shape[d--]) {
    if (shares_axis(a, d)) continue;
    source += batch % a->shape[d] * step;
    step *= a->shape[d];
  }
  return source;
}

// A batch entry that has this source.
HEED_INLINE int64_t entry_of(const Attention *a, int64_t source) {
  int64_t batch = 0, step = 1;
  for (int32_t d = a->nb - 1; d >= 0; step *= a->shape[d--]) {
    if (shares_axis(a, d)) continue;
    batch += source % a->shape[d] * step;
    source /= a->shape[d];
  }
  return batch;
}

HEED_INLINE int64_t take_bytes(int64_t *used, int64_t bytes) {
  int64_t at = *used;
  *used += round_up(bytes, 64);
  return at;
}

// Scratch of one body, for blocks of `rows` rows; 0 where there is none.
HEED_INLINE int64_t tile_bytes(const TileBody *tile, int64_t rows, int64_t columns) {
  return tile->present ? KERNEL(expression_bytes)(&tile->body, rows, rows * columns) : 0;
}

static void plan_scratch(ForwardPlan *p) {
  const Attention *a = &p->a;
  int64_t rows = divide_up(p->strips, p->blocks) * TILE_ROWS, columns = p->whole ? a->s : p->keys;
  p->query = take_bytes(&p->own, rows * p->query_step * 4);
  p->sum = take_bytes(&p->own, rows * p->sum_step * 4);
  p->rows = take_bytes(&p->own, divide_up(p->strips, p->blocks) * (int64_t)sizeof(Rows));
  p->scores = take_bytes(&p->own, TILE_ROWS * p->score_step * 4);
  if (a->score.present) p->product = take_bytes(&p->own, TILE_ROWS * columns * 4 + 64);
  if (a->mask.present || a->factor.present) p->seen = take_bytes(&p->own, TILE_ROWS * p->score_step * 4);
  if (!p->shared) p->key = take_bytes(&p->own, p->keys * a->d * 4);
  if (!p->shared && !p->direct) p->value = take_bytes(&p->own, p->keys * p->sum_step * 4);
  p->mask = take_bytes(&p->own, tile_bytes(&a->mask, p->body_rows, columns));
  p->score = take_bytes(&p->own, tile_bytes(&a->score, p->body_rows, columns));
  p->factor = take_bytes(&p->own, tile_bytes(&a->factor, p->body_rows, columns));
}

static void plan_bodies(ForwardPlan *p) {
  const TileBody *tiles[3] = {&p->a.mask, &p->a.score, &p->a.factor};
  int64_t block = 1024;
  for (int i = 0; i < 3; i++)
    if (tiles[i]->present) block = min64(block, KERNEL(body_block)(&tiles[i]->body));
  p->whole = p->a.s <= p->keys;
  p->body_rows = max64(1, min64(TILE_ROWS, block / max64(1, p->whole ? p->a.s : p->keys)));
}

static void make_forward_plan(const int32_t *words, ForwardPlan *p) {
  memset(p, 0, sizeof *p);
  Attention *a = &p->a;
  read_attention(words, 0, a);
  p->strips = tile_count(a->t);
  p->group = p->blocks = p->sources = 1;
  if (a->batches == 0 || a->t == 0) return;

  int64_t widths = max64(a->d + a->e, 1), one = a->t * a->s * widths, work = one * a->batches;
  p->keys = max64(64, min64(MOST_KEYS, TILE_FLOATS / widths / TILE_COLUMNS * TILE_COLUMNS));
  p->keys = min64(p->keys, round_up(max64(a->s, 1), TILE_COLUMNS));
  p->query_step = a->d + HEED_LANES;
  p->sum_step = round_up(a->e, HEED_LANES);
  p->score_step = p->keys + HEED_LANES;
  plan_bodies(p);

  // Rows a multiple of 2 KiB apart crowd into the same lines of the cache: for more than a few strips they are packed.
  int32_t crowded = p->strips > 3 && (a->value[4 + a->nb] % 512 == 0 || a->key[4 + a->nb] % 512 == 0);
  p->direct = a->value[3] == DTYPE_F32 && a->value[5 + a->nb] == 1 && a->e % HEED_LANES == 0 && !crowded;
  for (int32_t d = 0; d < a->nb; d++)
    if (!shares_axis(a, d)) p->sources *= a->shape[d];
  p->key_floats = round_up(a->s, TILE_COLUMNS) * a->d;
  p->value_floats = p->direct ? 0 : a->s * p->sum_step;
  // Packing keys in the task that needs them saves two trips to memory, as long as many queries share the cost. A phase before packs them
  // where batch entries are few and long, where they are short and share keys, and where keys would have to be fetched anew each time.
  int64_t rows = max64(TILE_ROWS, min64(LONG_BLOCK_ROWS, BLOCK_FLOATS / widths));
  p->blocks = divide_up(p->strips, rows / TILE_ROWS);
  int32_t grouped = p->sources < a->batches && a->t < 2 * BLOCK_ROWS, few = p->blocks * a->batches < 24 && a->t > BLOCK_ROWS;
  few |= p->blocks > 1 && crowded;
  p->shared = (grouped || few) && work > 8 * LEAST_WORK && p->sources * (p->key_floats + p->value_floats) * 4 <= SHARED_KEYS_LIMIT;
  if (p->shared) p->blocks = divide_up(p->strips, BLOCK_ROWS / TILE_ROWS);
  // Enough tasks for 16 threads.
  while (p->blocks * a->batches < 32 && p->strips >= 4 * p->blocks && work / (p->blocks * a->batches) > 16 * LEAST_WORK) p->blocks *= 2;
  if (p->blocks == 1) p->group = max64(1, min64(a->batches, LEAST_WORK / max64(one, 1)));
  p->tasks = p->blocks * divide_up(a->batches, p->group);
  plan_scratch(p);
}

#endif
