// The elementwise body that follows a matrix product, on rectangles of one batch entry of its result while they are warm. It runs inside
// the product's own task and keeps its registers on the stack.
#ifndef HEED_EPILOGUE_H
#define HEED_EPILOGUE_H

#include "heed.h"

// Words of an epilogue: rank, [batch..., M, N], inputs, operands, outputs, operands, expression.
typedef struct EpiloguePlan EpiloguePlan;

// Rectangles of at most `rows` rows and exactly `columns` columns are planned for; others are welcome but take longer to begin.
int64_t KERNEL(epilogue_plan_bytes)(const int32_t *words);
const EpiloguePlan *KERNEL(epilogue_plan)(const int32_t *words, char *const *buffers, int32_t product, int64_t rows, int64_t columns, void *memory);

// Rows [i0, i1) and columns [j0, j1) of one batch entry.
void KERNEL(epilogue_run)(const EpiloguePlan *plan, const Context *context, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1);

// Operands that lie in rows of memory of their own (neither in the buffer `product` nor the same for all rows), for the product to ask
// for ahead of time: how many there are, and where one of them begins in a rectangle, with the bytes from row to row and of an element.
int32_t KERNEL(epilogue_far)(const EpiloguePlan *plan);
const char *KERNEL(epilogue_from)(const EpiloguePlan *plan, const Context *context, int32_t far, int64_t batch, int64_t i0, int64_t j0,
                                  int64_t *row_bytes, int64_t *bytes);

#endif
