// The instruction sets that this addon was built for and this processor has, best first.
#ifndef HEED_ISA_H
#define HEED_ISA_H

#include "host.h"
#include "twister.h"

typedef struct {
  const char *name;
  const Kernel *const *kernels;  // by kind code
  void (*gaussian)(const uint32_t *words, int32_t count, float *out, float mean, float std);
  void (*twister)(Twister *twister, int32_t fill, void *out, int64_t count, double first, double second);
} Isa;

// Writes at most `room` of them and returns their number, at least 1.
int32_t supported_isas(Isa *list, int32_t room);

#endif
