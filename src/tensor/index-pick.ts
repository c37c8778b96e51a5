// Index tensors as one gather needs them: negative values wrapped, several broadcast together and made one linear index.

import { broadcastShapes, type Shape, sizeOf } from "../base/shape.js";
import { add, constant, expand, gather, iota, mul, permute, reshape, scalar, where } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { executor } from "./evaluate.js";
import { leafOf, Value } from "./value.js";

const whole = (value: number): Node => constant(value, [], "i32");

/** Least and largest number of each literal. */
const literalBounds = new WeakMap<Node, readonly [number, number]>();

/** A leaf with these numbers. */
export function literal(data: ArrayLike<number>, shape: Shape, dtype: "i32" | "bool"): Node {
  const on = executor();
  const memory = on.allocate(dtype, sizeOf(shape));
  memory.data.set(data);
  const leaf = leafOf(new Value(dtype, shape, memory, on));
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) [least, most] = [Math.min(least, data[i]), Math.max(most, data[i])];
  literalBounds.set(leaf, [least, most]);
  return leaf;
}

/** Least and largest value, where they follow from how the index is made: those need no wrapping and no check. */
function bounds(index: Node): readonly [number, number] {
  const unknown = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
  if (sizeOf(index.shape) === 0) return [0, 0];
  if (familyOf(index) === "view") return bounds(index.inputs[0]);
  switch (index.op) {
    case "leaf":
      return literalBounds.get(index) ?? unknown;
    case "constant": {
      const { value } = (index as Node<"constant">).params;
      return [value, value];
    }
    case "iota":
      return [0, index.shape[(index as Node<"iota">).params.dim] - 1];
    case "argsort":
      return [0, index.inputs[0].shape[index.shape.length - 1] - 1];
    case "add":
    case "mul": {
      const [[a, b], [c, d]] = index.inputs.map(bounds);
      if (![a, b, c, d].every(Number.isFinite)) return unknown;
      const ends = index.op === "add" ? [a + c, b + d] : [a * c, a * d, b * c, b * d];
      return ends.every((e) => Math.abs(e) < 2 ** 31) ? [Math.min(...ends), Math.max(...ends)] : unknown;
    }
    default:
      return unknown;
  }
}

/** Negative indices counted from the end; those below -n stay, so that the kernel that refuses them names what the user wrote. */
export function wrapIndex(index: Node, n: number): Node {
  const [least, most] = bounds(index);
  if (least >= 0) return index;
  const wrapped = add(index, whole(n));
  if (most < 0 && least >= -n) return wrapped;
  const fromEnd = scalar("and", scalar("lt", index, whole(0)), scalar("ge", index, whole(-n)));
  return where(fromEnd, wrapped, index);
}

/** The position of (index0, index1, ...) in the flattened axes of these sizes. Where one index is out of range the whole is, as itself where that is beyond the size. */
export function linearIndex(indices: readonly Node[], sizes: Shape): Node {
  const wrapped = indices.map((index, i) => wrapIndex(index, sizes[i]));
  let position = wrapped.reduce((sum, index, i) => add(mul(sum, whole(sizes[i])), index));
  wrapped.forEach((index, i) => {
    const [least, most] = bounds(index);
    if (least >= 0 && most < sizes[i]) return;
    const inside = scalar("and", scalar("ge", index, whole(0)), scalar("lt", index, whole(sizes[i])));
    const outside = where(scalar("lt", index, whole(0)), index, scalar("maximum", index, whole(sizeOf(sizes))));
    position = where(inside, position, outside);
  });
  return position;
}

/** x with axis `dim` replaced by the axes of `index`, whose values are in range. */
export function gatherAlong(x: Node, dim: number, index: Node): Node {
  const columns = x.shape.map((n, i) => (i === dim ? sizeOf(index.shape) : n));
  const column = reshape(
    index,
    columns.map((n, i) => (i === dim ? n : 1)),
  );
  const rows = gather(x, dim, expand(column, columns));
  return reshape(rows, [...x.shape.slice(0, dim), ...index.shape, ...x.shape.slice(dim + 1)]);
}

/**
 * x indexed on the axes where `picks` has an index. The axes of the broadcast indices stand where the indexed axes stood, or come first
 * where these are not neighbours, as in PyTorch.
 */
export function pick(op: string, x: Node, picks: readonly (Node | null)[]): Node {
  const dims = picks.flatMap((p, i) => (p ? [i] : []));
  const indices = picks.filter((p) => p !== null);
  const [first] = dims;
  if (dims.length === 1) return gatherAlong(x, first, wrapIndex(indices[0], x.shape[first]));
  const shape = broadcastShapes(op, ...indices);
  const sizes = dims.map((d) => x.shape[d]);
  if (dims[dims.length - 1] - first + 1 === dims.length) {
    const merged = reshape(x, [...x.shape.slice(0, first), sizeOf(sizes), ...x.shape.slice(first + dims.length)]);
    return gatherAlong(merged, first, linearIndex(indices, sizes));
  }
  const rest = picks.flatMap((p, i) => (p ? [] : [i]));
  const kept = rest.map((d) => x.shape[d]);
  if (sizeOf(shape) * sizeOf(kept) < sizeOf(x.shape)) return pickElements(x, picks, shape, rest);
  const front = reshape(permute(x, [...dims, ...rest]), [sizeOf(sizes), ...kept]);
  return gatherAlong(front, 0, linearIndex(indices, sizes));
}

/** Few elements of many: an index for each element costs less than bringing the indexed axes of x together, which would copy all of it. */
function pickElements(x: Node, picks: readonly (Node | null)[], shape: Shape, rest: readonly number[]): Node {
  const result = [...shape, ...rest.map((d) => x.shape[d])];
  const everywhere = picks.map((index, d) => {
    if (index) return reshape(index, [...index.shape, ...rest.map(() => 1)]);
    const axis = shape.length + rest.indexOf(d);
    return iota(
      result.map((n, i) => (i === axis ? n : 1)),
      axis,
    );
  });
  return gatherAlong(reshape(x, [sizeOf(x.shape)]), 0, linearIndex(everywhere, x.shape));
}
