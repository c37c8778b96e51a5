// The recurrent cells on one vector of units: a step forward, and the same step backwards. x is what the input adds to a gate, s what the
// state adds (W h + b); σ is the logistic function. `cell` is a constant wherever these are called.
#ifndef HEED_RECURRENT_CELLS_H
#define HEED_RECURRENT_CELLS_H

#include "recurrent_plan.h"
#include "vector_math.h"

typedef struct {
  vf h, c;       // the state; c is the memory of an LSTM
  vf kept[4];    // for the way back: i f g o, or r z n and what the state adds to n
} Next;

HEED_INLINE Next step_forward(const int cell, const vf *x, const vf *s, vf h, vf c) {
  Next n = {.c = c};
  if (cell == CELL_TANH) n.h = vector_tanh(x[0] + s[0]);
  if (cell == CELL_RELU) n.h = larger(x[0] + s[0], splat(0));
  if (cell == CELL_LSTM) {
    vf i = vector_sigmoid(x[0] + s[0]), f = vector_sigmoid(x[1] + s[1]), g = vector_tanh(x[2] + s[2]), o = vector_sigmoid(x[3] + s[3]);
    n.c = mad(f, c, i * g);
    n.h = o * vector_tanh(n.c);
    n.kept[0] = i, n.kept[1] = f, n.kept[2] = g, n.kept[3] = o;
  }
  if (cell == CELL_GRU) {
    vf r = vector_sigmoid(x[0] + s[0]), z = vector_sigmoid(x[1] + s[1]), g = vector_tanh(mad(r, s[2], x[2]));
    n.h = mad(z, h - g, g);  // (1 - z) n + z h
    n.kept[0] = r, n.kept[1] = z, n.kept[2] = g, n.kept[3] = s[2];
  }
  return n;
}

typedef struct {
  vf x[4];     // gradients of what the input adds to each gate
  vf s;        // of a GRU's n, of what the state adds
  vf h, c;     // of the state before, as far as it is not by W
} Before;

// h, c: the state after the step, hp, cp: before it; dh, dc: gradients of the state after it.
HEED_INLINE Before step_backward(const int cell, const vf *kept, vf h, vf c, vf hp, vf cp, vf dh, vf dc) {
  Before b = {.h = {0}, .c = {0}};
  if (cell == CELL_TANH) b.x[0] = dh * (1 - h * h);                // h = tanh a
  if (cell == CELL_RELU) b.x[0] = select(h > 0, dh, splat(0));     // h = max(a, 0)
  if (cell == CELL_LSTM) {
    vf i = kept[0], f = kept[1], g = kept[2], o = kept[3], t = vector_tanh(c);
    dc += dh * o * (1 - t * t);                                    // h = o tanh c
    b.x[0] = dc * g * i * (1 - i);                                 // c = f c' + i g
    b.x[1] = dc * cp * f * (1 - f);
    b.x[2] = dc * i * (1 - g * g);
    b.x[3] = dh * t * o * (1 - o);
    b.c = dc * f;
  }
  if (cell == CELL_GRU) {
    vf r = kept[0], z = kept[1], n = kept[2], s = kept[3];
    vf da = dh * (1 - z) * (1 - n * n);                            // h = (1 - z) n + z h',  n = tanh(x + r s)
    b.x[0] = da * s * r * (1 - r);
    b.x[1] = dh * (hp - n) * z * (1 - z);
    b.x[2] = da;
    b.s = da * r;
    b.h = dh * z;
  }
  return b;
}

#define WITH_CELL(cell, call)                \
  switch (cell) {                            \
    case CELL_TANH: call(CELL_TANH); break;  \
    case CELL_RELU: call(CELL_RELU); break;  \
    case CELL_LSTM: call(CELL_LSTM); break;  \
    default: call(CELL_GRU);                 \
  }

// Vectors at the ragged end of a row.
HEED_INLINE vf load_units(const float *p, int64_t n) { return n >= HEED_LANES ? load(p) : load_part(p, n); }
HEED_INLINE void store_units(float *p, vf v, int64_t n) {
  if (n >= HEED_LANES)
    store(p, v);
  else
    store_part(p, v, n);
}

HEED_INLINE int64_t gates_of(const int cell) { return cell == CELL_LSTM ? 4 : cell == CELL_GRU ? 3 : 1; }

#endif
