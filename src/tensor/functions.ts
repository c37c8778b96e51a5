// Functions of several tensors, and those that layers are made of.

import { isFloat, promoteNumber } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { multinomial as drawCategories } from "../base/multinomial.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { defaultGenerator, GENERATOR, type Generator } from "../base/random.js";
import { describe, normalizeDim, type Shape, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import * as build from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkOptionalTensor, checkTensor, checkTensors, given } from "./check.js";
import { fromData } from "./create.js";
import { boolNode, type Operand } from "./elementwise.js";
import { checkIndices, cutOut } from "./index-check.js";
import { memoryOrder } from "./memory-order.js";
import { bernoulli, inMemoryOrder, tracedUniform } from "./random.js";
import { Tensor } from "./tensor.js";
import { tracing } from "./trace.js";

/** Tensors one after another along `dim`. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensors("cat", "tensors", tensors);
  const d = normalizeDim("cat", dim, tensors[0].ndim);
  if (tensors[0].ndim === 0)
    fail("cat", "tensors with at least one dimension", describe(tensors[0]), "use stack for scalars");
  return Tensor.from(
    build.cat(
      tensors.map((t) => t.node),
      d,
    ),
    ...tensors,
  );
}

/** Tensors of one shape along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  checkTensors("stack", "tensors", tensors);
  const d = normalizeDim("stack", dim, tensors[0].ndim + 1);
  if (tensors.some((t) => !sameShape(t.shape, tensors[0].shape)))
    fail("stack", "tensors of one shape", tensors.map(describe).join(", "));
  return cat(
    tensors.map((t) => t.unsqueeze(d)),
    d,
  );
}

/** `a` where the condition is true, `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const tensors = [a, b].filter((x): x is Tensor => x instanceof Tensor);
  const lift = (x: Operand): Node => (x instanceof Tensor ? x.node : number(x, tensors[0]));
  return Tensor.from(
    build.where(boolNode(condition), lift(a), lift(b)),
    ...(tensors.length > 0 ? tensors : [condition]),
  );
}

function number(x: unknown, like: Tensor | undefined): Node {
  if (typeof x === "boolean") return build.constant(x ? 1 : 0, [], "bool");
  if (typeof x !== "number") fail("where", "tensors or numbers to choose from", shown(x));
  return build.constant(x, [], promoteNumber(like?.dtype ?? "i32", x));
}

/** The larger of each two elements, broadcast; NaN where one of them is. */
export const maximum = (a: Tensor, b: Operand): Tensor => given("maximum", "a", a).maximum(b);
/** The smaller of each two elements, broadcast; NaN where one of them is. */
export const minimum = (a: Tensor, b: Operand): Tensor => given("minimum", "a", a).minimum(b);
/**
 * Matrix product: [...,N,K] and [...,K,M] give [...,N,M]; batches broadcast, and a vector is a row on the left, a column on the right.
 * @throws HeedError for inner axes K that differ
 * @example matmul(randn(2, 3), randn(3, 4))   // f32[2,4]
 */
export const matmul = (a: Tensor, b: Tensor): Tensor => given("matmul", "a", a).matmul(b);

/** Products of the matrices of two batches: [B,N,K] and [B,K,M] give [B,N,M]. @throws HeedError for other shapes; matmul broadcasts */
export function bmm(a: Tensor, b: Tensor): Tensor {
  checkTensor("bmm", "a", a);
  checkTensor("bmm", "b", b);
  if (a.ndim !== 3 || b.ndim !== 3 || a.shape[0] !== b.shape[0] || a.shape[2] !== b.shape[1])
    fail("bmm", "[B,N,K] and [B,K,M]", `${describe(a)} and ${describe(b)}`, "matmul broadcasts batches");
  return a.matmul(b);
}

/** Every product of an element of a [N] and one of b [M]: [N,M]. */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkTensor("outer", "a", a);
  checkTensor("outer", "b", b);
  if (a.ndim !== 1 || b.ndim !== 1) fail("outer", "two vectors", `${describe(a)} and ${describe(b)}`);
  return a.unsqueeze(1).mul(b);
}

/**
 * 1 where the class is the index, 0 elsewhere: i32 [..., classes] for i32 indices [...].
 * @param classes how many; without it the largest index is looked up, now
 * @throws HeedError for indices that are no classes
 * @example oneHot(tensor([0, 2]), 3)   // [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot(indices: Tensor, classes?: number): Tensor {
  checkTensor("oneHot", "indices", indices);
  if (indices.dtype !== "i32") fail("oneHot", "i32 indices", describe(indices), "convert them with .int()");
  if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1))
    fail("oneHot", "a whole number of classes, at least 1", shown(classes));
  if (classes === undefined && indices.numel === 0)
    fail("oneHot", "the number of classes for no indices", describe(indices), "write oneHot(indices, classes)");
  const count = classes ?? Math.max(0, indices.max().item()) + 1;
  checkIndices("oneHot", `indices from 0 to ${count - 1}`, indices, count);
  const shape = [...indices.shape, count];
  return Tensor.from(build.scalar("eq", build.iota(shape, shape.length - 1), indices.unsqueeze(-1).node)).int();
}

/** exp(x) / Σ exp(x) along `dim`, safe for large x. @throws HeedError for what is no float tensor, and a dimension that is not there */
export const softmax = (x: Tensor, dim: number): Tensor => given("softmax", "x", x).softmax(dim);
/** log softmax(x) along `dim`, exact where the softmax is near 0. @throws HeedError as `softmax` */
export const logSoftmax = (x: Tensor, dim: number): Tensor => given("logSoftmax", "x", x).logSoftmax(dim);
/** max(x, 0) */
export const relu = (x: Tensor): Tensor => given("relu", "x", x).relu();
/** x Φ(x), or its tanh approximation (Hendrycks and Gimpel 2016). */
export const gelu = (x: Tensor, options?: { approximate?: "none" | "tanh" }): Tensor =>
  given("gelu", "x", x).gelu(options);
/** x sigmoid(x) */
export const silu = (x: Tensor): Tensor => given("silu", "x", x).silu();
/** The hyperbolic tangent of each element. */
export const tanh = (x: Tensor): Tensor => given("tanh", "x", x).tanh();
/** 1 / (1 + exp(-x)) */
export const sigmoid = (x: Tensor): Tensor => given("sigmoid", "x", x).sigmoid();

/** x Wᵀ + b: x [..., in], weight [out, in], bias [out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  checkTensor("linear", "x", x);
  checkTensor("linear", "weight", weight);
  checkOptionalTensor("linear", "bias", bias);
  if (weight.ndim !== 2 || x.shape.at(-1) !== weight.shape[1])
    fail("linear", `an input whose last dimension is ${weight.shape[1]}, for weight ${describe(weight)}`, describe(x));
  const product = x.matmul(weight.transpose(0, 1));
  return bias ? product.add(bias) : product;
}

/** Rows of weight [V,C] picked by i32 indices [...] : [...,C]. */
export function embedding(indices: Tensor, weight: Tensor, options: { paddingIdx?: number } = {}): Tensor {
  checkOptions("embedding", options, { paddingIdx: CHECKED });
  checkTensor("embedding", "indices", indices);
  checkTensor("embedding", "weight", weight);
  if (indices.dtype !== "i32") fail("embedding", "i32 indices", describe(indices), "convert them with .int()");
  if (weight.ndim !== 2) fail("embedding", "a weight of two dimensions", describe(weight));
  cutOut(indices);
  checkIndices("embedding", `indices from 0 to ${weight.shape[0] - 1}`, indices, weight.shape[0]);
  const count = indices.numel;
  const width = weight.shape[1];
  const index = build.expand(build.reshape(indices.node, [count, 1]), [count, width]);
  const rows = Tensor.from(build.gather(weight.node, 0, index), weight);
  const V = weight.shape[0];
  const { paddingIdx: padding } = options;
  if (padding !== undefined && !(Number.isInteger(padding) && padding >= -V && padding < V))
    fail("embedding", `paddingIdx from ${-V} to ${V - 1}`, shown(padding));
  const paddingIdx = padding !== undefined && padding < 0 ? padding + V : padding;
  // The padding row takes no gradient.
  const picked =
    paddingIdx === undefined
      ? rows
      : where(Tensor.from(build.scalar("eq", index, build.constant(paddingIdx, [], "i32"))), rows.detach(), rows);
  return picked.reshape([...indices.shape, width]);
}

/** Normalises over the last axes, which have `shape`: (x - mean) / sqrt(var + eps) * weight + bias. */
export function layerNorm(x: Tensor, shape: Shape, weight?: Tensor | null, bias?: Tensor | null, eps = 1e-5): Tensor {
  checkNorm("layerNorm", x, shape, weight, bias, eps);
  if (bias && !weight) return layerNorm(x, shape, null, null, eps).add(bias);
  const affine = [weight, bias].filter((t): t is Tensor => t !== undefined && t !== null);
  return Tensor.from(
    build.layerNorm(
      x.node,
      shape.length,
      eps,
      affine.map((t) => t.node),
    ),
    x,
    ...affine,
  );
}

/** x / sqrt(mean(x²) + eps) * weight over the last axes. */
export function rmsNorm(x: Tensor, shape: Shape, weight?: Tensor | null, eps = 1.1920928955078125e-7): Tensor {
  checkNorm("rmsNorm", x, shape, weight, null, eps);
  const affine = weight ? [weight] : [];
  return Tensor.from(
    build.rmsNorm(
      x.node,
      shape.length,
      eps,
      affine.map((t) => t.node),
    ),
    x,
    ...affine,
  );
}

function checkNorm(op: string, x: Tensor, shape: Shape, weight: unknown, bias: unknown, eps: number): void {
  checkTensor(op, "x", x);
  checkOptionalTensor(op, "weight", weight);
  checkOptionalTensor(op, "bias", bias);
  if (!Number.isFinite(eps)) fail(op, "a finite eps", shown(eps));
  if (!Array.isArray(shape)) fail(op, "the last sizes of x as an array", shown(shape), "write [C]");
  const last = x.shape.slice(x.ndim - shape.length);
  if (shape.length === 0 || shape.some((n, i) => n !== last[i]))
    fail(op, `an input whose last dimensions are [${shape}]`, describe(x));
}

/** Zeroes each element with probability p and scales the rest by 1/(1-p); the identity when not training. */
export function dropout(x: Tensor, options: { p?: number; training?: boolean } = {}): Tensor {
  checkOptions("dropout", options, DROPOUT);
  checkTensor("dropout", "x", x);
  const { p = 0.5, training = true } = options;
  if (typeof p !== "number" || !(p >= 0 && p <= 1)) fail("dropout", "a probability from 0 to 1", shown(p));
  if (!training || p === 0) return x;
  if (p === 1) return x.mul(0);
  if (tracing()) {
    const keep = Tensor.from(build.scalar("ge", tracedUniform(x.shape), build.constant(p)));
    return where(keep, x.mul(1 / (1 - p)), 0);
  }
  const noise = inMemoryOrder(x, (shape) => bernoulli(1 - p, shape, { dtype: x.dtype }));
  return x.mul(noise.div(1 - p));
}

const DROPOUT: OptionTable<NonNullable<Parameters<typeof dropout>[1]>> = { p: CHECKED, training: FLAG };

/**
 * Draws category indices from rows of weights [V] or [N,V]: i32 [samples] or [N,samples]. The weights need not sum to one.
 * @throws HeedError for negative, infinite or NaN weights, and for more samples than nonzero weights without replacement
 * @example multinomial(tensor([0.1, 0.2, 0.7]), 5, { replacement: true })   // i32[5]
 */
export function multinomial(
  weights: Tensor,
  samples: number,
  options: { replacement?: boolean; generator?: Generator } = {},
): Tensor {
  checkOptions("multinomial", options, MULTINOMIAL);
  checkTensor("multinomial", "weights", weights);
  if (weights.ndim < 1 || weights.ndim > 2 || !isFloat(weights.dtype))
    fail(
      "multinomial",
      "float weights of one or two dimensions",
      describe(weights),
      isFloat(weights.dtype) ? undefined : "convert them with .float()",
    );
  const categories = weights.shape[weights.ndim - 1];
  const { replacement = false, generator = defaultGenerator } = options;
  if (tracing()) {
    if (replacement && samples > 1)
      fail("multinomial", "draws without replacement inside compile", "replacement: true", "draw one sample at a time");
    if (!Number.isInteger(samples) || samples < 1 || samples > categories)
      fail("multinomial", `from 1 to ${categories} samples, as many as there are categories`, shown(samples));
    // The largest of p / q with q exponential is a draw from p; the k largest are k draws without replacement.
    const q = build.scale(
      build.scalar("log", build.scalar("sub", build.constant(1), tracedUniform(weights.shape))),
      -1,
    );
    return Tensor.from(build.div(weights.node, q)).topk(samples, -1).indices;
  }
  const order = memoryOrder(weights.rawNode);
  const across = order !== null && order[0] > order[1];
  const picked = drawCategories(generator, weights.dataSync() as Float32Array, categories, {
    samples,
    replacement,
    across,
  });
  return fromData(picked, [...weights.shape.slice(0, -1), samples], "i32");
}

const MULTINOMIAL: OptionTable<NonNullable<Parameters<typeof multinomial>[2]>> = {
  replacement: FLAG,
  generator: GENERATOR,
};
