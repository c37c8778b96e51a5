// A view: where an operand's values lie, over rows by columns. The last axis of a step is its columns, all others together are its
// rows; axes that can be walked as one are merged. Blocks of values travel between memory and registers, which hold f32 (for f32,
// f16, bf16) or i32 (for i32, bool), packed row after row.
#ifndef HEED_VIEW_H
#define HEED_VIEW_H

#include "heed.h"

enum { VIEW_AXES = 16 };

// One axis of the part of a step that is to be walked: its place in the step's shape, its first index, its length.
typedef struct {
  int32_t axis;
  int64_t start, size;
} Axis;

typedef struct {
  int64_t low, high;  // bytes from the first value that the view can touch: [low, high)
  int64_t column;     // stride of the columns, in elements
  int32_t dtype;
  int32_t axes;       // row axes that are left after merging, slowest first
  int64_t size[VIEW_AXES], stride[VIEW_AXES];
} View;

// The last of the `rank` axes is the columns. `strides` are those of the step's shape. Returns where the first value is, in elements.
int64_t KERNEL(view_make)(View *view, int32_t dtype, const int32_t *strides, const Axis *axes, int32_t rank);
// Where a row begins, in elements from the first value.
int64_t KERNEL(view_row)(const View *view, int64_t row);

// Blocks of rows [row, row + rows) by columns [column, column + columns); the first value of the view is at `base`.
void KERNEL(view_load)(const View *view, const char *base, void *to, int64_t row, int64_t rows, int64_t column, int64_t columns);
void KERNEL(view_store)(const View *view, char *base, const void *from, int64_t row, int64_t rows, int64_t column, int64_t columns);
// One value for each row.
void KERNEL(view_load_rows)(const View *view, const char *base, void *to, int64_t row, int64_t rows);
void KERNEL(view_store_rows)(const View *view, char *base, const void *from, int64_t row, int64_t rows);
// The indices themselves, of a view without memory: `first` is that of its first value.
void KERNEL(view_indices)(const View *view, int64_t first, int32_t *to, int64_t row, int64_t rows, int64_t column, int64_t columns);
void KERNEL(view_indices_rows)(const View *view, int64_t first, int32_t *to, int64_t row, int64_t rows);

// Whether all rows are the same; whether rows of `columns` columns lie one after the other without a gap.
HEED_INLINE int view_is_constant_by_row(const View *v) { return v->axes == 0 || (v->axes == 1 && v->stride[0] == 0); }
HEED_INLINE int view_is_dense(const View *v, int64_t columns) {
  return (v->column == 1 || columns == 1) && (v->axes == 0 || (v->axes == 1 && v->stride[0] == columns));
}

#endif
