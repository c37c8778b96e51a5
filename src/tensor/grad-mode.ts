// Whether operations are recorded for gradients.

let enabled = true;

export function isGradEnabled(): boolean {
  return enabled;
}

/** Runs `body` without recording gradients, as torch.no_grad. Works for async bodies too, as long as they do not overlap. */
export function noGrad<R>(body: () => R): R {
  return withGrad(false, body);
}

/** Runs `body` with gradients recorded, also inside noGrad. */
export function enableGrad<R>(body: () => R): R {
  return withGrad(true, body);
}

function withGrad<R>(value: boolean, body: () => R): R {
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
