// Tensors from nothing, from JavaScript numbers, and from PyTorch's random generator. Inside `compile` random tensors come from the
// counter-based generator instead, so that every run draws anew.

import { DTYPES, type DType, isFloat, promoteNumber } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { bf16ArrayFromF32, f16ArrayFromF32 } from "../base/half.js";
import { defaultGenerator, type Generator } from "../base/random.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { argsort, cast, constant, iota, mul, random, scalar, scale } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import type { NestedNumbers } from "./core.js";
import { executor } from "./evaluate.js";
import { Tensor } from "./tensor.js";
import { tracing } from "./trace.js";
import { leafOf, Value } from "./value.js";

export interface TensorOptions {
  dtype?: DType;
  requiresGrad?: boolean;
}
export interface RandomOptions extends TensorOptions {
  generator?: Generator;
}

type Numbers =
  | NestedNumbers
  | Float32Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Float64Array
  | BigInt64Array
  | readonly bigint[];

/** @internal A leaf that holds `data`, which is copied; f16 and bf16 as 16-bit patterns. */
export function fromData(data: ArrayLike<number>, shape: Shape, dtype: DType, options: TensorOptions = {}): Tensor {
  const on = executor();
  const memory = on.allocate(dtype, sizeOf(shape));
  memory.data.set(data);
  const value = new Value(dtype, shape, memory, on);
  value.exclusive = true;
  const result = new Tensor(leafOf(value), false);
  if (options.requiresGrad) result.requiresGrad = true;
  return result;
}

function checkDtype(dtype: DType): void {
  if (!Object.hasOwn(DTYPES, dtype)) fail("tensor", `a dtype of ${Object.keys(DTYPES).join(", ")}`, String(dtype));
}

function fromNode(node: Node, options: TensorOptions = {}): Tensor {
  if (options.dtype) checkDtype(options.dtype);
  const result = new Tensor(options.dtype ? cast(node, options.dtype) : node, false);
  if (options.requiresGrad) result.requiresGrad = true;
  return result;
}

/**
 * A tensor with these numbers: nested arrays, a typed array, or one number. Whole numbers in arrays make i32, booleans bool, anything else
 * f32, as in PyTorch; 64-bit integers must fit 32 bits.
 * @throws HeedError for ragged arrays and values that are not numbers
 * @example tensor([[1, 2.5], [3, 4]])   // f32[2,2]
 */
export function tensor(data: Numbers | Tensor, options: TensorOptions = {}): Tensor {
  if (data instanceof Tensor) return fromNode(data.detach().node, { dtype: data.dtype, ...options });
  if (ArrayBuffer.isView(data)) return fromTyped(data as Float32Array, [data.length], options);
  const shape: number[] = [];
  for (let level: unknown = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: (number | boolean | bigint)[] = [];
  collect(data, shape, 0, flat);
  const dtype = options.dtype ?? natural(flat);
  return fromTyped(
    Float64Array.from(flat, (x) => Number(x)),
    shape,
    { ...options, dtype },
  );
}

function collect(data: unknown, shape: Shape, depth: number, into: (number | boolean | bigint)[]): void {
  if (depth < shape.length) {
    if (!Array.isArray(data) || data.length !== shape[depth]) {
      fail(
        "tensor",
        `arrays of ${shape[depth]} items at depth ${depth}`,
        Array.isArray(data) ? `one of ${data.length}` : typeof data,
        "rows of a tensor have equal lengths",
      );
    }
    for (const item of data) collect(item, shape, depth + 1, into);
  } else if (typeof data === "number" || typeof data === "boolean" || typeof data === "bigint") into.push(data);
  else
    fail(
      "tensor",
      "numbers or booleans",
      Array.isArray(data) ? "a deeper array beside numbers" : String(data === null ? "null" : typeof data),
    );
}

function natural(flat: readonly (number | boolean | bigint)[]): DType {
  if (flat.length > 0 && flat.every((x) => typeof x === "boolean")) return "bool";
  const whole =
    flat.length > 0 &&
    flat.every(
      (x) => typeof x === "bigint" || (Number.isInteger(x) && !Object.is(x, -0) && Math.abs(Number(x)) <= 2 ** 31 - 1),
    );
  return whole ? "i32" : "f32";
}

function fromTyped(
  data: Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array | BigInt64Array,
  shape: Shape,
  options: TensorOptions,
): Tensor {
  const dtype = options.dtype ?? (data instanceof Float32Array || data instanceof Float64Array ? "f32" : "i32");
  checkDtype(dtype);
  const numbers = data instanceof BigInt64Array ? Float64Array.from(data, Number) : data;
  return fromData(encodeNumbers(numbers, dtype), shape, dtype, options);
}

/** Plain numbers as a dtype stores them. @throws HeedError for integers beyond 32 bits */
function encodeNumbers(numbers: ArrayLike<number>, dtype: DType): ArrayLike<number> {
  if (dtype === "bool") return Uint8Array.from(numbers, (x) => (x ? 1 : 0));
  if (dtype === "i32") {
    for (let i = 0; i < numbers.length; i++) {
      if (!(Math.abs(numbers[i]) < 2 ** 31) && numbers[i] !== -(2 ** 31))
        fail(
          "tensor",
          "integers of 32 bits",
          `${numbers[i]} at position ${i}`,
          'use dtype "f32", or map ids to a smaller range',
        );
    }
    return numbers;
  }
  if (dtype === "f32" || executor().allocate(dtype, 0).data instanceof Float64Array) return numbers;
  const floats = Float32Array.from(numbers);
  return dtype === "f16" ? f16ArrayFromF32(floats) : bf16ArrayFromF32(floats);
}

/** Sizes given one by one or as a list, options last. */
type SizesAndOptions<O> =
  | [...sizes: number[]]
  | [...sizes: number[], options: O]
  | [shape: Shape]
  | [shape: Shape, options: O];

function parse<O>(op: string, args: readonly unknown[]): { shape: Shape; options: O } {
  const last = args[args.length - 1];
  const hasOptions = typeof last === "object" && last !== null && !Array.isArray(last);
  const list = hasOptions ? args.slice(0, -1) : args;
  const shape = (list.length === 1 && Array.isArray(list[0]) ? list[0] : list) as number[];
  for (const n of shape)
    if (!Number.isInteger(n) || n < 0) fail(op, "whole, non-negative sizes", `[${shape.map(String)}]`);
  if (sizeOf(shape) > 2 ** 31 - 1) fail(op, "fewer than 2^31 elements", `[${shape}], which is ${sizeOf(shape)}`);
  return { shape, options: (hasOptions ? last : {}) as O };
}

export function zeros(...args: SizesAndOptions<TensorOptions>): Tensor {
  const { shape, options } = parse<TensorOptions>("zeros", args);
  return fromNode(constant(0, shape, options.dtype ?? "f32"), options);
}

export function ones(...args: SizesAndOptions<TensorOptions>): Tensor {
  const { shape, options } = parse<TensorOptions>("ones", args);
  return fromNode(constant(1, shape, options.dtype ?? "f32"), options);
}

/** A tensor of `shape` filled with `value`. */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  const parsed = parse<TensorOptions>("full", [shape]);
  const dtype = options.dtype ?? (typeof value === "boolean" ? "bool" : promoteNumber("i32", value));
  return fromNode(constant(Number(value), parsed.shape, dtype), options);
}

export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return zeros(x.shape, { dtype: x.dtype, ...options });
}

export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return ones(x.shape, { dtype: x.dtype, ...options });
}

export function fullLike(x: Tensor, value: number, options: TensorOptions = {}): Tensor {
  return full(x.shape, value, { dtype: x.dtype, ...options });
}

/** start, start + step, ... up to but without end: arange(end), arange(start, end), arange(start, end, step). i32 when all are whole. */
export function arange(...args: [...bounds: number[], options: TensorOptions] | number[]): Tensor {
  const last = args[args.length - 1];
  const options = (typeof last === "object" ? last : {}) as TensorOptions;
  const bounds = (args as readonly unknown[]).filter((x): x is number => typeof x === "number");
  const [start, end, step]: number[] = bounds.length === 1 ? [0, bounds[0], 1] : [bounds[0], bounds[1], bounds[2] ?? 1];
  if (
    bounds.length === 0 ||
    !Number.isFinite(start) ||
    !Number.isFinite(end) ||
    !Number.isFinite(step) ||
    step === 0 ||
    (end - start) * step < 0
  ) {
    fail("arange", "finite bounds and a step that leads from start to end", bounds.join(", "));
  }
  const count = Math.max(0, Math.ceil((end - start) / step));
  const whole = bounds.every(Number.isInteger);
  const dtype = options.dtype ?? (whole ? "i32" : "f32");
  const index = iota([count], 0);
  if (whole)
    return fromNode(scalar("add", scalar("mul", index, constant(step, [], "i32")), constant(start, [], "i32")), {
      ...options,
      dtype,
    });
  return fromTyped(
    Float64Array.from({ length: count }, (_, i) => start + i * step),
    [count],
    { ...options, dtype },
  );
}

/** `steps` numbers from start to end, both included. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  if (!Number.isInteger(steps) || steps < 0) fail("linspace", "a whole number of steps", String(steps));
  const width = steps > 1 ? (end - start) / (steps - 1) : 0;
  // Counted from both ends, as PyTorch does, so that the last number is exactly `end`.
  const data = Float64Array.from({ length: steps }, (_, i) =>
    i < steps / 2 ? start + i * width : end - (steps - 1 - i) * width,
  );
  return fromTyped(data, [steps], { dtype: "f32", ...options });
}

/** The identity matrix, [n,n] or [n,m]. */
export function eye(n: number, m: number | TensorOptions = n, options: TensorOptions = {}): Tensor {
  const columns = typeof m === "number" ? m : n;
  const rest = typeof m === "number" ? options : m;
  parse("eye", [n, columns]);
  return fromNode(cast(scalar("eq", iota([n, columns], 0), iota([n, columns], 1)), rest.dtype ?? "f32"), rest);
}

export function tril(x: Tensor, diagonal = 0): Tensor {
  return x.tril(diagonal);
}

export function triu(x: Tensor, diagonal = 0): Tensor {
  return x.triu(diagonal);
}

/**
 * The mask of causal attention as what is added to scores, f32[T,S]: 0 where key s <= t + offset, which query t may see, -Infinity elsewhere.
 *
 * `attention` has `{ kind: "causal" }` for the same.
 * @param S the number of keys; T unless given
 * @param options.offset where the first query stands among the keys, a whole number; S - T unless given, so that the last query sees all keys
 * @throws HeedError for sizes that are not whole and at least 0 or make 2^31 elements, and an offset that is no whole number
 * @example
 * const [query, key] = [randn(1, 2, 3, 8), randn(1, 2, 5, 8)];                            // T=3 S=5
 * const pattern = query.matmul(key.mT).div(Math.sqrt(8)).add(causalMask(3, 5)).softmax(-1);   // f32[1,2,3,5]
 */
export function causalMask(T: number, S = T, options: { offset?: number } = {}): Tensor {
  parse("causalMask", [[T, S]]);
  if (typeof options !== "object" || options === null)
    fail("causalMask", "an object of options behind the sizes", String(options), "pass { offset }");
  if (!Number.isInteger(options.offset ?? 0)) fail("causalMask", "a whole number as offset", String(options.offset));
  // Beyond these all keys are seen or none, however far.
  const offset = Math.min(Math.max(options.offset ?? S - T, 0 - T), S);
  const future = scalar("gt", iota([T, S], 1), scalar("add", iota([T, S], 0), constant(offset, [], "i32")));
  return fromNode(scalar("where", future, constant(Number.NEGATIVE_INFINITY), constant(0)));
}

// --- random

function rounded(out: Float32Array, shape: Shape, options: RandomOptions): Tensor {
  return fromTyped(out, shape, { ...options, dtype: options.dtype ?? "f32" });
}

function checkFloat(op: string, options: RandomOptions): void {
  if (options.dtype && !isFloat(options.dtype)) fail(op, "a float dtype", options.dtype);
}

/** @internal Uniform numbers in [0,1) inside a trace. */
export function tracedUniform(shape: Shape): Node {
  const { seed, stream } = tracing()?.randomStream() ?? fail("random", "a trace", "none");
  return random(seed, shape, stream);
}

/** Uniform in [0,1), PyTorch's numbers. */
export function rand(...args: SizesAndOptions<RandomOptions>): Tensor {
  const { shape, options } = parse<RandomOptions>("rand", args);
  return uniform(shape, 0, 1, options);
}

/** Uniform in [from, to). */
export function uniform(shape: Shape, from = 0, to = 1, options: RandomOptions = {}): Tensor {
  checkFloat("uniform", options);
  if (!(from <= to)) fail("uniform", "from <= to", `${from} and ${to}`);
  if (tracing()) return fromNode(scalar("add", scale(tracedUniform(shape), to - from), constant(from)), options);
  const out = new Float32Array(sizeOf(shape));
  (options.generator ?? defaultGenerator).uniform(out, from, to);
  return rounded(out, shape, options);
}

/** Standard normal, PyTorch's numbers. */
export function randn(...args: SizesAndOptions<RandomOptions>): Tensor {
  const { shape, options } = parse<RandomOptions>("randn", args);
  return normal(shape, 0, 1, options);
}

export function normal(shape: Shape, mean = 0, std = 1, options: RandomOptions = {}): Tensor {
  checkFloat("normal", options);
  if (!(std >= 0)) fail("normal", "std >= 0", String(std));
  if (tracing()) {
    // Box and Muller 1958, on 1 - u so that the logarithm is finite
    const radius = scalar("sqrt", scale(scalar("log", scalar("sub", constant(1), tracedUniform(shape))), -2));
    const z = mul(radius, scalar("cos", scale(tracedUniform(shape), 2 * Math.PI)));
    return fromNode(scalar("add", scale(z, std), constant(mean)), options);
  }
  const generator = options.generator ?? defaultGenerator;
  const out = new Float32Array(sizeOf(shape));
  if (options.dtype && DTYPES[options.dtype].bytes === 2) generator.normalHalf(out, mean, std);
  else generator.normal(out, mean, std);
  return rounded(out, shape, options);
}

/** Whole numbers from low to high - 1: randint(high, shape) or randint(low, high, shape). */
export function randint(...args: [number, Shape, RandomOptions?] | [number, number, Shape, RandomOptions?]): Tensor {
  const [low, high, shape, options = {}] =
    typeof args[1] === "number"
      ? (args as [number, number, Shape, RandomOptions?])
      : [0, args[0], args[1] as Shape, args[2] as RandomOptions | undefined];
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high)
    fail("randint", "whole numbers low < high", `${low} and ${high}`);
  if (tracing()) {
    const u = scalar("floor", scale(tracedUniform(shape), high - low));
    return fromNode(scalar("add", cast(u, "i32"), constant(low, [], "i32")), { dtype: "i32", ...options });
  }
  const out = new Int32Array(sizeOf(shape));
  (options.generator ?? defaultGenerator).randint(out, low, high);
  return fromTyped(out, shape, { dtype: "i32", ...options });
}

/** 0 to n-1 in random order. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  if (tracing()) return fromNode(argsort(tracedUniform([n]), false), options);
  return fromTyped((options.generator ?? defaultGenerator).randperm(n), [n], { dtype: "i32", ...options });
}

/** 1 with probability p, else 0: a number for every element, or a tensor of probabilities. */
export function bernoulli(p: Tensor | number, shape?: Shape, options: RandomOptions = {}): Tensor {
  if (p instanceof Tensor) {
    if (tracing()) return fromNode(cast(scalar("lt", tracedUniform(p.shape), p.node), p.dtype));
    const out = new Float32Array(p.numel);
    (options.generator ?? defaultGenerator).bernoulliTensor(out, p.dataSync() as Float32Array);
    return fromTyped(out, p.shape, { dtype: p.dtype, ...options });
  }
  if (!(p >= 0 && p <= 1)) fail("bernoulli", "a probability from 0 to 1", String(p));
  const sizes = shape ?? fail("bernoulli", "a shape beside the probability", "none");
  if (tracing()) return fromNode(cast(scalar("lt", tracedUniform(sizes), constant(p)), options.dtype ?? "f32"));
  const out = new Float32Array(sizeOf(sizes));
  (options.generator ?? defaultGenerator).bernoulli(out, p);
  return fromTyped(out, sizes, { dtype: "f32", ...options });
}

/** Exponentially distributed with rate lambda. */
export function exponential(shape: Shape, lambda = 1, options: RandomOptions = {}): Tensor {
  if (!(lambda > 0)) fail("exponential", "lambda > 0", String(lambda));
  if (tracing())
    return fromNode(scale(scalar("log", scalar("sub", constant(1), tracedUniform(shape))), -1 / lambda), options);
  const out = new Float32Array(sizeOf(shape));
  (options.generator ?? defaultGenerator).exponential(out, lambda);
  return rounded(out, shape, options);
}
