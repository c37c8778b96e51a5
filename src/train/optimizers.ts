// The update rules, with PyTorch's names, defaults and order of operations: SGD, Adam, AdamW.

import { fail } from "../base/errors.js";
import { CHECKED, FLAG, kind, NUMBER, type OptionTable } from "../base/options.js";
import { where } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { Optimizer, type Rule } from "./optimizer.js";
import { COMMON, type CommonSettings, checkRange, type Group, type Parameters } from "./parameter-group.js";

/** The settings of `SGD`, for all parameters or for a group. */
export interface SGDSettings extends CommonSettings {
  /** How much of the last step goes into the next; 0 unless told. */
  readonly momentum: number;
  /** How much less of the gradient goes into the momentum; 0 unless told. */
  readonly dampening: number;
  /** L2 penalty, added to the gradient; 0 unless told. */
  readonly weightDecay: number;
  /** Nesterov's momentum, which looks one step ahead. */
  readonly nesterov: boolean;
  /** Ascend instead of descend. */
  readonly maximize: boolean;
}

const SGD_SETTINGS: OptionTable<SGDSettings> = {
  ...COMMON,
  momentum: CHECKED,
  dampening: NUMBER,
  weightDecay: CHECKED,
  nesterov: FLAG,
  maximize: FLAG,
};

/**
 * Stochastic gradient descent, with momentum as PyTorch defines it (Sutskever et al., "On the importance of initialization and momentum in
 * deep learning", 2013, but for where the learning rate stands).
 * @example new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9 })
 */
export class SGD extends Optimizer<SGDSettings> {
  constructor(parameters: Parameters<SGDSettings>, options: Partial<SGDSettings> = {}) {
    const defaults = {
      learningRate: 1e-3,
      momentum: 0,
      dampening: 0,
      weightDecay: 0,
      nesterov: false,
      maximize: false,
    };
    super("SGD", parameters, options, { defaults, table: SGD_SETTINGS, check: checkSGD });
  }

  protected override momentNames({ momentum }: Omit<SGDSettings, "learningRate">): readonly string[] {
    return momentum === 0 ? [] : ["momentumBuffer"];
  }

  protected override rule({ rate, settings }: Group<SGDSettings>, step: Tensor): Rule {
    const { momentum, dampening, weightDecay, nesterov, maximize } = settings;
    // The first gradient enters the momentum whole: PyTorch starts the buffer as a copy of it.
    const share = dampening === 0 ? 1 : where(step.eq(1), 1, 1 - dampening);
    return (parameter, grad, { momentumBuffer }): ReturnType<Rule> => {
      let g = maximize ? grad.neg() : grad;
      if (weightDecay !== 0) g = g.add(parameter.mul(weightDecay));
      if (momentum === 0) return { parameter: parameter.sub(g.mul(rate)), moments: {} };
      const buffer = momentumBuffer.mul(momentum).add(share === 1 ? g : g.mul(share));
      const direction = nesterov ? g.add(buffer.mul(momentum)) : buffer;
      return { parameter: parameter.sub(direction.mul(rate)), moments: { momentumBuffer: buffer } };
    };
  }
}

function checkSGD({ momentum, dampening, weightDecay, nesterov }: SGDSettings): void {
  checkRange("SGD", "momentum", momentum, momentum >= 0, "of at least 0");
  checkRange("SGD", "weightDecay", weightDecay, weightDecay >= 0, "of at least 0");
  if (nesterov && (momentum === 0 || dampening !== 0))
    fail("SGD", "nesterov with a momentum and without dampening", `momentum ${momentum}, dampening ${dampening}`);
}

/** The settings of `Adam` and `AdamW`, for all parameters or for a group. */
export interface AdamSettings extends CommonSettings {
  /** Decay of the running mean of the gradient and of its square; [0.9, 0.999] unless told. */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment, after its bias is corrected; 1e-8 unless told. */
  readonly eps: number;
  /** Adam adds it to the gradient, AdamW shrinks the parameter by it; 0 for Adam, 0.01 for AdamW unless told. */
  readonly weightDecay: number;
  /** Divide by the largest second moment so far (Reddi et al., "On the Convergence of Adam and Beyond", 2018). */
  readonly amsgrad: boolean;
  /** Ascend instead of descend. */
  readonly maximize: boolean;
}

const ADAM_SETTINGS: OptionTable<AdamSettings> = {
  ...COMMON,
  betas: kind<readonly [number, number]>("two numbers", (x) => Array.isArray(x) && x.length === 2),
  eps: CHECKED,
  weightDecay: CHECKED,
  amsgrad: FLAG,
  maximize: FLAG,
};

abstract class AdamFamily extends Optimizer<AdamSettings> {
  constructor(
    name: string,
    parameters: Parameters<AdamSettings>,
    options: Partial<AdamSettings>,
    weightDecay: number,
    /** Whether the decay acts on the parameter itself instead of the gradient. */
    private readonly decoupled: boolean,
  ) {
    const rest = { weightDecay, eps: 1e-8, amsgrad: false, maximize: false };
    const defaults: AdamSettings = { learningRate: 1e-3, betas: [0.9, 0.999], ...rest };
    const check = (settings: AdamSettings) => checkAdam(name, settings);
    super(name, parameters, options, { defaults, table: ADAM_SETTINGS, check });
  }

  protected override momentNames({ amsgrad }: Omit<AdamSettings, "learningRate">): readonly string[] {
    return amsgrad ? ["expAvg", "expAvgSq", "maxExpAvgSq"] : ["expAvg", "expAvgSq"];
  }

  protected override rule({ rate, settings }: Group<AdamSettings>, step: Tensor): Rule {
    const { eps, weightDecay, amsgrad, maximize } = settings;
    const [beta1, beta2] = settings.betas;
    const stepSize = rate.div(oneMinusPower(beta1, step));
    const secondBias = oneMinusPower(beta2, step).sqrt();
    const kept = rate.mul(-weightDecay).add(1);
    return (parameter, grad, { expAvg, expAvgSq, maxExpAvgSq }) => {
      let p = parameter;
      let g = maximize ? grad.neg() : grad;
      if (weightDecay !== 0 && this.decoupled) p = p.mul(kept);
      else if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
      const first = expAvg.lerp(g, 1 - beta1);
      const second = expAvgSq.mul(beta2).add(g.mul(g).mul(1 - beta2));
      const largest = amsgrad ? maxExpAvgSq.maximum(second) : second;
      const moments = { expAvg: first, expAvgSq: second, ...(amsgrad ? { maxExpAvgSq: largest } : {}) };
      const denominator = largest.sqrt().div(secondBias).add(eps);
      return { parameter: p.sub(first.div(denominator).mul(stepSize)), moments };
    };
  }
}

function checkAdam(name: string, { betas, eps, weightDecay }: AdamSettings): void {
  for (const [i, beta] of betas.entries())
    checkRange(name, `betas[${i}]`, beta, beta >= 0 && beta < 1, "from 0 to below 1");
  checkRange(name, "eps", eps, eps >= 0, "of at least 0");
  checkRange(name, "weightDecay", weightDecay, weightDecay >= 0, "of at least 0");
}

/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1).
 * @example new Adam(model.parameters(), { learningRate: 3e-4 })
 */
export class Adam extends AdamFamily {
  constructor(parameters: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super("Adam", parameters, options, 0, false);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2).
 * @example new AdamW([{ params: matrices, weightDecay: 0.1 }, { params: rest, weightDecay: 0 }], { learningRate: 1e-3, betas: [0.9, 0.99] })
 */
export class AdamW extends AdamFamily {
  constructor(parameters: Parameters<AdamSettings>, options: Partial<AdamSettings> = {}) {
    super("AdamW", parameters, options, 0.01, true);
  }
}

/** 1 - βᵗ, without the cancellation that f32 would suffer: 0.999 is not 1 - 0.001 to seven digits. */
function oneMinusPower(beta: number, step: Tensor): Tensor {
  return step.mul(Math.log(beta)).expm1().neg();
}
