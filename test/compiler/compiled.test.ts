// compile(): gradients left on tensors, random numbers, what makes it trace again, arguments and results of any form, and misuse.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getRngState, manualSeed, setRngState } from "../../src/base/random.js";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile } from "../../src/tensor/compiled.js";
import { ones, tensor } from "../../src/tensor/create.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { dropout } from "../../src/tensor/functions.js";
import { grad } from "../../src/tensor/grad.js";
import { noGrad } from "../../src/tensor/grad-mode.js";
import { rand, randn } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";

let before: Executor;
beforeAll(() => {
  before = setExecutor(new ReferenceExecutor());
});
afterAll(() => {
  setExecutor(before);
});

const parameter = (values = [1.5, 2]) => tensor(values, { requiresGrad: true });
const list = (t: Tensor | null) => t?.toArray();

describe("gradients of a compiled function", () => {
  it("are left on the parameters, and added up over calls", () => {
    const p = parameter();
    const f = compile(() => {
      const loss = p.mul(p).sum();
      loss.backward();
      return loss;
    });
    for (const times of [1, 2, 3, 4]) {
      expect(f().item()).toBe(6.25);
      expect(list(p.grad)).toEqual([3 * times, 4 * times]);
    }
  });

  it("begin anew where the function clears them", () => {
    const p = parameter();
    const f = compile((x: Tensor) => {
      p.grad = null;
      p.mul(x).sum().backward();
    });
    f(tensor([2.5, 3]));
    f(tensor([4.5, 5]));
    expect(list(p.grad)).toEqual([4.5, 5]);
  });

  it("flow through the function where they flow through its arguments", () => {
    const double = compile((x: Tensor, more: { shift: Tensor }) => x.square().add(more.shift));
    const shift = tensor([1, 1]).float();
    expect(list(grad((x: Tensor) => double(x, { shift }).sum())(tensor([1.5, 2])))).toEqual([3, 4]);
    expect(list(grad((x: Tensor) => double(shift, { shift: x.mul(3) }).sum())(tensor([1.5, 2])))).toEqual([3, 3]);
    const p = parameter();
    double(p.mul(2), { shift }).sum().backward();
    expect(list(p.grad)).toEqual([12, 16]);
    expect(list(noGrad(() => double(p.mul(2), { shift })))).toEqual([10, 17]);
  });

  it("are asked for inside, and backward outside says so", () => {
    const p = parameter();
    const loss = compile((x: Tensor) => p.mul(x).sum());
    expect(() => loss(ones(2)).mul(2).backward()).toThrow(
      "got f32[], which requires no gradient; what a compiled function returns carries none: call backward() inside",
    );
  });

  it("are gone where the function clears them last", () => {
    const p = parameter();
    const f = compile(() => {
      p.square().sum().backward();
      p.assign(p.sub((p.grad as Tensor).mul(0.25)));
      p.grad = null;
    });
    f();
    f();
    expect(p.grad).toBeNull();
    expect(list(p)).toEqual([0.375, 0.5]);
  });

  it("are read anew at each call when they come from outside", () => {
    const p = parameter([1.5, 2]);
    const step = compile(() => p.assign(p.sub(p.grad as Tensor)));
    for (const g of [1.5, 10.5, 100.5]) {
      p.grad = ones(2).mul(g);
      step();
    }
    expect(list(p)).toEqual([-111, -110.5]);
  });

  it("can be returned, with those of earlier calls in them", () => {
    const p = parameter();
    const f = compile(() => {
      p.mul(2).sum().backward();
      return p.grad as Tensor;
    });
    expect([1, 2, 3].map(() => list(f()))).toEqual([
      [2, 2],
      [4, 4],
      [6, 6],
    ]);
    const read = compile(() => p.grad as Tensor);
    expect(list(read())).toEqual([6, 6]);
    p.grad = ones(2).mul(0.5);
    expect(list(read())).toEqual([0.5, 0.5]);
  });

  it("are those of the argument when it asks for them", () => {
    const f = compile((x: Tensor, y: Tensor) => grad((a: Tensor) => a.mul(y).square().sum())(x));
    expect(list(f(tensor([1.5, 2]), tensor([2.5, 3])))).toEqual([18.75, 36]);
    const same = tensor([1.5, 2]);
    expect(list(f(same, same))).toEqual([6.75, 16]);
  });

  it("of gradients work too", () => {
    const f = compile((x: Tensor) => grad((a: Tensor) => grad((b: Tensor) => b.pow(3).sum())(a).sum())(x));
    expect(list(f(tensor([1.5, 2])))).toEqual([9, 12]);
  });

  it("stay away inside noGrad", () => {
    const p = parameter();
    const f = compile(() => p.mul(2).sum());
    expect(f().requiresGrad).toBe(false);
    expect(noGrad(() => f()).item()).toBe(7);
    const loss = compile(() =>
      noGrad(() => p.mul(2))
        .mul(p)
        .sum()
        .backward(),
    );
    loss();
    expect(list(p.grad)).toEqual([3, 4]);
  });
});

describe("random numbers in a compiled function", () => {
  it("are drawn anew at each call, and again the same after the same seed", () => {
    const f = compile((x: Tensor) => dropout(x, { p: 0.4 }));
    const x = ones(1000);
    manualSeed(5);
    const [a, b] = [f(x).dataSync(), f(x).dataSync()];
    manualSeed(5);
    const [c, d] = [f(x).dataSync(), f(x).dataSync()];
    expect(c).toEqual(a);
    expect(d).toEqual(b);
    expect(a).not.toEqual(b);
    expect(new Set(a)).toEqual(new Set([0, Math.fround(1 / 0.6)]));
    const kept = a.filter((v) => v > 0).length;
    expect(kept).toBeGreaterThan(520);
    expect(kept).toBeLessThan(680);
  });

  it("are the same in the forward and the backward pass, and differ from draw to draw", () => {
    const f = compile((x: Tensor) => {
      const y = dropout(x, { p: 0.5 });
      return [y, grad((a: Tensor) => a.mul(y).sum())(x), dropout(x, { p: 0.5 })];
    });
    const g = compile((x: Tensor) => {
      let mask: Tensor = x;
      const slope = grad((a: Tensor) => {
        mask = dropout(a, { p: 0.5 });
        return mask.mul(3).sum();
      })(x);
      return [mask, slope];
    });
    const [y, dy, other] = f(ones(64));
    expect(list(dy)).toEqual(list(y));
    expect(list(other)).not.toEqual(list(y));
    const [mask, slope] = g(ones(64));
    expect(list(slope)).toEqual(list(mask.mul(3)));
  });

  it("have the moments they should", () => {
    const f = compile(() => [randn(20000), rand(20000)]);
    const [normal, uniform] = f();
    expect(Math.abs(normal.mean().item())).toBeLessThan(0.03);
    expect(Math.abs(normal.std().item() - 1)).toBeLessThan(0.03);
    expect(Math.abs(uniform.mean().item() - 0.5)).toBeLessThan(0.02);
    expect(uniform.amin().item()).toBeGreaterThanOrEqual(0);
    expect(uniform.amax().item()).toBeLessThan(1);
  });
});

describe("a compiled function is traced", () => {
  const counting = () => {
    let traces = 0;
    const f = compile((x: Tensor, options: { by: number } = { by: 2 }) => {
      traces++;
      return x.mul(options.by);
    });
    return { f, traces: () => traces };
  };

  it("once for each shape, dtype and plain value", () => {
    const { f, traces } = counting();
    const x = tensor([1.5, 2]);
    for (let i = 0; i < 3; i++) expect(list(f(x))).toEqual([3, 4]);
    expect(traces()).toBe(1);
    expect(list(f(x, { by: 3 }))).toEqual([4.5, 6]);
    expect(list(f(tensor([[1.5]])))).toEqual([[3]]);
    expect(list(f(x.half()))).toEqual([3, 4]);
    expect(traces()).toBe(4);
    f(x);
    f(x, { by: 3 });
    expect(traces()).toBe(4);
    expect(list(f(x, { by: Number.POSITIVE_INFINITY }))).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(list(f(x, { by: Number.NaN }))).toEqual([Number.NaN, Number.NaN]);
  });

  it("as part of another, when called there", () => {
    const { f, traces } = counting();
    const outer = compile((x: Tensor) => f(f(x)).add(1));
    expect(list(outer(tensor([1.5])))).toEqual([7]);
    expect(list(outer(tensor([2.5])))).toEqual([11]);
    expect(traces()).toBe(2);
  });

  it("with arguments and results of any plain form", () => {
    const f = compile((batch: { x: Tensor; more: [Tensor, number] }, flag: boolean, nothing: null) => ({
      sum: batch.x.add(batch.more[0]),
      deep: [{ twice: batch.x.mul(batch.more[1]), flag, nothing }],
      count: 3,
    }));
    const result = f({ x: tensor([1.5]), more: [tensor([2.5]), 2] }, true, null);
    expect(list(result.sum)).toEqual([4]);
    expect(list(result.deep[0].twice)).toEqual([3]);
    expect([result.deep[0].flag, result.deep[0].nothing, result.count]).toEqual([true, null, 3]);
  });
});

describe("misuse of a compiled function", () => {
  it("says that numbers are not known while it is traced", () => {
    const f = compile((x: Tensor) => (x.sum().item() > 0 ? x : x.neg()));
    expect(() => f(tensor([1.5]))).toThrow(
      /evaluate: expected known numbers, got .*argument of a function being compiled/,
    );
  });

  it("refuses a function that seeds what it draws: a seed would act while it is traced alone", () => {
    for (const seeds of [() => manualSeed(1), () => setRngState(getRngState())]) {
      const drawn = compile(() => {
        seeds();
        return rand(3);
      });
      expect(drawn).toThrow(
        /compile: expected a function that leaves .* seed alone, got one that sets it; seed it before the call/,
      );
    }
  });

  it("refuses async functions and arguments that are not plain", async () => {
    expect(() => compile(async (x: Tensor) => x)(tensor([1.5]))).toThrow(/compile: expected a synchronous function/);
    // What the function does after its first await fails as well, and nobody can catch that: it must not end the process.
    const reading = compile(async (x: Tensor) => (await x.data())[0]);
    expect(() => reading(tensor([1.5]))).toThrow(/compile: expected a synchronous function/);
    await new Promise((resolve) => setTimeout(resolve));
    expect(() => compile((x: unknown) => x as Tensor)(new Map())).toThrow(
      /compile: expected tensors, plain values.*got a Map/,
    );
    expect(() => compile(() => new Date() as unknown as Tensor)()).toThrow(
      /compile: expected tensors, plain values.*got a Date/,
    );
  });

  it("leaves nothing behind when the function throws", () => {
    const p = parameter();
    const f = compile((fails: boolean) => {
      p.mul(2).sum().backward();
      p.assign(p.mul(100));
      if (fails) throw new Error("on purpose");
    });
    expect(() => f(true)).toThrow("on purpose");
    expect(list(p)).toEqual([1.5, 2]);
    expect(p.grad).toBeNull();
    f(false);
    expect(list(p)).toEqual([150, 200]);
    expect(list(p.grad)).toEqual([2, 2]);
  });

  it("keeps numbers that pending expressions still need", () => {
    const p = tensor([1.5, 2]);
    const step = compile(() => p.assign(p.add(1)));
    step();
    const pending = p.mul(10);
    const copy = p.clone();
    const detached = p.detach();
    step();
    expect(list(pending)).toEqual([25, 30]);
    expect(list(copy)).toEqual([2.5, 3]);
    expect(list(detached)).toEqual([2.5, 3]);
    expect(list(p)).toEqual([3.5, 4]);
  });

  it("does not let tensors that were assigned to one another share memory", () => {
    const [p, average] = [tensor([1.5, 2]), tensor([0.5, 0.5])];
    average.assign(p);
    const step = compile(() => p.assign(p.add(1)));
    step();
    step();
    expect(list(average)).toEqual([1.5, 2]);
    expect(list(p)).toEqual([3.5, 4]);
  });
});
