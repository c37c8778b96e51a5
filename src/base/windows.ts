// The arithmetic of windows that slide over axes.

import type { Shape } from "./shape.js";

/** Windows over the last axes of an array, one number an axis: `padding` has two for each, before and behind. */
export interface WindowParams {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

/** From the first to the last element of a window, both counted. */
export const extentOf = (size: number, dilation: number): number => (size - 1) * dilation + 1;

/** How many windows there are along each spatial axis. */
export function windowCounts(spatial: Shape, { size, stride, padding, dilation }: WindowParams): number[] {
  return size.map(
    (s, i) => Math.floor((spatial[i] + padding[2 * i] + padding[2 * i + 1] - extentOf(s, dilation[i])) / stride[i]) + 1,
  );
}
