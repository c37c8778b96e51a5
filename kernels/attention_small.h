// Attention so small that everything lies in the first cache: see attention_small.c.
#ifndef HEED_ATTENTION_SMALL_H
#define HEED_ATTENTION_SMALL_H

#include "attention_words.h"

// Whether a step is for these functions, which are as those of a Kernel; the step has one phase.
int32_t KERNEL(attention_is_small)(const Attention *attention);
int64_t KERNEL(attention_small_own_bytes)(const Attention *attention);
int64_t KERNEL(attention_small_tasks)(const Attention *attention);
int64_t KERNEL(attention_small_plan_bytes)(const Attention *attention);
void KERNEL(attention_small_plan)(const int32_t *words, char *const *buffers, void *plan);
void KERNEL(attention_small_run)(const Context *context, int64_t task);

#endif
