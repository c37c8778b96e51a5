// From attention nodes to flash steps: the scores' graph is read (masks.ts), its product found, and the rest put into a form (form.ts).
// The steps of the backward are in flash-gradient.ts.

import { isFloat } from "../base/dtype.js";
import { type AttentionInputs, attentionInputs, part } from "../graph/attention.js";
import { constantValue, transpose } from "../graph/build.js";
import { makeNode, type Node, topological } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { PRODUCT_TILE } from "../program/program.js";
import { type FormBound, FormMaker, type FormParts, makeForm } from "./form.js";
import { type Masked, readConditions, readMasks } from "./masks.js";
import { productsIn } from "./scores.js";
import { simplifyNode } from "./simplify.js";

const WIDEST = 512;

/** The product under the scores: `node` is scale * (query keyᵀ). */
export interface Product {
  readonly node: Node;
  /** query keyᵀ itself */
  readonly matrix: Node;
  readonly scale: number;
  readonly query: Node;
  readonly key: Node;
}

/** 16-bit operands that were widened for a product are read as they lie. */
export function narrowed(x: Node): Node {
  return x.op === "cast" && x.dtype === "f32" && isFloat(x.inputs[0].dtype) ? x.inputs[0] : x;
}

/** The key [.., S, D] of a product's right side [.., D, S]. */
export const turned = (x: Node): Node => narrowed(simplifyNode(transpose(narrowed(x))));

function productOf(score: Node, withScale: boolean): Product | null {
  const [product] = productsIn(score);
  if (!product) return null;
  const [a, b] = product.inputs;
  const plain = { node: product, matrix: product, scale: 1, query: narrowed(a), key: turned(b) };
  const { node, scale } = withScale ? scaleOf(score, product) : plain;
  return { ...plain, node, scale };
}

/** The product times a number, where it enters the scores in no other way. */
function scaleOf(score: Node, product: Node): { node: Node; scale: number } {
  const users = usersWithin(score);
  for (let node = product; ; ) {
    const above = users.get(node) ?? [];
    if (above.length !== 1 || node === score) return { node, scale: 1 };
    const [user] = above;
    const factor = user.inputs[1] ? constantValue(user.inputs[1]) : Number.NaN;
    if (user.op === "mul" && user.inputs[0] === node && Number.isFinite(factor)) return { node: user, scale: factor };
    if (user.op === "div" && user.inputs[0] === node && factor !== 0 && Number.isFinite(factor))
      return { node: user, scale: 1 / factor };
    if (user.op !== "cast" || !isFloat(user.dtype)) return { node, scale: 1 };
    node = user;
  }
}

function usersWithin(score: Node): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>();
  const seen = new Set<Node>();
  const stack = [score];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node) || familyOf(node) !== "scalar") continue;
    seen.add(node);
    for (const input of new Set(node.inputs)) {
      users.set(input, [...(users.get(input) ?? []), node]);
      stack.push(input);
    }
  }
  return users;
}

interface Sides {
  readonly masked: Masked;
  readonly product: Product;
}

/** Whether a step can take these operands at all. */
function fits({ query, key }: Product, score: Node, value: Node): boolean {
  const d = query.shape[query.shape.length - 1];
  const e = value.shape[value.shape.length - 1];
  const widths = d > 0 && e > 0 && d <= WIDEST && e <= WIDEST;
  return widths && score.shape.every((n) => n > 0) && [query, key, value].every((x) => isFloat(x.dtype));
}

export function readSides(score: Node, value: Node, withScale: boolean): Sides | null {
  const masked = readMasks(score);
  const product = productOf(masked.score, withScale);
  return product && fits(product, score, value) ? { masked, product } : null;
}

type CommonParts = Pick<FormParts, "scale" | "bounds" | "mask" | "score" | "factor">;

/** What both kinds of steps have: bounds, mask, score and factor as graphs over holes. */
export function commonParts(maker: FormMaker, { masked, product }: Sides, factor: Node | null): CommonParts {
  maker.tile(product.node, PRODUCT_TILE);
  const { bounds, mask } = readConditions(masked.conditions);
  const held = bounds.map((b): FormBound => ({ ...b, at: b.at && maker.input(b.at) }));
  return {
    scale: product.scale,
    bounds: held,
    mask: mask && maker.graph(mask),
    score: masked.score === product.node ? null : maker.graph(masked.score),
    factor: factor && maker.graph(factor),
  };
}

/** Whether something outside the tiles is made from the product itself: it would be stored anyway, and be rounded otherwise. */
export function readsProduct(captured: readonly Node[], { matrix }: Product): boolean {
  return topological(captured, (n) => n.id < matrix.id).includes(matrix);
}

/** The attention node as a step; null where it has to be spelled out. */
export function flashOf(node: Node): Node | null {
  return flashWith(attentionInputs(node), node.shape, node.dtype);
}

/** Its log-sum-exp, the step's second result. */
export function flashLogsumexp(flash: Node): Node {
  return part(flash, 1, [...flash.shape.slice(0, -1), 2], "f32");
}

function flashWith(
  { score, value, factor, sink }: AttentionInputs,
  shape: Node["shape"],
  dtype: Node["dtype"],
): Node | null {
  const sides = readSides(score, value, true);
  if (!sides) return null;
  const maker = new FormMaker(score.shape, [sides.product.query, sides.product.key, narrowed(value)]);
  const parts = commonParts(maker, sides, factor);
  const beside = sink && maker.input(sink);
  if (maker.large || readsProduct(maker.inputs.slice(3), sides.product)) return null;
  const form = makeForm({ ...parts, shape: score.shape, slope: null, sink: beside, wanted: [] });
  return makeNode("flashAttention", maker.inputs, { form }, shape, dtype);
}
