// Persistent threads that work through a job: a list of stages, each a number of independent tasks, one stage after the other.
#ifndef HEED_POOL_H
#define HEED_POOL_H

#include <stdint.h>

enum { MAX_THREADS = 64 };

typedef struct {
  int32_t tasks;
  uint8_t shared;  // worth sharing among threads; otherwise whoever ends the stage before does it alone
  uint8_t wake;    // worth waking sleeping threads for
} Stage;

typedef struct {
  const Stage *stages;
  int32_t count;
  void (*perform)(void *state, int32_t stage, int32_t task, int32_t thread);
  void *state;
  const int32_t *failed;  // once it is not 0, no further stage begins
} Job;

// Runs a job to its end; the caller works too, as thread 0. One job at a time: callers take turns outside (see run.c).
void pool_run(const Job *job);

// The number of threads of the next job, the caller among them; 0 means one for each core this process may use. Not during a job.
void pool_set_threads(int32_t threads);
int32_t pool_threads(void);

// Whether the pool's threads are awake: sharing work then costs a microsecond, else some tens.
int pool_awake(void);

// Ends the threads; the next job makes new ones.
void pool_stop(void);

#endif
