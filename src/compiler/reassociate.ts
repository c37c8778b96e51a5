// A few rows times a product: (rows X) W in place of rows (X W), where that is less work. X W may be seen through views, as the heads of a
// projection are, and may have a bias: what does not vary along the rows of X is weighed with the sum of each of the few.

import { sizeOf } from "../base/shape.js";
import { add, mul, permute, reshape, sub, sum } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { once } from "./constancy.js";
import { type Piece, Pieces } from "./pieces.js";
import { simplifyNode } from "./simplify.js";
import { applyView, product } from "./sink.js";

/** rows [batch..., M, S] · x [batch..., S, D] without x; null where x is no such product, is needed otherwise, or nothing is saved. */
export function fewRows(rows: Node, x: Node, lone: (node: Node) => boolean): Node | null {
  return lone(x) ? weighed(rows, x, [], lone) : null;
}

/** rows · views of x. */
function weighed(rows: Node, x: Node, views: readonly Node[], lone: (node: Node) => boolean): Node | null {
  switch (x.op) {
    case "permute":
    case "reshape":
      return lone(x.inputs[0]) ? weighed(rows, x.inputs[0], [x, ...views], lone) : null;
    case "matmul":
      return throughProduct(rows, x, views);
    case "add":
    case "sub": {
      const terms: Node[] = [];
      for (const input of x.inputs) {
        const seen = views.reduce((y, view) => applyView(view, y), input);
        const same = once(seen, seen.shape.length - 2);
        const term = same
          ? mul(sum(rows, [rows.shape.length - 1]), same)
          : lone(input) && weighed(rows, input, views, lone);
        if (!term) return null;
        terms.push(term);
      }
      return x.op === "add" ? add(terms[0], terms[1]) : sub(terms[0], terms[1]);
    }
    default:
      return null;
  }
}

const [ROW, COLUMN] = [0, 1];

/** x is X [R, C] · W [C, N]. Its rows are seen as batch axes and S, its columns as other batch axes, such as heads, and D. */
function throughProduct(rows: Node, x: Node, views: readonly Node[]): Node | null {
  const pieces = x.shape.length === 2 ? new Pieces(x.shape) : null;
  if (!pieces || !views.every((view) => pieces.follow(view))) return null;
  const [left, right] = x.inputs;
  const [R, C] = left.shape;
  const [m, s] = rows.shape.slice(-2);
  const batch = rows.shape.slice(0, -2);
  const [S, D] = pieces.axes.slice(-2);
  const d = sizeOf(D.map((piece) => piece.size));
  const now = R * C * x.shape[1] + sizeOf(batch) * m * s * d;
  const then = sizeOf(batch) * m * C * (s + d);
  const isOf = (own: number) => (axis: readonly Piece[]) => axis.every((piece) => piece.axis === own);
  const axes = pieces.axes.slice(0, -2);
  const places = axes.map((_, i) => i);
  const ofRows = places.filter((i) => isOf(ROW)(axes[i]));
  const ofColumns = places.filter((i) => !ofRows.includes(i));
  if (2 * then > now || !ofColumns.every((i) => isOf(COLUMN)(axes[i])) || !isOf(ROW)(S) || !isOf(COLUMN)(D))
    return null;

  const at = (list: readonly number[]) => list.flatMap((i) => axes[i]);
  const [p, h] = [at(ofRows), at(ofColumns)].map((list) => sizeOf(list.map((piece) => piece.size)));
  const tokens = arranged(left, [...pieces.of(ROW), null], [...at(ofRows), ...S, null], [p, s, C]);
  const weight = arranged(right, [null, ...pieces.of(COLUMN)], [...at(ofColumns), null, ...D], [h, C, d]);
  const rank = rows.shape.length;
  const own = shaped(turned(rows, [...ofRows, ...ofColumns, rank - 2, rank - 1]), [p, h * m, s]);
  const mixed = shaped(product(own, tokens), [p, h, m, C]);
  const result = product(shaped(turned(mixed, [1, 0, 2, 3]), [h, p * m, C]), weight); // [H, P M, D]
  const made = [...ofColumns, ...ofRows];
  const apart = shaped(result, [...made.map((i) => batch[i]), m, d]);
  return turned(apart, [...places.map((i) => made.indexOf(i)), rank - 2, rank - 1]);
}

const turned = (x: Node, dims: readonly number[]): Node => simplifyNode(permute(x, dims));
const shaped = (x: Node, shape: readonly number[]): Node => simplifyNode(reshape(x, shape));

/** A matrix whose axes are these pieces, null being the axis that stays whole: the pieces in another order, then in this shape. */
function arranged(
  x: Node,
  pieces: readonly (Piece | null)[],
  wanted: readonly (Piece | null)[],
  shape: readonly number[],
): Node {
  const whole = x.shape[pieces[0] === null ? 0 : 1];
  const apart = shaped(
    x,
    pieces.map((piece) => piece?.size ?? whole),
  );
  return shaped(
    turned(
      apart,
      wanted.map((piece) => pieces.indexOf(piece)),
    ),
    shape,
  );
}
