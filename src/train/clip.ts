// Gradients kept within bounds, as torch.nn.utils does it.

import { fail } from "../base/errors.js";
import { fromData } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Scales all gradients by one number so that their norm, taken over all of them as one vector, is at most `maxNorm` (Pascanu et al., "On the
 * difficulty of training recurrent neural networks", 2013).
 * @param maxNorm the bound; Infinity measures only
 * @returns the norm before, f32[]
 */
export function clipGradNorm_(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  if (!(maxNorm >= 0)) fail("clipGradNorm_", "maxNorm of at least 0", String(maxNorm));
  const owners = [...parameters].filter((p) => p.grad);
  if (owners.length === 0) return fromData([0], [], "f32");
  return noGrad(() => {
    const squares = owners.map((p) => (p.grad as Tensor).float().square().sum());
    const norm = squares.reduce((sum, square) => sum.add(square)).sqrt();
    if (maxNorm !== Number.POSITIVE_INFINITY) {
      const scale = norm.add(1e-6).reciprocal().mul(maxNorm).clamp(null, 1);
      replaceGradients(owners, (grad) => grad.mul(scale.to(grad.dtype)), norm);
    }
    return norm;
  });
}

/** Limits every element of every gradient to [-limit, limit]. */
export function clipGradValue_(parameters: Iterable<Tensor>, limit: number): void {
  if (!(limit >= 0)) fail("clipGradValue_", "a limit of at least 0", String(limit));
  const owners = [...parameters].filter((p) => p.grad);
  noGrad(() => replaceGradients(owners, (grad) => grad.clamp(-limit, limit)));
}

/** The new gradients are computed together with each other and with the loss, as the ones they replace would have been. */
function replaceGradients(owners: readonly Tensor[], change: (grad: Tensor) => Tensor, ...also: Tensor[]): void {
  const before = owners.map((p) => p.grad as Tensor);
  const together = before.find((grad) => grad.together)?.together ?? { members: [] };
  const replaced = new Set<unknown>(before);
  together.members = together.members.filter((member) => !replaced.has(member));
  for (const [i, p] of owners.entries()) p.grad = change(before[i]);
  for (const tensor of [...owners.map((p) => p.grad as Tensor), ...also]) {
    tensor.together = together;
    together.members.push(tensor);
  }
}
