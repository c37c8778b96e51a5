// The ragged end of a row in f32, f16 or bf16: its first n < HEED_LANES numbers as f32, zeros behind them.
#ifndef HEED_MATMUL_PART_H
#define HEED_MATMUL_PART_H

#include "matmul_convert.h"
#include "vector_part.h"

HEED_INLINE vf load_wide_part(const char *p, int32_t dtype, int64_t n) {
  if (dtype == DTYPE_F32) return load_part((const float *)p, n);
  uint16_t x[HEED_LANES] = {0};
  for (int64_t i = 0; i < n; i++) x[i] = ((const uint16_t *)p)[i];
  return load_wide((const char *)x, dtype);
}

#endif
