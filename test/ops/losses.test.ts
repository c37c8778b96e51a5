// What a table of cases with one tolerance cannot see in losses: very small ones, and sums beyond a dtype.

import { describe, expect, it } from "vitest";
import { manualSeed, ones, randint, randn, tensor, zeros } from "../../src/index.js";
import { binaryCrossEntropyWithLogits, crossEntropy, klDiv, mseLoss, nllLoss } from "../../src/tensor/losses.js";

describe("binaryCrossEntropyWithLogits", () => {
  const x = [-30, -20, -10, -1, 0, 1, 10, 20, 30];

  it("is as exact for sure and right answers as for others, whichever class it is", () => {
    const logits = tensor(x, { dtype: "f32" });
    const yes = binaryCrossEntropyWithLogits(logits, ones(x.length), { reduction: "none" }).dataSync();
    const no = binaryCrossEntropyWithLogits(logits, zeros(x.length), { reduction: "none" }).dataSync();
    x.forEach((value, i) => {
      expect(yes[i] / Math.log1p(Math.exp(-value))).toBeCloseTo(1, 5);
      expect(no[i] / Math.log1p(Math.exp(value))).toBeCloseTo(1, 5);
    });
  });

  it("takes classes as truth or as whole numbers", () => {
    const logits = randn(4);
    const classes = tensor([true, false, false, true]);
    const wanted = binaryCrossEntropyWithLogits(logits, classes.float()).item();
    expect(binaryCrossEntropyWithLogits(logits, classes).item()).toBe(wanted);
    expect(binaryCrossEntropyWithLogits(logits, classes.int()).item()).toBe(wanted);
  });

  it("has the gradient σ(x) - t, which does not vanish before the loss does", () => {
    const logits = tensor(x, { dtype: "f32" }).requiresGrad_();
    binaryCrossEntropyWithLogits(logits, ones(x.length), { reduction: "sum" }).backward();
    const gradient = logits.grad?.dataSync() as Float32Array;
    x.forEach((value, i) => {
      expect(gradient[i] / (-1 / (1 + Math.exp(value)))).toBeCloseTo(1, 5);
    });
  });
});

describe("crossEntropy and nllLoss", () => {
  it("read classes along the last axis where PyTorch's order would fit as well", () => {
    const [logits, targets] = [randn(3, 3, 3), randint(0, 3, [3, 3])];
    const flat = crossEntropy(logits.view(9, 3), targets.view(9)).item();
    expect(crossEntropy(logits, targets).item()).toBeCloseTo(flat, 6);
    expect(nllLoss(logits.logSoftmax(-1), targets).item()).toBeCloseTo(flat, 6);
  });
});

describe("klDiv", () => {
  it("is 0 where nothing is wanted, with finite gradients, unless the input rules it out altogether", () => {
    const p = tensor([[0, 0.25, 0.75]]).requiresGrad_();
    const logQ = tensor([[0.5, 0.25, 0.25]])
      .log()
      .requiresGrad_();
    const loss = klDiv(logQ, p, { reduction: "sum" });
    expect(loss.item()).toBeCloseTo(0.75 * Math.log(3), 6);
    loss.backward();
    expect(logQ.grad?.toArray()).toEqual([[-0, -0.25, -0.75]]);
    const gradient = p.grad?.dataSync() as Float32Array;
    [-Math.log(0.5), 1, Math.log(3) + 1].forEach((wanted, i) => {
      expect(gradient[i]).toBeCloseTo(wanted, 6);
    });
    expect(klDiv(tensor([-Infinity]), tensor([0], { dtype: "f32" })).item()).toBeNaN(); // as in PyTorch
  });

  it("refuses classes, and shapes that do not fit", () => {
    expect(() => klDiv(randn(2, 3), tensor([[1, 0, 0], [0, 1, 0]]))).toThrow("convert them with .float()"); // biome-ignore format: a matrix
    expect(() => klDiv(randn(3), randn(3, 1))).toThrow("klDiv: expected input and target of one shape");
  });
});

describe("losses of 16-bit numbers", () => {
  manualSeed(1);
  const [rows, V] = [20000, 7];
  const logits = randn(rows, V).mul(3); // the losses' sum is about 88000: no f16, whose largest number is 65504
  const targets = randint(0, V, [rows]);
  const wanted = crossEntropy(logits, targets).item();

  for (const dtype of ["f16", "bf16"] as const)
    it(`are means of sums in f32: ${dtype}`, () => {
      const given = logits.to(dtype);
      const options = { weight: ones(V, { dtype }) };
      for (const loss of [
        crossEntropy(given, targets),
        crossEntropy(given, targets, options),
        nllLoss(given.logSoftmax(-1), targets),
      ]) {
        expect(loss.dtype).toBe(dtype);
        expect(Math.abs(loss.item() / wanted - 1)).toBeLessThan(dtype === "f16" ? 1e-3 : 8e-3);
      }
      expect(mseLoss(ones(rows, V, { dtype }), zeros(rows, V, { dtype })).item()).toBe(1);
    });
});
