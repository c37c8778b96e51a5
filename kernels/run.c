// Walks a program: the list of steps becomes a list of stages (one for each phase of a step, or of several that do not wait for each
// other), which the pool's threads work through. Buffers are external or lie in the arena; arena and scratch belong to the process and grow to the largest need.

#include "run.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "pool.h"
#include "threads.h"

#define NO_ROOM "more steps than there is memory for"

enum { MAGIC = 0x68656564, VERSION = 2, HEADER = 7, BUFFER_WORDS = 4, MAX_RANK = 16 };

// Estimated nanoseconds of one thread: a program below the first is not worth sharing while the threads are awake, a program (or what
// is left of it) below the second not worth waking them for; a stage below the third is not worth handing out.
// A step's kind carries this where the step does not wait for the one before. Of so many at most one stage is made, and of so much shared
// scratch: what they pack should stay in the caches. Steps of more phases stand alone.
enum { BESIDE = 256, MOST_BESIDE = 64, MOST_SHARED = 8 << 20, MOST_PHASES = 2 };

enum { WORTH_SHARING = 8000, WORTH_WAKING = 40000, WORTH_CLAIMING = 5000 };

// A step and what was worked out for it.
typedef struct {
  const Kernel *kernel;
  const int32_t *words;
  const void *plan;
  int32_t phases, tasks[MOST_PHASES];  // of the first phases
  int32_t beside;      // does not wait for the step before
  int64_t shared;      // where its share of the shared scratch begins
  double nanoseconds;  // of a phase
} StepWork;

// The tasks of a stage are those of a step, or of some steps from `first` on, one's after the other's.
typedef struct {
  int32_t first, steps, phase;
  double nanoseconds;  // of one thread
} StageWork;

struct Prepared {
  int32_t *words;
  int32_t buffers, externals, steps, stages;
  int64_t arena, shared, own;
  double nanoseconds;
  StepWork *step;
  Stage *stage;
  StageWork *work;
  char **bases;  // of each buffer, filled anew in each run
  Block plans;   // of the steps, one after the other
  int64_t planned;  // bytes of them
};

static struct {
  Mutex mutex;
  Block arena, shared, own;
} process = {.mutex = MUTEX_INIT};

static int64_t round64(int64_t bytes) { return (bytes + 63) & ~(int64_t)63; }

static double product(const int32_t *shape, int32_t rank) {
  double n = 1;
  for (int32_t i = 0; i < rank; i++) n *= shape[i];
  return n;
}

// A guess of one thread's nanoseconds, from the shape at the head of every step and the length of its expression. What only moves
// memory counts for less than it takes: while it fits the cache of one core, a second core does not make it faster.
static double estimate(int32_t kind, const int32_t *words) {
  int32_t length = words[0], rank = words[1];
  double elements = product(words + 2, rank);
  switch (kind) {
    case 1: case 2: return elements * (length / 16 + 1) * 0.06;
    case 3: return elements * words[rank + 2] * words[rank + 3] * words[rank + 4] * 0.025;
    case 4: return elements * 0.3;  // rows from anywhere: cold, and no core guesses which
    case 5: return elements * 0.5;
    case 6: return elements * 0.7;
    case 7: return elements * 10;
    case 8: return elements * (words[rank + 2] + words[rank + 3]) * 0.025;
    case 9: return elements * (words[rank + 2] + words[rank + 3]) * 0.06;
    case 10: case 11: return elements * words[rank + 2] * (words[rank + 1] * 0.025 + 1);
    default: return elements * 0.03;
  }
}

// A step must hold its shape, and no axis may be negative: what kernels and the estimate rely on.
static int step_is_sound(int32_t kind, const int32_t *words) {
  int32_t length = words[0], sizes = kind == 3 ? 3 : kind >= 8 ? 2 : 0;
  if (length < 3) return 0;
  int32_t rank = words[1];
  if (rank < 0 || rank > MAX_RANK || length < 3 + rank + sizes) return 0;
  for (int32_t i = 0; i < rank + sizes; i++)
    if (words[2 + i] < 0) return 0;
  return 1;
}

// The step's plan, written where the plans before it end; at first, while there is no room, only its bytes are counted.
static const void *make_plan(Prepared *p, const Kernel *kernel, const int32_t *words) {
  int64_t bytes = kernel->plan ? round64(kernel->plan_bytes(words)) : 0;
  if (bytes == 0) return 0;
  char *plan = p->plans.base ? p->plans.base + p->planned : 0;
  p->planned += bytes;
  if (plan) kernel->plan(words, p->bases, plan);
  return plan;
}

// Reads the steps; their plans too when there is room for them. Returns the reason why the words are no program, or 0.
static const char *read_steps(Prepared *p, int64_t at, int64_t length, const Kernel *const *kernels) {
  p->own = p->planned = 0;
  for (int32_t s = 0; s < p->steps; s++) {
    if (length - at < 2) return "a step begins past the end";
    int32_t kind = p->words[at] & ~BESIDE, size = p->words[at + 1];
    if (kind < 1 || kind >= KINDS || !kernels[kind]) return "a step of unknown kind";
    if (size > length - at) return "a step ends past the end";
    const int32_t *words = p->words + at + 1;
    if (!step_is_sound(kind, words)) return "a step whose shape is none";
    const Kernel *kernel = kernels[kind];
    int32_t phases = kernel->phases(words), beside = s > 0 && (p->words[at] & BESIDE);
    p->own = max64(p->own, round64(kernel->own_bytes(words)));
    p->step[s] = (StepWork){kernel, words, make_plan(p, kernel, words), phases, {0}, beside, 0, estimate(kind, words) / (phases > 0 ? phases : 1)};
    for (int32_t phase = 0; phase < phases; phase++) {
      int64_t tasks = kernel->tasks(words, phase);
      if (tasks < 0 || tasks > INT32_MAX / MOST_BESIDE) return "a step of too many tasks";
      if (phase < MOST_PHASES) p->step[s].tasks[phase] = (int32_t)tasks;
    }
    at += size;
  }
  return 0;
}

static int64_t shared_bytes(const StepWork *step) { return round64(step->kernel->shared_bytes(step->words)); }

// The stages of steps [first, end), which do not wait for each other.
static void add_stages(Prepared *p, int32_t first, int32_t end) {
  int64_t shared = 0;
  int32_t phases = 0;
  for (int32_t s = first; s < end; s++) {
    p->step[s].shared = shared;
    shared += shared_bytes(&p->step[s]);
    if (p->step[s].phases > phases) phases = p->step[s].phases;
  }
  p->shared = max64(p->shared, shared);
  for (int32_t phase = 0; phase < phases; phase++, p->stages++) {
    int32_t tasks = phase < MOST_PHASES ? 0 : (int32_t)p->step[first].kernel->tasks(p->step[first].words, phase);
    double cost = 0;
    for (int32_t s = first; s < end; s++) {
      if (phase < p->step[s].phases) cost += p->step[s].nanoseconds;
      if (phase < MOST_PHASES) tasks += p->step[s].tasks[phase];
    }
    p->nanoseconds += cost;
    if (p->stage) {
      p->stage[p->stages] = (Stage){tasks, tasks > 1 && cost > WORTH_CLAIMING, 0};
      p->work[p->stages] = (StageWork){first, end - first, phase, cost};
    }
  }
}

// Counts the stages, and when there is room to, writes them.
static void make_stages(Prepared *p) {
  p->stages = 0;
  p->shared = 0;
  p->nanoseconds = 0;
  for (int32_t first = 0, end; first < p->steps; first = end) {
    int64_t shared = shared_bytes(&p->step[first]);
    for (end = first + 1; end < p->steps && p->step[end].beside && end - first < MOST_BESIDE; end++)
      if (p->step[end - 1].phases > MOST_PHASES || p->step[end].phases > MOST_PHASES || (shared += shared_bytes(&p->step[end])) > MOST_SHARED) break;
    add_stages(p, first, end);
  }
}

// Stand-ins for the buffers' addresses while steps are planned: temporaries as they lie in the arena, external buffers far apart.
static void place_apart(Prepared *p) {
  const uint64_t apart = (uint64_t)1 << 40;
  const int32_t *buffer = p->words + HEADER;
  for (int32_t b = 0; b < p->buffers; b++, buffer += BUFFER_WORDS)
    p->bases[b] = (char *)(uintptr_t)(apart + (buffer[0] ? (uint64_t)word64(buffer + 2) : apart * (uint64_t)(buffer[1] + 1)));
}

static const char *read_program(Prepared *p, int64_t length, const Kernel *const *kernels) {
  const int32_t *w = p->words;
  if (length < HEADER || w[0] != MAGIC) return "no encoded program";
  if (w[1] != VERSION) return "an encoding of another version";
  int32_t steps = w[3];
  p->buffers = w[2], p->externals = w[4], p->arena = word64(w + 5);
  if (p->buffers < 0 || steps < 0 || p->externals < 0 || p->arena < 0 || p->buffers > (length - HEADER) / BUFFER_WORDS)
    return "a header that is out of bounds";
  for (int32_t b = 0; b < p->buffers; b++) {
    const int32_t *buffer = w + HEADER + b * BUFFER_WORDS;
    int64_t offset = word64(buffer + 2);
    if (buffer[0] ? offset < 0 || offset > p->arena : buffer[1] < 0 || buffer[1] >= p->externals) return "a buffer that lies nowhere";
  }
  int64_t at = HEADER + (int64_t)p->buffers * BUFFER_WORDS;
  if (steps > length / 2) return "more steps than words";
  p->steps = steps;
  if (!(p->step = calloc((size_t)steps + 1, sizeof *p->step))) return NO_ROOM;
  const char *problem = read_steps(p, at, length, kernels);
  if (problem) return problem;
  make_stages(p);
  p->bases = calloc((size_t)p->buffers + 1, sizeof *p->bases);
  p->stage = calloc((size_t)p->stages + 1, sizeof *p->stage);
  p->work = calloc((size_t)p->stages + 1, sizeof *p->work);
  if (!p->bases || !p->stage || !p->work || !block_reserve(&p->plans, (size_t)p->planned)) return NO_ROOM;
  place_apart(p);
  problem = read_steps(p, at, length, kernels);
  if (problem) return problem;
  make_stages(p);
  double left = 0;
  for (int32_t i = p->stages; i-- > 0;) p->stage[i].wake = (left += p->work[i].nanoseconds) > WORTH_WAKING;
  return 0;
}

Prepared *prepared_create(const int32_t *words, int64_t length, const Kernel *const *kernels, char *problem) {
  Prepared *p = calloc(1, sizeof *p);
  const char *reason = "more words than there is memory for";
  if (p && (p->words = malloc((size_t)(length + 1) * 4))) {
    memcpy(p->words, words, (size_t)length * 4);
    if (!(reason = read_program(p, length, kernels))) return p;
  }
  snprintf(problem, 200, "%s", reason);
  prepared_free(p);
  return 0;
}

void prepared_free(Prepared *p) {
  if (!p) return;
  free(p->words);
  free(p->step);
  free(p->stage);
  free(p->work);
  free(p->bases);
  block_free(&p->plans);
  free(p);
}

int32_t prepared_externals(const Prepared *p) { return p->externals; }

typedef struct {
  const Prepared *prepared;
  int32_t status[4];  // what kernels write, [code, detail, detail2], and then the step
} Run;

static void perform(void *state, int32_t stage, int32_t task, int32_t thread) {
  Run *run = state;
  const Prepared *p = run->prepared;
  const StageWork *work = &p->work[stage];
  const StepWork *step = &p->step[work->first];
  if (work->steps > 1)
    while (task >= step->tasks[work->phase]) task -= step++->tasks[work->phase];
  char *own = process.own.base ? process.own.base + p->own * thread : 0;
  Context context = {p->bases, process.shared.base + step->shared, own, step->plan, run->status};
  step->kernel->run(step->words, &context, work->phase, task);
  // Steps that may fail stand alone: the tasks that run at the same time are of one step, so it does not matter whose failure this is.
  if (__atomic_load_n(&run->status[0], __ATOMIC_RELAXED)) __atomic_store_n(&run->status[3], (int32_t)(step - p->step), __ATOMIC_RELAXED);
}

static int reserve(const Prepared *p, int32_t *status) {
  int64_t own = p->own * pool_threads();
  if (block_reserve(&process.arena, (size_t)p->arena) && block_reserve(&process.shared, (size_t)p->shared) && block_reserve(&process.own, (size_t)own))
    return 1;
  status[0] = FAILED_MEMORY;
  status[1] = 0;
  status[2] = (int32_t)min64((p->arena + p->shared + own) >> 20, INT32_MAX);
  status[3] = 0;
  return 0;
}

static int32_t run_alone(Run *run) {
  const Prepared *p = run->prepared;
  for (int32_t stage = 0; stage < p->stages && !run->status[0]; stage++)
    for (int32_t task = 0, tasks = p->stage[stage].tasks; task < tasks; task++) perform(run, stage, task, 0);
  return run->status[0];
}

int32_t prepared_run(const Prepared *p, const double *addresses, int32_t *status) {
  mutex_lock(&process.mutex);
  if (!reserve(p, status)) {
    mutex_unlock(&process.mutex);
    return FAILED_MEMORY;
  }
  const int32_t *buffer = p->words + HEADER;
  for (int32_t b = 0; b < p->buffers; b++, buffer += BUFFER_WORDS)
    p->bases[b] = buffer[0] ? process.arena.base + word64(buffer + 2) : (char *)(uintptr_t)addresses[buffer[1]];
  Run run = {p, {0, 0, 0, -1}};
  if (pool_threads() == 1 || p->nanoseconds < WORTH_SHARING || (p->nanoseconds < WORTH_WAKING && !pool_awake())) {
    run_alone(&run);
  } else {
    Job job = {p->stage, p->stages, perform, &run, &run.status[0]};
    pool_run(&job);
  }
  mutex_unlock(&process.mutex);
  if (run.status[0]) {
    status[0] = run.status[0];
    status[1] = run.status[3];
    status[2] = run.status[1];
    status[3] = run.status[2];
  }
  return run.status[0];
}

void run_set_threads(int32_t threads) {
  mutex_lock(&process.mutex);
  pool_set_threads(threads);
  mutex_unlock(&process.mutex);
}

int32_t run_threads(void) {
  mutex_lock(&process.mutex);
  int32_t threads = pool_threads();
  mutex_unlock(&process.mutex);
  return threads;
}

void run_bytes(double *arena, double *scratch) {
  mutex_lock(&process.mutex);
  *arena = (double)process.arena.bytes;
  *scratch = (double)(process.shared.bytes + process.own.bytes);
  mutex_unlock(&process.mutex);
}

void run_stop(void) {
  mutex_lock(&process.mutex);
  pool_stop();
  block_free(&process.arena);
  block_free(&process.shared);
  block_free(&process.own);
  mutex_unlock(&process.mutex);
}
