// The pool. There is no barrier: a stage is over when its last task is done, and the thread that did it opens the next one. So a
// thread that wakes late, or is taken off its core while it holds no task, delays nobody.
//
// `state` is one 64-bit word, a sequence number above the number of tasks not yet claimed. To claim a task is to count that word
// down by compare-and-swap; who succeeds holds a task of the present stage, and while a task is held, the job cannot end. Nothing
// of a job is read without holding a task of it, so late threads never see memory of a job that is gone.

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

static struct {
  OWN_LINE uint64_t state;
  OWN_LINE int32_t done;  // tasks of the present stage that are finished
  OWN_LINE const Job *job;
  int32_t stage;
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

// Leads the job to its next stage that is worth sharing, doing on the way what is not. Called by the one thread that knows that
// everything before `stage` is done.
static void advance(const Job *job, int32_t stage, int32_t thread) {
  for (; stage < job->count && !__atomic_load_n(job->failed, __ATOMIC_RELAXED); stage++) {
    const Stage *next = &job->stages[stage];
    if (next->shared && next->tasks > 0) {
      uint64_t sequence = (__atomic_load_n(&pool.state, __ATOMIC_RELAXED) >> 32) + 1;
      int awaken = next->wake;
      pool.stage = stage;
      __atomic_store_n(&pool.done, 0, __ATOMIC_RELAXED);
      __atomic_store_n(&pool.state, sequence << 32 | (uint32_t)next->tasks, __ATOMIC_SEQ_CST);
      // From here on the job may end without us.
      if (awaken && __atomic_load_n(&pool.sleepers, __ATOMIC_SEQ_CST) > 0) wake();
      return;
    }
    for (int32_t task = 0; task < next->tasks; task++) job->perform(job->state, stage, task, thread);
  }
  __atomic_store_n(&pool.finished, 1, __ATOMIC_RELEASE);
}

// Claims a task and does it. Returns 0 when there is none to claim.
static int work(int32_t thread) {
  uint64_t state = __atomic_load_n(&pool.state, __ATOMIC_ACQUIRE);
  while ((uint32_t)state) {
    if (!__atomic_compare_exchange_n(&pool.state, &state, state - 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
    const Job *job = pool.job;
    int32_t stage = pool.stage, tasks = job->stages[stage].tasks;
    job->perform(job->state, stage, tasks - (int32_t)(uint32_t)state, thread);
    if (__atomic_add_fetch(&pool.done, 1, __ATOMIC_ACQ_REL) == tasks) advance(job, stage + 1, thread);
    return 1;
  }
  return 0;
}

static int idle(void) { return !(uint32_t)__atomic_load_n(&pool.state, __ATOMIC_SEQ_CST) && !__atomic_load_n(&pool.quit, __ATOMIC_SEQ_CST); }

static void sleep_until_work(void) {
  mutex_lock(&pool.mutex);
  __atomic_add_fetch(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
  while (idle()) condition_wait(&pool.work, &pool.mutex);
  __atomic_sub_fetch(&pool.sleepers, 1, __ATOMIC_SEQ_CST);
  mutex_unlock(&pool.mutex);
}

static void worker(int32_t thread) {
  int64_t deadline = 0;
  while (!__atomic_load_n(&pool.quit, __ATOMIC_ACQUIRE)) {
    if (work(thread)) {
      deadline = 0;
      continue;
    }
    for (int i = 0; i < PAUSES_PER_LOOK && idle(); i++) pause_core();
    if (!idle()) continue;
    int64_t now = nanoseconds();
    if (!deadline) deadline = now + SPIN_NANOSECONDS;
    if (now > deadline) {
      sleep_until_work();
      deadline = 0;
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
  for (int32_t pauses = 0; !__atomic_load_n(&pool.finished, __ATOMIC_ACQUIRE);) {
    if (work(0)) pauses = 0;
    else if (++pauses < PAUSES_BEFORE_YIELD) pause_core();
    else thread_yield();
  }
}
