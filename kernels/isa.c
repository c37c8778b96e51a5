// Which builds of the kernels may run here.

#include "isa.h"

#if defined(_WIN32)
#include <windows.h>
#endif

#if defined(__aarch64__)
extern const Kernel *const kernels_neon[];
#else
extern const Kernel *const kernels_baseline[];
#endif

#if defined(__x86_64__)
extern const Kernel *const kernels_avx2[];
extern const Kernel *const kernels_avx512[];

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

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const Kernel *const kernels_amx[];

// AMX with bf16, and the system's leave to use its large registers (arch_prctl ARCH_REQ_XCOMP_PERM for XTILEDATA).
static int has_amx(void) {
  unsigned a, b, c, d;
  if (!has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return 0;
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#endif

int32_t supported_isas(Isa *list, int32_t room) {
  Isa all[4];
  int32_t count = 0;
#if defined(__aarch64__)
  all[count++] = (Isa){"neon", kernels_neon};
#else
#if defined(__x86_64__)
#if !defined(_WIN32)
  __builtin_cpu_init();
#endif
#if defined(__linux__)
  if (has_amx()) all[count++] = (Isa){"amx", kernels_amx};
#endif
  if (has_avx512()) all[count++] = (Isa){"avx512", kernels_avx512};
  if (has_avx2()) all[count++] = (Isa){"avx2", kernels_avx2};
#endif
  all[count++] = (Isa){"baseline", kernels_baseline};
#endif
  for (int32_t i = 0; i < count && i < room; i++) list[i] = all[i];
  return count < room ? count : room;
}
