// One builder per op: check, infer, make. Everything that users, definitions and gradient rows say about tensors is said with these;
// broadcasting and promotion become explicit expand and cast nodes here, so that every later stage sees equal shapes.

import { type DType, isFloat, promote } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { SCALARS, type ScalarName, scalarResult } from "../base/scalar.js";
import { broadcastShapes, describe, normalizeDim, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { makeNode, type Node } from "./node.js";

export function constant(value: number, shape: Shape = [], dtype: DType = "f32"): Node {
  return makeNode("constant", [], { value }, shape, dtype);
}

/** The number of a constant; NaN for any other node. */
export function constantValue(node: Node): number {
  return node.op === "constant" ? (node as Node<"constant">).params.value : Number.NaN;
}

export function like(node: Node, value: number): Node {
  return constant(value, node.shape, node.dtype);
}

/** i32 of the given shape whose value is the index along `dim`. */
export function iota(shape: Shape, dim: number): Node {
  return makeNode("iota", [], { dim }, shape, "i32");
}

/** f32 uniform in [0,1), a function of (seed, stream, position) alone. */
export function random(seed: Node, shape: Shape, stream: number): Node {
  if (seed.dtype !== "i32" || sizeOf(seed.shape) !== 1) fail("random", "a seed i32[]", describe(seed));
  return makeNode("random", [seed], { stream }, shape, "f32");
}

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : makeNode("cast", [x], {}, x.shape, dtype);
}

export function detach(x: Node): Node {
  return makeNode("detach", [x], {}, x.shape, x.dtype);
}

let aliases = 0;

/** x as a node like no other: gradients with respect to it leave out what reaches x by another way. */
export function alias(x: Node): Node {
  return makeNode("alias", [x], { id: aliases++ }, x.shape, x.dtype);
}

// --- views

export function reshape(x: Node, shape: Shape): Node {
  if (sizeOf(shape) !== sizeOf(x.shape))
    fail("reshape", `${sizeOf(x.shape)} elements for ${describe(x)}`, `shape [${shape}] of ${sizeOf(shape)}`);
  return sameShape(shape, x.shape) ? x : makeNode("reshape", [x], {}, shape, x.dtype);
}

export function permute(x: Node, dims: readonly number[]): Node {
  if (dims.length !== x.shape.length || new Set(dims).size !== dims.length)
    fail("permute", `each of the ${x.shape.length} dimensions of ${describe(x)} once`, `[${dims}]`);
  if (dims.every((d, i) => d === i)) return x;
  return makeNode(
    "permute",
    [x],
    { dims },
    dims.map((d) => x.shape[d]),
    x.dtype,
  );
}

export function transpose(x: Node, a = -1, b = -2): Node {
  const dims = x.shape.map((_, i) => i);
  const i = normalizeDim("transpose", a, dims.length);
  const j = normalizeDim("transpose", b, dims.length);
  [dims[i], dims[j]] = [dims[j], dims[i]];
  return permute(x, dims);
}

/** Repeats axes of size 1 without copying; new axes come in front. */
export function expand(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const lead = shape.length - x.shape.length;
  const fits = lead >= 0 && x.shape.every((n, i) => n === shape[lead + i] || n === 1);
  if (!fits) fail("expand", `a shape that ${describe(x)} broadcasts to`, `[${shape}]`);
  const padded = lead > 0 ? reshape(x, [...new Array<number>(lead).fill(1), ...x.shape]) : x;
  return sameShape(padded.shape, shape) ? padded : makeNode("expand", [padded], {}, shape, x.dtype);
}

/** Elements starts + i * steps of each axis, `sizes` of them; steps may be negative. */
export function slice(
  x: Node,
  starts: readonly number[],
  sizes: Shape,
  steps: readonly number[] = sizes.map(() => 1),
): Node {
  for (let d = 0; d < x.shape.length; d++) {
    const last = starts[d] + (sizes[d] - 1) * steps[d];
    const inside = sizes[d] === 0 || (starts[d] >= 0 && starts[d] < x.shape[d] && last >= 0 && last < x.shape[d]);
    if (!inside || steps[d] === 0 || sizes[d] < 0)
      fail(
        "slice",
        `elements within ${describe(x)}`,
        `start ${starts[d]}, size ${sizes[d]}, step ${steps[d]} on dimension ${d}`,
      );
  }
  if (sameShape(sizes, x.shape) && steps.every((s, i) => s === 1 || sizes[i] === 1)) return x;
  return makeNode("slice", [x], { starts, steps }, sizes, x.dtype);
}

/** Part of one axis. */
export function narrow(x: Node, dim: number, start: number, length: number): Node {
  return slice(
    x,
    x.shape.map((_, i) => (i === dim ? start : 0)),
    x.shape.map((n, i) => (i === dim ? length : n)),
  );
}

/** The inverse of slice: x at starts + i * steps of an array of `shape` that is `value` elsewhere. */
export function place(
  x: Node,
  shape: Shape,
  starts: readonly number[],
  steps: readonly number[] = starts.map(() => 1),
  value = 0,
): Node {
  if (sameShape(shape, x.shape) && steps.every((s) => s === 1)) return x;
  return makeNode("place", [x], { starts, steps, value }, shape, x.dtype);
}

export function flip(x: Node, dims: readonly number[]): Node {
  return slice(
    x,
    x.shape.map((n, i) => (dims.includes(i) ? Math.max(n - 1, 0) : 0)),
    x.shape,
    x.shape.map((_, i) => (dims.includes(i) ? -1 : 1)),
  );
}

// --- elementwise

/** A scalar function of operands that broadcast and promote as in PyTorch. */
export function scalar(name: ScalarName, ...operands: Node[]): Node {
  const { int, result } = SCALARS[name];
  const shape = broadcastShapes(name, ...operands);
  let dtype = promoteOperands(name === "where" ? operands.slice(1) : operands);
  const truth = dtype === "bool" ? OF_TRUTHS[name] : undefined;
  if (truth) return scalar(truth, ...operands);
  const logical = name === "and" || name === "or" || name === "xor" || name === "not";
  if (logical) dtype = "bool";
  else if (!int && !isFloat(dtype)) dtype = "f32";
  else if (dtype === "bool" && result === "same" && name !== "where") dtype = "i32";
  const inputs = operands.map((o, i) => expand(castTo(o, name === "where" && i === 0 ? "bool" : dtype), shape));
  return makeNode(name, inputs, {}, shape, scalarResult(name, dtype));
}

/** What arithmetic on two truth values is in PyTorch. */
const OF_TRUTHS: { readonly [S in ScalarName]?: ScalarName } = { add: "or", maximum: "or", mul: "and", minimum: "and" };

/** As in PyTorch, a 0-d operand counts only where it is of a higher kind (bool, integer, float) than those with dimensions. */
function promoteOperands(operands: readonly Node[]): DType {
  const kind = (o: { dtype: DType }) => (isFloat(o.dtype) ? 2 : o.dtype === "i32" ? 1 : 0);
  const highest = Math.max(...operands.filter((o) => o.shape.length > 0).map(kind));
  const counted = operands.filter((o) => o.shape.length > 0 || kind(o) > highest);
  return (counted.length > 0 ? counted : operands).map((o) => o.dtype).reduce(promote);
}

function castTo(x: Node, dtype: DType): Node {
  return x.op === "constant" && x.dtype !== dtype && dtype !== "bool" && isFloat(dtype)
    ? constant((x as Node<"constant">).params.value, x.shape, dtype)
    : cast(x, dtype);
}

export const add = (a: Node, b: Node): Node => scalar("add", a, b);
export const sub = (a: Node, b: Node): Node => scalar("sub", a, b);
export const mul = (a: Node, b: Node): Node => scalar("mul", a, b);
export const div = (a: Node, b: Node): Node => scalar("div", a, b);
export const where = (condition: Node, a: Node, b: Node): Node => scalar("where", condition, a, b);
/** x * factor, with a plain number */
export const scale = (x: Node, factor: number): Node => scalar("mul", x, like(x, factor));
export const offset = (x: Node, term: number): Node => scalar("add", x, like(x, term));

// --- reductions: the axes stay, with size 1

export function reduce(op: "sum" | "max" | "min", x: Node, dims: readonly number[]): Node {
  if (dims.length === 0) return x;
  if (op !== "sum")
    for (const d of dims)
      if (x.shape[d] === 0) fail(op, "at least one element along the reduced dimension", describe(x));
  return makeNode(
    op,
    [x],
    { dims },
    x.shape.map((n, i) => (dims.includes(i) ? 1 : n)),
    x.dtype,
  );
}

export const sum = (x: Node, dims: readonly number[]): Node => reduce("sum", x, dims);

export function mean(x: Node, dims: readonly number[]): Node {
  const count = dims.reduce((n, d) => n * x.shape[d], 1);
  return scale(sum(x, dims), 1 / count);
}

/** Sums a gradient back to the shape its operand had before broadcasting. */
export function sumTo(x: Node, shape: Shape): Node {
  const lead = x.shape.length - shape.length;
  const dims = x.shape.flatMap((n, i) => (i < lead || (shape[i - lead] === 1 && n !== 1) ? [i] : []));
  return reshape(sum(x, dims), shape);
}

// --- kernels

/** Matrices in the last two axes, batches before them broadcast; vectors as in PyTorch. */
export function matmul(a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0)
    fail("matmul", "at least one dimension on both sides", `${describe(a)} and ${describe(b)}`);
  if (a.shape.length === 1) return dropAxis(matmul(reshape(a, [1, a.shape[0]]), b), b.shape.length === 1 ? -1 : -2);
  if (b.shape.length === 1) return dropAxis(matmul(a, reshape(b, [b.shape[0], 1])), -1);
  const dtype = promote(a.dtype, b.dtype);
  if (!isFloat(dtype)) return cast(matmul(cast(a, "f32"), cast(b, "f32")), dtype === "bool" ? "i32" : dtype);
  const [m, k] = a.shape.slice(-2);
  const [kb, n] = b.shape.slice(-2);
  if (k !== kb) {
    const hint = a.shape.at(-1) === b.shape.at(-1) ? "transpose the right side with .transpose(-2, -1)" : undefined;
    fail(
      "matmul",
      "the last axis of the left side to equal the second last of the right",
      `${describe(a)} and ${describe(b)}`,
      hint,
    );
  }
  const [x, y] = [cast(a, dtype), cast(b, dtype)];
  // A plain matrix on the right serves all batches at once: one tall product instead of many small ones, and a short gradient.
  if (b.shape.length === 2 && a.shape.length > 2) {
    const tall = reshape(x, [sizeOf(a.shape.slice(0, -1)), k]);
    return reshape(matmul(tall, y), [...a.shape.slice(0, -1), n]);
  }
  const batchOf = (o: Node) => ({ dtype, shape: o.shape.slice(0, -2) });
  const batch = broadcastShapes("matmul", batchOf(a), batchOf(b));
  const inputs = [expand(x, [...batch, m, k]), expand(y, [...batch, k, n])];
  return makeNode("matmul", inputs, {}, [...batch, m, n], dtype);
}

function dropAxis(x: Node, axis: number): Node {
  return reshape(
    x,
    x.shape.filter((_, i) => i !== x.shape.length + axis),
  );
}

/** out[i...] = x[i... with axis dim replaced by index[i...]]; on the other axes the index is no longer than x. */
export function gather(x: Node, dim: number, index: Node): Node {
  if (index.dtype !== "i32") fail("gather", "an i32 index", describe(index), "convert it with .int()");
  const fits = index.shape.length === x.shape.length && index.shape.every((n, i) => i === dim || n <= x.shape[i]);
  if (!fits)
    fail(
      "gather",
      `an index of rank ${x.shape.length}, no longer than ${describe(x)} except on dimension ${dim}`,
      describe(index),
    );
  const sizes = x.shape.map((n, i) => (i === dim ? n : index.shape[i]));
  return makeNode(
    "gather",
    [
      slice(
        x,
        x.shape.map(() => 0),
        sizes,
      ),
      index,
    ],
    { dim },
    index.shape,
    x.dtype,
  );
}

/** A copy of `base` with updates[i...] added at [i... with axis dim replaced by index[i...]]. */
export function scatterAdd(base: Node, dim: number, index: Node, updates: Node): Node {
  checkScatter("scatterAdd", base, dim, index, updates);
  if (base.dtype === "f16" || base.dtype === "bf16") {
    return cast(scatterAdd(cast(base, "f32"), dim, index, cast(updates, "f32")), base.dtype);
  }
  return makeNode("scatterAdd", [base, index, cast(updates, base.dtype)], { dim }, base.shape, base.dtype);
}

/** A copy of `base` with updates[i...] written at [i... with axis dim replaced by index[i...]]; of several at one place the last. */
export function scatter(base: Node, dim: number, index: Node, updates: Node): Node {
  checkScatter("scatter", base, dim, index, updates);
  return makeNode("scatter", [base, index, cast(updates, base.dtype)], { dim }, base.shape, base.dtype);
}

function checkScatter(op: string, base: Node, dim: number, index: Node, updates: Node): void {
  if (index.dtype !== "i32") fail(op, "an i32 index", describe(index), "convert it with .int()");
  const fits =
    sameShape(index.shape, updates.shape) &&
    index.shape.length === base.shape.length &&
    index.shape.every((n, i) => i === dim || n <= base.shape[i]);
  if (!fits)
    fail(
      op,
      `index and updates of one shape that fits ${describe(base)}`,
      `${describe(index)} and ${describe(updates)}`,
    );
}

export function cumsum(x: Node, dim: number): Node {
  if (x.shape.length === 0) return reshape(cumsum(reshape(x, [1]), 0), []); // a number is its own sum
  return makeNode(
    "cumsum",
    [x.dtype === "bool" ? cast(x, "i32") : x],
    { dim },
    x.shape,
    x.dtype === "bool" ? "i32" : x.dtype,
  );
}

/** i32 indices that sort the last axis, stable, NaN largest; the first `count`. */
export function argsort(x: Node, descending: boolean, count = x.shape[x.shape.length - 1]): Node {
  return makeNode("argsort", [x], { descending, count }, [...x.shape.slice(0, -1), count], "i32");
}

export function cat(parts: readonly Node[], dim: number): Node {
  if (parts.length === 0) fail("cat", "at least one tensor", "none");
  const [first] = parts;
  for (const part of parts) {
    const fits =
      part.shape.length === first.shape.length && part.shape.every((n, i) => i === dim || n === first.shape[i]);
    if (!fits) fail("cat", `shapes equal except on dimension ${dim}`, parts.map(describe).join(", "));
  }
  if (parts.length === 1) return first;
  const dtype = parts.map((p) => p.dtype).reduce(promote);
  const shape = first.shape.map((n, i) => (i === dim ? parts.reduce((total, p) => total + p.shape[dim], 0) : n));
  return makeNode(
    "cat",
    parts.map((p) => cast(p, dtype)),
    { dim },
    shape,
    dtype,
  );
}

// --- fused ops: checked here, spelled out in definitions.ts

const floating = (op: string, x: Node): Node => {
  if (!isFloat(x.dtype)) fail(op, "a float tensor", describe(x), "convert it with .float()");
  return x;
};

export const softmax = (x: Node, dim: number): Node =>
  makeNode("softmax", [floating("softmax", x)], { dim }, x.shape, x.dtype);
export const logSoftmax = (x: Node, dim: number): Node =>
  makeNode("logSoftmax", [floating("logSoftmax", x)], { dim }, x.shape, x.dtype);
export const logsumexp = (x: Node, dim: number): Node =>
  makeNode(
    "logsumexp",
    [floating("logsumexp", x)],
    { dim },
    x.shape.map((n, i) => (i === dim ? 1 : n)),
    x.dtype,
  );
export const gelu = (x: Node, approximate: "none" | "tanh"): Node =>
  makeNode("gelu", [floating("gelu", x)], { approximate }, x.shape, x.dtype);
export const silu = (x: Node): Node => makeNode("silu", [floating("silu", x)], {}, x.shape, x.dtype);

function norm(op: "layerNorm" | "rmsNorm", x: Node, axes: number, eps: number, affine: readonly Node[]): Node {
  floating(op, x);
  const shape = x.shape.slice(x.shape.length - axes);
  for (const a of affine)
    if (!sameShape(a.shape, shape))
      fail(op, `weight and bias of shape [${shape}], the last axes of ${describe(x)}`, describe(a));
  return makeNode(op, [x, ...affine.map((a) => cast(a, x.dtype))], { eps, axes }, x.shape, x.dtype);
}

/** affine: nothing, a weight, or a weight and a bias */
export const layerNorm = (x: Node, axes: number, eps: number, affine: readonly Node[]): Node =>
  norm("layerNorm", x, axes, eps, affine);
export const rmsNorm = (x: Node, axes: number, eps: number, affine: readonly Node[]): Node =>
  norm("rmsNorm", x, axes, eps, affine);

/** d loss / d target contracted with the seed, which has the shape of loss; made plain by the pass `differentiate`. */
export function gradient(loss: Node, target: Node, seed: Node): Node {
  return makeNode(
    "gradient",
    [loss, target, expand(cast(seed, loss.dtype), loss.shape)],
    {},
    target.shape,
    target.dtype,
  );
}
