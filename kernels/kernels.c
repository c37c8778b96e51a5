// The kernels of one build, by the kind codes of src/program/encode.ts.

#include "heed.h"

extern const Kernel KERNEL(elementwise_kernel), KERNEL(reduce_kernel), KERNEL(matmul_kernel), KERNEL(gather_kernel),
    KERNEL(scatter_add_kernel), KERNEL(cumsum_kernel), KERNEL(argsort_kernel);
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
};

// The same with matrix products on tiles.
#if defined(__x86_64__) && defined(__linux__) && HEED_LANES == 16
extern const Kernel KERNEL(matmul_amx_kernel);
extern const Kernel *const kernels_amx[];

const Kernel *const kernels_amx[] = {
    0,
    &KERNEL(elementwise_kernel),
    &KERNEL(reduce_kernel),
    &KERNEL(matmul_amx_kernel),
    &KERNEL(gather_kernel),
    &KERNEL(scatter_add_kernel),
    &KERNEL(cumsum_kernel),
    &KERNEL(argsort_kernel),
};
#endif
