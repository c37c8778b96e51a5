// Large blocks of memory: 64-byte aligned, on huge pages where the system has them.
#ifndef HEED_MEMORY_H
#define HEED_MEMORY_H

#include <stddef.h>

// A block that grows to the largest need and is kept. What it holds does not survive growing.
typedef struct {
  char *base;
  size_t bytes;
} Block;

// Returns 0 when there is not enough memory; the block is then empty.
int block_reserve(Block *block, size_t bytes);
void block_free(Block *block);

// Lets the process keep memory that was freed, for what is allocated next. Tensors are freed by the garbage collector, many at a time, and
// the C library would give so much back to the system, which takes microseconds for each page of it that is asked for anew.
void keep_freed_memory(void);

// Asks for huge pages under [base, base + bytes), before its first touch.
void prefer_huge_pages(void *base, size_t bytes);

#endif
