// A loop without `await` lets go of its results: nothing may hold a node until the event loop turns, as weak references do.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { compile, ones, randn, type Tensor, tensor } from "../../src/index.js";
import { AdamW } from "../../src/train/index.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that one round of `body` leaves behind each time, heap and arrays together; now and then memory for later use comes on top. */
function left(body: (i: number) => void, rounds: number): number {
  const held = () => {
    collect();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  for (let i = 0; i < 20; i++) body(i);
  let least = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 3; repeat++) {
    const before = held();
    for (let i = 0; i < rounds; i++) body(i);
    least = Math.min(least, (held() - before) / rounds);
  }
  return least;
}

describe("a synchronous loop", () => {
  it("keeps no results that nobody holds", () => {
    const a = ones(100, 100);
    const bytes = left(() => randn(100, 100).matmul(a).evaluate(), 60);
    expect(bytes).toBeLessThan(20_000); // one result: 40 000
  });

  it("keeps no graph of the steps of an eager training", () => {
    const w = randn(64, 64).requiresGrad_();
    const optimizer = new AdamW([w], { learningRate: 1e-3 });
    const step = () => {
      const loss = randn(64, 64).matmul(w).square().mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      loss.item();
    };
    expect(left(step, 60)).toBeLessThan(8_000); // one array: 16 384
  });

  it("keeps no more than some traces of a function called with ever other numbers", () => {
    let traces = 0;
    const f = compile((x: Tensor, k: number) => {
      traces++;
      return x.mul(k);
    });
    const x = tensor([1], { dtype: "f32" });
    for (let k = 0; k < 300; k++) expect(f(x, k).item()).toBe(k);
    expect(f(x, 299).item()).toBe(299);
    expect(traces).toBe(300);
    expect(f(x, 0).item()).toBe(0);
    expect(traces).toBe(301);
  });
});

describe("what no longer is a weak reference", () => {
  it("still gives a kept intermediate its gradient", () => {
    const p = ones(2).requiresGrad_();
    const h = p.mul(3).retainGrad();
    h.square().sum().backward();
    expect(h.grad?.toArray()).toEqual([6, 6]);
    expect(p.grad?.toArray()).toEqual([18, 18]);
  });
});
