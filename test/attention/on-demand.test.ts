// Weights on demand: asking for a slice of the pattern computes that slice, from as much of the products as it needs, while the output stays
// one attention step.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import {
  type CompiledFunction,
  causalMask,
  compile,
  dropout,
  manualSeed,
  randn,
  type Tensor,
} from "../../src/index.js";
import { Linear } from "../../src/nn/index.js";
import { SGD } from "../../src/train/index.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";

const executors = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);
const [B, H, T, D] = [2, 3, 9, 4];

const PATTERNS: Record<string, (scores: Tensor) => Tensor> = {
  softmax: (s) => s.softmax(-1),
  "softmax by hand": (s) => {
    const e = s.sub(s.amax(-1, { keepdim: true })).exp();
    return e.div(e.sum(-1, { keepdim: true }));
  },
  "logSoftmax and exp": (s) => s.logSoftmax(-1).exp(),
  "cast after the softmax": (s) => s.softmax(-1).to("f16"),
  "times a gate": (s) => s.softmax(-1).mul(0.5),
  "without dropout's training": (s) => dropout(s.softmax(-1), { training: false }),
};

/** Products of all queries with all keys that a program stores. */
function wholeProducts(f: CompiledFunction<Tensor[], unknown>, inputs: Tensor[]): number {
  return f.program(...inputs).steps.filter((s) => s.kind === "matmul" && s.m === T && s.n === T).length;
}

const attentions = (f: CompiledFunction<Tensor[], unknown>, inputs: Tensor[]) =>
  f.program(...inputs).steps.filter((s) => s.kind === "attention").length;

for (const executor of executors) {
  describe(`a slice of the pattern (${executor.name})`, () => {
    for (const [name, pattern] of Object.entries(PATTERNS)) {
      for (const [where, pick] of [
        ["rows of a head", (p: Tensor) => p.at(1, 2, "3:5")],
        ["some keys of a row", (p: Tensor) => p.at(0, 1, 4, "2:7")],
      ] as const) {
        it(`${name}: ${where}`, () =>
          on(executor, () => {
            manualSeed(1);
            const inputs = [randn(B, H, T, D), randn(B, H, T, D), randn(B, H, T, D)];
            const scores = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1)).div(2).add(causalMask(T));
            const both = compile((...[q, k, v]: Tensor[]) => {
              const p = pattern(scores(q, k));
              return [p.matmul(v.to(p.dtype)), pick(p)];
            });
            const [mixed, slice] = both(...inputs) as Tensor[];
            expect(attentions(both, inputs)).toBe(1);
            expect(wholeProducts(both, inputs)).toBe(0);
            const whole = pattern(scores(inputs[0], inputs[1])).float();
            const tolerance = slice.dtype === "f16" ? { rtol: 2e-3, atol: 1e-3 } : { rtol: 1e-5, atol: 1e-6 };
            allClose("slice", slice.float().dataSync(), pick(whole).dataSync(), tolerance);
            const expected = whole.matmul(inputs[2]);
            allClose("mixed", mixed.float().dataSync(), expected.dataSync(), { rtol: tolerance.rtol, atol: 2e-3 });
          }));
      }
    }

    it("inside a training step", () =>
      on(executor, () => {
        manualSeed(2);
        const layer = new Linear(12, 12);
        const optimizer = new SGD(layer.parameters(), { learningRate: 0.1 });
        const step = compile((x: Tensor) => {
          optimizer.zeroGrad();
          const q = layer.forward(x).view(B, T, H, D).transpose(1, 2);
          const p = q.matmul(q.transpose(-2, -1)).div(2).softmax(-1);
          const loss = p.matmul(q).square().mean();
          loss.backward();
          optimizer.step();
          return [loss, p.at(0, 1, 2)];
        });
        const inputs = [randn(B, T, 12)];
        const steps = step.program(inputs[0]).steps.map((s) => s.kind);
        expect(steps.filter((k) => k === "attention").length).toBe(1);
        expect(steps.filter((k) => k === "attentionGradient").length).toBe(1);
        expect(wholeProducts(step as never, inputs)).toBe(0);
        const [, row] = step(inputs[0]);
        expect(row.sum().item()).toBeCloseTo(1, 5);
      }));

    it("in 16 bits adds up to one, asked for beside the output or alone", () =>
      on(executor, () => {
        manualSeed(3);
        for (const dtype of ["f16", "bf16"] as const) {
          const [q, k, v] = [randn(H, T, D).mul(8), randn(H, T, D), randn(H, T, D)].map((x) => x.to(dtype));
          const sums = compile((...[a, b, c]: Tensor[]) => {
            const p = a.matmul(b.transpose(-2, -1)).float().softmax(-1);
            return [p.to(dtype).matmul(c), p.sum(-1)];
          });
          const [, total] = sums(q, k, v) as Tensor[];
          allClose("sums", total.dataSync(), new Float32Array(H * T).fill(1), { rtol: 1e-5, atol: 0 });
        }
      }));
  });
}
