// Words shared by all kernels. Every kernel file is C11 with GNU vector extensions, freestanding (memcpy and memset only), and is
// compiled once per instruction set: HEED_VARIANT names the build (avx512, avx2, baseline, neon) and HEED_LANES is the number of
// floats in a vector. A public symbol is written KERNEL(name), so that the builds live side by side in one addon.
#ifndef HEED_H
#define HEED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef HEED_VARIANT
#define HEED_VARIANT baseline
#endif
#ifndef HEED_LANES
#define HEED_LANES 4
#endif

#define HEED_JOIN2(a, b) a##_##b
#define HEED_JOIN(a, b) HEED_JOIN2(a, b)
#define KERNEL(name) HEED_JOIN(name, HEED_VARIANT)

// A vector in a register, and the same in memory at any float boundary.
typedef float vf __attribute__((vector_size(4 * HEED_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * HEED_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * HEED_LANES)));
typedef float vf_any __attribute__((vector_size(4 * HEED_LANES), aligned(4), may_alias));
typedef int32_t vi_any __attribute__((vector_size(4 * HEED_LANES), aligned(4), may_alias));

#define HEED_INLINE static inline __attribute__((always_inline))

HEED_INLINE vf load(const float *p) { return *(const vf_any *)p; }
HEED_INLINE void store(float *p, vf v) { *(vf_any *)p = v; }
HEED_INLINE vi loadi(const int32_t *p) { return *(const vi_any *)p; }
HEED_INLINE void storei(int32_t *p, vi v) { *(vi_any *)p = v; }
HEED_INLINE vf splat(float x) { return x - (vf){0}; }
HEED_INLINE vi splati(int32_t x) { return x - (vi){0}; }
// gcc's C front end has no vector ?:, so select by mask (a comparison yields -1 or 0 in each lane).
HEED_INLINE vf select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
HEED_INLINE vi selecti(vi mask, vi a, vi b) { return (mask & a) | (~mask & b); }
HEED_INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
HEED_INLINE int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
HEED_INLINE int64_t divide_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit; }
HEED_INLINE int64_t round_up(int64_t x, int64_t unit) { return divide_up(x, unit) * unit; }
HEED_INLINE int64_t whole_vectors(int64_t n) { return round_up(n, HEED_LANES); }
HEED_INLINE int64_t whole_lines(int64_t bytes) { return round_up(bytes, 64); }  // of memory

// What a running kernel sees. A step is a row of 32-bit words (src/program/encode.ts writes them; each kernel's head says their order).
typedef struct {
  char *const *buffers;  // base address of each buffer of the program
  char *shared;          // scratch shared by all threads of this step, 64-byte aligned
  char *own;             // scratch of this thread, 64-byte aligned
  const void *plan;      // what the kernel's `plan` wrote for this step; 0 for a kernel without
  int32_t *status;       // first failure of the program: [code, detail, detail2]; 0 while all is well
} Context;

// A kernel works in phases; the tasks of a phase are independent of each other, may run on any thread in any order, and their
// number depends on the step alone, never on the number of threads: the same program gives the same bits on 1 thread or 16.
typedef struct {
  int64_t (*shared_bytes)(const int32_t *words);
  int64_t (*own_bytes)(const int32_t *words);
  int32_t (*phases)(const int32_t *words);
  int64_t (*tasks)(const int32_t *words, int32_t phase);
  void (*run)(const int32_t *words, const Context *context, int32_t phase, int64_t task);
  // Both or none: what follows from the words alone may be worked out once, when the program is prepared, into memory that is kept
  // (64-byte aligned, plan_bytes long; with 0 bytes there is no plan). `buffers` is what every run's context will hold too, but its addresses change from run to run:
  // while planning they only tell which buffers overlap.
  int64_t (*plan_bytes)(const int32_t *words);
  void (*plan)(const int32_t *words, char *const *buffers, void *plan);
} Kernel;

// 64-bit values travel as two words, low first.
HEED_INLINE int64_t word64(const int32_t *w) { return (int64_t)((uint64_t)(uint32_t)w[0] | ((uint64_t)(uint32_t)w[1] << 32)); }

enum { DTYPE_F32 = 0, DTYPE_F16 = 1, DTYPE_BF16 = 2, DTYPE_I32 = 3, DTYPE_BOOL = 4 };
HEED_INLINE int32_t dtype_bytes(int32_t dtype) { return dtype == DTYPE_F32 || dtype == DTYPE_I32 ? 4 : dtype == DTYPE_BOOL ? 1 : 2; }

#endif
