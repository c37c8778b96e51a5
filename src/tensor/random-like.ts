// Random tensors of the shape and dtype of another, PyTorch's numbers: there the result lies in memory as the other does, a transposed one
// transposed, and is drawn in the order of memory.

import { checkOptions } from "../base/options.js";
import { given } from "./check.js";
import { inMemoryOrder, RANDOM, type RandomOptions, rand, randint, randn, randnOneByOne } from "./random.js";
import type { Tensor } from "./tensor.js";

/**
 * Uniform in [0,1), in x's shape and, unless `dtype` says otherwise, its dtype.
 * @throws HeedError for dtypes that are no floats
 * @example randLike(x)   // x's shape
 */
export function randLike(x: Tensor, options: RandomOptions = {}): Tensor {
  return like("randLike", x, options, (shape, options) => rand(shape, options));
}

/**
 * Standard normal, in x's shape and, unless `dtype` says otherwise, its dtype.
 * @throws HeedError for dtypes that are no floats
 * @example const noisy = x.add(randnLike(x).mul(0.1));   // x's shape
 */
export function randnLike(x: Tensor, options: RandomOptions = {}): Tensor {
  return like("randnLike", x, options, (shape, options, isContiguous) =>
    isContiguous ? randn(shape, options) : randnOneByOne(shape, options),
  );
}

/**
 * Whole numbers from low to high - 1, in x's shape and, unless `dtype` says otherwise, its dtype: randintLike(x, high) or
 * randintLike(x, low, high).
 * @throws HeedError for bounds that are not whole, in the wrong order, or beyond what the dtype holds
 * @example randintLike(ids, 0, 50257)   // i32, ids' shape
 */
export function randintLike(x: Tensor, ...args: [number, RandomOptions?] | [number, number, RandomOptions?]): Tensor {
  const [low, high, options = {}] =
    typeof args[1] === "number" ? (args as [number, number, RandomOptions?]) : [0, args[0], args[1]];
  return like("randintLike", x, options, (shape, options) => randint(low, high, shape, options));
}

type Draw = (shape: readonly number[], options: RandomOptions, isContiguous: boolean) => Tensor;

function like(op: string, x: Tensor, options: RandomOptions, draw: Draw): Tensor {
  checkOptions(op, options, RANDOM);
  given(op, "x", x);
  const { requiresGrad, ...rest } = options;
  const drawn = inMemoryOrder(x, (shape, isContiguous) => draw(shape, { dtype: x.dtype, ...rest }, isContiguous));
  return requiresGrad ? drawn.requiresGrad_() : drawn;
}
