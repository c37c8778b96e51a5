// Which keys may be seen, read off the scores: every way to write -Infinity over some of them becomes a condition, and what is left is a
// score without holes. Conditions on indices become bounds (bounds.ts); the others stay truth values.

import { isFloat } from "../base/dtype.js";
import { roundTo } from "../base/round.js";
import { SCALARS } from "../base/scalar.js";
import { constantValue, scalar } from "../graph/build.js";
import { makeNode, type Node } from "../graph/node.js";
import { familyOf, isScalar } from "../graph/ops.js";
import { type Bound, boundOf, NEGATED, tightest } from "./bounds.js";
import { productsIn } from "./scores.js";
import { surface } from "./sink.js";

/** A key may be seen where `node` is true (holds) or false. */
export interface Condition {
  readonly node: Node;
  readonly holds: boolean;
  /** What stands elsewhere is the lowest number instead of -Infinity. */
  readonly finite?: boolean;
}

export interface Masked {
  /** The scores where they may be seen. */
  readonly score: Node;
  readonly conditions: readonly Condition[];
}

interface Visible {
  readonly bounds: readonly Bound[];
  /** True where a key may be seen, besides the bounds. */
  readonly mask: Node | null;
}

/** Below this a finite number is taken for -Infinity where every query sees a key: lowest numbers of f32 and bf16. */
const LOWEST = -3e38;

export function readMasks(score: Node): Masked {
  const masked = read(score, true);
  const finite = masked.conditions.some((c) => c.finite);
  return finite && !alwaysSeesOne(masked.conditions) ? read(score, false) : masked;
}

function read(score: Node, lowest: boolean): Masked {
  const readMasks = (x: Node) => read(x, lowest);
  const [a, b, c] = score.inputs;
  switch (score.op) {
    case "where": {
      if (reachesProduct(a)) break;
      for (const [fill, rest, holds] of [
        [c, b, true],
        [b, c, false],
      ] as const) {
        const value = constantValue(fill);
        const finite = lowest && value < LOWEST && value !== Number.NEGATIVE_INFINITY;
        if (finite || value === Number.NEGATIVE_INFINITY) return joined(readMasks(rest), { node: a, holds, finite });
      }
      break;
    }
    case "add":
      for (const [x, m] of [
        [a, b],
        [b, a],
      ]) {
        if (reachesProduct(m)) continue;
        const { rest, conditions } = readAdded(m);
        if (conditions.length === 0) continue;
        const inner = readMasks(x);
        return {
          score: rest ? makeNode("add", [inner.score, rest], {}, score.shape, score.dtype) : inner.score,
          conditions: [...inner.conditions, ...conditions],
        };
      }
      if (reachesProduct(a) !== reachesProduct(b)) {
        const [x, m] = reachesProduct(a) ? [a, b] : [b, a];
        const inner = readMasks(x);
        if (inner.conditions.length > 0)
          return { ...inner, score: makeNode("add", [inner.score, m], {}, score.shape, score.dtype) };
      }
      break;
    case "mul":
    case "div": {
      const factor = constantValue(b);
      if (!(factor > 0 && factor < Number.POSITIVE_INFINITY)) break;
      const inner = readMasks(a);
      if (inner.conditions.length === 0 || inner.conditions.some((k) => k.finite)) break;
      return { ...inner, score: makeNode(score.op, [inner.score, b], {}, score.shape, score.dtype) };
    }
    case "cast":
      if (isFloat(a.dtype)) {
        const inner = readMasks(a);
        if (inner.conditions.length > 0)
          return { ...inner, score: makeNode("cast", [inner.score], {}, score.shape, score.dtype) };
      }
      break;
  }
  return { score, conditions: [] };
}

function joined(inner: Masked, condition: Condition): Masked {
  return { score: inner.score, conditions: [...inner.conditions, condition] };
}

function reachesProduct(node: Node): boolean {
  return productsIn(node).length > 0;
}

/** What a term added to the scores hides, and what it adds to the rest. */
function readAdded(term: Node): { rest: Node | null; conditions: Condition[] } {
  const none = { rest: term, conditions: [] };
  if (familyOf(term) === "view") {
    const inner = surface(term);
    return inner ? readAdded(inner) : none;
  }
  const [a, b, c] = term.inputs;
  if (term.op === "cast" && isFloat(a.dtype)) {
    const inner = readAdded(a);
    return inner.conditions.length === 0
      ? none
      : { ...inner, rest: inner.rest && makeNode("cast", [inner.rest], {}, term.shape, term.dtype) };
  }
  if (term.op === "add") {
    const [left, right] = [readAdded(a), readAdded(b)];
    const conditions = [...left.conditions, ...right.conditions];
    if (conditions.length === 0) return none;
    return {
      rest: left.rest && right.rest ? scalar("add", left.rest, right.rest) : (left.rest ?? right.rest),
      conditions,
    };
  }
  if (term.op !== "where") return none;
  for (const [fill, rest, holds] of [
    [c, b, true],
    [b, c, false],
  ] as const) {
    if (constantValue(fill) !== Number.NEGATIVE_INFINITY) continue;
    return { rest: constantValue(rest) === 0 ? null : rest, conditions: [{ node: a, holds }] };
  }
  return none;
}

/** Bounds that a step can hold. */
const MOST_BOUNDS = 8;

/** The conditions as bounds where they are, and one mask of the rest. */
export function readConditions(conditions: readonly Condition[]): Visible {
  let bounds: Bound[] = [];
  let mask: Node | null = null;
  for (const condition of conditions.flatMap(atoms)) {
    const bound = boundOf(condition.node, condition.holds);
    const more = bound && tightest([...bounds, bound]);
    if (more && more.length <= MOST_BOUNDS) bounds = more;
    else {
      const truth = condition.holds ? condition.node : scalar("not", condition.node);
      mask = mask ? scalar("and", mask, truth) : truth;
    }
  }
  return { bounds, mask };
}

/** A condition as several that must all hold. */
function atoms({ node, holds }: Condition): Condition[] {
  const [a, b] = node.inputs;
  if (node.op === "not") return atoms({ node: a, holds: !holds });
  if (node.op === (holds ? "and" : "or")) return [...atoms({ node: a, holds }), ...atoms({ node: b, holds })];
  const decided = decidedBy(node);
  if (decided) return atoms({ node: decided, holds });
  const within = distance(node, holds);
  if (within) return within.flatMap(atoms);
  const inner = familyOf(node) === "view" ? surface(node) : null;
  if (inner) return atoms({ node: inner, holds });
  return [{ node, holds }];
}

/** |x| <= y as x <= y and -x <= y; the negation of |x| > y likewise. */
function distance(node: Node, holds: boolean): Condition[] | null {
  const op = holds ? node.op : NEGATED[node.op];
  const [small, large] = op === "le" || op === "lt" ? node.inputs : [...node.inputs].reverse();
  if (op !== "le" && op !== "lt" && op !== "ge" && op !== "gt") return null;
  // Of whole numbers: where there are NaNs, a comparison and its opposite may both be false.
  if (small?.op !== "abs" || small.dtype !== "i32") return null;
  const strict = op === "lt" || op === "gt" ? "lt" : "le";
  const [x] = small.inputs;
  return [x, scalar("neg", x)].map((side) => ({ node: scalar(strict, side, large), holds: true }));
}

/** where(c, 1, 0) == 0 and its like, which say nothing but c: the truth value itself. */
function decidedBy(node: Node): Node | null {
  const decide = (x: Node, of: (value: number) => boolean): Node | null => {
    const truth = truthOf(x, of);
    return truth === null || typeof truth === "boolean" ? null : truth;
  };
  if (node.op === "cast" && node.dtype === "bool") return decide(node.inputs[0], (v) => v !== 0);
  if (!isScalar(node.op) || SCALARS[node.op].result !== "bool" || node.inputs.length !== 2) return null;
  const { js } = SCALARS[node.op];
  const [a, b] = node.inputs;
  if (b.op === "constant") return decide(a, (v) => js(v, constantValue(b), 0) === 1);
  if (a.op === "constant") return decide(b, (v) => js(constantValue(a), v, 0) === 1);
  return null;
}

/** Whether `of` holds for what a node chooses among constants: a truth value, or one and the same answer; null where it is more than that. */
function truthOf(choice: Node, of: (value: number) => boolean): Node | boolean | null {
  if (choice.op === "cast" && choice.dtype !== "bool")
    return truthOf(choice.inputs[0], (v) => of(roundTo(choice.dtype, v)));
  if (choice.op === "constant") return of(constantValue(choice));
  if (choice.dtype === "bool") {
    if (of(1) === of(0)) return of(1);
    return of(1) ? choice : scalar("not", choice);
  }
  if (choice.op !== "where") return null;
  const [c, a, b] = choice.inputs;
  const [yes, no] = [truthOf(a, of), truthOf(b, of)];
  if (yes === null || no === null || (typeof yes !== "boolean" && typeof no !== "boolean")) return null;
  if (typeof yes === "boolean" && typeof no === "boolean") return yes === no ? yes : yes ? c : scalar("not", c);
  const other = scalar("not", c);
  if (typeof no === "boolean") return no ? scalar("or", other, yes as Node) : scalar("and", c, yes as Node);
  return yes ? scalar("or", c, no as Node) : scalar("and", other, no as Node);
}

/** Whether the first key at least is seen by every query: causal with an offset that is not negative, and nothing else. */
function alwaysSeesOne(conditions: readonly Condition[]): boolean {
  const { bounds, mask } = readConditions(conditions);
  return mask === null && bounds.every((b) => b.side === "upper" && b.at === null && b.constant >= 0);
}
