// Pooling: the largest or the mean of windows. They are views of the padded input, reduced in one step.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, kind, type OptionTable, orNull } from "../base/options.js";
import { describe } from "../base/shape.js";
import { extentOf, type WindowParams, windowCounts } from "../base/windows.js";
import { cast, cat, div, iota, like, mean, narrow, reshape, scalar, scale, transpose } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { maxPool, sumPool } from "../graph/windows.js";
import { checkWindows, type PerAxis, perAxis, withBatch } from "./spatial.js";
import { Tensor } from "./tensor.js";

/** What `maxPool1d` and `maxPool2d` are told beside the kernel size. */
export interface MaxPoolOptions {
  /** How far apart windows begin; the kernel's own size. */
  stride?: PerAxis | null;
  /** On both sides of each axis, at most half the kernel; 0. */
  padding?: PerAxis;
  /** How far apart the elements of a window are; 1. */
  dilation?: PerAxis;
  /** Whether windows that reach beyond the end count; false. */
  ceilMode?: boolean;
}

/** What `avgPool1d` and `avgPool2d` are told beside the kernel size. */
export interface AvgPoolOptions extends Omit<MaxPoolOptions, "dilation"> {
  /** Whether the zeros of the padding count in the mean; true. */
  countIncludePad?: boolean;
  /** In place of the number of elements. */
  divisorOverride?: number | null;
}

/** @internal */
export const MAX_POOL: OptionTable<MaxPoolOptions> = {
  stride: CHECKED,
  padding: CHECKED,
  dilation: CHECKED,
  ceilMode: FLAG,
};

/** @internal */
export const AVG_POOL: OptionTable<AvgPoolOptions> = {
  stride: CHECKED,
  padding: CHECKED,
  ceilMode: FLAG,
  countIncludePad: FLAG,
  divisorOverride: orNull(kind<number>("a finite number other than 0", (x) => Number.isFinite(x) && x !== 0)),
};

/**
 * The largest element of each window: x [B,C,L] or [C,L]. Gradients go to the first of equals.
 * @throws HeedError for inputs of another rank, sizes that are not whole, padding of more than half the kernel, and kernels larger than the
 * padded input
 * @example maxPool1d(randn(2, 4, 11), 3, { stride: 2 })   // f32[2,4,5]
 */
export function maxPool1d(x: Tensor, kernelSize: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return largest("maxPool1d", x, kernelSize, options, 1);
}

/**
 * The largest element of each window: x [B,C,H,W] or [C,H,W]. Gradients go to the first of equals.
 * @throws HeedError as `maxPool1d`
 * @example maxPool2d(randn(1, 64, 112, 112), 3, { stride: 2, padding: 1 })   // f32[1,64,56,56]
 */
export function maxPool2d(x: Tensor, kernelSize: PerAxis, options: MaxPoolOptions = {}): Tensor {
  return largest("maxPool2d", x, kernelSize, options, 2);
}

function largest(op: string, input: Tensor, kernelSize: PerAxis, options: MaxPoolOptions, axes: number): Tensor {
  checkOptions(op, options, MAX_POOL);
  const { x, back } = withBatch(op, input, axes);
  const params = poolParams(op, x, kernelSize, options, axes);
  return back(Tensor.from(maxPool(x.node, params), x));
}

/**
 * The mean of each window: x [B,C,L] or [C,L].
 * @throws HeedError as `maxPool1d`
 * @example avgPool1d(randn(2, 4, 10), 2)   // f32[2,4,5]
 */
export function avgPool1d(x: Tensor, kernelSize: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return average("avgPool1d", x, kernelSize, options, 1);
}

/**
 * The mean of each window: x [B,C,H,W] or [C,H,W].
 * @throws HeedError as `maxPool1d`
 * @example avgPool2d(randn(1, 2048, 7, 7), 7)   // f32[1,2048,1,1]
 */
export function avgPool2d(x: Tensor, kernelSize: PerAxis, options: AvgPoolOptions = {}): Tensor {
  return average("avgPool2d", x, kernelSize, options, 2);
}

function average(op: string, input: Tensor, kernelSize: PerAxis, options: AvgPoolOptions, axes: number): Tensor {
  checkOptions(op, options, AVG_POOL);
  const { countIncludePad = true, divisorOverride = null } = options;
  const { x, back } = withBatch(op, input, axes);
  const params = poolParams(op, x, kernelSize, options, axes);
  // 16-bit sums are divided before they are rounded.
  const total = sumPool(cast(x.node, "f32"), params);
  const node = divisorOverride
    ? scale(total, 1 / divisorOverride)
    : div(total, elementCounts(x.shape.slice(2), params, countIncludePad));
  return back(Tensor.from(cast(node, x.dtype), x));
}

/** How many elements each window has, f32 [count...]: those of the padding too, but none that ceilMode reaches beyond it. */
function elementCounts(spatial: readonly number[], params: WindowParams, padded: boolean): Node {
  const { size, stride, padding } = params;
  const counts = windowCounts(spatial, params);
  const along = size.map((s, i) => {
    const start = scale(iota(counts, i), stride[i]);
    const before = padding[2 * i]; // ceilMode lengthens only what is behind
    const [low, high] = padded ? [0, spatial[i] + 2 * before] : [before, before + spatial[i]];
    const end = scalar("minimum", scalar("add", start, like(start, s)), like(start, high));
    return cast(scalar("sub", end, scalar("maximum", start, like(start, low))), "f32");
  });
  return along.reduce((a, b) => scalar("mul", a, b));
}

/** @internal What of a window does not depend on the input. @throws HeedError for sizes that are not whole and margins too wide */
export function windowSizes(op: string, kernelSize: PerAxis, options: MaxPoolOptions, axes: number) {
  const size = perAxis(op, "kernelSize", kernelSize, axes, 1);
  const stride = perAxis(op, "stride", options.stride ?? size, axes, 1);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, axes, 1);
  const margin = perAxis(op, "padding", options.padding ?? 0, axes, 0);
  if (margin.some((p, i) => 2 * p > size[i])) fail(op, `a padding of at most half the kernel [${size}]`, `[${margin}]`);
  return { size, stride, dilation, margin };
}

function poolParams(op: string, x: Tensor, kernelSize: PerAxis, options: MaxPoolOptions, axes: number): WindowParams {
  const { size, stride, dilation, margin } = windowSizes(op, kernelSize, options, axes);
  const padding = margin.flatMap((p, i) => {
    if (!options.ceilMode) return [p, p];
    const n = x.shape[2 + i];
    const extent = extentOf(size[i], dilation[i]);
    let count = Math.ceil((n + 2 * p - extent) / stride[i]) + 1;
    // The last window must begin inside the input or the padding before it.
    if ((count - 1) * stride[i] >= n + p) count--;
    return [p, Math.max(p, (count - 1) * stride[i] + extent - n - p)];
  });
  const params = { size, stride, padding, dilation };
  checkWindows(op, x.node, params);
  return params;
}

/**
 * Means of as many stretches as asked for: x [B,C,L] or [C,L] to [B,C,outputSize].
 * @throws HeedError for inputs of another rank or with empty axes, and sizes that are not whole and at least 1
 * @example adaptiveAvgPool1d(randn(2, 3, 11), 4)   // f32[2,3,4]
 */
export function adaptiveAvgPool1d(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptiveAverage("adaptiveAvgPool1d", x, outputSize, 1);
}

/**
 * Means of as many rectangles as asked for: x [B,C,H,W] or [C,H,W] to [B,C,...outputSize]; null keeps a size.
 * @throws HeedError as `adaptiveAvgPool1d`
 * @example adaptiveAvgPool2d(randn(2, 3, 4, 7), [null, 1])   // f32[2,3,4,1]
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: number | readonly (number | null)[]): Tensor {
  return adaptiveAverage("adaptiveAvgPool2d", x, outputSize, 2);
}

function adaptiveAverage(
  op: string,
  input: Tensor,
  outputSize: number | readonly (number | null)[],
  axes: number,
): Tensor {
  const { x, back } = withBatch(op, input, axes);
  const spatial = x.shape.slice(2);
  const sizes = Array.isArray(outputSize) ? outputSize.map((n, i) => n ?? spatial[i]) : (outputSize as number);
  const out = perAxis(op, "outputSize", sizes, axes, 1);
  if (spatial.includes(0)) fail(op, "spatial axes that are not empty", describe(input));
  let y = cast(x.node, "f32");
  if (out.every((n) => n === 1))
    y = mean(
      y,
      spatial.map((_, i) => 2 + i),
    );
  else {
    for (let i = 0; i < axes; i++) {
      const last = i === axes - 1;
      const turned = last ? y : transpose(y);
      const pooled = meansAlong(turned, out[i]);
      y = last ? pooled : transpose(pooled);
    }
  }
  return back(Tensor.from(cast(y, x.dtype), x));
}

/** The last axis of length n in `count` stretches, from ⌊i n / count⌋ to ⌈(i + 1) n / count⌉ without. */
function meansAlong(x: Node, count: number): Node {
  const n = x.shape[x.shape.length - 1];
  if (count === n) return x;
  const lead = x.shape.slice(0, -1);
  if (n % count === 0) {
    const apart = reshape(x, [...lead, count, n / count]);
    return reshape(mean(apart, [lead.length + 1]), [...lead, count]);
  }
  // Stretch by stretch, and not by a product with shares of 0 and 1 / length: 0 · Infinity is no number.
  const last = lead.length;
  const stretches = Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * n) / count);
    return mean(narrow(x, last, start, Math.ceil(((i + 1) * n) / count) - start), [last]);
  });
  return cat(stretches, last);
}
