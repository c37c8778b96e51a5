// Whether operations are recorded for gradients.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

let enabled = true;

/** Whether operations are recorded for gradients now: true unless inside `noGrad`. */
export function isGradEnabled(): boolean {
  return enabled;
}

/** Runs `body` without recording gradients, as torch.no_grad. Works for async bodies too, as long as they do not overlap. */
export function noGrad<R>(body: () => R): R {
  return withGrad("noGrad", false, body);
}

/** Runs `body` with gradients recorded, also inside noGrad. */
export function enableGrad<R>(body: () => R): R {
  return withGrad("enableGrad", true, body);
}

function withGrad<R>(op: string, value: boolean, body: () => R): R {
  if (typeof body !== "function") fail(op, "a function", shown(body), `write ${op}(() => ...)`);
  const before = enabled;
  enabled = value;
  let asynchronous = false;
  try {
    const result = body();
    if (result instanceof Promise) {
      asynchronous = true;
      return result.finally(() => {
        enabled = before;
      }) as R;
    }
    return result;
  } finally {
    if (!asynchronous) enabled = before;
  }
}
