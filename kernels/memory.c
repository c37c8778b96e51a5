// See memory.h. Fresh blocks come from the system untouched: no page of them exists before it is written.

#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32) || defined(__GLIBC__)
#include <malloc.h>
#endif

static const size_t LINE = 64, HUGE_PAGE = (size_t)2 << 20;

void keep_freed_memory(void) {
#if defined(__GLIBC__)
  enum { LARGEST = 32 << 20, KEPT = 256 << 20 };  // what comes from the heap at all; what of its end stays
  const char *const own[] = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (getenv(own[i])) return;  // somebody knows better
  mallopt(M_MMAP_THRESHOLD, LARGEST);
  mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}

void prefer_huge_pages(void *base, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  uintptr_t first = ((uintptr_t)base + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
  uintptr_t end = ((uintptr_t)base + bytes) & ~(uintptr_t)(HUGE_PAGE - 1);
  if (end > first) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
  (void)base, (void)bytes;
#endif
}

void block_free(Block *block) {
#if defined(_WIN32)
  _aligned_free(block->base);
#else
  free(block->base);
#endif
  *block = (Block){0, 0};
}

int block_reserve(Block *block, size_t bytes) {
  if (bytes <= block->bytes) return 1;
  block_free(block);
  size_t alignment = bytes < HUGE_PAGE ? LINE : HUGE_PAGE;
  void *base = 0;
  if (bytes > SIZE_MAX - alignment) return 0;
  bytes = (bytes + alignment - 1) & ~(alignment - 1);
#if defined(_WIN32)
  base = _aligned_malloc(bytes, alignment);
#else
  if (posix_memalign(&base, alignment, bytes)) base = 0;
#endif
  if (!base) return 0;
  prefer_huge_pages(base, bytes);
  *block = (Block){base, bytes};
  return 1;
}
