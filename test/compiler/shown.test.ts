// Attention whose whole pattern is a result: its output is a product of that pattern, with the numbers of the attention step that is
// there when only the output is asked for.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { causalMask, compile, dropout, grad, manualSeed, randn, type Tensor, tensor, where } from "../../src/index.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";

const executors = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);
type Mixing = (...x: Tensor[]) => [mixed: Tensor, pattern: Tensor];

const stepsOf = (f: { program(...x: Tensor[]): { steps: readonly { kind: string }[] } }, x: Tensor[]) =>
  f.program(...x).steps.map((s) => s.kind);

/** Both results together; the output against the one that is computed alone, the pattern against the one that is. */
function together(mixing: Mixing, inputs: Tensor[]): string[] {
  const both = compile((...x: Tensor[]) => mixing(...x));
  const alone = compile((...x: Tensor[]) => mixing(...x)[0]);
  expect(stepsOf(alone, inputs)).toContain("attention");
  const [mixed, pattern] = both(...inputs);
  allClose("mixed", mixed.dataSync(), alone(...inputs).dataSync(), { rtol: 1e-5, atol: 1e-6 });
  const sums = pattern.sum(-1).dataSync();
  for (const sum of sums) expect(sum === 0 || Math.abs(sum - 1) < 1e-5).toBe(true);
  return stepsOf(both, inputs);
}

const plain = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1)).div(2).softmax(-1);

for (const executor of executors) {
  describe(`the whole pattern (${executor.name})`, () => {
    const draw = (...shapes: number[][]) => {
      manualSeed(3);
      return shapes.map((shape) => randn(shape));
    };

    for (const [T, S, D, E] of [[1, 1, 1, 1], [4, 4, 64, 64], [5, 33, 4, 7], [70, 9, 16, 3]]) // biome-ignore format: a table
      it(`of [2,3,${T},${S}] mixes the values`, () =>
        on(executor, () => {
          const inputs = draw([2, 3, T, D], [2, 3, S, D], [2, 3, S, E]);
          const steps = together((q, k, v) => {
            const p = plain(q, k);
            return [p.matmul(v), p];
          }, inputs);
          expect(steps).not.toContain("attention");
        }));

    it("seen in another shape", () =>
      on(executor, () => {
        const steps = together(
          (q, k, v) => {
            const p = plain(q, k);
            return [p.matmul(v), p.transpose(0, 1).flatten(0, 1)];
          },
          draw([2, 3, 6, 4], [2, 3, 6, 4], [2, 3, 6, 4]),
        );
        expect(steps).not.toContain("attention");
      }));

    it("times a factor before the values", () =>
      on(executor, () => {
        const [gate] = draw([6, 6]);
        together(
          (q, k, v) => {
            const p = plain(q, k);
            return [dropout(p.mul(gate), { training: false }).matmul(v), p];
          },
          draw([2, 3, 6, 4], [2, 3, 6, 4], [2, 3, 6, 4]),
        );
      }));

    it("of two arrays of values", () =>
      on(executor, () => {
        const [q, k, v, w] = draw([6, 4], [5, 4], [5, 4], [5, 2]);
        const f = compile((...[q, k, v, w]: Tensor[]) => {
          const p = plain(q, k);
          return [p.matmul(v), p, p.matmul(w)];
        });
        const [mixed, p, other] = f(q, k, v, w);
        allClose("first", mixed.dataSync(), p.matmul(v).dataSync(), { rtol: 1e-5, atol: 1e-6 });
        allClose("second", other.dataSync(), p.matmul(w).dataSync(), { rtol: 1e-5, atol: 1e-6 });
        expect(stepsOf(f, [q, k, v, w])).not.toContain("attention");
      }));

    it("with scores of -Infinity alone in a row gives zeros, as the step does", () =>
      on(executor, () => {
        const [q, k, v] = draw([3, 4], [5, 4], [5, 2]);
        const hide = tensor([0, Number.NEGATIVE_INFINITY, 0]).unsqueeze(1);
        const f = compile((...[q, k, v, hide]: Tensor[]) => {
          const p = q.matmul(k.transpose(-2, -1)).add(hide).softmax(-1);
          return [p.matmul(v), p];
        });
        const [mixed, p] = f(q, k, v, hide);
        expect([...mixed.at(1).dataSync(), ...p.at(1).dataSync()]).toEqual(new Array(7).fill(0));
        expect(mixed.at(0).abs().sum().item()).toBeGreaterThan(0);
      }));

    it("with a score of Infinity is NaN, as the softmax alone", () =>
      on(executor, () => {
        const [q, k, v] = draw([3, 4], [5, 4], [5, 2]);
        const high = tensor([0, 0, Number.POSITIVE_INFINITY, 0, 0]);
        const f = compile((...[q, k, v, high]: Tensor[]) => {
          const p = q.matmul(k.transpose(-2, -1)).add(high).softmax(-1);
          return [p.matmul(v), p];
        });
        const [mixed, p] = f(q, k, v, high);
        expect([...p.dataSync()]).toEqual(new Array(15).fill(Number.NaN));
        expect([...mixed.dataSync()]).toEqual(new Array(6).fill(Number.NaN));
      }));

    it("with large scores does not overflow, and NaN goes through", () =>
      on(executor, () => {
        const [q, k, v] = draw([4, 4], [4, 4], [4, 2]);
        const f = compile((...[q, k, v]: Tensor[]) => {
          const p = q.mul(1e18).matmul(k.transpose(-2, -1)).softmax(-1);
          return [p.matmul(v), p];
        });
        for (const x of f(q, k, v)[0].dataSync()) expect(Number.isFinite(x)).toBe(true);
        const [mixed] = f(where(tensor([[1], [0], [0], [0]]).gt(0), Number.NaN, q), k, v);
        expect(Number.isNaN(mixed.at(0, 0).item())).toBe(true);
        expect(Number.isNaN(mixed.at(1, 0).item())).toBe(false);
      }));

    it("leaves a step where there is a mask, a gradient, or a part of the pattern", () =>
      on(executor, () => {
        const inputs = draw([6, 4], [6, 4], [6, 4]);
        const masked = together((q, k, v) => {
          const p = q.matmul(k.transpose(-2, -1)).add(causalMask(6)).softmax(-1);
          return [p.matmul(v), p];
        }, inputs);
        expect(masked).toContain("attention");
        const part = compile((...[q, k, v]: Tensor[]) => {
          const p = plain(q, k);
          return [p.matmul(v), p.at("1:3")];
        });
        expect(stepsOf(part, inputs)).toContain("attention");
        const slope = compile((...[q, k, v]: Tensor[]) => {
          const p = plain(q, k);
          return [p, grad((q: Tensor) => plain(q, k).matmul(v).square().sum())(q) as Tensor];
        });
        expect(stepsOf(slope, inputs)).toContain("attentionGradient");
      }));
  });
}
