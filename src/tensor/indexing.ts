// Methods that read parts by index, PyTorch's t[...], and that replace them. What the indices mean is in index-parse.ts.

import { fail } from "../base/errors.js";
import { broadcastShapes, describe, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { constant, expand, gather, reshape, slice } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkTensor } from "./check.js";
import { TensorCore } from "./core.js";
import { forbidTrace, type Index, parseIndices } from "./index-parse.js";
import { gatherAlong, literal, pick, wrapIndex } from "./index-pick.js";
import { writeAt } from "./index-write.js";
import { TensorShapes } from "./shapes.js";
import { stored } from "./stored.js";

export type { Index } from "./index-parse.js";

export abstract class TensorIndexing<T> extends TensorShapes<T> {
  /**
   * PyTorch's t[...]: whole numbers, slices as strings ("1:3", "::2", "..."), null for a new axis, i32 tensors or arrays of numbers, bool
   * masks. Axes not named stay whole. Numbers, slices and null give views; a mask is evaluated at once, since the shape depends on it.
   * @throws HeedError for indices out of range, too many of them, masks of another shape
   * @example t.at(0); t.at(":", -1); t.at("1:3", null, [2, 0]); t.at("...", "::2");
   */
  at(...indices: Index[]): T {
    return this.derive(readAt("at", this.node, indices), this);
  }

  /**
   * A copy in which the part at `index` (one index, or a list of them as for `at`, without null) is `value`, which broadcasts to it. Where
   * an index tensor names a place twice, the last value stays. A lone index array is written in a list: [[0, 2]].
   * @example t.withAt(0, row); t.withAt([":", -1], 0); t.withAt(t.lt(0), 0);
   */
  withAt(index: Index | readonly Index[], value: TensorCore<unknown> | number): T {
    const indices = Array.isArray(index) ? (index as readonly Index[]) : [index as Index];
    if (value instanceof TensorCore) return this.derive(writeAt(this.node, indices, value.node), this, value);
    if (typeof value !== "number") fail("withAt", "a tensor or a number as value", shown(value));
    return this.derive(
      writeAt(this.node, indices, constant(stored("withAt", this.dtype, value), [], this.dtype)),
      this,
    );
  }

  /** The indices of all elements that are not zero, i32 [n, ndim], in order; computed at once. @throws HeedError inside compile */
  nonzero(): T {
    forbidTrace("nonzero");
    const positions = marked(this.numbers());
    const rows = new Int32Array(positions.length * this.ndim);
    positions.forEach((position, row) => {
      let left = position;
      for (let d = this.ndim - 1; d >= 0; d--) {
        rows[row * this.ndim + d] = left % this.shape[d];
        left = Math.floor(left / this.shape[d]);
      }
    });
    return this.wrap(literal(rows, [positions.length, this.ndim], "i32"), false);
  }

  /** The elements where the bool mask is true, in order, [n]; both broadcast. The mask is evaluated at once. @throws HeedError inside compile */
  maskedSelect(mask: TensorCore<unknown>): T {
    checkTensor("maskedSelect", "mask", mask);
    if (mask.dtype !== "bool")
      fail("maskedSelect", "a bool mask", describe(mask), "compare it, as in mask.ne(0), or convert it with .bool()");
    forbidTrace("maskedSelect");
    const shape = broadcastShapes("maskedSelect", this, mask);
    const positions = marked((this.wrap(expand(mask.node, shape), false) as unknown as TensorCore<unknown>).raw());
    const flat = reshape(expand(this.node, shape), [sizeOf(shape)]);
    return this.derive(gatherAlong(flat, 0, literal(positions, [positions.length], "i32")), this);
  }

  /** Elements of the flattened tensor, in the shape of `indices`: an i32 tensor or an array, negative values counting from the end. */
  take(indices: TensorCore<unknown> | readonly number[]): T {
    if (!(indices instanceof TensorCore) && !Array.isArray(indices))
      fail("take", "indices as an i32 tensor or an array", shown(indices));
    if (indices instanceof TensorCore && indices.dtype !== "i32")
      fail("take", "i32 indices", describe(indices), "convert them with .int()");
    return this.derive(readAt("take", reshape(this.node, [this.numel]), [indices]), this);
  }
}

function readAt(op: string, x: Node, indices: readonly Index[]): Node {
  const parts = parseIndices(op, x, indices);
  const starts = x.shape.map(() => 0);
  const steps = x.shape.map(() => 1);
  const sizes = [...x.shape];
  for (const part of parts) {
    if (part.kind === "integer") [starts[part.dim], sizes[part.dim]] = [part.at, 1];
    if (part.kind === "slice")
      [starts[part.dim], sizes[part.dim], steps[part.dim]] = [part.start, part.size, part.step];
  }
  let node = slice(x, starts, sizes, steps);
  // An index tensor without axes picks one slice, as a number does, and takes no part in the placing of axes.
  for (const part of parts) {
    if (part.kind !== "pick" || part.index.shape.length > 0) continue;
    const one = node.shape.map((n, i) => (i === part.dim ? 1 : n));
    node = gather(node, part.dim, expand(wrapIndex(part.index, x.shape[part.dim]), one));
  }
  const shape: number[] = [];
  const picks: (Node | null)[] = [];
  const axis = (n: number, index: Node | null = null) => {
    shape.push(n);
    picks.push(index);
  };
  for (const part of parts) {
    if (part.kind === "slice") axis(part.size);
    else if (part.kind === "axis") axis(1);
    else if (part.kind === "pick" && part.index.shape.length > 0) axis(x.shape[part.dim], part.index);
    else if (part.kind === "mask") {
      // The axes under a mask are one, and the mask the positions on it.
      const positions = marked(part.data());
      axis(sizeOf(part.shape), literal(positions, [positions.length], "i32"));
    }
  }
  const reshaped = reshape(node, shape);
  return picks.some((p) => p) ? pick(op, reshaped, picks) : reshaped;
}

function marked(data: ArrayLike<number>): Int32Array {
  const positions: number[] = [];
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) positions.push(i);
  return Int32Array.from(positions);
}
