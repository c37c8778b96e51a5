// How attention with few queries is divided. Batch entries that read the same keys and values (grouped query heads: trailing batch axes on
// which both have stride 0) form a group; its rows, T for each entry, go through the cache together, so that keys and values are read
// once. Where the keys of several groups lie side by side in memory ([B,S,H,D]), these groups form a bundle and take turns, a few keys
// each: memory is then read in the order it lies in, at three times the speed. A long cache is split into chunks of keys; a task is a chunk
// of a bundle, and in a second phase the results of the chunks are merged. All of this depends on the step alone.
#ifndef HEED_ATTENTION_DECODE_PLAN_H
#define HEED_ATTENTION_DECODE_PLAN_H

#include "attention_words.h"

enum {
  BLOCK_KEYS = 512,         // the most keys whose scores are held at a time
  BLOCK_SCORES = 8192,      // and the most scores, but for many rows
  BUNDLE_BYTES = 4096,      // of keys side by side: enough to read memory in order
  MOST_GROUPS = 16,         // in a bundle
  CHUNK_BYTES = 512 * 1024, // of keys and values that are worth a task of their own
  CHUNK_KEYS = 256,
  ENOUGH_TASKS = 64,
};

typedef struct {
  Attention a;
  int32_t shared_axes;               // trailing batch axes that a group spans
  int64_t groups, members, rows;     // groups, batch entries in one, and its queries: members * T
  int64_t side, bundle, bundles;     // groups side by side, the most of them in a bundle, and the bundles they make
  int64_t chunks, chunk;             // of keys: their number, and the length of all but the last
  int64_t block;                     // keys
  int64_t d, e;                      // D and E in whole vectors
  int64_t query, weight, mixed, maximum, sum, from, until, pack, body, own;  // byte offsets in a thread's scratch, and its size
  int64_t body_bytes[3];                                                     // of mask, score and factor, for one group
} Plan;

HEED_INLINE int64_t magnitude(int64_t a) { return a < 0 ? -a : a; }

// Whether the numbers of a key or value lie side by side.
HEED_INLINE int32_t lies_ready(const Attention *a, const int32_t *operand, int64_t width) { return operand[5 + a->nb] == 1 || width <= 1; }

// Expressions are made for blocks that are never a whole row: a block may begin and end anywhere.
HEED_INLINE int64_t body_columns(const Plan *p) { return p->block == p->a.s ? p->block + 1 : p->block; }

static void plan_groups(Plan *p) {
  const Attention *a = &p->a;
  int32_t axis = a->nb - 1;
  p->members = 1;
  for (; axis >= 0 && (a->shape[axis] == 1 || (a->key[4 + axis] == 0 && a->value[4 + axis] == 0)); axis--) p->members *= a->shape[axis];
  p->shared_axes = a->nb - 1 - axis;
  p->groups = p->members ? a->batches / p->members : 0;
  p->rows = p->members * a->t;
  p->side = p->bundle = 1;
  int32_t ready = lies_ready(a, a->key, a->d) && lies_ready(a, a->value, a->e);
  if (axis >= 0 && ready && magnitude(a->key[4 + axis]) < magnitude(a->key[4 + a->nb])) {
    int64_t enough = min64(MOST_GROUPS, divide_up(BUNDLE_BYTES, max64(1, a->d * dtype_bytes(a->key[3]))));
    p->side = max64(1, a->shape[axis]);
    p->bundle = divide_up(p->side, divide_up(p->side, enough));
  }
  p->bundles = divide_up(p->side, p->bundle);
}

static void make_plan(const int32_t *words, Plan *p) {
  read_attention(words, 0, &p->a);
  const Attention *a = &p->a;
  plan_groups(p);
  p->d = whole_vectors(a->d), p->e = whole_vectors(a->e);

  int64_t bundles = max64(1, p->groups / p->side * p->bundles);
  int64_t bytes = max64(1, p->bundle * (a->d * dtype_bytes(a->key[3]) + a->e * dtype_bytes(a->value[3])));
  p->chunks = max64(1, min64(min64(a->s * bytes / CHUNK_BYTES, a->s / CHUNK_KEYS), ENOUGH_TASKS / bundles));
  p->chunk = max64(16, divide_up(divide_up(a->s, p->chunks), 16) * 16);
  p->chunks = max64(1, divide_up(a->s, p->chunk));
  int64_t rows = p->bundle * p->rows, packed = 0;
  p->block = min64(max64(32, min64(BLOCK_KEYS, BLOCK_SCORES / max64(1, rows)) / 32 * 32), a->s);

  if (!lies_ready(a, a->key, a->d)) packed = p->d;
  if (!lies_ready(a, a->value, a->e)) packed = max64(packed, p->e);

  p->query = 0;
  p->weight = p->query + whole_lines(rows * p->d * 4);
  p->mixed = p->weight + whole_lines((rows * p->block + HEED_LANES) * 4);
  p->maximum = p->mixed + whole_lines(rows * p->e * 4);
  p->sum = p->maximum + whole_lines(rows * 4);
  p->from = p->sum + whole_lines(rows * 4);
  p->until = p->from + whole_lines(rows * 4);
  p->pack = p->until + whole_lines(rows * 4);
  p->body = p->own = p->pack + whole_lines(packed * p->block * 4);
  const TileBody *tiles[] = {&a->mask, &a->score, &a->factor};
  for (int32_t i = 0; i < 3; i++) {
    p->body_bytes[i] = 0;
    if (tiles[i]->present) p->body_bytes[i] = whole_lines(KERNEL(expression_bytes)(&tiles[i]->body, p->rows, p->rows * body_columns(p)));
    p->own += p->bundle * p->body_bytes[i];
  }
}

// What a chunk leaves for the merge: the maximum and the sum of each row, then the rows of mixed values; in floats.
HEED_INLINE int64_t part_floats(const Plan *p) { return whole_vectors(2 * p->rows) + p->rows * p->e; }

#endif
