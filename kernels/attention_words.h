// The words of the attention steps (src/program/encode.ts), read into a struct. What the parts mean is said in src/program/program.ts.
//
// words: [0] length, rank, shape [batch..., T, S], D, E, scale (float bits), query, key, value, bounds, per bound [lower, slope,
// constant, sign, operand], bodies mask, score and factor; then
//   attention: operands sink, output, logsumexp (buffer -1: there is none);
//   its gradient: body slope, operands logsumexp, output gradient, delta, and (-1: not wanted) gradients of query, key, value, score.
// An operand: buffer, byte offset (2 words), dtype, strides [batch..., rows, columns] in elements. A body: the length of what follows
// (0: there is none), result register, inputs, operands, 0, expression.
#ifndef HEED_ATTENTION_WORDS_H
#define HEED_ATTENTION_WORDS_H

#include "expression.h"

enum { MOST_BOUNDS = 8 };

typedef struct {
  char *base;              // null where there is none
  int32_t dtype;
  int64_t rows, columns;   // elements from row to row and from column to column
  const int32_t *batches;  // elements from one batch entry to the next, a stride a batch axis
} Matrix;

typedef struct {
  int32_t lower, slope, constant, sign;
  const int32_t *at;  // operand, or null
} Bound;

typedef struct {
  int32_t present, result;
  Body body;
} TileBody;

typedef struct {
  int32_t rank, nb;
  const int32_t *shape;
  int64_t batches, t, s, d, e;
  float scale;
  const int32_t *query, *key, *value;  // operands
  int32_t bounds;
  Bound bound[MOST_BOUNDS];
  TileBody mask, score, factor, slope;
  const int32_t *sink, *output, *logsumexp;  // null where there is none
  const int32_t *output_gradient, *delta, *query_gradient, *key_gradient, *value_gradient, *score_gradient;
} Attention;

HEED_INLINE const int32_t *attention_operand(const int32_t **w, int32_t rank) {
  const int32_t *o = *w;
  *w += 4 + rank;
  return o[0] < 0 ? 0 : o;
}

HEED_INLINE TileBody attention_body(const int32_t **w, int32_t rank, const int32_t *shape) {
  int32_t length = *(*w)++;
  TileBody body = {0};
  if (length == 0) return body;
  body.present = 1;
  body.result = (*w)[0];
  body.body = body_read(rank, shape, *w + 1, 1);
  *w += length;
  return body;
}

static void read_attention(const int32_t *words, int32_t gradient, Attention *a) {
  memset(a, 0, sizeof *a);
  const int32_t *w = words + 1;
  a->rank = *w++;
  a->nb = a->rank - 2;
  a->shape = w;
  a->batches = 1;
  for (int32_t d = 0; d < a->nb; d++) a->batches *= w[d];
  a->t = w[a->nb], a->s = w[a->nb + 1];
  w += a->rank;
  a->d = *w++, a->e = *w++;
  memcpy(&a->scale, w++, 4);
  a->query = attention_operand(&w, a->rank);
  a->key = attention_operand(&w, a->rank);
  a->value = attention_operand(&w, a->rank);
  a->bounds = *w++;
  for (int32_t i = 0; i < a->bounds; i++) {
    Bound b = {w[0], w[1], w[2], w[3], 0};
    w += 4;
    b.at = attention_operand(&w, a->rank);
    if (i < MOST_BOUNDS) a->bound[i] = b;
  }
  a->mask = attention_body(&w, a->rank, a->shape);
  a->score = attention_body(&w, a->rank, a->shape);
  a->factor = attention_body(&w, a->rank, a->shape);
  if (gradient) {
    a->slope = attention_body(&w, a->rank, a->shape);
    a->logsumexp = attention_operand(&w, a->rank);
    a->output_gradient = attention_operand(&w, a->rank);
    a->delta = attention_operand(&w, a->rank);
    a->query_gradient = attention_operand(&w, a->rank);
    a->key_gradient = attention_operand(&w, a->rank);
    a->value_gradient = attention_operand(&w, a->rank);
    a->score_gradient = attention_operand(&w, a->rank);
  } else {
    a->sink = attention_operand(&w, a->rank);
    a->output = attention_operand(&w, a->rank);
    a->logsumexp = attention_operand(&w, a->rank);
  }
}

// Where a batch entry is along the batch axes (entries are counted with the last one fastest); 0 along those of queries and keys.
HEED_INLINE void attention_index(const Attention *a, int64_t batch, int64_t *index) {
  for (int32_t d = a->nb - 1; d >= 0; d--) {
    index[d] = batch ? batch % a->shape[d] : 0;
    if (batch) batch /= a->shape[d];
  }
  index[a->nb] = index[a->nb + 1] = 0;
}

// An operand in one batch entry, by its index or its number.
HEED_INLINE Matrix attention_matrix_of(const Attention *a, const int32_t *operand, const Context *context, const int64_t *index) {
  if (!operand) return (Matrix){0};
  Matrix m = {0, operand[3], operand[4 + a->nb], operand[5 + a->nb], operand + 4};
  int64_t element = 0;
  for (int32_t d = 0; d < a->nb; d++) element += index[d] * operand[4 + d];
  m.base = context->buffers[operand[0]] + word64(operand + 1) + element * dtype_bytes(m.dtype);
  return m;
}
HEED_INLINE Matrix attention_matrix(const Attention *a, const int32_t *operand, const Context *context, int64_t batch) {
  int64_t index[VIEW_AXES];
  attention_index(a, batch, index);
  return attention_matrix_of(a, operand, context, index);
}

// For how many neighbouring batch entries a body gives the same: it reads nothing that moves between them, and no index.
HEED_INLINE int64_t entries_alike(const Attention *a, const Body *body) {
  int64_t alike = 1;
  if (KERNEL(body_has_indices)(body)) return 1;
  for (int32_t d = a->nb - 1; d >= 0; alike *= a->shape[d--])
    for (int32_t i = 0; i < body->inputs; i++)
      if (a->shape[d] > 1 && body_input(body, i)[4 + d] != 0) return alike;
  return alike;
}

// The keys that a query may see in one batch entry: from = max of the lower bounds, until = min of the upper ones, each as slope t +
// constant. Kept apart by slope: at query t the keys are [max(from0, t + from1), min(until0, t + until1)], both ends included.
typedef struct {
  int64_t from0, from1, until0, until1;
} Range;

HEED_INLINE Range attention_range(const Attention *a, const Context *context, int64_t batch) {
  const int64_t far = (int64_t)1 << 40;
  Range r = {0, -far, a->s - 1, far};
  for (int32_t i = 0; i < a->bounds; i++) {
    const Bound *b = &a->bound[i];
    int64_t limit = b->constant;
    if (b->at) limit += b->sign * (int64_t)*(const int32_t *)attention_matrix(a, b->at, context, batch).base;
    int64_t *end = b->lower ? (b->slope ? &r.from1 : &r.from0) : (b->slope ? &r.until1 : &r.until0);
    *end = b->lower ? max64(*end, limit) : min64(*end, limit);
  }
  return r;
}

HEED_INLINE int64_t range_from(const Range *r, int64_t t) { return max64(r->from0, t + r->from1); }
HEED_INLINE int64_t range_until(const Range *r, int64_t t) { return min64(r->until0, t + r->until1); }

#endif
