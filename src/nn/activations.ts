// Layers without parameters: functions of each element, softmax, dropout.

import { fail } from "../base/errors.js";
import { checkOptions, oneOf } from "../base/options.js";
import { shown } from "../base/show.js";
import { checkTensor, given } from "../tensor/check.js";
import { dropout, gelu, logSoftmax, relu, sigmoid, silu, softmax, tanh } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkProbability } from "./check.js";
import { Module } from "./module.js";

/** @internal Which GELU. */
export const APPROXIMATE = oneOf("none", "tanh");

/** Gives back what it gets. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** max(x, 0) */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/**
 * x Φ(x), or its tanh approximation, which is GPT-2's   (Hendrycks and Gimpel 2016)
 * @example new GELU({ approximate: "tanh" }).forward(randn(2, 3))   // f32[2,3]
 */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options: { approximate?: "none" | "tanh" } = {}) {
    super();
    checkOptions("GELU", options, { approximate: APPROXIMATE });
    this.approximate = options.approximate ?? "none";
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** x σ(x) */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/**
 * x where it is positive, slope x where it is not   (Maas, Hannun and Ng 2013)
 * @throws HeedError for a slope that is not finite
 * @example new LeakyReLU(0.2).forward(randn(2, 3))   // f32[2,3]
 */
export class LeakyReLU extends Module {
  constructor(readonly negativeSlope = 0.01) {
    super();
    if (!Number.isFinite(negativeSlope)) fail("LeakyReLU", "a finite slope", shown(negativeSlope));
  }

  forward(x: Tensor): Tensor {
    return given("LeakyReLU", "x", x).leakyRelu(this.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${this.negativeSlope}`;
  }
}

/** (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ) */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** σ(x) = 1 / (1 + e⁻ˣ) */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** A function along one dimension, which is named when the layer is made. */
abstract class Along extends Module {
  constructor(readonly dim: number) {
    super();
    const { typeName } = this;
    if (!Number.isInteger(dim))
      fail(typeName, "a dimension as a whole number", shown(dim), `write new ${typeName}(-1)`);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/**
 * Exponentials along `dim`, divided by their sum. PyTorch's default of no dimension, which guesses one, is not taken over.
 * @throws HeedError for a dim that is not whole; when called, for one that the input does not have
 * @example new Softmax(-1).forward(randn(2, 3))   // f32[2,3], rows that sum to 1
 */
export class Softmax extends Along {
  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }
}

/**
 * The logarithm of the softmax along `dim`: what NLLLoss takes.
 * @throws HeedError as Softmax
 * @example new LogSoftmax(-1).forward(randn(2, 3))   // f32[2,3], rows whose exponentials sum to 1
 */
export class LogSoftmax extends Along {
  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim);
  }
}

/**
 * In training zeroes each element with probability p and scales the rest by 1/(1-p); else the identity   (Srivastava et al. 2014).
 * Outside `compile` it draws PyTorch's numbers when called.
 * @throws HeedError for a p outside [0,1]
 */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    checkProbability("Dropout", p);
  }

  forward(x: Tensor): Tensor {
    checkTensor("Dropout", "x", x);
    return this.p === 0 ? x : dropout(x, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return `p=${this.p}, inplace=False`;
  }
}
