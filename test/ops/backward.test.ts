// loss.backward(): which tensors get gradients, how they add up, what cuts them, and that numbers assigned in between do no harm.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { ones, tensor } from "../../src/tensor/create.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { grad, valueAndGrad } from "../../src/tensor/grad.js";
import { enableGrad, noGrad } from "../../src/tensor/grad-mode.js";
import type { Tensor } from "../../src/tensor/tensor.js";

let before: Executor;
beforeAll(() => {
  before = setExecutor(new ReferenceExecutor());
});
afterAll(() => {
  setExecutor(before);
});

const leaf = (...values: number[]) => tensor(values, { dtype: "f32", requiresGrad: true });
const list = (t: Tensor | null) => t?.toArray();

describe("backward", () => {
  it("adds to the gradients that are there", () => {
    const x = leaf(1, 2);
    const loss = x.square().sum();
    loss.backward();
    expect(list(x.grad)).toEqual([2, 4]);
    loss.backward();
    x.mul(10).sum().backward();
    expect(list(x.grad)).toEqual([14, 18]);
    x.grad = null;
    loss.backward();
    expect(list(x.grad)).toEqual([2, 4]);
  });

  it("reaches every leaf once, however often it is used", () => {
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    const shared = x.mul(y);
    shared.add(shared.mul(2)).add(x).sum().backward();
    expect(list(x.grad)).toEqual([10, 13]);
    expect(list(y.grad)).toEqual([3, 6]);
  });

  it("leaves alone what asks for nothing", () => {
    const [x, y] = [leaf(1, 2), tensor([3.5, 4])];
    x.mul(y).sum().backward();
    expect(y.grad).toBeNull();
    expect(y.requiresGrad).toBe(false);
    expect(x.mul(y).requiresGrad).toBe(true);
    expect(x.gt(y).requiresGrad).toBe(false);
    expect(x.argmax().requiresGrad).toBe(false);
  });

  it("takes a gradient to begin with", () => {
    const x = leaf(1, 2, 3);
    x.mul(2).backward(tensor([1, 10, 100]));
    expect(list(x.grad)).toEqual([2, 20, 200]);
  });

  it("keeps gradients of intermediate results where asked", () => {
    const x = leaf(1, 2);
    const y = x.mul(3).retainGrad();
    y.square().sum().backward();
    expect(list(y.grad)).toEqual([6, 12]);
    expect(list(x.grad)).toEqual([18, 36]);
  });

  it("stops at detach and inside noGrad", () => {
    const x = leaf(1, 2);
    x.detach().mul(x).sum().backward();
    expect(list(x.grad)).toEqual([1, 2]);
    x.grad = null;
    noGrad(() => x.mul(5))
      .mul(x)
      .add(noGrad(() => enableGrad(() => x.mul(7))))
      .sum()
      .backward();
    expect(list(x.grad)).toEqual([12, 17]);
    const y = noGrad(() => x.mul(2));
    expect([y.requiresGrad, list(y)]).toEqual([false, [2, 4]]);
  });

  it("does not care when the numbers are computed", () => {
    const x = leaf(1, 2);
    const y = x.exp();
    y.evaluate();
    const loss = y.mul(x).sum();
    loss.item();
    loss.backward();
    const late = leaf(1, 2);
    late.exp().mul(late).sum().backward();
    expect(list(x.grad)).toEqual(list(late.grad));
  });

  it("uses the numbers that the loss was written on", () => {
    const x = leaf(1, 2);
    const loss = x.square().sum();
    x.assign(tensor([10, 20]));
    loss.backward();
    expect(list(x.grad)).toEqual([2, 4]);
    expect(list(x)).toEqual([10, 20]);
    x.grad = null;
    x.square().sum().backward();
    expect(list(x.grad)).toEqual([20, 40]);
  });

  it("trains, op by op", () => {
    const w = leaf(0, 0);
    for (let step = 0; step < 100; step++) {
      w.grad = null;
      w.sub(tensor([3, -1]))
        .square()
        .sum()
        .backward();
      w.assign(w.sub((w.grad as unknown as Tensor).mul(0.1)).detach());
    }
    expect(Math.abs((list(w) as number[])[0] - 3)).toBeLessThan(1e-5);
    expect(Math.abs((list(w) as number[])[1] + 1)).toBeLessThan(1e-5);
    expect(w.requiresGrad).toBe(true);
  });

  it("works on 16-bit floats, and through casts", () => {
    const x = tensor([1.5, 2], { dtype: "bf16", requiresGrad: true });
    x.float().square().sum().backward();
    expect([x.grad?.dtype, list(x.grad)]).toEqual(["bf16", [3, 4]]);
  });
});

describe("grad", () => {
  it("takes what a function reads besides its arguments as constant", () => {
    const x = tensor([1.5, 2]);
    expect(list(grad((a: Tensor) => a.mul(x).sum())(x))).toEqual([1.5, 2]);
    expect(list(grad((a: Tensor) => a.add(0).mul(x.mul(1)).sum())(x))).toEqual([1.5, 2]);
  });

  it("tells equal arguments apart", () => {
    const x = tensor([1.5, 2]);
    const [a, b] = grad((p: Tensor, q: Tensor) => p.mul(q).mul(q).sum(), [0, 1])(x, x);
    expect(list(a)).toEqual([2.25, 4]);
    expect(list(b)).toEqual([4.5, 8]);
  });

  it("does not confuse one perturbation with another", () => {
    // d/dx x (d/dy (x + y)) = 1 at y = 1 (Siskind and Pearlmutter 2005)
    const inner = (x: Tensor) => grad((y: Tensor) => x.add(y).sum())(tensor([1.5]));
    expect(list(grad((x: Tensor) => x.mul(inner(x)).sum())(tensor([2.5])))).toEqual([1]);
    const x = tensor([2.5]);
    const slope = grad((y: Tensor) => y.pow(3).sum())(x);
    expect(list(grad((y: Tensor) => y.mul(slope).sum())(x))).toEqual(list(slope));
  });

  it("goes as deep as asked", () => {
    let f = (x: Tensor) => x.pow(5).sum();
    const slopes: number[] = [];
    for (let order = 1; order <= 4; order++) {
      const below = f;
      f = (x: Tensor) => grad((y: Tensor) => below(y))(x).sum();
      slopes.push(f(tensor([2.0, 0.5]).slice(0, 0, 1)).item());
    }
    expect(slopes).toEqual([80, 160, 240, 240]);
  });

  it("gives the value as well, lets gradients flow on, and touches nothing", () => {
    const w = leaf(1, 2);
    const [value, slope] = valueAndGrad((x: Tensor) => x.mul(w).square().sum())(tensor([3, 4]).float());
    expect(value.item()).toBe(73);
    expect(list(slope)).toEqual([6, 32]);
    slope.sum().backward();
    expect(list(w.grad)).toEqual([12, 32]);
    const x = ones(2);
    grad((y: Tensor) => y.sum())(x);
    expect([x.requiresGrad, x.grad]).toEqual([false, null]);
  });

  it("is zero where nothing depends on the argument", () => {
    expect(list(grad((_: Tensor) => tensor(1.5))(tensor([1.5, 2])))).toEqual([0, 0]);
    expect(list(grad((x: Tensor) => x.round().sum())(tensor([1.5, 2])))).toEqual([0, 0]);
  });
});
