// Builders of the attention ops. Scores are a node like any other, of shape [batch..., T, S]: whatever graph leads from the products q·k to
// them is the score expression, and the compiler computes it where it needs it.

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { cast, expand, like, narrow, scalar, where } from "./build.js";
import { makeNode, type Node } from "./node.js";

interface AttentionParts {
  /** What each weight is multiplied by after the softmax; broadcasts to [batch..., T, S]. */
  readonly factor?: Node | null;
  /** A score that takes part in the softmax and has no value; broadcasts to [batch..., T, 1]. */
  readonly sink?: Node | null;
}

/**
 * softmax(score) value, [batch..., T, E]; a row whose scores are all -Infinity gives zeros.
 * @throws HeedError where the value [batch..., S, E] does not fit the scores [batch..., T, S]
 */
export function attention(score: Node, value: Node, { factor = null, sink = null }: AttentionParts = {}): Node {
  const batch = score.shape.slice(0, -2);
  const [t, s] = score.shape.slice(-2);
  const fits =
    score.shape.length >= 2 &&
    sameShape(value.shape.slice(0, -2), batch) &&
    value.shape.at(-2) === s &&
    isFloat(value.dtype);
  if (!fits)
    fail("attention", `a float value [${[...batch, s, "E"].join(",")}] for scores ${describe(score)}`, describe(value));
  const inputs = [cast(score, "f32"), value];
  if (factor) inputs.push(expand(cast(factor, "f32"), score.shape));
  if (sink) inputs.push(expand(cast(sink, "f32"), [...batch, t, 1]));
  const shape = [...batch, t, value.shape[value.shape.length - 1]];
  return makeNode("attention", inputs, { factor: factor !== null, sink: sink !== null }, shape, value.dtype);
}

/** The inputs of an attention node by name. */
export interface AttentionInputs {
  readonly score: Node;
  readonly value: Node;
  readonly factor: Node | null;
  readonly sink: Node | null;
}

export function attentionInputs(node: Node, inputs: readonly Node[] = node.inputs): AttentionInputs {
  const [score, value] = inputs;
  const { factor, sink } = (node as Node<"attention">).params;
  return { score, value, factor: factor ? inputs[2] : null, sink: sink ? inputs[factor ? 3 : 2] : null };
}

/**
 * The largest score m of each row and log(Σ exp(score - m) + exp(sink - m)), [batch..., T, 2]; -Infinity and 0 where all scores are
 * -Infinity. Apart, because in f32 a large m would swallow the logarithm.
 */
export function attentionLogsumexp(score: Node, sink: Node | null): Node {
  const inputs = sink ? [score, sink] : [score];
  return makeNode("attentionLogsumexp", inputs, {}, [...score.shape.slice(0, -1), 2], "f32");
}

/** m and log Σ of a log-sum-exp, each [batch..., T, 1]; an m of -Infinity is 0. */
export function logsumexpParts(logsumexp: Node): { max: Node; log: Node } {
  const last = logsumexp.shape.length - 1;
  const max = narrow(logsumexp, last, 0, 1);
  return { max: finite(max), log: narrow(logsumexp, last, 1, 1) };
}

/** Infinite values replaced by 0 */
export function finite(max: Node): Node {
  return where(scalar("eq", scalar("abs", max), like(max, Number.POSITIVE_INFINITY)), like(max, 0), max);
}

/** exp((score - m) - log Σ), zeros in a row without weights. */
export function attentionPattern(score: Node, logsumexp: Node): Node {
  return makeNode("attentionPattern", [score, logsumexp], {}, score.shape, "f32");
}

/** pattern (dweights - delta) */
export function attentionScoreGradient(score: Node, logsumexp: Node, dweights: Node, delta: Node): Node {
  return makeNode("attentionScoreGradient", [score, logsumexp, dweights, delta], {}, score.shape, "f32");
}

export function part(node: Node, index: number, shape: readonly number[], dtype: Node["dtype"]): Node {
  return makeNode("part", [node], { index }, shape, dtype);
}
