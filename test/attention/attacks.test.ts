// What once went wrong: gradients that a step would leave out, tensors that a gradient is asked for and that recognition would replace,
// totals cut off from their graph, fills that are not -Infinity, and work that made the compiler run for ever.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { arange, cat, causalMask, full, manualSeed, randn, type Tensor, tensor } from "../../src/index.js";
import { allClose } from "../support/compare.js";
import { on } from "../support/run.js";

const executors = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);
const leaf = (...shape: number[]) => randn(...shape).requiresGrad_();
const close = (label: string, actual: Tensor, expected: Tensor) =>
  allClose(label, actual.dataSync(), expected.dataSync(), { rtol: 1e-4, atol: 1e-5 });
const gradOf = (t: Tensor): Tensor => t.grad as Tensor;

for (const executor of executors) {
  const check = (name: string, body: () => void) =>
    it(name, () =>
      on(executor, () => {
        manualSeed(1);
        body();
      }),
    );

  describe(`attention with company (${executor.name})`, () => {
    check("scores that are also used where the mask hides them", () => {
      const [k, v] = [randn(4, 3), randn(4, 3)];
      const parts = [(s: Tensor) => s.add(causalMask(4)).softmax(-1).matmul(v).sum(), (s: Tensor) => s.square().sum()];
      const q = randn(4, 3);
      const [a, b, both] = [q, q, q].map((x) => tensor(x.toArray() as number[][]).requiresGrad_());
      parts[0](a.matmul(k.T)).backward();
      parts[1](b.matmul(k.T)).backward();
      const s = both.matmul(k.T);
      parts[0](s).add(parts[1](s)).backward();
      close("q", gradOf(both), gradOf(a).add(gradOf(b)));
    });

    check("gradients of scores and outputs of grouped and joined heads", () => {
      const [q, k, v] = [leaf(4, 3, 2), leaf(2, 3, 2), leaf(2, 3, 2)];
      const s = q.matmul(k.repeatInterleave(2, 0).transpose(-2, -1));
      s.retainGrad();
      s.softmax(-1).matmul(v.repeatInterleave(2, 0)).square().sum().backward();
      const alone = s.detach().requiresGrad_();
      alone.softmax(-1).matmul(v.detach().repeatInterleave(2, 0)).square().sum().backward();
      close("scores", gradOf(s), gradOf(alone));
      const x = leaf(4, 8);
      const heads = [0, 1].map((i) => {
        const part = x.narrow(-1, 4 * i, 4);
        const mixed = part.matmul(part.T).softmax(-1).matmul(part);
        mixed.retainGrad();
        return mixed;
      });
      cat(heads, -1).square().sum().backward();
      close("head", gradOf(heads[0]), heads[0].detach().mul(2));
    });

    check("a total cut off from its graph", () => {
      const [q, k, v] = [leaf(4, 3), randn(4, 3), randn(4, 3)];
      const e = q.matmul(k.T).exp();
      e.div(e.sum(-1, { keepdim: true }).detach())
        .matmul(v)
        .sum()
        .backward();
      const again = q.detach().requiresGrad_();
      const f = again.matmul(k.T).exp();
      const total = tensor(f.sum(-1, { keepdim: true }).toArray() as number[][]);
      f.div(total).matmul(v).sum().backward();
      close("q", gradOf(q), gradOf(again));
    });

    check("one pattern with two values of unequal widths, of which one is learned", () => {
      const [q, k, c, v] = [randn(4, 3), randn(4, 3), randn(4, 2), leaf(4, 5)];
      const p = q.matmul(k.T).softmax(-1);
      p.matmul(c).sum().add(p.matmul(v).sum()).backward();
      close("v", gradOf(v), p.sum(0).view(4, 1).expand(4, 5));
    });

    check("the lowest number over all that a query sees", () => {
      const q = randn(3, 2);
      const low = -3.4e38;
      const s = q
        .matmul(q.T)
        .maskedFill(tensor([true, false, false]), low)
        .maskedFill(causalMask(3).lt(0), low);
      const mixed = s.softmax(-1).matmul(tensor([[1], [10], [100]]).float());
      expect(mixed.at(0, 0).item()).toBeCloseTo(37, 3);
    });

    check("heads whose operands differ in shape", () => {
      const [q, v] = [randn(4, 5), randn(4, 4)];
      const head = (x: Tensor) => x.matmul(x.T).softmax(-1).matmul(v);
      const [a, b] = [q.narrow(1, 0, 2), q.narrow(1, 2, 3)];
      const joined = cat([head(a), head(b)], -1);
      close("left", joined.narrow(1, 0, 4), head(a));
      close("right", joined.narrow(1, 4, 4), head(b));
    });

    check("long chains of shared work", () => {
      let y = randn(4, 3).matmul(randn(3, 4));
      for (let i = 0; i < 40; i++) y = y.sub(y.tanh());
      let c = arange(4);
      for (let i = 0; i < 40; i++) c = c.add(c);
      const mixed = y.T.maskedFill(c.gt(arange(4).view(4, 1)), Number.NEGATIVE_INFINITY)
        .softmax(-1)
        .matmul(randn(4, 4));
      expect(Number.isFinite(mixed.sum().item())).toBe(true);
    });
  });
}

it("full keeps whole numbers that i32 cannot hold", () => {
  expect([full([1], -1e10).item(), full([1], -1e10).dtype, full([1], 3).dtype]).toEqual([-1e10, "f32", "i32"]);
});
