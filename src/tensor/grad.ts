// Gradients as functions, as in JAX: of a function of tensors, giving a function that returns its gradient.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { alias, gradient, like } from "../graph/build.js";
import { reachesParameter } from "./backward.js";
import { checkTensor } from "./check.js";
import { enableGrad } from "./grad-mode.js";
import { Tensor } from "./tensor.js";

type Argnums = number | readonly number[];
type Gradients<N extends Argnums> = N extends number ? Tensor : Tensor[];

/**
 * The value of a scalar function and its gradient with respect to the arguments `argnums`. Both are lazy, so gradients of gradients work.
 * @example const [loss, dw] = valueAndGrad((w: Tensor) => w.mul(w).sum())(w);
 */
export function valueAndGrad<A extends Tensor[], N extends Argnums = 0>(
  f: (...args: A) => Tensor,
  argnums: N = 0 as N,
): (...args: A) => [Tensor, Gradients<N>] {
  if (typeof f !== "function") fail("grad", "a function of tensors", shown(f));
  const numbers: readonly number[] = Array.isArray(argnums) ? argnums : [argnums as number];
  if (!numbers.every((n) => Number.isInteger(n) && n >= 0))
    fail(
      "grad",
      "argnums as whole numbers of at least 0",
      Array.isArray(argnums) ? `[${argnums.map(shown)}]` : shown(argnums),
    );
  return (...args: A) => {
    for (const n of numbers) {
      const x: unknown = args[n];
      if (!(x instanceof Tensor)) fail("grad", `a tensor as argument ${n}`, shown(x));
      // tensor([2]) holds whole numbers: a derivative with respect to them would be zero everywhere.
      if (!isFloat(x.dtype))
        fail(
          "grad",
          `a float tensor as argument ${n}`,
          describe(x),
          'convert it with .float(), or make it with dtype "f32"',
        );
    }
    // Fresh tensors: the caller's own do not start to require gradients, and what f reads besides its arguments counts as constant.
    const inputs = args.map((x, i) => (numbers.includes(i) ? new Tensor(alias(x.node), true) : x)) as A;
    const value = enableGrad(() => f(...inputs));
    checkTensor("grad", "what the function returns", value);
    if (value.numel !== 1)
      fail("grad", "a function that returns one number", describe(value), "reduce it with .sum() or .mean()");
    const outside = args.some((x) => x.requiresGrad) || reachesParameter(value.node);
    const gradients = numbers.map(
      (n) => new Tensor(gradient(value.node, inputs[n].node, like(value.node, 1)), outside),
    );
    return [new Tensor(value.node, outside), (typeof argnums === "number" ? gradients[0] : gradients) as Gradients<N>];
  };
}

/** As valueAndGrad, the gradient alone. */
export function grad<A extends Tensor[], N extends Argnums = 0>(
  f: (...args: A) => Tensor,
  argnums: N = 0 as N,
): (...args: A) => Gradients<N> {
  const both = valueAndGrad(f, argnums);
  return (...args: A) => both(...args)[1];
}
