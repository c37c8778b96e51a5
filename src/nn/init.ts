// Initialisations, drawing PyTorch's numbers (torch/nn/init.py). Each gives a tensor new numbers with `assign` and returns it.

import { fail } from "../base/errors.js";
import { checkOptions, NUMBER, type OptionTable, oneOf } from "../base/options.js";
import { roundTo } from "../base/round.js";
import { describe, type Shape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { where } from "../tensor/functions.js";
import { normal, uniform } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { DRAW, type Draw, isSkipping, set } from "./init-set.js";

export { eye_, orthogonal_, sparse_ } from "./init-matrix.js";
export { skipInit } from "./init-set.js";

export type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

interface Kaiming extends Draw {
  /** The negative slope of a leaky ReLU behind the layer. */
  a?: number;
  mode?: "fanIn" | "fanOut";
  nonlinearity?: Nonlinearity;
}

const KAIMING: OptionTable<Kaiming> = {
  ...DRAW,
  a: NUMBER,
  mode: oneOf("fanIn", "fanOut"),
  nonlinearity: oneOf("linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"),
};
const XAVIER: OptionTable<Draw & { gain?: number }> = { ...DRAW, gain: NUMBER };

/** U(from, to) */
export function uniform_<P extends Tensor>(tensor: P, from = 0, to = 1, options: Draw = {}): P {
  checkOptions("uniform_", options, DRAW);
  return set("uniform_", tensor, () => uniform(tensor.shape, from, to, { dtype: tensor.dtype, ...options }));
}

/** N(mean, std²) */
export function normal_<P extends Tensor>(tensor: P, mean = 0, std = 1, options: Draw = {}): P {
  checkOptions("normal_", options, DRAW);
  return set("normal_", tensor, () => normal(tensor.shape, mean, std, { dtype: tensor.dtype, ...options }));
}

/** The same number everywhere. */
export function constant_<P extends Tensor>(tensor: P, value: number): P {
  return filled("constant_", tensor, value);
}

function filled<P extends Tensor>(op: string, tensor: P, value: number): P {
  checkTensor(op, "tensor", tensor);
  if (!isSkipping()) tensor.fill(value);
  return tensor;
}

/** 0 everywhere. */
export function zeros_<P extends Tensor>(tensor: P): P {
  return filled("zeros_", tensor, 0);
}

/** 1 everywhere. */
export function ones_<P extends Tensor>(tensor: P): P {
  return filled("ones_", tensor, 1);
}

/** The factor by which a layer's spread must grow to make up for the nonlinearity behind it. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  if (typeof slope !== "number") fail("calculateGain", "a number as slope", shown(slope));
  switch (nonlinearity) {
    case "linear":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.sqrt(2);
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope ** 2));
    case "selu":
      return 3 / 4;
    default:
      return fail("calculateGain", "linear, sigmoid, tanh, relu, leakyRelu or selu", shown(nonlinearity));
  }
}

/** Inputs and outputs of each unit of a weight [out, in, ...kernel]. */
function fans(op: string, tensor: Tensor): { fanIn: number; fanOut: number } {
  checkTensor(op, "tensor", tensor);
  if (tensor.ndim < 2) fail(op, "a weight of at least two dimensions", describe(tensor));
  const [out, inputs, ...kernel]: Shape = tensor.shape;
  const field = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: inputs * field, fanOut: out * field };
}

/** U(-b, b), b = gain √(3 / fan)   (He et al. 2015) */
export function kaimingUniform_<P extends Tensor>(tensor: P, options: Kaiming = {}): P {
  checkOptions("kaimingUniform_", options, KAIMING);
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu", ...draw } = options;
  const bound = Math.sqrt(3) * (calculateGain(nonlinearity, a) / Math.sqrt(fans("kaimingUniform_", tensor)[mode]));
  return uniform_(tensor, -bound, bound, draw);
}

/** N(0, gain² / fan)   (He et al. 2015) */
export function kaimingNormal_<P extends Tensor>(tensor: P, options: Kaiming = {}): P {
  checkOptions("kaimingNormal_", options, KAIMING);
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu", ...draw } = options;
  return normal_(tensor, 0, calculateGain(nonlinearity, a) / Math.sqrt(fans("kaimingNormal_", tensor)[mode]), draw);
}

/** U(-b, b), b = gain √(6 / (fanIn + fanOut))   (Glorot and Bengio 2010) */
export function xavierUniform_<P extends Tensor>(tensor: P, options: Draw & { gain?: number } = {}): P {
  checkOptions("xavierUniform_", options, XAVIER);
  const { gain = 1, ...draw } = options;
  const { fanIn, fanOut } = fans("xavierUniform_", tensor);
  const bound = Math.sqrt(3) * (gain * Math.sqrt(2 / (fanIn + fanOut)));
  return uniform_(tensor, -bound, bound, draw);
}

/** N(0, 2 gain² / (fanIn + fanOut))   (Glorot and Bengio 2010) */
export function xavierNormal_<P extends Tensor>(tensor: P, options: Draw & { gain?: number } = {}): P {
  checkOptions("xavierNormal_", options, XAVIER);
  const { gain = 1, ...draw } = options;
  const { fanIn, fanOut } = fans("xavierNormal_", tensor);
  return normal_(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)), draw);
}

export interface TruncNormalOptions extends Draw {
  mean?: number;
  std?: number;
  /** The bounds, in the numbers' own units; -2 and 2. */
  a?: number;
  b?: number;
}

const TRUNC_NORMAL: OptionTable<TruncNormalOptions> = { ...DRAW, mean: NUMBER, std: NUMBER, a: NUMBER, b: NUMBER };

/**
 * N(mean, std²) with what falls outside [a, b] drawn again, the whole tensor each time, as torch 2.13 does. Where the bounds
 * hold at most 0.3 of the distribution, uniform numbers are accepted with the probability of their density instead.
 */
export function truncNormal_<P extends Tensor>(tensor: P, options: TruncNormalOptions = {}): P {
  checkOptions("truncNormal_", options, TRUNC_NORMAL);
  checkTensor("truncNormal_", "tensor", tensor);
  const { mean = 0, std = 1, a = -2, b = 2, ...stream } = options;
  if (!(a < b) || !(std > 0)) fail("truncNormal_", "a < b and std > 0", `a ${a}, b ${b}, std ${std}`);
  const inside = cumulative((b - mean) / std) - cumulative((a - mean) / std);
  const { shape, dtype } = tensor;
  const draw = { ...stream, dtype };
  return set("truncNormal_", tensor, () => {
    if (inside > 0.3) {
      const [low, high] = [roundTo(dtype, a), roundTo(dtype, b)];
      let result = normal(shape, mean, std, draw);
      for (;;) {
        const outside = result.lt(low).logicalOr(result.gt(high));
        if (!outside.any().item()) return result;
        result = where(outside, normal(shape, mean, std, draw), result);
      }
    }
    const peak = -0.5 * ((Math.max(a, Math.min(mean, b)) - mean) / std) ** 2;
    let result = uniform(shape, a, b, draw);
    let candidates = result;
    let pending: Tensor | null = null;
    for (;;) {
      const density = candidates.sub(mean).div(std).square().mul(-0.5).sub(peak);
      const rejected = uniform(shape, 0, 1, draw).log().gt(density);
      pending = pending ? pending.logicalAnd(rejected) : rejected;
      if (!pending.any().item()) return result;
      candidates = uniform(shape, a, b, draw);
      result = where(pending, candidates, result);
    }
  });
}

/** Φ(x), the error function by its series and continued fraction, to about 1e-12: it only has to tell 0.3 from more. */
function cumulative(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let half: number;
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 100; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    half = sum / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
    half = 0.5 - Math.exp(-z * z) / (2 * Math.sqrt(Math.PI) * (z + fraction));
  }
  return x < 0 ? 0.5 - half : 0.5 + half;
}
