// What people ask of attention beside its output: weights, their gradients, penalties; and rows that see no key.
// (The whole pattern without a mask is stored, and its product with the values a plain one: test/compiler/shown.test.ts.)

import { arange, causalMask, full, grad, noGrad, type Tensor, where } from "../../src/index.js";
import { ANY, type Lookalike, row, scoresOf } from "./lookalike.js";
import { B, CROSS, D, E, given, H, held, N, S, SELF, T } from "./spelling.js";

/** What is asked for beside the output of one attention step, which stays one. */
export const ASKED: readonly Lookalike[] = [
  row(
    "the pattern",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v), p] };
    },
    { steps: 0 },
  ),
  row(
    "the pattern, causal",
    (q, k, v) => {
      const p = scoresOf(q, k).add(causalMask(N)).softmax(-1);
      return { outputs: [p.matmul(v), p] };
    },
    { steps: 1, inputs: SELF },
  ),
  row(
    "one head's rows of the pattern, causal",
    (q, k, v) => {
      const p = scoresOf(q, k).add(causalMask(N)).softmax(-1);
      return { outputs: [p.matmul(v), p.at(0, 1, "2:5")] };
    },
    { steps: 1, inputs: SELF },
  ),
  row(
    "the pattern's mean over the heads",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v), p.mean(1)] };
    },
    { steps: 1 },
  ),
  row(
    "the pattern's entropy, detached",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v), p.detach().mul(p.detach().add(1e-9).log()).sum(-1).neg()] };
    },
    { steps: 1 },
  ),
  row(
    "the scores",
    (q, k, v) => {
      const s = scoresOf(q, k);
      return { outputs: [s.softmax(-1).matmul(v), s] };
    },
    ANY,
  ),
  row(
    "an entropy penalty in the loss",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      const entropy = p.mul(p.add(1e-9).log()).sum(-1).neg();
      const mixed = p.matmul(v);
      return { outputs: [mixed], loss: mixed.square().sum().add(entropy.mean()) };
    },
    ANY,
  ),
  row(
    "a loss of the pattern alone",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v)], loss: p.square().sum().add(v.sum()) };
    },
    ANY,
  ),
  row(
    "the gradient of the pattern",
    (q, k, v) => {
      const p = scoresOf(q, k).add(causalMask(N)).softmax(-1);
      return { outputs: [p.matmul(v)], retained: [p] };
    },
    { ...ANY, inputs: SELF },
  ),
  row(
    "the gradient of the scores",
    (q, k, v) => {
      const s = scoresOf(q, k);
      return { outputs: [s.softmax(-1).matmul(v)], retained: [s] };
    },
    ANY,
  ),
  row(
    "the gradients of scores, pattern and output",
    (q, k, v) => {
      const s = scoresOf(q, k);
      const p = s.softmax(-1);
      const mixed = p.matmul(v);
      return { outputs: [mixed, p, s], loss: mixed.square().sum(), retained: [s, p, mixed] };
    },
    ANY,
  ),
  row(
    "attention rollout over the pattern",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      const mean = p
        .mean(1)
        .add(where(arange(N).eq(arange(N).view(N, 1)), 1, 0))
        .div(2);
      return { outputs: [p.matmul(v), mean.matmul(mean)] };
    },
    { ...ANY, inputs: SELF },
  ),
  row(
    "pattern times its gradient, as relevance",
    (q, k, v) => {
      const p = scoresOf(q, k).softmax(-1);
      return { outputs: [p.matmul(v), p], loss: p.matmul(v).tanh().sum(), retained: [p] };
    },
    { ...ANY, inputs: SELF },
  ),
  row(
    "the gradient of a gradient",
    (q, k, v) => {
      const slope = grad((x: Tensor) => scoresOf(x, k).softmax(-1).matmul(v).square().sum())(q);
      return { outputs: [slope], loss: slope.square().sum() };
    },
    ANY,
  ),
  row(
    "nothing: inside noGrad",
    (q, k, v) => ({ outputs: [noGrad(() => scoresOf(q, k).softmax(-1).matmul(v))], loss: q.sum() }),
    { steps: 1 },
  ),
  row(
    "nothing: inside noGrad, causal by a fill",
    (q, k, v) => {
      const future = arange(N).gt(arange(N).view(N, 1));
      const mixed = noGrad(() => scoresOf(q, k).maskedFill(future, Number.NEGATIVE_INFINITY).softmax(-1).matmul(v));
      return { outputs: [mixed], loss: q.sum() };
    },
    { steps: 1, inputs: SELF },
  ),
  row(
    "a teacher inside noGrad, a student with gradients",
    (q, k, v, student) => {
      const teacher = noGrad(() => scoresOf(q, k).softmax(-1).matmul(v));
      const mixed = scoresOf(student, k).softmax(-1).matmul(v);
      return { outputs: [teacher, mixed], loss: mixed.sub(teacher).square().sum() };
    },
    { steps: 2, inputs: [...CROSS, CROSS[0]] },
  ),
];

/** Rows no key of which may be seen: zeros in the fused form, NaN as it is written. */
export const EMPTY: readonly Lookalike[] = [
  row(
    "rows without keys: filled with -inf",
    (q, k, v) =>
      scoresOf(q, k)
        .maskedFill(held(given([0, 5], "i32").view(B, 1, 1, 1)).le(arange(S)), Number.NEGATIVE_INFINITY)
        .softmax(-1)
        .matmul(v),
    { steps: 1 },
  ),
  row(
    "rows without keys: strictly causal",
    (q, k, v) =>
      scoresOf(q, k)
        .add(full([N, N], Number.NEGATIVE_INFINITY).triu(0))
        .softmax(-1)
        .matmul(v),
    { steps: 1, inputs: SELF },
  ),
  row(
    "rows without keys: more queries than keys",
    (q, k, v) => scoresOf(q, k).add(causalMask(N, T)).softmax(-1).matmul(v),
    {
      steps: 1,
      inputs: [SELF[0], `f32[${B},${H},${T},${D}]`, `f32[${B},${H},${T},${E}]`],
    },
  ),
];
