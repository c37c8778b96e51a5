// The kernels of one build, by the kind codes of src/program/encode.ts.

#include "heed.h"

extern const Kernel KERNEL(elementwise_kernel), KERNEL(reduce_kernel), KERNEL(matmul_kernel), KERNEL(gather_kernel),
    KERNEL(scatter_add_kernel), KERNEL(cumsum_kernel), KERNEL(argsort_kernel), KERNEL(attention_kernel),
    KERNEL(attention_gradient_kernel), KERNEL(recurrent_kernel), KERNEL(recurrent_gradient_kernel);
extern const Kernel *const KERNEL(kernels)[];

const Kernel *const KERNEL(kernels)[] = {
    0,
    &KERNEL(elementwise_kernel),
    &KERNEL(reduce_kernel),
    &KERNEL(matmul_kernel),
    &KERNEL(gather_kernel),
    &KERNEL(scatter_add_kernel),
    &KERNEL(cumsum_kernel),
    &KERNEL(argsort_kernel),
    &KERNEL(attention_kernel),
    &KERNEL(attention_gradient_kernel),
    &KERNEL(recurrent_kernel),
    &KERNEL(recurrent_gradient_kernel),
};
