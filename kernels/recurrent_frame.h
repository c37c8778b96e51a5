// The order of work of both recurrent kernels. Phase 0 packs the weights; then come the turns, one for each time step and `TURNS_AFTER`
// more: a phase each, or all of them in one where a task walks through time.
//
// The file that includes this, at its end, has: Pass, a struct that begins with a Recurrent `r`; plan_pass, which reads the words into one
// and sets r.shared and r.own; TURNS_AFTER; pack_tasks and pack; begin, before the first turn of some rows; and take_turn.

static void run(const int32_t *words, const Context *context, int32_t phase, int64_t task) {
  (void)words;
  const Pass *p = context->plan;
  const Recurrent *r = &p->r;
  if (phase == 0 && task < pack_tasks(r)) {
    pack(p, context, task);
  } else if (phase == 0) {
    begin(p, context, 0, r->b);
  } else if (r->stepped) {
    take_turn(p, context, phase - 1, share_of(r, task / r->parts, task % r->parts));
  } else {
    Share share = share_of(r, task, 0);
    begin(p, context, share.row, share.rows);
    for (int64_t turn = 0; turn < r->t + TURNS_AFTER; turn++) take_turn(p, context, turn, share);
  }
}

static int64_t shared_bytes(const int32_t *words) {
  Pass p;
  plan_pass(words, &p);
  return p.r.shared * 4;
}

static int64_t own_bytes(const int32_t *words) {
  Pass p;
  plan_pass(words, &p);
  return p.r.own * 4;
}

static int32_t phases(const int32_t *words) {
  Recurrent r;
  read_recurrent(words, &r);
  return 1 + (int32_t)(r.stepped ? r.t + TURNS_AFTER : 1);
}

static int64_t tasks(const int32_t *words, int32_t phase) {
  Recurrent r;
  read_recurrent(words, &r);
  if (r.blocks == 0) return 0;
  return phase == 0 ? pack_tasks(&r) + (r.stepped ? 1 : 0) : r.blocks * r.parts;
}

static int64_t plan_bytes(const int32_t *words) { return (void)words, (int64_t)sizeof(Pass); }

static void plan(const int32_t *words, char *const *buffers, void *memory) {
  (void)buffers;
  plan_pass(words, memory);
}
