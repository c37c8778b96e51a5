// The pool. There is no barrier: a stage is over when its last task is done, and the thread that did it opens the next one. So a
// thread that wakes late, or is taken off its core while it holds no task, delays nobody.
//
// The tasks of a stage are dealt out in ranges, one for each thread, so that a thread meets the same part of the data in stage after
// stage; who is done helps the others. To claim a task is to count `remaining` of a range down by compare-and-swap; who succeeds
// holds a task of the present stage, and while a task is held, neither stage nor job can end. Nothing of them is read without
// holding a task, so late threads never see memory of a job that is gone.

#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "pool.h"
#include "threads.h"

#if !defined(_WIN32)
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#endif

enum { SPIN_NANOSECONDS = 50000, PAUSES_BEFORE_YIELD = 4000, PAUSES_PER_LOOK = 32 };

#define OWN_LINE __attribute__((aligned(128)))

typedef struct {
  OWN_LINE int32_t remaining;
  int32_t first, count;
} Range;

static struct {
  Range range[MAX_THREADS];
  OWN_LINE uint32_t sequence;  // goes up when a stage opens
  OWN_LINE int32_t done;       // tasks of the present stage that are finished
  OWN_LINE const Job *job;
  int32_t stage;
  int32_t ranges;    // in use: one for each thread
  int32_t finished;  // the job is over
  OWN_LINE int32_t sleepers;
  int32_t quit;
  OWN_LINE Mutex mutex;
  Condition work;
  int32_t threads;  // wished for; 0 until somebody asks
  int32_t workers;  // running, without the caller
  Thread handles[MAX_THREADS];
} pool = {.mutex = MUTEX_INIT, .work = CONDITION_INIT};

static void wake(void) {
  mutex_lock(&pool.mutex);
  condition_wake_all(&pool.work);
  mutex_unlock(&pool.mutex);
}

static void open_stage(const Stage *next, int32_t stage) {
  int32_t tasks = next->tasks, ranges = pool.workers + 1, wakes = next->wake;
  pool.stage = stage;
  __atomic_store_n(&pool.ranges, ranges, __ATOMIC_RELAXED);
  __atomic_store_n(&pool.done, 0, __ATOMIC_RELAXED);
  for (int32_t i = 0, first = 0; i < ranges; i++) {
    int32_t end = (int32_t)((int64_t)tasks * (i + 1) / ranges);
    pool.range[i].first = first;
    pool.range[i].count = end - first;
    __atomic_store_n(&pool.range[i].remaining, end - first, __ATOMIC_RELEASE);
    first = end;
  }
  // From here on the job may end without us.
  __atomic_add_fetch(&pool.sequence, 1, __ATOMIC_SEQ_CST);
  if (wakes && __atomic_load_n(&pool.sleepers, __ATOMIC_SEQ_CST) > 0) wake();
}

// Leads the job to its next stage that is worth sharing, doing on the way what is not. Called by the one thread that knows that
// everything before `stage` is done.
static void advance(const Job *job, int32_t stage, int32_t thread) {
  for (; stage < job->count && !__atomic_load_n(job->failed, __ATOMIC_RELAXED); stage++) {
    const Stage *next = &job->stages[stage];
    if (next->shared && next->tasks > 0) {
      open_stage(next, stage);
      return;
    }
    for (int32_t task = 0; task < next->tasks; task++) job->perform(job->state, stage, task, thread);
  }
  __atomic_store_n(&pool.finished, 1, __ATOMIC_RELEASE);
}

// Does the tasks of a range that it can claim.
static int work_range(Range *range, int32_t thread) {
  int worked = 0;
  int32_t remaining = __atomic_load_n(&range->remaining, __ATOMIC_RELAXED);
  while (remaining > 0) {
    if (!__atomic_compare_exchange_n(&range->remaining, &remaining, remaining - 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
    const Job *job = pool.job;
    int32_t stage = pool.stage, tasks = job->stages[stage].tasks;
    job->perform(job->state, stage, range->first + range->count - remaining, thread);
    if (__atomic_add_fetch(&pool.done, 1, __ATOMIC_ACQ_REL) == tasks) advance(job, stage + 1, thread);
    worked = 1;
    remaining = __atomic_load_n(&range->remaining, __ATOMIC_RELAXED);
  }
  return worked;
}

// Does what there is to do, its own range first. Returns 0 when there was nothing.
static int work(int32_t thread) {
  int worked = work_range(&pool.range[thread], thread), ranges = __atomic_load_n(&pool.ranges, __ATOMIC_RELAXED);
  for (int32_t i = 1; i < ranges && !worked; i++) worked = work_range(&pool.range[(thread + i) % ranges], thread);
  return worked;
}

// Whether no stage has opened since `seen`, in which there was nothing left to do.
static int idle(uint32_t seen) { return __atomic_load_n(&pool.sequence, __ATOMIC_SEQ_CST) == seen && !__atomic_load_n(&pool.quit, __ATOMIC_SEQ_CST); }

static void sleep_until_work(uint32_t seen) {
  mutex_lock(&pool.mutex);
  __atomic_add_fetch(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
  while (idle(seen)) condition_wait(&pool.work, &pool.mutex);
  __atomic_sub_fetch(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
  mutex_unlock(&pool.mutex);
}

static void worker(int32_t thread) {
  while (!__atomic_load_n(&pool.quit, __ATOMIC_ACQUIRE)) {
    uint32_t seen = __atomic_load_n(&pool.sequence, __ATOMIC_ACQUIRE);
    if (work(thread)) continue;
    int64_t deadline = nanoseconds() + SPIN_NANOSECONDS;
    while (idle(seen)) {
      for (int i = 0; i < PAUSES_PER_LOOK && idle(seen); i++) pause_core();
      if (nanoseconds() > deadline) sleep_until_work(seen);
    }
  }
}

#if defined(_WIN32)
static DWORD WINAPI worker_main(void *index) {
  worker((int32_t)(intptr_t)index);
  return 0;
}
static int start(Thread *handle, int32_t index) {
  *handle = CreateThread(0, 2 << 20, worker_main, (void *)(intptr_t)index, 0, 0);
  return *handle != 0;
}
static void join(Thread handle) {
  WaitForSingleObject(handle, INFINITE);
  CloseHandle(handle);
}
#else
static void *worker_main(void *index) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "heed");
#endif
  worker((int32_t)(intptr_t)index);
  return 0;
}
// Signals are the host's: a worker takes none.
static int start(Thread *handle, int32_t index) {
  sigset_t all, before;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes)) return 0;
  pthread_attr_setstacksize(&attributes, 2 << 20);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(handle, &attributes, worker_main, (void *)(intptr_t)index);
  pthread_sigmask(SIG_SETMASK, &before, 0);
  pthread_attr_destroy(&attributes);
  return !failed;
}
static void join(Thread handle) { pthread_join(handle, 0); }
#endif

// The cores this process may use: its affinity, and on Linux the quota of its control group.
static int32_t available_cores(void) {
#if defined(_WIN32)
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return (int32_t)info.dwNumberOfProcessors;
#else
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
  cpu_set_t set;
  if (!sched_getaffinity(0, sizeof set, &set)) cores = CPU_COUNT(&set);
  double quota = 0, period = 0;
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (file) {
    if (fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0;  // "max" means no quota
    fclose(file);
  } else if ((file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"))) {
    if (fscanf(file, "%lf", &quota) != 1) quota = 0;
    fclose(file);
    if ((file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r"))) {
      if (fscanf(file, "%lf", &period) != 1) period = 0;
      fclose(file);
    }
  }
  if (quota > 0 && period > 0 && quota / period < (double)cores) cores = (long)(quota / period + 0.999);
#endif
  return cores < 1 ? 1 : (int32_t)cores;
#endif
}

int32_t pool_threads(void) {
  if (!pool.threads) pool_set_threads(0);
  return pool.threads;
}

void pool_set_threads(int32_t threads) {
  if (threads <= 0) threads = available_cores();
  if (threads > MAX_THREADS) threads = MAX_THREADS;
  if (pool.workers && pool.workers != threads - 1) pool_stop();
  pool.threads = threads;
}

int pool_awake(void) { return pool.workers && __atomic_load_n(&pool.sleepers, __ATOMIC_RELAXED) < pool.workers; }

void pool_stop(void) {
  __atomic_store_n(&pool.quit, 1, __ATOMIC_SEQ_CST);
  wake();
  for (int32_t i = 0; i < pool.workers; i++) join(pool.handles[i]);
  pool.workers = 0;
  __atomic_store_n(&pool.quit, 0, __ATOMIC_SEQ_CST);
}

void pool_run(const Job *job) {
  int32_t wished = pool_threads() - 1;
  while (pool.workers < wished && start(&pool.handles[pool.workers], pool.workers + 1)) pool.workers++;
  pool.threads = pool.workers + 1;  // where the system grants no more threads, those that are there do the work
  pool.job = job;
  __atomic_store_n(&pool.finished, 0, __ATOMIC_RELAXED);
  advance(job, 0, 0);
  while (!__atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE)) {
    uint32_t seen = __atomic_load_n(&pool.sequence, __ATOMIC_ACQUIRE);
    if (work(0)) continue;
    for (int32_t pauses = 0; idle(seen) && !__atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE); pauses++) {
      if (pauses < PAUSES_BEFORE_YIELD) pause_core();
      else thread_yield();
    }
  }
}
