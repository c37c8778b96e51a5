// Gradients kept within bounds, as torch.nn.utils does it.

import { checkList } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { fromData } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import { Tensor } from "../tensor/tensor.js";
import { refuseModule } from "./parameter-group.js";

/**
 * Scales all gradients by one number so that their norm, taken over all of them as one vector, is at most `maxNorm` (Pascanu et al., "On the
 * difficulty of training recurrent neural networks", 2013).
 * @param maxNorm the bound; Infinity measures only
 * @returns the norm before, f32[]; where it is NaN, so are all gradients
 * @throws HeedError for a maxNorm that is no number of at least 0, and for parameters that are no tensors
 * @example const norm = clipGradNorm_(model.parameters(), 1);   // between backward and step
 */
export function clipGradNorm_(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  if (typeof maxNorm !== "number" || !(maxNorm >= 0)) fail("clipGradNorm_", "maxNorm of at least 0", shown(maxNorm));
  const owners = withGradients("clipGradNorm_", parameters);
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

/**
 * Limits every element of every gradient to [-limit, limit].
 * @throws HeedError for a limit that is no number of at least 0, and for parameters that are no tensors
 * @example clipGradValue_(model.parameters(), 0.5);   // between backward and step
 */
export function clipGradValue_(parameters: Iterable<Tensor>, limit: number): void {
  if (typeof limit !== "number" || !(limit >= 0)) fail("clipGradValue_", "a limit of at least 0", shown(limit));
  const owners = withGradients("clipGradValue_", parameters);
  noGrad(() => replaceGradients(owners, (grad) => grad.clamp(-limit, limit)));
}

function withGradients(op: string, parameters: Iterable<Tensor>): Tensor[] {
  if (parameters instanceof Tensor) return withGradients(op, [parameters]); // as torch takes one tensor, too
  refuseModule(op, "parameters", parameters);
  checkList(op, "parameters", parameters);
  const list = [...parameters];
  list.forEach((p, i) => checkTensor(op, `parameter ${i}`, p));
  return list.filter((p) => p.grad);
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
