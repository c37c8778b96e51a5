// Convolution of signals and images. The windows are a view that the product reads (graph/windows.ts); nothing is unrolled in memory.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable, oneOf } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { extentOf } from "../base/windows.js";
import { cat, expand, flip, narrow } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { convolution } from "../graph/windows.js";
import { checkOptionalTensor, checkTensor } from "./check.js";
import { checkWindows, type PerAxis, perAxis, withBatch } from "./spatial.js";
import { Tensor } from "./tensor.js";

/** What stands beyond the edges: zeros, or the numbers inside mirrored, repeated from the edge, or from the other side. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** What `conv1d` and `conv2d` are told beside their tensors. */
export interface ConvolutionOptions {
  /** How far apart windows begin; 1. */
  stride?: PerAxis;
  /** Added on both sides of each axis; "same" keeps sizes (stride 1), "valid" adds nothing; 0. */
  padding?: PerAxis | "same" | "valid";
  /** How far apart the elements of a window are; 1. */
  dilation?: PerAxis;
  /** Input and output channels fall into this many groups that do not see each other; 1. */
  groups?: number;
  /** "zeros". */
  paddingMode?: PaddingMode;
}

/** @internal */
export const PADDING_MODE = oneOf<PaddingMode>("zeros", "reflect", "replicate", "circular");

/** @internal */
export const CONVOLUTION: OptionTable<ConvolutionOptions> = {
  stride: CHECKED,
  padding: CHECKED,
  dilation: CHECKED,
  groups: CHECKED,
  paddingMode: PADDING_MODE,
};

/**
 * x [B,C,L] or [C,L] with weight [O,C/groups,size] and bias [O]: [B,O,count], count = ⌊(L + 2 padding - dilation (size-1) - 1) / stride⌋ + 1.
 * @throws HeedError for channels that do not match, and for kernels longer than the padded input
 * @example conv1d(randn(2, 3, 50), randn(8, 3, 5), null, { padding: 2 })   // [2,8,50]
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvolutionOptions = {}): Tensor {
  return convolve("conv1d", x, weight, bias ?? null, options, 1);
}

/**
 * x [B,C,H,W] or [C,H,W] with weight [O,C/groups,height,width] and bias [O]: [B,O,rows,columns], sized as in conv1d.
 * @throws HeedError for channels that do not match, and for kernels larger than the padded input
 * @example conv2d(randn(1, 3, 224, 224), randn(64, 3, 7, 7), null, { stride: 2, padding: 3 })   // [1,64,112,112]
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvolutionOptions = {}): Tensor {
  return convolve("conv2d", x, weight, bias ?? null, options, 2);
}

function convolve(
  op: string,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvolutionOptions,
  axes: number,
): Tensor {
  checkOptions(op, options, CONVOLUTION);
  checkTensor(op, "x", input);
  checkTensor(op, "weight", weight);
  checkOptionalTensor(op, "bias", bias);
  const { groups = 1, paddingMode = "zeros" } = options;
  if (weight.ndim !== axes + 2)
    fail(op, `a weight [O,C/groups,${axes === 1 ? "size" : "height,width"}]`, describe(weight));
  const [outputs, channels, ...size] = weight.shape;
  if (!Number.isInteger(groups) || groups < 1 || outputs % groups !== 0)
    fail(op, `groups that divide the ${outputs} output channels of weight ${describe(weight)}`, shown(groups));
  const { x, back } = withBatch(op, input, axes);
  if (x.shape[1] !== channels * groups)
    fail(
      op,
      `${channels * groups} input channels, for weight ${describe(weight)}${groups > 1 ? ` in ${groups} groups` : ""}`,
      `${x.shape[1]} of ${describe(input)}`,
    );
  if (bias && (bias.ndim !== 1 || bias.shape[0] !== outputs)) fail(op, `a bias [${outputs}]`, describe(bias));
  const stride = perAxis(op, "stride", options.stride ?? 1, axes, 1);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, axes, 1);
  const padding = paddingOf(op, options.padding ?? 0, size, stride, dilation);
  const zeros = paddingMode === "zeros";
  const node = paddingMode === "zeros" ? x.node : paddedBy(op, x.node, padding, paddingMode);
  const params = { size, stride, padding: zeros ? padding : padding.map(() => 0), dilation };
  checkWindows(op, node, params);
  const y = Tensor.from(convolution(node, weight.node, params, groups), x, weight);
  return back(bias ? y.add(bias.reshape([outputs, ...size.map(() => 1)])) : y);
}

/** Two numbers for each axis, before and behind. */
function paddingOf(
  op: string,
  padding: PerAxis | "same" | "valid",
  size: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): number[] {
  if (padding === "valid") return size.flatMap(() => [0, 0]);
  if (padding === "same") {
    if (stride.some((s) => s !== 1))
      fail(op, 'stride 1 with padding "same"', `stride [${stride}]`, "give the padding as a number");
    return size.flatMap((s, i) => {
      const total = extentOf(s, dilation[i]) - 1;
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (typeof padding === "string") fail(op, 'padding: numbers, "same" or "valid"', shown(padding));
  return perAxis(op, "padding", padding, size.length, 0).flatMap((p) => [p, p]);
}

function paddedBy(op: string, x: Node, padding: readonly number[], mode: Exclude<PaddingMode, "zeros">): Node {
  const lead = x.shape.length - padding.length / 2;
  let y = x;
  for (let dim = lead; dim < x.shape.length; dim++) {
    const [before, behind] = padding.slice(2 * (dim - lead), 2 * (dim - lead) + 2);
    const n = x.shape[dim];
    const most = mode === "reflect" ? n - 1 : mode === "circular" ? n : n > 0 ? Number.POSITIVE_INFINITY : 0;
    if (Math.max(before, behind) > most)
      fail(
        op,
        `a padding of at most ${most} with paddingMode "${mode}", for ${describe(x)}`,
        String(Math.max(before, behind)),
      );
    const part = (start: number, length: number) => narrow(y, dim, start, length);
    const edge = (start: number, length: number) =>
      expand(
        part(start, 1),
        y.shape.map((s, i) => (i === dim ? length : s)),
      );
    const [head, tail] = {
      reflect: () => [flip(part(1, before), [dim]), flip(part(n - 1 - behind, behind), [dim])],
      replicate: () => [edge(0, before), edge(n - 1, behind)],
      circular: () => [part(n - before, before), part(0, behind)],
    }[mode]();
    y = cat(
      [head, y, tail].filter((p) => p.shape[dim] > 0),
      dim,
    );
  }
  return y;
}
