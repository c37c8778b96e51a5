// Gradients kept within bounds, as torch.nn.utils does it.

import { checkList } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { checkOptions, FLAG, kind, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { fromData } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import { refuseModule } from "./parameter-group.js";

/** What `clipGradNorm_` is told beside the bound. */
export interface ClipGradNormOptions {
  /** The p of the norm (Σ |g|ᵖ)^(1/p): 2 unless told; Infinity for the largest magnitude. */
  readonly normType?: number;
  /** Throw where the norm is NaN or infinite, and leave the gradients as they are. Not inside `compile`. */
  readonly errorIfNonfinite?: boolean;
}

const CLIP: OptionTable<ClipGradNormOptions> = {
  normType: {
    ...kind<number>("a number above 0, or Infinity", (x) => typeof x === "number" && x > 0),
    remedy: (x) => (x === "inf" ? "write Infinity" : undefined),
  },
  errorIfNonfinite: FLAG,
};

/**
 * Scales all gradients by one number so that their norm, taken over all of them as one vector, is at most `maxNorm` (Pascanu et al., "On the
 * difficulty of training recurrent neural networks", 2013).
 * @param maxNorm the bound; Infinity measures only
 * @returns the norm before, f32[]; where it is NaN, so are all gradients, unless `errorIfNonfinite` is set
 * @throws HeedError for a maxNorm that is no number of at least 0, and for parameters that are no tensors; for a norm that is NaN or infinite
 * where that is asked for
 * @example const norm = clipGradNorm_(model.parameters(), 1);   // between backward and step
 */
export function clipGradNorm_(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor {
  if (typeof maxNorm !== "number" || !(maxNorm >= 0)) fail("clipGradNorm_", "maxNorm of at least 0", shown(maxNorm));
  checkOptions("clipGradNorm_", options, CLIP);
  const { normType = 2, errorIfNonfinite = false } = options;
  if (errorIfNonfinite && tracing()) {
    const remedy = "return the norm from the function and look at it outside";
    fail("clipGradNorm_", "errorIfNonfinite outside compile", "it inside, where no number is known yet", remedy);
  }
  const owners = withGradients("clipGradNorm_", parameters);
  if (owners.length === 0) return fromData([0], [], "f32");
  return noGrad(() => {
    const gradients = owners.map((p) => p.grad as Tensor);
    const norm = totalNorm(gradients, normType);
    if (errorIfNonfinite) {
      computeTogether(gradients, [norm]);
      refuseNonfinite(norm.item());
    }
    if (maxNorm !== Number.POSITIVE_INFINITY) {
      const scale = norm.add(1e-6).reciprocal().mul(maxNorm).clamp(null, 1);
      replaceGradients(owners, (grad) => grad.mul(scale.to(grad.dtype)), norm);
    }
    return norm;
  });
}

/** The norm of all gradients as one vector, in f32. */
function totalNorm(gradients: readonly Tensor[], p: number): Tensor {
  const add = (terms: readonly Tensor[]) => terms.reduce((sum, term) => sum.add(term));
  if (p === 2) return add(gradients.map((grad) => grad.float().square().sum())).sqrt();
  const magnitudes = gradients.map((grad) => grad.float().abs());
  if (p === 1) return add(magnitudes.map((x) => x.sum()));
  if (p !== Number.POSITIVE_INFINITY) return add(magnitudes.map((x) => x.pow(p).sum())).pow(1 / p);
  const largest = magnitudes.filter((x) => x.numel > 0).map((x) => x.amax());
  return largest.reduce((a, b) => a.maximum(b), fromData([0], [], "f32"));
}

function refuseNonfinite(norm: number): void {
  if (Number.isFinite(norm)) return;
  const remedy = "the gradients are as they were: skip this step, or lower the learning rate";
  fail("clipGradNorm_", "a finite norm of the gradients, as errorIfNonfinite asks", String(norm), remedy);
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
  for (const [i, p] of owners.entries()) p.grad = change(before[i]);
  computeTogether(before, [...owners.map((p) => p.grad as Tensor), ...also], new Set(before));
}

/** Puts tensors among those that are computed when one of the gradients is; `gone` are those that need not be any more. */
function computeTogether(gradients: readonly Tensor[], more: readonly Tensor[], gone = new Set<unknown>()): void {
  const together = gradients.find((grad) => grad.together)?.together ?? { members: [] };
  together.members = together.members.filter((member) => !gone.has(member));
  for (const tensor of more) {
    tensor.together = together;
    together.members.push(tensor);
  }
}
