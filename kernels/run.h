// Encoded programs (src/program/encode.ts), made ready and run.
#ifndef HEED_RUN_H
#define HEED_RUN_H

#include "host.h"

enum { KINDS = 12 };  // kind codes of encode.ts are 1..11

typedef struct Prepared Prepared;

// Copies the words and looks up each step in `kernels` (by kind code). Returns 0 and says why in `problem`, a text of at most 199
// characters, when the words are no program that these kernels can run.
Prepared *prepared_create(const int32_t *words, int64_t length, const Kernel *const *kernels, char *problem);
void prepared_free(Prepared *prepared);
int32_t prepared_externals(const Prepared *prepared);

enum { FAILED_INDEX = 1, FAILED_MEMORY = 2 };

// Runs on the addresses of the external slots. Returns 0, or the code of the first failure with `status` filled:
// [code, step, detail, detail2]. FAILED_INDEX: the index and the size of its axis; FAILED_MEMORY: the megabytes asked for.
// Runs, wherever they are called from, take turns.
int32_t prepared_run(const Prepared *prepared, const double *addresses, int32_t *status);

// The process-wide state, each call in its turn between runs.
void run_set_threads(int32_t threads);
int32_t run_threads(void);
void run_bytes(double *arena, double *scratch);
// Ends the threads and frees arena and scratch; a later run begins anew.
void run_stop(void);

#endif
