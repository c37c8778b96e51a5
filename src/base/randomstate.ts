// The saved state of a generator, in the layout of torch's CPU generator (ATen/CPUGeneratorImpl.cpp), so that a state can
// be carried between the two. Little endian:
//
//       0  u64  seed              16  u64  next             5016  f64  (unused)            5040  i32  is one waiting?
//       8  i32  left              24  u64  state[624]       5024  f64  waiting normal      5048  f32  (unused)
//      12  i32  seeded, 1                                   5032  f64  (unused)            5052  u8   (unused)

import { fail } from "./errors.js";
import { type Mersenne, STATE_WORDS } from "./mersenne.js";
import { shown } from "./show.js";

/** Length of a saved state in bytes. */
export const STATE_BYTES = 5056;
const STATE = 24;
const WAITING = 5024;
const IS_WAITING = 5040;

/** The state of an engine with its seed and the normal number that waits for the next call, if one does. */
export function writeState(engine: Mersenne, seed: bigint, waiting: number | undefined): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, seed, true);
  view.setInt32(8, engine.left, true);
  view.setInt32(12, 1, true);
  view.setUint32(16, engine.next, true);
  for (let j = 0; j < STATE_WORDS; j++) view.setUint32(STATE + 8 * j, engine.state[j]!, true);
  if (waiting !== undefined) {
    view.setFloat64(WAITING, waiting, true);
    view.setInt32(IS_WAITING, 1, true);
  }
  return bytes;
}

/**
 * Puts a saved state into `engine` and returns the rest of it.
 * Throws, and leaves the engine as it was, if the bytes are not a state of MT19937.
 */
export function readState(
  bytes: Uint8Array,
  engine: Mersenne,
  op = "setState",
): { seed: bigint; waiting: number | undefined } {
  if (!(bytes instanceof Uint8Array) || bytes.length !== STATE_BYTES) {
    fail(op, `the ${STATE_BYTES} bytes of a saved state`, shown(bytes));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left = view.getInt32(8, true);
  const seeded = view.getInt32(12, true);
  const next = view.getBigUint64(16, true);
  // `left - 1` words follow `next` before the next twist; more than the state holds would read past its end
  const fits = left >= 1 && left <= STATE_WORDS && next + BigInt(left - 1) <= BigInt(STATE_WORDS);
  if (seeded !== 1 || !fits) {
    fail(op, "the state of a seeded MT19937", `seeded ${seeded}, left ${left}, next ${next}`);
  }
  engine.left = left;
  engine.next = Number(next);
  for (let j = 0; j < STATE_WORDS; j++) engine.state[j] = view.getUint32(STATE + 8 * j, true);
  const waiting = view.getInt32(IS_WAITING, true) === 0 ? undefined : view.getFloat64(WAITING, true);
  return { seed: view.getBigUint64(0, true), waiting };
}
