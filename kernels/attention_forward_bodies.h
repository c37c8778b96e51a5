// The bodies of an attention step on a strip and a tile: a few of the strip's queries at a time, by all keys that it sees of the tile.
#ifndef HEED_ATTENTION_FORWARD_BODIES_H
#define HEED_ATTENTION_FORWARD_BODIES_H

#include "attention_forward_block.h"
#include "vector_part.h"

// How many columns a body's block has, and which is the first: all of S where that is what it was made for.
HEED_INLINE int64_t body_width(const QueryBlock *b, const Sight *s) { return b->plan->whole ? b->plan->a.s : s->n; }

// Runs a body on some of the strip's queries. Returns the address of the first one's result; they lie body_width apart.
HEED_INLINE const float *run_body(const QueryBlock *b, const Sight *s, Expression *body, int64_t key, int64_t i, int64_t rows) {
  int64_t start = b->plan->whole ? 0 : key;
  const float *result = KERNEL(expression_run)(body, s->row + i, rows, start, body_width(b, s));
  return result + (key - start);
}

// Which keys the mask lets the strip see, as -1 and 0; returns whether there are any.
static int32_t see(const QueryBlock *b, const Sight *s, int64_t key) {
  const ForwardPlan *p = b->plan;
  vi any = {0};
  for (int64_t i = 0; i < s->rows; i += p->body_rows) {
    int64_t rows = min64(p->body_rows, s->rows - i);
    const float *from = run_body(b, s, b->mask, key, i, rows);
    for (int64_t k = 0; k < rows; k++, from += body_width(b, s)) {
      int32_t *to = b->seen + (i + k) * p->score_step;
      for (int64_t j = 0; j < s->n; j += HEED_LANES) {
        vf x = s->n - j < HEED_LANES ? load_part(from + j, s->n - j) : load(from + j);
        vi seen = (vi)x != 0;
        storei(to + j, seen);
        any |= seen;
      }
    }
  }
  int32_t found = 0;
  for (int k = 0; k < HEED_LANES; k++) found |= any[k];
  return found;
}

// scores = product, or what the body makes of it; -infinity where the mask hides the key. `from` may be `to`.
HEED_INLINE void copy_scores(float *to, const float *from, int64_t n, const int32_t *seen) {
  for (int64_t j = 0; j < n; j += HEED_LANES) {
    vf x = n - j < HEED_LANES ? load_part(from + j, n - j) : load(from + j);
    if (seen) x = select(loadi(seen + j), x, splat(-HEED_INFINITY));
    store(to + j, x);
  }
}

// A weight of 0 stays 0, whatever its factor; which those were is noted for add_values_one_by_one.
static void multiply_factor(const QueryBlock *b, const Sight *s, int64_t key) {
  const ForwardPlan *p = b->plan;
  for (int64_t i = 0; i < s->rows; i += p->body_rows) {
    int64_t rows = min64(p->body_rows, s->rows - i);
    const float *factor = run_body(b, s, b->factor, key, i, rows);
    for (int64_t k = i; k < i + rows; k++, factor += body_width(b, s)) {
      float *weight = b->scores + k * p->score_step;
      int32_t *seen = b->seen + k * p->score_step;
      for (int64_t j = 0; j < s->n; j += HEED_LANES) {
        vf x = load(weight + j), f = s->n - j < HEED_LANES ? load_part(factor + j, s->n - j) : load(factor + j);
        store(weight + j, select(x == 0, x, x * f));
        storei(seen + j, x != 0);
      }
    }
  }
}

#endif
