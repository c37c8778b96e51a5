// The backward of an attention as one step. It is found around the gradient of the scores: the products of what follows from it with keys and
// queries, and of the weights with the gradient of the output.

import { isFloat } from "../base/dtype.js";
import { swapsLastTwo } from "../base/shape.js";
import { constant, constantValue } from "../graph/build.js";
import { makeNode, type Node } from "../graph/node.js";
import { GRADIENT_TILE } from "../program/program.js";
import { commonParts, narrowed, type Product, readSides, readsProduct, turned } from "./flash.js";
import { FormMaker, makeForm, type Wanted } from "./form.js";
import type { Condition } from "./masks.js";

/** A product that a gradient step computes: of what, and whether transposed. */
export interface Contraction {
  readonly wanted: Wanted;
  readonly node: Node;
  /** The [T, S] operand: of query and key the gradient of the product, of value the weights. */
  readonly tile: Node;
  readonly other: Node;
  /** The node is the transposed of the wanted gradient. */
  readonly turned: boolean;
  /** It sums over queries, so it is a gradient of keys or values; else over keys. */
  readonly overQueries: boolean;
}

/** The ways a product may contract a [T, S] operand that `isTile` accepts. */
export function contractionOf(node: Node, isTile: (x: Node) => boolean): Omit<Contraction, "wanted"> | null {
  const [a, b] = node.inputs;
  for (const [side, other, onLeft] of [
    [a, b, true],
    [b, a, false],
  ] as const) {
    const flipped = isTile(side) ? null : untransposed(side);
    if (flipped ? !isTile(flipped) : !isTile(side)) continue;
    return {
      node,
      tile: flipped ?? side,
      other: onLeft ? other : turned(other),
      turned: !onLeft,
      overQueries: flipped ? onLeft : !onLeft,
    };
  }
  return null;
}

function untransposed(x: Node): Node | null {
  const inner = x.op === "cast" && isFloat(x.dtype) ? x.inputs[0] : x;
  return inner.op === "permute" && swapsLastTwo((inner as Node<"permute">).params.dims) ? inner.inputs[0] : null;
}

export interface Backward {
  readonly score: Node;
  /** The attention's value, where the gradient of scores is not asked for and does not tell. */
  readonly value: Node;
  readonly factor: Node | null;
  /** attentionScoreGradient; null where only the value's gradient is asked for. */
  readonly scoreGradient: Node | null;
  readonly contractions: readonly Contraction[];
  readonly wantsScore: boolean;
  readonly logsumexp: Node;
}

/** The gradient step of one attention; its results in the order of `wanted`. Null where it has to be spelled out. */
export function flashGradientOf(backward: Backward): { step: Node; wanted: readonly Wanted[] } | null {
  return gradientWith(backward, true) ?? gradientWith(backward, false);
}

function gradientWith(
  { score, scoreGradient, contractions, wantsScore, logsumexp, ...given }: Backward,
  withScale: boolean,
) {
  const inner = scoreGradient ? weightsGradient(scoreGradient.inputs[2]) : { product: null, factor: given.factor };
  if (!inner) return null;
  const value = inner.product ? turned(inner.product.inputs[1]) : narrowed(given.value);
  const doutput = inner.product ? narrowed(inner.product.inputs[0]) : narrowed(contractions[0].other);
  const delta = scoreGradient ? scoreGradient.inputs[3] : constant(0, [...score.shape.slice(0, -1), 1]);
  const sides = readSides(score, value, withScale);
  if (!sides) return null;
  const { product, masked } = sides;
  const own: Record<Wanted, Node> = { query: product.key, key: product.query, value: doutput, score };
  if (contractions.some((c) => narrowed(c.other) !== own[c.wanted])) return null;
  if (!consistent(contractions, inner.factor) || value.shape.at(-1) !== doutput.shape.at(-1)) return null;
  const maker = new FormMaker(score.shape, [product.query, product.key, value, logsumexp, doutput, delta]);
  const parts = commonParts(maker, sides, inner.factor);
  const tile = contractions.find((c) => c.wanted !== "value")?.tile;
  let slope: Node | null = null;
  if (tile && scoreGradient) {
    const steep = slopeOf(tile, scoreGradient, product, masked.conditions, withScale);
    if (!steep) return null;
    maker.tile(scoreGradient, GRADIENT_TILE);
    slope = steep === scoreGradient ? null : maker.graph(steep);
  }
  if (maker.large || readsProduct(maker.inputs.slice(6), product)) return null;
  const wanted: Wanted[] = [...new Set(contractions.map((c) => c.wanted)), ...(wantsScore ? (["score"] as const) : [])];
  const form = makeForm({ ...parts, shape: score.shape, slope, sink: null, wanted });
  const [first] = wanted;
  const { shape, dtype } = resultOf(first, contractions, score);
  return { step: makeNode("flashAttentionGradient", maker.inputs, { form }, shape, dtype), wanted };
}

/** One contraction of each kind at most, of one gradient of the products, and of the weights with the factor that the step knows. */
function consistent(contractions: readonly Contraction[], factor: Node | null): boolean {
  const kinds = contractions.map((c) => c.wanted);
  const slopes = new Set(contractions.filter((c) => c.wanted !== "value").map((c) => withoutCasts(c.tile)));
  const weights = contractions.find((c) => c.wanted === "value");
  if (new Set(kinds).size < kinds.length || slopes.size > 1) return false;
  if (!weights) return true;
  const tile = withoutCasts(weights.tile);
  if (!factor) return tile.op === "attentionPattern";
  return tile.op === "mul" && tile.inputs.includes(factor) && tile.inputs.some((i) => i.op === "attentionPattern");
}

/** Shape and dtype of one result of a gradient step. */
export function resultOf(
  wanted: Wanted,
  contractions: readonly Contraction[],
  score: Node,
): Pick<Node, "shape" | "dtype"> {
  const found = contractions.find((c) => c.wanted === wanted);
  if (!found) return { shape: score.shape, dtype: "f32" };
  const { node, turned: flipped } = found;
  return {
    shape: flipped
      ? [...node.shape.slice(0, -2), node.shape.at(-1) as number, node.shape.at(-2) as number]
      : node.shape,
    dtype: node.dtype,
  };
}

/** dY Vᵀ, and the factor that it is multiplied by. */
function weightsGradient(node: Node): { product: Node; factor: Node | null } | null {
  if (node.op === "matmul") return { product: node, factor: null };
  if (node.op !== "mul") return null;
  const [a, b] = node.inputs;
  if (a.op === "matmul") return { product: a, factor: b };
  return b.op === "matmul" ? { product: b, factor: a } : null;
}

/** The gradient of the scaled product, from that of the plain one: without the factor, and without the masks, which leave only zeros. */
function slopeOf(
  tile: Node,
  dscore: Node,
  product: Product,
  conditions: readonly Condition[],
  withScale: boolean,
): Node | null {
  let node = withoutCasts(tile);
  if (withScale && product.scale !== 1) {
    const factor = node.inputs[1] ? constantValue(node.inputs[1]) : Number.NaN;
    const scale = node.op === "mul" ? factor : node.op === "div" ? 1 / factor : Number.NaN;
    if (scale !== product.scale) return null;
    node = withoutCasts(node.inputs[0]);
  }
  for (;;) {
    const inner = withoutMask(node, conditions);
    if (inner === node) return withoutCasts(node) === dscore ? dscore : vanishesWith(node, dscore) ? node : null;
    node = withoutCasts(inner);
  }
}

/** Whether the node is 0 wherever dscore is: a step leaves out keys that may not be seen, whatever else would add to their gradient. */
function vanishesWith(node: Node, dscore: Node): boolean {
  if (node === dscore) return true;
  const [a, b, c] = node.inputs;
  const within = (x: Node) => vanishesWith(x, dscore) || constantValue(x) === 0;
  switch (node.op) {
    case "cast":
    case "neg":
    case "div":
      return within(a);
    case "mul":
      return within(a) || within(b);
    case "add":
    case "sub":
      return within(a) && within(b);
    case "reluGradient":
      return within(b);
    case "where":
      return within(b) && within(c);
    default:
      return false;
  }
}

function withoutCasts(node: Node): Node {
  return node.op === "cast" && isFloat(node.dtype) && isFloat(node.inputs[0].dtype)
    ? withoutCasts(node.inputs[0])
    : node;
}

function withoutMask(node: Node, conditions: readonly Condition[]): Node {
  if (node.op !== "where") return node;
  const [c, a, b] = node.inputs;
  const isZero = (n: Node) => constantValue(n) === 0;
  const shows = (holds: boolean) => conditions.some((k) => k.node === c && k.holds === holds);
  if (isZero(b) && shows(true)) return a;
  return isZero(a) && shows(false) ? b : node;
}
