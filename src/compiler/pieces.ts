// What a chain of permutations and reshapes does to an array's axes: each axis of the result is a run of pieces of the axes there were.

import type { Shape } from "../base/shape.js";
import type { Node } from "../graph/node.js";

export interface Piece {
  readonly size: number;
  /** The axis that it is of, or a part of. */
  readonly axis: number;
}

export class Pieces {
  /** The array's own axes. */
  private readonly own: Piece[][];
  private seen: Piece[][];

  constructor(shape: Shape) {
    this.own = shape.map((size, axis) => [{ size, axis }]);
    this.seen = this.own.map((pieces) => [...pieces]);
  }

  /** The axes of the result, each with its pieces, outermost first. */
  get axes(): readonly (readonly Piece[])[] {
    return this.seen;
  }

  /** The pieces that one of the array's own axes is made of. */
  of(axis: number): readonly Piece[] {
    return this.own[axis];
  }

  /** One view more; false where its axes cannot be said in pieces. */
  follow(view: Node): boolean {
    if (view.op === "permute") {
      this.seen = (view as Node<"permute">).params.dims.map((d) => this.seen[d]);
      return true;
    }
    return view.op === "reshape" && this.regroup(view.shape);
  }

  private regroup(shape: Shape): boolean {
    const rest = this.seen.flat().filter((p) => p.size !== 1);
    const axes: Piece[][] = [];
    for (const size of shape) {
      const axis: Piece[] = [];
      for (let left = size; left !== 1; ) {
        const next = rest.shift();
        if (!next) return false;
        if (left % next.size === 0) {
          axis.push(next);
          left /= next.size;
        } else {
          if (next.size % left !== 0) return false;
          const [outer, inner] = this.split(next, left);
          axis.push(outer);
          rest.unshift(inner);
          left = 1;
        }
      }
      axes.push(axis);
    }
    this.seen = axes;
    return true;
  }

  /** The piece in two: its own axis, too, has two where it had one. */
  private split(piece: Piece, outer: number): [Piece, Piece] {
    const { axis, size } = piece;
    const parts: [Piece, Piece] = [
      { size: outer, axis },
      { size: size / outer, axis },
    ];
    this.own[axis].splice(this.own[axis].indexOf(piece), 1, ...parts);
    return parts;
  }
}
