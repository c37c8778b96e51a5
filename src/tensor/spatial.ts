// What convolution and pooling share: numbers given once or per axis, padding by name, inputs with or without a batch, and checks.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { extentOf, type WindowParams } from "../base/windows.js";
import type { Node } from "../graph/node.js";
import { checkTensor } from "./check.js";
import type { Tensor } from "./tensor.js";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

/** @throws HeedError unless there are whole numbers of at least `least`, one or one for each axis */
export function perAxis(op: string, name: string, value: PerAxis, axes: number, least: number): number[] {
  const list = Array.isArray(value) ? [...value] : new Array<number>(axes).fill(value as number);
  const each = list.length === 1 ? new Array<number>(axes).fill(list[0]) : list;
  if (each.length !== axes || !each.every((n) => Number.isInteger(n) && n >= least && n < 2 ** 31))
    fail(
      op,
      `${name}: a whole number of at least ${least}${axes > 1 ? `, or ${axes} of them` : ""}`,
      Array.isArray(value) ? `[${value.map(shown)}]` : shown(value),
    );
  return each;
}

/** The input as [B,C,...], and the way back for results: a batch axis added where there was none. */
export function withBatch(op: string, x: Tensor, axes: number): { x: Tensor; back: (y: Tensor) => Tensor } {
  const letters = ["L", "H,W", "D,H,W"][axes - 1];
  checkTensor(op, "x", x);
  if (!isFloat(x.dtype)) fail(op, "a float tensor", describe(x), "convert it with .float()");
  if (x.ndim === axes + 2) return { x, back: (y) => y };
  if (x.ndim !== axes + 1) fail(op, `an input [B,C,${letters}] or [C,${letters}]`, describe(x));
  return { x: x.unsqueeze(0), back: (y) => y.squeeze(0) };
}

/** @throws HeedError where a window is longer than the padded axis it slides along */
export function checkWindows(op: string, x: Node, { size, padding, dilation }: WindowParams): void {
  const spatial = x.shape.slice(x.shape.length - size.length);
  const room = spatial.map((n, i) => n + padding[2 * i] + padding[2 * i + 1]);
  const extent = size.map((s, i) => extentOf(s, dilation[i]));
  if (extent.every((e, i) => e <= room[i])) return;
  const of = dilation.some((d) => d > 1) ? `, [${extent}] with its dilation` : "";
  fail(op, `a kernel of at most [${room}], the padded axes of ${describe(x)}`, `[${size}]${of}`);
}
