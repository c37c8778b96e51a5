// Random tensors: PyTorch's numbers, drawn when the function is called. Inside `compile` they come from the counter-based generator instead,
// so that every run draws anew. Which words make which number is base/random.ts's; weighted draws are in functions.ts.

import { DTYPES, type DType, isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, type OptionTable } from "../base/options.js";
import { defaultGenerator, GENERATOR, type Generator } from "../base/random.js";
import { roundTo } from "../base/round.js";
import { broadcastShapes, describe, type Shape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { argsort, cast, constant, mul, random, scalar, scale } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import {
  fromNode,
  fromTyped,
  parseShape,
  parseSizes,
  type SizesAndOptions,
  TENSOR_OPTIONS,
  type TensorOptions,
} from "./create.js";
import { memoryOrder } from "./memory-order.js";
import { Tensor } from "./tensor.js";
import { tracing } from "./trace.js";

/** What a random tensor is told beside its shape. */
export interface RandomOptions extends TensorOptions {
  /** The stream to draw from; the default generator, which `manualSeed` seeds. */
  generator?: Generator;
}

/** @internal */
export const RANDOM: OptionTable<RandomOptions> = { ...TENSOR_OPTIONS, generator: GENERATOR };

/** The stream to draw from, once the dtype is known to be one that can hold what is drawn. */
function source(op: string, options: RandomOptions, kind: "float" | "any" = "float"): Generator {
  checkOptions(op, options, RANDOM);
  if (kind === "float" && options.dtype && !isFloat(options.dtype)) fail(op, "a float dtype", options.dtype);
  return options.generator ?? defaultGenerator;
}

function filled(sizes: Shape, options: RandomOptions, fill: (out: Float32Array) => void): Tensor {
  const out = new Float32Array(sizeOf(sizes));
  fill(out);
  return fromTyped(out, sizes, { ...options, dtype: options.dtype ?? "f32" });
}

const isHalf = (dtype: DType | undefined): boolean => dtype !== undefined && DTYPES[dtype].bytes === 2;

/** @internal Uniform numbers in [0,1) inside a trace. */
export function tracedUniform(shape: Shape): Node {
  const { seed, stream } = tracing()?.randomStream() ?? fail("random", "a trace", "none");
  return random(seed, shape, stream);
}

/**
 * Uniform in [0,1), PyTorch's numbers.
 * @throws HeedError for sizes that are not whole or negative, and dtypes that are no floats
 * @example rand(2, 3)   // f32[2,3]
 */
export function rand(...args: SizesAndOptions<RandomOptions>): Tensor {
  const { shape, options } = parseSizes<RandomOptions>("rand", args);
  return uniformAs("rand", shape, 0, 1, options);
}

/**
 * Uniform in [from, to), PyTorch's numbers (torch: `empty(shape).uniform_(from, to)`).
 * @throws HeedError for from > to, and dtypes that are no floats
 * @example uniform([2, 3], -0.1, 0.1)   // f32[2,3]
 */
export function uniform(shape: Shape, from = 0, to = 1, options: RandomOptions = {}): Tensor {
  return uniformAs("uniform", shape, from, to, options);
}

function uniformAs(op: string, shape: Shape, from: number, to: number, options: RandomOptions): Tensor {
  const generator = source(op, options);
  if (typeof from !== "number" || typeof to !== "number" || !(from <= to))
    fail(op, "from <= to", `${shown(from)} and ${shown(to)}`);
  const sizes = parseShape(op, shape);
  if (tracing()) return fromNode(scalar("add", scale(tracedUniform(sizes), to - from), constant(from)), options);
  return filled(sizes, options, (out) => {
    if (isHalf(options.dtype)) generator.uniformHalf(out, options.dtype as "f16" | "bf16", from, to);
    else generator.uniform(out, from, to);
  });
}

/**
 * Standard normal, PyTorch's numbers.
 * @throws HeedError as `rand`
 * @example randn(2, 3)   // f32[2,3]
 */
export function randn(...args: SizesAndOptions<RandomOptions>): Tensor {
  const { shape, options } = parseSizes<RandomOptions>("randn", args);
  return normalAs("randn", shape, 0, 1, options);
}

/**
 * Normal numbers, PyTorch's: `normal(shape, mean, std)`, or with a tensor for the means, the spreads or both, one draw for each of their
 * elements, broadcast (torch: `normal(mean, std)`). Gradients do not pass.
 * @throws HeedError for a negative std and dtypes that are no floats
 * @example normal([2, 3], 0, 0.02); normal(zeros(3), tensor([0.1, 1.5, 10]));   // f32[2,3], f32[3]
 */
export function normal(shape: Shape, mean?: number, std?: number, options?: RandomOptions): Tensor;
export function normal(mean: Tensor, std?: Tensor | number, options?: RandomOptions): Tensor;
export function normal(mean: number, std: Tensor, options?: RandomOptions): Tensor;
export function normal(...args: readonly unknown[]): Tensor {
  if (args[0] instanceof Tensor || args[1] instanceof Tensor) {
    return aroundTensors(args[0] as Tensor | number, (args[1] ?? 1) as Tensor | number, args[2] as RandomOptions);
  }
  const [shape, mean = 0, std = 1, options = {}] = args as [Shape, number?, number?, RandomOptions?];
  return normalAs("normal", shape, mean, std, options);
}

/** @internal Standard normal numbers as PyTorch draws them for a tensor that is not contiguous: none in blocks, however many there are. */
export function randnOneByOne(shape: Shape, options: RandomOptions): Tensor {
  const generator = source("randn", options);
  if (tracing()) return randn(shape, options);
  return filled(shape, options, (out) => {
    for (let at = 0; at < out.length; at += 15) generator.normal(out.subarray(at, at + 15));
  });
}

function normalAs(op: string, shape: Shape, mean: number, std: number, options: RandomOptions): Tensor {
  const generator = source(op, options);
  if (typeof mean !== "number") fail(op, "a number as mean", shown(mean));
  if (typeof std !== "number" || !(std >= 0)) fail(op, "std >= 0", shown(std));
  const sizes = parseShape(op, shape);
  if (tracing()) {
    // Box and Muller 1958, on 1 - u so that the logarithm is finite
    const radius = scalar("sqrt", scale(scalar("log", scalar("sub", constant(1), tracedUniform(sizes))), -2));
    const z = mul(radius, scalar("cos", scale(tracedUniform(sizes), 2 * Math.PI)));
    return fromNode(scalar("add", scale(z, std), constant(mean)), options);
  }
  return filled(sizes, options, (out) => {
    if (isHalf(options.dtype)) generator.normalHalf(out, mean, std);
    else generator.normal(out, mean, std);
  });
}

function aroundTensors(mean: Tensor | number, std: Tensor | number, options: RandomOptions = {}): Tensor {
  checkOptions("normal", options, RANDOM);
  const tensors = [mean, std].filter((x) => x instanceof Tensor);
  const dtype = options.dtype ?? tensors[0].dtype;
  const whole = tensors.find((t) => !isFloat(t.dtype));
  if (whole) fail("normal", "means and spreads of a float dtype", describe(whole), "convert them with .float()");
  const negative = std instanceof Tensor ? !tracing() && std.detach().lt(0).any().item() : !(std >= 0);
  if (negative) fail("normal", "std >= 0", std instanceof Tensor ? "a negative one" : String(std));
  const shape = broadcastShapes("normal", ...tensors);
  // As torch rounds: a number as std is part of the draw, a tensor is multiplied afterwards.
  const draw = normal(shape, 0, std instanceof Tensor ? 1 : std, { ...options, dtype, requiresGrad: false });
  const spread = std instanceof Tensor ? draw.mul(std.detach()) : draw;
  const moved = spread.add(mean instanceof Tensor ? mean.detach() : mean);
  return options.requiresGrad ? moved.requiresGrad_() : moved;
}

/**
 * Whole numbers from low to high - 1, PyTorch's: randint(high, shape) or randint(low, high, shape).
 * @throws HeedError for bounds that are not whole, in the wrong order, or beyond what the dtype holds
 * @example randint(0, 10, [2, 3])   // i32[2,3]
 */
export function randint(...args: [number, Shape, RandomOptions?] | [number, number, Shape, RandomOptions?]): Tensor {
  const [low, high, shape, options = {}] =
    typeof args[1] === "number"
      ? (args as [number, number, Shape, RandomOptions?])
      : [0, args[0], args[1] as Shape, args[2] as RandomOptions | undefined];
  if (typeof shape === "number")
    fail(
      "randint",
      "the sizes as an array",
      shown(shape),
      `write randint(${low}, ${high}, [${args.slice(2).join(", ")}])`,
    );
  const generator = source("randint", options, "any");
  const sizes = parseShape("randint", shape);
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high)
    fail("randint", "whole numbers low < high", `${shown(low)} and ${shown(high)}`);
  const dtype = options.dtype ?? "i32";
  const [least, most] = RANGES[dtype];
  if (low < least || high - 1 > most)
    fail("randint", `bounds from ${least} to ${most}, for ${dtype}`, `${low}, ${high}`);
  if (tracing()) {
    const u = scalar("floor", scale(tracedUniform(sizes), high - low));
    return fromNode(scalar("add", cast(u, "i32"), constant(low, [], "i32")), { ...options, dtype });
  }
  const out = new Int32Array(sizeOf(sizes));
  const [from, to] = dtype === "i32" || dtype === "bool" ? [low, high] : representable(low, high, dtype);
  generator.randint(out, from, to);
  return fromTyped(out, sizes, { ...options, dtype });
}

const RANGES: Readonly<Record<DType, readonly [number, number]>> = {
  f32: [-(2 ** 31), 2 ** 31 - 1], // torch allows all that f32 holds; ours are drawn as i32
  bf16: [-(2 ** 31), 2 ** 31 - 1],
  f16: [-65504, 65504],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  bool: [0, 1],
};
const DIGITS = { f32: 24, bf16: 8, f16: 11 } as const;

/** Bounds whose ends a float does not round beyond them (torch: `update_from`, `update_to`). */
function representable(low: number, high: number, dtype: "f32" | "f16" | "bf16"): [number, number] {
  const unit = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - DIGITS[dtype] + 1);
  const above = roundTo(dtype, low + 1);
  const below = roundTo(dtype, high - 1);
  return [above < low ? above + unit(low + 1) : low, below >= high ? below - unit(high - 1) : high];
}

/**
 * 0 to n-1 in random order, PyTorch's.
 * @throws HeedError for an n that is not whole or negative
 * @example randperm(4)   // i32[4]
 */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const generator = source("randperm", options, "any");
  if (!Number.isInteger(n) || n < 0) fail("randperm", "an integer n >= 0", shown(n));
  if (tracing()) return fromNode(argsort(tracedUniform(parseShape("randperm", n)), false), options);
  return fromTyped(generator.randperm(n), [n], { dtype: "i32", ...options });
}

/**
 * 1 with probability p, else 0, PyTorch's numbers: a tensor of probabilities, or one number for every element of `shape`.
 * @throws HeedError for probabilities outside [0,1]
 * @example bernoulli(0.3, [2, 3]); bernoulli(tensor([0.1, 0.9]));   // f32[2,3], f32[2]
 */
export function bernoulli(p: Tensor, options?: RandomOptions): Tensor;
export function bernoulli(p: Tensor | number, shape?: Shape, options?: RandomOptions): Tensor;
export function bernoulli(p: Tensor | number, second?: Shape | RandomOptions, third: RandomOptions = {}): Tensor {
  const shape = Array.isArray(second) ? (second as Shape) : undefined;
  const options = second && !shape ? (second as RandomOptions) : third;
  const generator = source("bernoulli", options, "any");
  if (p instanceof Tensor) {
    if (!isFloat(p.dtype)) fail("bernoulli", "probabilities of a float dtype", p.dtype);
    if (tracing()) return fromNode(cast(scalar("lt", tracedUniform(p.shape), p.detach().node), p.dtype), options);
    const probabilities = p.dataSync() as Float32Array;
    return filled(p.shape, { dtype: p.dtype, ...options }, (out) => generator.bernoulliTensor(out, probabilities));
  }
  if (typeof p !== "number" || !(p >= 0 && p <= 1)) fail("bernoulli", "a probability from 0 to 1", shown(p));
  const sizes = parseShape("bernoulli", shape ?? fail("bernoulli", "a shape beside the probability", "none"));
  if (tracing())
    return fromNode(scalar("lt", tracedUniform(sizes), constant(p)), { ...options, dtype: options.dtype ?? "f32" });
  return filled(sizes, options, (out) => generator.bernoulli(out, p));
}

/**
 * Exponentially distributed with rate lambda (mean 1 / lambda), PyTorch's numbers (torch: `empty(shape).exponential_(lambda)`).
 * @throws HeedError for a lambda that is not above 0, and dtypes that are no floats
 * @example exponential([2, 3], 2.5)   // f32[2,3]
 */
export function exponential(shape: Shape, lambda = 1, options: RandomOptions = {}): Tensor {
  const generator = source("exponential", options);
  if (typeof lambda !== "number" || !(lambda > 0)) fail("exponential", "lambda > 0", shown(lambda));
  const sizes = parseShape("exponential", shape);
  if (tracing())
    return fromNode(scale(scalar("log", scalar("sub", constant(1), tracedUniform(sizes))), -1 / lambda), options);
  return filled(sizes, options, (out) => generator.exponential(out, lambda));
}

/** @internal Draws for each element of x, made in the order in which PyTorch's memory would hold them (`empty_like(x).bernoulli_()` there). */
export function inMemoryOrder(x: Tensor, draw: (shape: Shape, isContiguous: boolean) => Tensor): Tensor {
  const axes = memoryOrder(x.rawNode);
  if (!axes) return draw(x.shape, true);
  const drawn = draw(
    axes.map((axis) => x.shape[axis]),
    false,
  );
  return drawn.permute(x.shape.map((_, axis) => axes.indexOf(axis)));
}
