// The pass that gives attention its steps: attention nodes become flash steps, their backwards too, and weights that somebody asks for are
// computed from the log-sum-exp that the step saves, for the rows asked for. What does not fit is left for `define` to spell out.

import { sameShape, sizeOf } from "../base/shape.js";
import { attentionInputs, attentionPattern, part } from "../graph/attention.js";
import { cast, transpose } from "../graph/build.js";
import { define } from "../graph/definitions.js";
import { type Node, topological, withInputs } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import { withoutCuts } from "../graph/rewrite.js";
import type { Capabilities } from "../program/program.js";
import { flashLogsumexp, flashOf } from "./flash.js";
import { type Contraction, contractionOf, flashGradientOf, resultOf } from "./flash-gradient.js";
import { productsIn } from "./scores.js";
import { mixedBy, shownPattern, shownWeights } from "./shown.js";
import { simplify } from "./simplify.js";
import { sink } from "./sink.js";

/** Ops without which there are neither attentions nor weights to ask for. */
const WEIGHING: ReadonlySet<Node["op"]> = new Set(["attention", "softmax", "logSoftmax", "exp"]);

export function formTiles(roots: readonly Node[], capabilities: Capabilities): readonly Node[] {
  const order = topological(roots);
  if (!order.some((n) => WEIGHING.has(n.op))) return roots;
  // Gradients are plain by now: what was cut off from them is like anything else.
  const tidy = simplify(withoutCuts(roots, order));
  return new Tiles(tidy, capabilities.kinds.has("attention")).run();
}

interface Group {
  readonly attention: Node;
  /** attentionScoreGradient, where it is asked for. */
  readonly scoreGradient: Node | null;
  readonly logsumexp: Node;
  readonly contractions: Contraction[];
  busy: boolean;
}

class Tiles {
  private readonly order: readonly Node[];
  private readonly done = new Map<Node, Node>();
  private readonly groups = new Map<Node, Group>();
  /** By attentionScoreGradient. */
  private readonly backwards = new Map<Node, Group>();
  private readonly attended = new Map<Node, Node>();
  private readonly products = new Map<Node, boolean>();
  /** Attentions whose steps are being made for weights that are asked for. */
  private readonly asked = new Set<Node>();
  private readonly users = new Map<Node, Node[]>();
  private readonly wanted: ReadonlySet<Node>;

  constructor(
    private readonly roots: readonly Node[],
    private readonly fused: boolean,
  ) {
    this.order = topological(roots);
    this.wanted = new Set(roots);
    for (const node of this.order) {
      for (const input of new Set(node.inputs)) {
        const users = this.users.get(input);
        if (users) users.push(node);
        else this.users.set(input, [node]);
      }
    }
    if (!fused) return;
    for (const node of this.order)
      if (node.op === "attention" && !attentionInputs(node).sink) this.attended.set(node.inputs[0], node);
    for (const node of this.order) if (node.op === "attentionLogsumexp") this.findBackward(node);
  }

  run(): Node[] {
    this.ensure(this.roots);
    return this.roots.map((r) => this.imageOf(r));
  }

  /** Rewrites everything that the nodes need, inputs first. */
  private ensure(nodes: readonly Node[]): void {
    const stop = (n: Node) => this.done.has(n) || this.groups.has(n) || this.backwards.get(n)?.busy === false;
    for (const node of topological(nodes, stop)) {
      if (this.done.has(node)) continue;
      const group = this.groups.get(node);
      const begun = group ?? this.backwards.get(node);
      if (begun && !begun.busy) this.backward(begun);
      if (!this.done.has(node)) {
        if (begun) this.ensure(node.inputs);
        const image = this.rewritten(node);
        // The step that was asked for its weights may have needed them itself.
        if (!this.done.has(node)) this.done.set(node, image);
      }
    }
  }

  private image(node: Node): Node {
    if (node.inputs.every((i) => this.imageOf(i) === i)) return node;
    return withInputs(
      node,
      node.inputs.map((i) => this.imageOf(i)),
    );
  }

  /** What the node has become; made now where it was forgotten. */
  private imageOf(node: Node): Node {
    if (!this.done.has(node)) this.ensure([node]);
    return this.done.get(node) as Node;
  }

  private rewritten(node: Node): Node {
    const image = this.image(node);
    switch (node.op) {
      case "attention": {
        const shown = this.fused && shownPattern(node, this.users, this.wanted);
        if (shown) return mixedBy(this.imageOf(shown), attentionInputs(image));
        return (this.fused && flashOf(image)) || image;
      }
      case "attentionLogsumexp": {
        // Its attention has the same scores; the step is the same node whenever it is made.
        const owner = this.owner(node);
        const flash = this.fused && owner && this.stepOf(owner);
        return flash ? flashLogsumexp(flash) : image;
      }
      case "softmax":
        return this.pattern(node as Node<"softmax">) ?? image;
      case "slice":
        return this.sliceOfPattern(node) ?? image;
      default:
        return image;
    }
  }

  /** The weights of an attention that is a step: exp(score - logsumexp). */
  private pattern(node: Node<"softmax">): Node | null {
    const [score] = node.inputs;
    if (node.params.dim !== node.shape.length - 1) return null;
    const owner = this.attended.get(score) ?? this.attended.get(cast(score, "f32"));
    // The step takes 16-bit products as they come; stored they are rounded, and would not fit its log-sum-exp.
    if (!owner || !productsIn(score).every((p) => p.dtype === "f32")) return null;
    if (shownPattern(owner, this.users, this.wanted) === node) return shownWeights(this.imageOf(score));
    const flash = this.stepOf(owner);
    if (!flash) return null;
    const scores = cast(this.imageOf(score), "f32");
    return cast(define(attentionPattern(scores, flashLogsumexp(flash))), node.dtype);
  }

  /** The attention as a step; null where it is none, or where its values are made from the weights that ask for it, as in pattern · pattern. */
  private stepOf(attention: Node): Node | null {
    if (this.asked.has(attention)) return null;
    this.asked.add(attention);
    const image = this.imageOf(attention);
    this.asked.delete(attention);
    return image.op === "flashAttention" ? image : null;
  }

  /** Weights, or what is made of them, of which only slices are asked for: computed for those alone, from slices of query and key. */
  private sliceOfPattern(node: Node): Node | null {
    const [x] = node.inputs;
    const pending = familyOf(x) === "scalar" || x.op === "softmax" || x.op === "logSoftmax";
    const slices = this.users.get(x) as Node[];
    if (!pending || this.wanted.has(x) || !slices.every((u) => u.op === "slice")) return null;
    // Parts that make up the whole, as query, key and value of one product do, save nothing.
    if (slices.reduce((sum, u) => sum + sizeOf(u.shape), 0) >= sizeOf(x.shape)) return null;
    const made = this.imageOf(x);
    return this.hasProduct(made) ? sink(node, made) : null;
  }

  /** Whether work on rows and elements alone leads down to a product. */
  private hasProduct(node: Node): boolean {
    const known = this.products.get(node);
    if (known !== undefined) return known;
    const family = familyOf(node);
    const onward =
      family === "scalar" ||
      family === "view" ||
      family === "reduce" ||
      node.op === "softmax" ||
      node.op === "logSoftmax";
    const result = node.op === "matmul" || (onward && node.inputs.some((i) => this.hasProduct(i)));
    this.products.set(node, result);
    return result;
  }

  // --- the backward of one attention

  private findBackward(logsumexp: Node): void {
    const [score] = logsumexp.inputs;
    const attention = this.owner(logsumexp);
    if (!attention) return;
    const own = (op: Node["op"]) => (n: Node) => n.op === op && n.inputs[0] === score && n.inputs[1] === logsumexp;
    const scoreGradient = (this.users.get(logsumexp) ?? []).find(own("attentionScoreGradient")) ?? null;
    const follows = this.cone(scoreGradient ? [scoreGradient] : [], score.shape);
    const weights = this.cone((this.users.get(logsumexp) ?? []).filter(own("attentionPattern")), score.shape);
    const group: Group = { attention, scoreGradient, logsumexp, contractions: [], busy: false };
    for (const node of this.productsOf(follows, weights)) {
      if (this.groups.has(node)) continue;
      const ofScores = contractionOf(node, (n) => follows.has(n));
      const ofWeights = ofScores ? null : contractionOf(node, (n) => weights.has(n));
      if (ofScores) group.contractions.push({ ...ofScores, wanted: ofScores.overQueries ? "key" : "query" });
      else if (ofWeights?.overQueries) group.contractions.push({ ...ofWeights, wanted: "value" });
    }
    for (const { node } of group.contractions) this.groups.set(node, group);
    if (scoreGradient && group.contractions.length > 0) this.backwards.set(scoreGradient, group);
  }

  /** What elementwise work alone makes of nodes of this shape, and they themselves. */
  private cone(origins: readonly Node[], shape: readonly number[]): Set<Node> {
    const same = (n: Node) => sameShape(n.shape, shape);
    const found = new Set(origins.filter(same));
    for (const node of found)
      for (const user of this.users.get(node) ?? []) if (familyOf(user) === "scalar" && same(user)) found.add(user);
    return found;
  }

  /** The products of these nodes, as they are or transposed, in the order of writing. */
  private productsOf(...sets: readonly ReadonlySet<Node>[]): Node[] {
    const usersOf = (nodes: Iterable<Node>) => [...nodes].flatMap((n) => this.users.get(n) ?? []);
    const direct = usersOf(sets.flatMap((set) => [...set]));
    const turned = usersOf(direct.filter((n) => n.op === "permute"));
    const found = new Set([...direct, ...turned, ...usersOf(turned.filter((n) => n.op === "cast"))]);
    return [...found].filter((n) => n.op === "matmul").sort((a, b) => a.id - b.id);
  }

  private backward(group: Group): void {
    group.busy = true;
    const { scoreGradient } = group;
    this.ensure([...group.contractions.flatMap((c) => c.node.inputs), group.attention]);
    const open = group.contractions.filter((c) => !this.done.has(c.node));
    const images = open.map((c) => {
      const found = contractionOf(this.image(c.node), (n) => n === this.done.get(c.tile));
      return found && { ...found, wanted: c.wanted };
    });
    if (images.includes(null) || open.length === 0) return;
    const contractions = images as Contraction[];
    const cut = new Set(open.map((c) => c.node));
    const wantsScore = scoreGradient !== null && this.neededBeside(scoreGradient, cut);
    const image = (n: Node) => this.imageOf(n);
    const { score, value, factor } = attentionInputs(group.attention);
    const made = flashGradientOf({
      score: image(score),
      value: image(value),
      factor: factor && image(factor),
      scoreGradient: scoreGradient && image(scoreGradient),
      contractions,
      wantsScore,
      logsumexp: image(group.logsumexp),
    });
    if (!made) return;
    const { step, wanted } = made;
    const result = (name: (typeof wanted)[number]) => {
      const at = wanted.indexOf(name);
      const { shape, dtype } = resultOf(name, contractions, image(score));
      return at === 0 ? step : part(step, at, shape, dtype);
    };
    if (wantsScore) this.forgetAfter(scoreGradient, cut);
    open.forEach((c, i) => {
      const whole = result(c.wanted);
      this.done.set(c.node, contractions[i].turned ? transpose(whole) : whole);
    });
    if (wantsScore) this.done.set(scoreGradient, result("score"));
  }

  /** Whether a root needs the node by another way than through those in `cut`. */
  private neededBeside(node: Node, cut: ReadonlySet<Node>): boolean {
    const seen = new Set([node]);
    for (const n of seen) {
      if (this.wanted.has(n)) return true;
      for (const user of this.users.get(n) ?? []) if (!cut.has(user)) seen.add(user);
    }
    return false;
  }

  /** What was rewritten before the node got another image is to be rewritten again. */
  private forgetAfter(node: Node, except: ReadonlySet<Node>): void {
    for (const user of this.users.get(node) ?? [])
      if (!except.has(user) && this.done.delete(user)) this.forgetAfter(user, except);
  }

  /** The attention that the log-sum-exp belongs to. */
  private owner(logsumexp: Node): Node | undefined {
    return this.users.get(logsumexp.inputs[0])?.find((n) => n.op === "attention" && sameScores(n, logsumexp));
  }
}

function sameScores(attention: Node, logsumexp: Node): boolean {
  const { score, sink: beside } = attentionInputs(attention);
  return score === logsumexp.inputs[0] && beside === (logsumexp.inputs[1] ?? null);
}
