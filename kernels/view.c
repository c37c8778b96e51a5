// Views: see view.h.

#include "view.h"

#include "matmul_convert.h"

typedef uint8_t vb_any __attribute__((vector_size(HEED_LANES), aligned(1), may_alias));
typedef uint8_t vb __attribute__((vector_size(HEED_LANES)));
typedef float loose_float __attribute__((may_alias));

int64_t KERNEL(view_make)(View *v, int32_t dtype, const int32_t *strides, const Axis *axes, int32_t rank) {
  int64_t origin = 0, low = 0, high = 0;
  v->axes = 0;
  for (int32_t k = 0; k < rank; k++) {
    int64_t stride = strides[axes[k].axis], size = axes[k].size, reach = (size - 1) * stride;
    origin += axes[k].start * stride;
    if (reach < 0) low += reach;
    if (reach > 0) high += reach;
    if (k == rank - 1 || size == 1) continue;
    int32_t last = v->axes - 1;
    if (last >= 0 && v->stride[last] == stride * size) {
      v->size[last] *= size, v->stride[last] = stride;
    } else {
      v->size[v->axes] = size, v->stride[v->axes++] = stride;
    }
  }
  int64_t bytes = dtype_bytes(dtype);
  v->low = low * bytes, v->high = (high + 1) * bytes;
  v->column = rank ? strides[axes[rank - 1].axis] : 0;
  v->dtype = dtype;
  return origin;
}

int64_t KERNEL(view_row)(const View *v, int64_t row) {
  if (v->axes == 0) return 0;
  int64_t offset = 0;
  for (int32_t k = v->axes - 1; k > 0; k--) {
    offset += row % v->size[k] * v->stride[k];
    row /= v->size[k];
  }
  return offset + row * v->stride[0];
}

HEED_INLINE float load_register(const char *p, int32_t dtype) {
  if (dtype == DTYPE_BOOL) return bits_float(*(const uint8_t *)p);
  if (dtype == DTYPE_F32 || dtype == DTYPE_I32) return *(const loose_float *)p;
  return load_one(p, dtype);
}
HEED_INLINE void store_register(char *p, int32_t dtype, float x) {
  if (dtype == DTYPE_BOOL)
    *(uint8_t *)p = float_bits(x) != 0;
  else if (dtype == DTYPE_F32 || dtype == DTYPE_I32)
    *(loose_float *)p = x;
  else
    store_one(p, dtype, x);
}

// `rows` runs of `columns` values, packed in registers and strided in memory (strides in bytes); dtype is constant where it is called.
HEED_INLINE void load_as(int32_t dtype, float *to, const char *from, int64_t rows, int64_t columns, int64_t row_stride, int64_t stride) {
  const int64_t bytes = dtype_bytes(dtype);
  if (stride == bytes) {
    if (row_stride == columns * bytes) columns *= rows, rows = 1;
    for (; rows > 0; rows--, to += columns, from += row_stride) {
      int64_t j = 0;
      for (; j + HEED_LANES <= columns; j += HEED_LANES) {
        if (dtype == DTYPE_BOOL)
          storei((int32_t *)(to + j), __builtin_convertvector(*(const vb_any *)(from + j), vi));
        else
          store(to + j, load_wide(from + j * bytes, dtype == DTYPE_I32 ? DTYPE_F32 : dtype));
      }
      for (; j < columns; j++) to[j] = load_register(from + j * bytes, dtype);
    }
  } else if (stride == 0) {
    for (; rows > 0; rows--, to += columns, from += row_stride) {
      float value = load_register(from, dtype);
      vf values = (vf)(float_bits(value) + (vu){0});
      int64_t j = 0;
      for (; j + HEED_LANES <= columns; j += HEED_LANES) store(to + j, values);
      for (; j < columns; j++) to[j] = value;
    }
  } else if (rows > 1 && (row_stride < 0 ? -row_stride : row_stride) < (stride < 0 ? -stride : stride)) {
    for (int64_t j = 0; j < columns; j++)  // memory in order, registers across: a block fits in the cache
      for (int64_t i = 0; i < rows; i++) to[i * columns + j] = load_register(from + i * row_stride + j * stride, dtype);
  } else {
    for (; rows > 0; rows--, to += columns, from += row_stride)
      for (int64_t j = 0; j < columns; j++) to[j] = load_register(from + j * stride, dtype);
  }
}

HEED_INLINE void store_as(int32_t dtype, const float *from, char *to, int64_t rows, int64_t columns, int64_t row_stride, int64_t stride) {
  const int64_t bytes = dtype_bytes(dtype);
  if (stride == bytes) {
    if (row_stride == columns * bytes) columns *= rows, rows = 1;
    for (; rows > 0; rows--, from += columns, to += row_stride) {
      int64_t j = 0;
      for (; j + HEED_LANES <= columns; j += HEED_LANES) {
        if (dtype == DTYPE_BOOL)
          *(vb_any *)(to + j) = __builtin_convertvector((loadi((const int32_t *)(from + j)) != 0) & 1, vb);
        else
          store_wide(to + j * bytes, dtype == DTYPE_I32 ? DTYPE_F32 : dtype, load(from + j));
      }
      for (; j < columns; j++) store_register(to + j * bytes, dtype, from[j]);
    }
  } else if (rows > 1 && (row_stride < 0 ? -row_stride : row_stride) < (stride < 0 ? -stride : stride)) {
    for (int64_t j = 0; j < columns; j++)
      for (int64_t i = 0; i < rows; i++) store_register(to + i * row_stride + j * stride, dtype, from[i * columns + j]);
  } else {
    for (; rows > 0; rows--, from += columns, to += row_stride)
      for (int64_t j = 0; j < columns; j++) store_register(to + j * stride, dtype, from[j]);
  }
}

// Both directions with the dtype as a constant.
static void load_strided(const View *v, float *to, const char *from, int64_t rows, int64_t columns, int64_t row_stride, int64_t stride) {
  switch (v->dtype) {
    case DTYPE_F16: load_as(DTYPE_F16, to, from, rows, columns, row_stride * 2, stride * 2); break;
    case DTYPE_BF16: load_as(DTYPE_BF16, to, from, rows, columns, row_stride * 2, stride * 2); break;
    case DTYPE_BOOL: load_as(DTYPE_BOOL, to, from, rows, columns, row_stride, stride); break;
    default: load_as(DTYPE_F32, to, from, rows, columns, row_stride * 4, stride * 4); break;
  }
}
static void store_strided(const View *v, const float *from, char *to, int64_t rows, int64_t columns, int64_t row_stride, int64_t stride) {
  switch (v->dtype) {
    case DTYPE_F16: store_as(DTYPE_F16, from, to, rows, columns, row_stride * 2, stride * 2); break;
    case DTYPE_BF16: store_as(DTYPE_BF16, from, to, rows, columns, row_stride * 2, stride * 2); break;
    case DTYPE_BOOL: store_as(DTYPE_BOOL, from, to, rows, columns, row_stride, stride); break;
    default: store_as(DTYPE_F32, from, to, rows, columns, row_stride * 4, stride * 4); break;
  }
}

// Walks rows [row, row + rows) as runs along the innermost row axis: sets offset, count and stride for each run.
#define FOR_EACH_RUN(v, row, rows, offset, count, row_stride)                                                                     \
  for (int64_t row_ = (row), left_ = (rows), count, row_stride = (v)->axes ? (v)->stride[(v)->axes - 1] : 0, offset;              \
       left_ > 0 && (count = (v)->axes ? min64(left_, (v)->size[(v)->axes - 1] - row_ % (v)->size[(v)->axes - 1]) : left_,        \
                    offset = KERNEL(view_row)((v), row_), 1);                                                                     \
       row_ += count, left_ -= count)

void KERNEL(view_load)(const View *v, const char *base, void *to, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  int64_t bytes = dtype_bytes(v->dtype);
  float *out = to;
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    load_strided(v, out, base + (offset + column * v->column) * bytes, count, columns, row_stride, v->column);
    out += count * columns;
  }
}

void KERNEL(view_store)(const View *v, char *base, const void *from, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  int64_t bytes = dtype_bytes(v->dtype);
  const float *in = from;
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    store_strided(v, in, base + (offset + column * v->column) * bytes, count, columns, row_stride, v->column);
    in += count * columns;
  }
}

void KERNEL(view_load_rows)(const View *v, const char *base, void *to, int64_t row, int64_t rows) {
  int64_t bytes = dtype_bytes(v->dtype);
  float *out = to;
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    load_strided(v, out, base + offset * bytes, 1, count, 0, row_stride);
    out += count;
  }
}

void KERNEL(view_store_rows)(const View *v, char *base, const void *from, int64_t row, int64_t rows) {
  int64_t bytes = dtype_bytes(v->dtype);
  const float *in = from;
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    store_strided(v, in, base + offset * bytes, 1, count, 0, row_stride);
    in += count;
  }
}

void KERNEL(view_indices)(const View *v, int64_t first, int32_t *to, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  uint32_t *out = (uint32_t *)to, stride = (uint32_t)v->column;
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    for (int64_t i = 0; i < count; i++, out += columns) {
      uint32_t from = (uint32_t)(first + offset + i * row_stride + column * v->column);
      for (uint32_t j = 0; j < (uint32_t)columns; j++) out[j] = from + j * stride;
    }
  }
}

void KERNEL(view_indices_rows)(const View *v, int64_t first, int32_t *to, int64_t row, int64_t rows) {
  FOR_EACH_RUN(v, row, rows, offset, count, row_stride) {
    for (int64_t i = 0; i < count; i++) *to++ = (int32_t)(first + offset + i * row_stride);
  }
}
