// Tensors from nothing and from JavaScript numbers. Random ones are random.ts's.

import { type DType, promoteNumber } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { bf16ArrayFromF32, f16ArrayFromF32 } from "../base/half.js";
import { CHECKED, checkOptions, DTYPE, FLAG, type OptionTable } from "../base/options.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { cast, constant, iota, scalar } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { given } from "./check.js";
import type { NestedNumbers } from "./core.js";
import { executor } from "./evaluate.js";
import { isI32, stored } from "./stored.js";
import { Tensor } from "./tensor.js";
import { leafOf, Value } from "./value.js";

/** What a new tensor is told beside its numbers: the dtype, and whether it asks for gradients. */
export interface TensorOptions {
  dtype?: DType;
  requiresGrad?: boolean;
}

/** @internal */
export const TENSOR_OPTIONS: OptionTable<TensorOptions> = { dtype: DTYPE, requiresGrad: FLAG };

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

/** @internal A tensor for a node that no gradient passes, in the dtype asked for. */
export function fromNode(node: Node, options: TensorOptions = {}): Tensor {
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
  checkOptions("tensor", options, TENSOR_OPTIONS);
  if (data instanceof Tensor) return fromNode(data.detach().node, { ...options, dtype: options.dtype ?? data.dtype });
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
        Array.isArray(data) ? `one of ${data.length}` : shown(data),
        "rows of a tensor have equal lengths",
      );
    }
    for (const item of data) collect(item, shape, depth + 1, into);
  } else if (typeof data === "number" || typeof data === "boolean" || typeof data === "bigint") into.push(data);
  else
    fail(
      "tensor",
      "numbers or booleans",
      Array.isArray(data) ? "a deeper array beside numbers" : shown(data),
      data instanceof Promise ? "await it" : data instanceof Tensor ? "stack tensors with stack([...])" : undefined,
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

/** @internal A tensor of plain numbers, which are rounded to the dtype. */
export function fromTyped(
  data: Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array | BigInt64Array,
  shape: Shape,
  options: TensorOptions,
): Tensor {
  const dtype = options.dtype ?? (data instanceof Float32Array || data instanceof Float64Array ? "f32" : "i32");
  const numbers = data instanceof BigInt64Array ? Float64Array.from(data, Number) : data;
  return fromData(encodeNumbers(numbers, dtype), shape, dtype, options);
}

/** Plain numbers as a dtype stores them. @throws HeedError for integers beyond 32 bits */
function encodeNumbers(numbers: ArrayLike<number>, dtype: DType): ArrayLike<number> {
  if (dtype === "bool") return Uint8Array.from(numbers, (x) => stored("tensor", "bool", Number(x)));
  if (dtype === "i32") {
    if (numbers instanceof Int32Array) return numbers;
    for (let i = 0; i < numbers.length; i++) {
      if (!isI32(Math.trunc(numbers[i])))
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
export type SizesAndOptions<O> =
  | [...sizes: number[]]
  | [...sizes: number[], options: O]
  | [shape: Shape]
  | [shape: Shape, options: O];

/** @internal Sizes and options told apart and checked. */
export function parseSizes<O extends object>(
  op: string,
  args: readonly unknown[],
  table?: OptionTable<O>,
): { shape: Shape; options: O } {
  const last = args[args.length - 1];
  const hasOptions = typeof last === "object" && last !== null && !Array.isArray(last);
  const list = hasOptions ? args.slice(0, -1) : args;
  const shape = (list.length === 1 && Array.isArray(list[0]) ? list[0] : list) as number[];
  for (const n of shape)
    if (!Number.isInteger(n) || n < 0) fail(op, "whole, non-negative sizes", `[${shape.map(shown)}]`);
  if (sizeOf(shape) > 2 ** 31 - 1) fail(op, "fewer than 2^31 elements", `[${shape}], which is ${sizeOf(shape)}`);
  const options = (hasOptions ? last : {}) as O;
  if (table) checkOptions(op, options, table);
  return { shape, options };
}

/** @internal A shape on its own, or one size. */
export function parseShape(op: string, shape: unknown): Shape {
  if (!Array.isArray(shape) && typeof shape !== "number")
    fail(op, "a shape as an array of sizes", shown(shape), "write [2, 3]");
  return parseSizes(op, [shape]).shape;
}

/**
 * Zeros, f32 unless `dtype` says otherwise; the sizes one by one or as an array.
 * @throws HeedError for sizes that are not whole or negative, and 2^31 elements or more
 * @example zeros(2, 3); zeros([2, 3], { dtype: "i32" });   // f32[2,3], i32[2,3]
 */
export function zeros(...args: SizesAndOptions<TensorOptions>): Tensor {
  const { shape, options } = parseSizes("zeros", args, TENSOR_OPTIONS);
  return fromNode(constant(0, shape, options.dtype ?? "f32"), options);
}

/**
 * Ones, as `zeros` has zeros.
 * @throws HeedError as `zeros`
 * @example ones(2, 3)   // f32[2,3]
 */
export function ones(...args: SizesAndOptions<TensorOptions>): Tensor {
  const { shape, options } = parseSizes("ones", args, TENSOR_OPTIONS);
  return fromNode(constant(1, shape, options.dtype ?? "f32"), options);
}

/** A tensor of `shape` filled with `value`. @throws HeedError for an i32 beyond 32 bits */
export function full(shape: Shape, value: number | boolean, options: TensorOptions = {}): Tensor {
  const sizes = parseShape("full", shape);
  checkOptions("full", options, TENSOR_OPTIONS);
  if (typeof value !== "number" && typeof value !== "boolean") fail("full", "a number to fill with", shown(value));
  const dtype = options.dtype ?? (typeof value === "boolean" ? "bool" : promoteNumber("i32", value));
  return fromNode(constant(stored("full", dtype, Number(value), 'use dtype "f32"'), sizes, dtype), options);
}

/**
 * Zeros in x's shape and, unless `dtype` says otherwise, its dtype.
 * @example zerosLike(tensor([1, 2]))   // i32[2]
 */
export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  checkOptions("zerosLike", options, TENSOR_OPTIONS);
  given("zerosLike", "x", x);
  return zeros(x.shape, { ...options, dtype: options.dtype ?? x.dtype });
}

/**
 * Ones in x's shape and, unless `dtype` says otherwise, its dtype.
 * @example onesLike(tensor([1, 2]))   // i32[2]
 */
export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  checkOptions("onesLike", options, TENSOR_OPTIONS);
  given("onesLike", "x", x);
  return ones(x.shape, { ...options, dtype: options.dtype ?? x.dtype });
}

/**
 * A tensor filled with `value`, in x's shape and, unless `dtype` says otherwise, its dtype.
 * @throws HeedError for an i32 beyond 32 bits
 * @example fullLike(randn(2, 3), 0.5)   // f32[2,3]
 */
export function fullLike(x: Tensor, value: number, options: TensorOptions = {}): Tensor {
  checkOptions("fullLike", options, TENSOR_OPTIONS);
  given("fullLike", "x", x);
  return full(x.shape, value, { ...options, dtype: options.dtype ?? x.dtype });
}

/**
 * start, start + step, ... up to but without end: arange(end), arange(start, end), arange(start, end, step). i32 when all are whole.
 * @throws HeedError for a step that leads away from end, and for an i32 beyond 32 bits
 */
export function arange(...args: [...bounds: number[], options: TensorOptions] | number[]): Tensor {
  const last = args[args.length - 1];
  const options = (typeof last === "object" && last !== null && !Array.isArray(last) ? last : {}) as TensorOptions;
  checkOptions("arange", options, TENSOR_OPTIONS);
  const bounds = (options === last ? args.slice(0, -1) : args) as number[];
  const [start, end, step]: number[] = bounds.length === 1 ? [0, bounds[0], 1] : [bounds[0], bounds[1], bounds[2] ?? 1];
  if (
    bounds.length < 1 ||
    bounds.length > 3 ||
    !Number.isFinite(start) ||
    !Number.isFinite(end) ||
    !Number.isFinite(step) ||
    step === 0 ||
    (end - start) * step < 0
  ) {
    fail("arange", "finite bounds and a step that leads from start to end", args.map(shown).join(", "));
  }
  const count = Math.max(0, Math.ceil((end - start) / step));
  parseSizes("arange", [count]);
  const whole = bounds.every(Number.isInteger);
  const dtype = options.dtype ?? (whole ? "i32" : "f32");
  // Of i32, start and step are whole before anything is added, as in PyTorch.
  const [first, by] = dtype === "i32" ? [Math.trunc(start), Math.trunc(step)] : [start, step];
  const small = [first, by, first + (count - 1) * by].every(isI32);
  if (dtype === "i32" && count > 0 && !small)
    fail("arange", "whole numbers of 32 bits", args.map(shown).join(", "), 'use dtype "f32"');
  if (whole && small)
    return fromNode(
      scalar("add", scalar("mul", iota([count], 0), constant(by, [], "i32")), constant(first, [], "i32")),
      { ...options, dtype },
    );
  return fromTyped(
    Float64Array.from({ length: count }, (_, i) => first + i * by),
    [count],
    { ...options, dtype },
  );
}

/** `steps` numbers from start to end, both included. */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  checkOptions("linspace", options, TENSOR_OPTIONS);
  if (!Number.isInteger(steps) || steps < 0 || steps >= 2 ** 31)
    fail("linspace", "a whole number of steps", shown(steps));
  if (!Number.isFinite(start) || !Number.isFinite(end))
    fail("linspace", "finite ends", `${shown(start)} and ${shown(end)}`);
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
  parseSizes("eye", [n, columns]);
  checkOptions("eye", rest, TENSOR_OPTIONS);
  return fromNode(cast(scalar("eq", iota([n, columns], 0), iota([n, columns], 1)), rest.dtype ?? "f32"), rest);
}

/** The lower triangle of the last two axes, zero above the diagonal `diagonal`. @throws HeedError for fewer axes */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return given("tril", "x", x).tril(diagonal);
}

/** The upper triangle of the last two axes, zero below the diagonal `diagonal`. @throws HeedError for fewer axes */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return given("triu", "x", x).triu(diagonal);
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
  parseSizes("causalMask", [[T, S]]);
  checkOptions("causalMask", options, { offset: CHECKED });
  if (!Number.isInteger(options.offset ?? 0)) fail("causalMask", "a whole number as offset", shown(options.offset));
  // Beyond these all keys are seen or none, however far.
  const offset = Math.min(Math.max(options.offset ?? S - T, 0 - T), S);
  const future = scalar("gt", iota([T, S], 1), scalar("add", iota([T, S], 0), constant(offset, [], "i32")));
  return fromNode(scalar("where", future, constant(Number.NEGATIVE_INFINITY), constant(0)));
}
