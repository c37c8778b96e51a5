// Grouped and multi-query heads: keys and values repeated for each query head are not copied. Where an axis of the keys was made by
// repeating, that axis becomes two everywhere, and along one of them keys and values stand still.

import { swapsLastTwo } from "../base/shape.js";
import { attention, attentionInputs } from "../graph/attention.js";
import { reshape, transpose } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { substitute } from "../graph/rewrite.js";
import { conceals, productsIn } from "./scores.js";
import { simplifyNode } from "./simplify.js";
import { applyView, product, sink } from "./sink.js";

interface Repeated {
  /** The batch axis that is two in truth, and their sizes. */
  readonly axis: number;
  readonly sizes: readonly [number, number];
  /** The operand with the two axes apart: an expand. */
  readonly apart: Node;
}

/** The attention node with its repeated key heads taken apart, and the result put together again; the node itself where there are none. */
export function groupQueries(node: Node, opaque: (node: Node) => boolean): Node {
  const { score, value, factor, sink: beside } = attentionInputs(node);
  const found = productsIn(score)
    .map((p) => ({ p, key: repeatedHeads(p.inputs[1]) }))
    .find(({ key }) => key !== null);
  if (!found?.key) return node;
  const replaced = [score, ...found.p.inputs, value, ...(factor ? [factor] : []), ...(beside ? [beside] : [])];
  if (replaced.some((x) => conceals(x, opaque))) return node;
  const { axis, sizes, apart } = found.key;
  const split = (x: Node) => reshape(x, [...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)]);
  const into = (x: Node) => sink(split(x), x) ?? applyView(split(x), x);
  const pushed = sink(split(score), score);
  const [query] = found.p.inputs;
  const whole = pushed && productsIn(pushed).find((p) => p.inputs[0] === simplifyNode(split(query)));
  if (!pushed || !whole) return node;
  const [grouped] = substitute([pushed], (n) => (n === whole ? product(whole.inputs[0], apart) : undefined));
  const values = repeatedHeads(value);
  const sameSplit = values?.axis === axis && values.sizes.every((n, i) => n === sizes[i]);
  const attended = attention(grouped, sameSplit ? values.apart : simplifyNode(split(value)), {
    factor: factor && into(factor),
    sink: beside && into(beside),
  });
  return reshape(attended, node.shape);
}

/** The heads of a [batch..., rows, columns] operand that repeats some: through a transposition of the last two axes too. */
function repeatedHeads(x: Node): Repeated | null {
  if (x.op === "permute") {
    const inner = swapsLastTwo((x as Node<"permute">).params.dims) ? repeatedHeads(x.inputs[0]) : null;
    return inner && { ...inner, apart: simplifyNode(transpose(inner.apart)) };
  }
  const [y] = x.inputs;
  if (x.op !== "reshape" || y.op !== "expand") return null;
  const rank = x.shape.length;
  for (let axis = 0; axis < rank - 2; axis++) {
    const sizes = splitOf(x.shape, y.shape, axis);
    const apart = sizes && sink(reshape(y, [...x.shape.slice(0, axis), ...sizes, ...x.shape.slice(axis + 1)]), y);
    if (sizes && apart?.op === "expand") return { axis, sizes, apart };
  }
  return null;
}

/** The two axes of y that axis `axis` of the reshaped x was made of. */
function splitOf(shape: readonly number[], of: readonly number[], axis: number): [number, number] | null {
  const before = shape.slice(0, axis).reduce((p, n) => p * n, 1);
  let passed = 1;
  for (let i = 0; i + 1 < of.length; i++) {
    const outer = of.slice(i).findIndex((n) => n !== 1);
    if (passed === before && outer === 0) {
      const next = of.slice(i + 1).find((n) => n !== 1);
      if (next !== undefined && of[i] * next === shape[axis]) return [of[i], next];
    }
    passed *= of[i];
  }
  return null;
}
