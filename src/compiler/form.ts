// A flash form: what an attention step computes inside its tiles, as small graphs over holes. A hole is a leaf that stands for an input of
// the step, or for a tile of it; the graphs are turned into expressions when the step is lowered.

import type { DType } from "../base/dtype.js";
import { type Shape, sameShape, sizeOf } from "../base/shape.js";
import { define, isFused } from "../graph/definitions.js";
import { makeLeaf, makeNode, type Node } from "../graph/node.js";
import { type FlashForm, familyOf } from "../graph/ops.js";
import type { GRADIENT_TILE, KeyBound, PRODUCT_TILE } from "../program/program.js";
import { surface } from "./sink.js";

/** A bound whose number, where it has one, is an input of the step. */
export type FormBound = Omit<KeyBound, "at"> & { readonly at: number | null };

export type Wanted = "query" | "key" | "value" | "score";

export interface FormParts {
  /** [batch..., T, S] */
  readonly shape: Shape;
  readonly scale: number;
  readonly bounds: readonly FormBound[];
  readonly mask: Node | null;
  readonly score: Node | null;
  readonly factor: Node | null;
  readonly slope: Node | null;
  /** The input that is the sink. */
  readonly sink: number | null;
  /** Of a gradient step: its results in order. */
  readonly wanted: readonly Wanted[];
}

let forms = 0;

export type Form = FormParts & FlashForm;

/** Forms are not compared: every step has its own, and its text says which. */
export function makeForm(parts: FormParts): Form {
  const id = ++forms;
  return { ...parts, toString: () => `form ${id}` };
}

class Hole {
  constructor(readonly input: number) {}
}

/** The input that a hole stands for (a tile if negative); null for any other node. */
export function holeInput(node: Node): number | null {
  return node.source instanceof Hole ? node.source.input : null;
}

const MOST_NODES = 96;

/** Collects what a step reads while graphs over holes are made. */
export class FormMaker {
  private readonly made = new Map<Node, Node>();
  private readonly slots = new Map<Node, number>();
  private nodes = 0;

  /** `inputs` begins with the step's own operands and grows by what its graphs read. */
  constructor(
    private readonly shape: Shape,
    readonly inputs: Node[],
  ) {}

  /** From here on `node` means a tile. */
  tile(node: Node, tile: typeof PRODUCT_TILE | typeof GRADIENT_TILE): void {
    this.made.set(node, hole(tile, node.shape, "f32"));
  }

  input(node: Node): number {
    const known = this.slots.get(node) ?? this.inputs.push(node) - 1;
    this.slots.set(node, known);
    return known;
  }

  /** More than a step should interpret for each score. */
  get large(): boolean {
    return this.nodes > MOST_NODES;
  }

  /** The graph over holes that computes `node` [batch..., T, S]. */
  graph(node: Node): Node {
    const known = this.made.get(node);
    if (known) return known;
    const graph = this.make(node);
    this.made.set(node, graph);
    return graph;
  }

  private make(node: Node): Node {
    this.nodes++;
    const [x] = node.inputs;
    switch (familyOf(node)) {
      case "index":
        return node;
      case "scalar":
        return makeNode(
          node.op,
          node.inputs.map((i) => this.graph(i)),
          node.params,
          node.shape,
          node.dtype,
        );
      case "random":
        return sameShape(node.shape, this.shape)
          ? makeNode(
              "random",
              [hole(this.input(x), x.shape, x.dtype)],
              (node as Node<"random">).params,
              node.shape,
              node.dtype,
            )
          : this.capture(node);
      case "fused":
        return isFused(node.op) && node.inputs.length === 1 && !("dim" in node.params)
          ? this.graph(define(node))
          : this.capture(node);
      case "view":
        return this.view(node);
      default:
        return this.capture(node);
    }
  }

  /** What would be as large as the scores of one head is computed in the tile rather than stored. */
  private view(node: Node): Node {
    let base = node;
    while (familyOf(base) === "view") [base] = base.inputs;
    const scores = this.shape.slice(-2).reduce((p, n) => p * n, 1);
    if (familyOf(base) !== "scalar" || sizeOf(base.shape) < scores) return this.capture(node);
    const pushed = surface(node);
    return pushed ? this.graph(pushed) : this.capture(node);
  }

  private capture(node: Node): Node {
    return hole(this.input(node), node.shape, node.dtype);
  }
}

function hole(input: number, shape: Shape, dtype: DType): Node {
  return makeLeaf(new Hole(input), shape, dtype);
}
