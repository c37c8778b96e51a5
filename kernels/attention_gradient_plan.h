// How a gradient of attention is cut up, and where a task keeps what it works on. What the words say is worked out once.
//
// A task has one batch entry, or a few small ones, and walks its keys block by block; for each block it walks the queries that see it,
// tile by tile. Sums for keys and values stay with the block; those for queries are kept for all of T, in f32. With few batch entries
// their blocks of keys are dealt to several tasks, each with sums for the queries of its own, which a second phase adds in order.
#ifndef HEED_ATTENTION_GRADIENT_PLAN_H
#define HEED_ATTENTION_GRADIENT_PLAN_H

// Products pack in one more way than is needed here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "matmul_pack.h"
#pragma GCC diagnostic pop
#include "attention_words.h"

enum { MOST_KEYS = 256, MOST_QUERIES = 112, MOST_ROW_TILES = MOST_KEYS / TILE_ROWS + 1, PIECE = 128 };
enum { FEW_TASKS = 8, SUM_ROWS = 128, TASK_WORK = 1 << 18 };
enum { MASK, SCORE, FACTOR, SLOPE, BODIES };

typedef struct {
  Attention a;
  int64_t keys, queries;         // in a block, at most
  int64_t key_blocks, tasks;     // of one batch entry
  int64_t group;                 // batch entries a task, where each has one task
  int64_t d, e;                  // widths in whole vectors
  int64_t d_step, e_step;        // from row to row where rows are packed
  int64_t step;                  // from row to row of a tile of scores
  int64_t piece_rows, piece;     // what bodies are run on at a time
  int32_t wants_products;        // whether doutput·value is needed: for all gradients but that of the value
  int32_t has_bodies;            // score, factor or slope
  int64_t alike;                 // so many neighbouring batch entries have the same mask, in one tile
  const ExpressionPlan *body[BODIES];  // or 0
} Plan;

HEED_INLINE const TileBody *body_of(const Attention *a, int32_t i) {
  const TileBody *bodies[BODIES] = {&a->mask, &a->score, &a->factor, &a->slope};
  return bodies[i];
}

// Rows further apart by a line than they are wide: were they a power of two apart, they would fall on few sets of the first cache.
HEED_INLINE int64_t row_step(int64_t width) { return round_up(width, HEED_LANES) + 16; }

static void make_plan(const int32_t *words, Plan *p) {
  memset(p, 0, sizeof *p);
  read_attention(words, 1, &p->a);
  const Attention *a = &p->a;
  int64_t widest = max64(a->d, a->e);
  p->wants_products = a->query_gradient || a->key_gradient || a->score_gradient;
  p->has_bodies = a->score.present || a->factor.present || a->slope.present;
  p->keys = widest <= 64 ? MOST_KEYS : widest <= 128 ? MOST_KEYS / 2 : MOST_KEYS / 4;
  p->queries = widest <= 128 ? MOST_QUERIES : MOST_QUERIES / 2;
  // Few entries: blocks small enough to be dealt out evenly, although the first are seen by more queries than the last.
  while (a->batches < FEW_TASKS && p->keys > 64 && a->batches * a->s < 2 * FEW_TASKS * p->keys) p->keys /= 2;
  p->keys = min64(p->keys, max64(a->s, 1));
  p->queries = min64(p->queries, max64(a->t, 1));
  p->key_blocks = divide_up(a->s, p->keys);
  p->tasks = a->batches >= FEW_TASKS || a->batches == 0 ? 1 : divide_up(FEW_TASKS, a->batches);
  p->tasks = max64(1, min64(p->tasks, p->key_blocks));
  // Enough tasks for 16 threads.
  p->group = p->tasks > 1 ? 1 : max64(1, min64(a->batches / 32, TASK_WORK / max64(1, a->t * a->s * (a->d + a->e))));
  p->d = whole_vectors(a->d), p->e = whole_vectors(a->e);
  p->d_step = row_step(a->d), p->e_step = row_step(a->e);
  p->step = round_up(p->keys, TILE_COLUMNS) + 16;
  p->piece = min64(PIECE, p->keys);
  int64_t values = 1024;
  for (int32_t i = 0; i < BODIES; i++)
    if (body_of(a, i)->present) values = min64(values, KERNEL(body_block)(&body_of(a, i)->body));
  p->piece_rows = min64(max64(1, values / p->piece), p->queries);
  // A tile that is a whole entry; nor may bounds move, which choose its queries.
  int32_t whole = a->s <= p->keys && a->t <= p->queries;
  for (int32_t i = 0; i < a->bounds; i++) whole &= !a->bound[i].at;
  p->alike = a->mask.present && whole ? entries_alike(a, &a->mask.body) : 1;
}

static int64_t body_bytes(const TileBody *body) { return body->present ? KERNEL(expression_plan_bytes)(&body->body) : 0; }

// The bodies of a plan, behind it in memory, for any batch entry.
static void plan_bodies(Plan *p, char *const *buffers, char *memory) {
  const Attention *a = &p->a;
  Axis axes[VIEW_AXES];
  for (int32_t d = 0; d < a->rank; d++) axes[d] = (Axis){d, 0, d < a->nb ? 1 : a->shape[d]};
  if (a->t == 0 || a->s == 0) return;
  for (int32_t i = 0; i < BODIES; i++) {
    const TileBody *body = body_of(a, i);
    if (!body->present) continue;
    Part part = {.axes = axes, .rank = a->rank, .rows = p->piece_rows, .columns = p->piece, .result = body->result, .moves = 1};
    p->body[i] = KERNEL(expression_plan)(&body->body, buffers, &part, memory);
    memory += body_bytes(body);
  }
}

typedef struct {
  char *base;
  int64_t bytes;
} Room;

// Without a base this only counts. Arrays do not begin the same number of bytes into a page.
HEED_INLINE void *room_for(Room *room, int64_t bytes) {
  char *p = room->base ? room->base + room->bytes : 0;
  room->bytes += whole_lines(bytes) + 64;
  return p;
}

typedef struct {
  float *key_wide, *value_wide;         // panels: B of query·key and doutput·value
  float *key;                           // rows [keys][d_step], times the scale: B of dproduct key
  float *query, *output_gradient;       // rows [queries][...]: A of the first products, B of the last; queries times the scale
  float *pattern, *score;               // tiles [queries][step]: query·key, then P factor; doutput·value, then dproduct
  int32_t *keep;                        // tile: the mask
  float *query_sum;                     // [T][d], or of a tile
  float *key_sum, *value_sum;           // [keys][d], [keys][e]
  float *line;                          // a row on its way out
  float *largest, *logsum, *delta;      // [queries]
  int64_t *low, *high;                  // [queries]: the keys of the block that each query sees
  float *product, *weight, *gradient, *slope;  // pieces that bodies work on
  char *body[BODIES];
} Scratch;

static int64_t lay_out(const Plan *p, char *base, Scratch *s) {
  const Attention *a = &p->a;
  Room room = {base, 0};
  int64_t keys = round_up(p->keys, TILE_COLUMNS), tile = p->queries * p->step * 4;
  int64_t piece = (p->piece_rows * p->piece + HEED_LANES) * 4;
  s->key_wide = room_for(&room, keys * a->d * 4);
  s->value_wide = room_for(&room, p->wants_products ? keys * a->e * 4 : 0);
  s->key = room_for(&room, a->query_gradient ? p->keys * p->d_step * 4 : 0);
  s->query = room_for(&room, p->queries * p->d_step * 4);
  s->output_gradient = room_for(&room, p->queries * p->e_step * 4);
  s->pattern = room_for(&room, tile);
  s->score = room_for(&room, p->wants_products ? tile : 0);
  s->keep = room_for(&room, a->mask.present ? tile : 0);
  s->key_sum = room_for(&room, a->key_gradient ? p->keys * p->d * 4 : 0);
  s->value_sum = room_for(&room, a->value_gradient ? p->keys * p->e * 4 : 0);
  s->line = room_for(&room, max64(max64(p->d, p->e), a->score_gradient ? p->keys : 0) * 4);
  s->largest = room_for(&room, p->queries * 4);
  s->logsum = room_for(&room, p->queries * 4);
  s->delta = room_for(&room, p->queries * 4);
  s->low = room_for(&room, p->queries * 8);
  s->high = room_for(&room, p->queries * 8);
  if (p->has_bodies) {
    s->product = room_for(&room, piece);
    s->weight = room_for(&room, piece);
    s->gradient = room_for(&room, piece);
    s->slope = room_for(&room, piece);
  }
  for (int32_t i = 0; i < BODIES; i++) {
    const TileBody *body = body_of(a, i);
    if (body->present) s->body[i] = room_for(&room, KERNEL(expression_scratch_bytes)(&body->body, p->piece_rows, p->piece_rows * p->piece));
  }
  int64_t queries = p->tasks > 1 ? 0 : p->key_blocks > 1 ? a->t : p->queries;
  s->query_sum = room_for(&room, a->query_gradient ? queries * p->d * 4 : 0);
  return room.bytes;
}

// The sums for the queries of one task among several of a batch entry.
HEED_INLINE int64_t partial_floats(const Plan *p) { return round_up(p->a.t * p->d, 16); }
HEED_INLINE float *partial(const Plan *p, const Context *context, int64_t task) {
  return (float *)context->shared + task * partial_floats(p);
}

#endif
