// Which builds of the kernels may run here.

#include "isa.h"

#if defined(_WIN32)
#include <windows.h>
#endif

#if defined(__aarch64__)
extern const Kernel *const kernels_neon[];
void gaussian_blocks_neon(const uint32_t *, int32_t, float *, float, float);
void twister_neon(Twister *, int32_t, void *, int64_t, double, double);
#else
extern const Kernel *const kernels_baseline[];
void gaussian_blocks_baseline(const uint32_t *, int32_t, float *, float, float);
void twister_baseline(Twister *, int32_t, void *, int64_t, double, double);
#endif

#if defined(__x86_64__)
extern const Kernel *const kernels_avx2[];
void gaussian_blocks_avx2(const uint32_t *, int32_t, float *, float, float);
void twister_avx2(Twister *, int32_t, void *, int64_t, double, double);
extern const Kernel *const kernels_avx512[];
void gaussian_blocks_avx512(const uint32_t *, int32_t, float *, float, float);
void twister_avx512(Twister *, int32_t, void *, int64_t, double, double);

// Every processor with AVX2 has F16C too.
static int has_avx2(void) {
#if defined(_WIN32)
  return IsProcessorFeaturePresent(40);
#else
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
}

static int has_avx512(void) {
#if defined(_WIN32)
  return 0;  // Windows tells of AVX-512F alone; the kernels want BW, VL and DQ too
#else
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
}
#endif

int32_t supported_isas(Isa *list, int32_t room) {
  Isa all[3];
  int32_t count = 0;
#if defined(__aarch64__)
  all[count++] = (Isa){"neon", kernels_neon, gaussian_blocks_neon, twister_neon};
#else
#if defined(__x86_64__)
#if !defined(_WIN32)
  __builtin_cpu_init();
#endif
  if (has_avx512()) all[count++] = (Isa){"avx512", kernels_avx512, gaussian_blocks_avx512, twister_avx512};
  if (has_avx2()) all[count++] = (Isa){"avx2", kernels_avx2, gaussian_blocks_avx2, twister_avx2};
#endif
  all[count++] = (Isa){"baseline", kernels_baseline, gaussian_blocks_baseline, twister_baseline};
#endif
  for (int32_t i = 0; i < count && i < room; i++) list[i] = all[i];
  return count < room ? count : room;
}
