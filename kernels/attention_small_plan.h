// How a small attention step is computed, as far as the words say: see attention_small.c.
#ifndef HEED_ATTENTION_SMALL_PLAN_H
#define HEED_ATTENTION_SMALL_PLAN_H

#include "attention_words.h"
#include "matmul_pack.h"

enum { SMALL_WORK = 5 << 15, TASK_WORK = 1 << 17, MOST_ROWS = 128, MOST_KEYS = 64, MOST_WIDTH = 256, LEAST_ROWS = 4, MOST_AXES = 8, MOST_BODY = 2048 };

// Matrices that move from one batch entry to the next; a logsumexp that is not wanted stays at 0.
enum { QUERY, KEY, VALUE, OUTPUT, LOGSUMEXP, MATRICES };

typedef struct {
  Attention a;
  const int32_t *operand[MATRICES];
  int64_t group, tasks;           // batch entries a task
  int64_t height;                 // rows of a tile of the micro-kernel
  int64_t step;                   // of the scores, from row to row
  int32_t direct;                 // values are read where they lie
  int64_t query, key, value, product, body[2], own;  // bytes of scratch: the scores come first
  const ExpressionPlan *mask, *score;                // or 0
  int64_t alike;                  // so many neighbouring entries have the same mask
} Plan;

static int64_t work_of(const Attention *a) { return a->t * a->s * (a->d + a->e); }

static void plan_small(const Attention *a, Plan *p) {
  const int32_t *value = a->value, ragged = (int32_t)(a->e % TILE_COLUMNS);
  p->a = *a;
  const int32_t *operands[MATRICES] = {a->query, a->key, a->value, a->output, a->logsumexp};
  memcpy(p->operand, operands, sizeof operands);
  p->group = max64(1, min64(a->batches, TASK_WORK / max64(1, work_of(a))));
  p->tasks = divide_up(a->batches, p->group);
  p->height = divide_up(a->t, tile_count(a->t));
  p->step = round_up(a->s, HEED_LANES);
  p->direct = value[3] == DTYPE_F32 && value[5 + a->nb] == 1 && value[4 + a->nb] > 0 && (ragged == 0 || ragged == HEED_LANES);
  p->query = whole_lines(a->t * p->step * 4);
  p->key = p->query + whole_lines(a->t * a->d * 4);
  p->value = p->key + whole_lines(a->d * round_up(a->s, TILE_COLUMNS) * 4);
  p->product = p->value + whole_lines(a->s * round_up(a->e, TILE_COLUMNS) * 4);
  p->own = p->product + (a->score.present ? whole_lines((a->t * a->s + HEED_LANES) * 4) : 0);
  const TileBody *bodies[] = {&a->mask, &a->score};
  for (int i = 0; i < 2; i++) {
    p->body[i] = p->own;
    if (bodies[i]->present) p->own += whole_lines(KERNEL(expression_scratch_bytes)(&bodies[i]->body, a->t, a->t * a->s));
  }
}

static int64_t body_bytes(const TileBody *tile) { return tile->present ? KERNEL(expression_plan_bytes)(&tile->body) : 0; }

// The expression over the scores of one entry.
static const ExpressionPlan *plan_body(const Plan *p, const TileBody *tile, char *const *buffers, void *memory) {
  if (!tile->present) return 0;
  Axis axes[VIEW_AXES];
  for (int32_t d = 0; d < p->a.rank; d++) axes[d] = (Axis){d, 0, d < p->a.nb ? 1 : p->a.shape[d]};
  Part part = {.axes = axes, .rank = p->a.rank, .rows = p->a.t, .columns = p->a.s, .result = tile->result, .with_outputs = 0, .moves = 1};
  return KERNEL(expression_plan)(&tile->body, buffers, &part, memory);
}

#endif
