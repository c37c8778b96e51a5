// The few words of threading that the pool needs, on POSIX and on Windows. Atomics are the compiler's own (__atomic_*).
#ifndef HEED_THREADS_H
#define HEED_THREADS_H

#include <stdint.h>

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

typedef SRWLOCK Mutex;
typedef CONDITION_VARIABLE Condition;
typedef HANDLE Thread;
#define MUTEX_INIT SRWLOCK_INIT
#define CONDITION_INIT CONDITION_VARIABLE_INIT
static inline void mutex_lock(Mutex *m) { AcquireSRWLockExclusive(m); }
static inline void mutex_unlock(Mutex *m) { ReleaseSRWLockExclusive(m); }
static inline void condition_wait(Condition *c, Mutex *m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
static inline void condition_wake_all(Condition *c) { WakeAllConditionVariable(c); }
static inline void thread_yield(void) { SwitchToThread(); }
static inline int64_t nanoseconds(void) {
  LARGE_INTEGER ticks, rate;
  QueryPerformanceCounter(&ticks);
  QueryPerformanceFrequency(&rate);
  return (int64_t)((double)ticks.QuadPart * 1e9 / (double)rate.QuadPart);
}

#else
#include <pthread.h>
#include <sched.h>
#include <time.h>

typedef pthread_mutex_t Mutex;
typedef pthread_cond_t Condition;
typedef pthread_t Thread;
#define MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define CONDITION_INIT PTHREAD_COND_INITIALIZER
static inline void mutex_lock(Mutex *m) { pthread_mutex_lock(m); }
static inline void mutex_unlock(Mutex *m) { pthread_mutex_unlock(m); }
static inline void condition_wait(Condition *c, Mutex *m) { pthread_cond_wait(c, m); }
static inline void condition_wake_all(Condition *c) { pthread_cond_broadcast(c); }
static inline void thread_yield(void) { sched_yield(); }
static inline int64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
#endif

// Tells the core that this is a waiting loop.
static inline void pause_core(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
