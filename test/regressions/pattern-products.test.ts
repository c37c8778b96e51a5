// Products of patterns with patterns, as attention rollout takes them (Abnar and Zuidema 2020): the values that a pattern mixes are made
// from that pattern itself, so that no attention step can give the weights it needs.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile, eye, grad, manualSeed, randn, type Tensor } from "../../src/index.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";

const executors = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);

const PRODUCTS: Record<string, (p: Tensor, r: Tensor, v: Tensor) => Tensor> = {
  "pattern · pattern": (p) => p.matmul(p),
  "pattern · patternᵀ": (p) => p.matmul(p.transpose(-2, -1)),
  "pattern · (pattern + 1)": (p) => p.matmul(p.add(1)),
  "pattern · (pattern · value)": (p, _, v) => p.matmul(p.matmul(v)),
  "rollout": (p, r) => p.add(eye(5)).matmul(r.add(eye(5))).matmul(p),
  "two patterns, each mixing the other": (p, r) => p.matmul(r).add(r.matmul(p)),
  "pattern · gradient of the values": (p, _, v) =>
    p.matmul(grad((w: Tensor) => p.matmul(w).square().sum())(v)),
}; // biome-ignore format: a table

for (const executor of executors) {
  describe(`products of patterns (${executor.name})`, () => {
    const draw = () => {
      manualSeed(7);
      return [0, 1, 2].map(() => randn(2, 5, 4).evaluate());
    };
    const weights = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1)).div(2).softmax(-1);

    for (const [name, product] of Object.entries(PRODUCTS)) {
      const result = (q: Tensor, k: Tensor, v: Tensor) => product(weights(q, k), weights(k, q), v);
      // Patterns that are numbers already take no part in what the compiler recognises.
      const expected = (q: Tensor, k: Tensor, v: Tensor) =>
        product(weights(q, k).evaluate(), weights(k, q).evaluate(), v);

      it(`${name}: the numbers of the patterns' numbers`, () =>
        on(executor, () => {
          const [q, k, v] = draw();
          const numbers = expected(q, k, v).dataSync();
          allClose(name, result(q, k, v).dataSync(), numbers, { rtol: 1e-5, atol: 1e-6 });
          allClose(name, compile(result)(q, k, v).dataSync(), numbers, { rtol: 1e-5, atol: 1e-6 });
        }));

      it(`${name}: the gradient, by finite differences`, () =>
        on(new ReferenceExecutor(), () => {
          const [q, k, v] = draw();
          const weigh = randn(result(q, k, v).shape).evaluate();
          const loss = (x: Tensor) => result(x, k, v).mul(weigh).sum();
          const along = randn(q.shape).evaluate();
          const step = 1e-3;
          const moved = [1, -1].map((s) => loss(q.add(along.mul(s * step))).item());
          const slope = grad(loss)(q).mul(along).sum().item();
          expect(Math.abs(slope - (moved[0] - moved[1]) / (2 * step))).toBeLessThan(
            1e-2 * Math.max(1, Math.abs(slope)),
          );
        }));
    }
  });
}
