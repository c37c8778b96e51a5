// Matrices that lie in an array as no two strides can say, such as windows: their rows and columns as walks along several axes.

import { collapse, reshapeView, type Shape, type View } from "../base/shape.js";
import type { Grid, Walk } from "../program/program.js";
import { regroup } from "./regroup.js";

/**
 * The array under `view` reshaped to [batch..., rows, columns] without moving anything, with strides 0 for rows and columns; null where
 * a plain view does it, and where axes of the array would have to serve rows and columns, or batches, at once.
 */
export function gridOf(view: View, shape: Shape): { view: View; grid: Grid } | null {
  const rank = shape.length;
  if (rank < 2 || reshapeView(view, shape)) return null;
  const groups = regroup(view.shape, shape);
  if (!groups) return null;
  const strides = shape.map(() => 0);
  const walks: (Walk | null)[] = [null, null];
  for (const { old, now } of groups) {
    const large = now.filter((i) => shape[i] !== 1);
    const sizes = old.map((i) => view.shape[i]);
    const own = old.map((i) => view.strides[i]);
    const side = large.length === 1 ? large[0] - (rank - 2) : -1;
    if (side >= 0) {
      const merged = collapse(sizes, [own]);
      walks[side] = { sizes: merged.shape, strides: merged.strides[0] };
    } else if (large.length > 0) {
      if (large.some((i) => i >= rank - 2)) return null;
      const batch = reshapeView(
        { shape: sizes, strides: own, offset: 0 },
        now.map((i) => shape[i]),
      );
      if (!batch) return null;
      now.forEach((i, k) => {
        strides[i] = batch.strides[k];
      });
    }
  }
  const [rows, columns] = walks.map((w) => w ?? { sizes: [1], strides: [0] });
  return { view: { shape, strides, offset: view.offset }, grid: { rows, columns } };
}
