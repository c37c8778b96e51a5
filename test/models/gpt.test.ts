// The GPT against one written in PyTorch: the same seeded weights to the bit, ten training losses; and configurations from outside.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { arange, compile, Generator, manualSeed, randint, type Tensor, tensor, zerosLike } from "../../src/index.js";
import { GPT, type GPTConfig } from "../../src/models/index.js";
import { executor } from "../../src/tensor/evaluate.js";
import { golden } from "../nn/golden.js";

interface Training {
  config: GPTConfig;
  batch: number;
  weights: Record<string, { shape: number[]; sha256: string; begins: number[] }>;
  losses: { loss: number; norm: number }[];
}
const { tiny, demo } = golden<{ tiny: Training; demo: Training }>("gpt");

const sha256 = (data: Float32Array) =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");

/** AdamW with clipping, as torch (Loshchilov and Hutter 2019), in plain operations. */
function trainer(model: GPT): (ids: Tensor, targets: Tensor) => { loss: Tensor; norm: Tensor } {
  const [rate, beta1, beta2, eps, decay] = [1e-3, 0.9, 0.95, 1e-8, 0.1];
  const parameters = model.parameters();
  const moments = parameters.map((p) => ({ first: zerosLike(p), second: zerosLike(p) }));
  const step = tensor(0);
  return compile((ids, targets) => {
    const loss = model.loss(ids, targets);
    model.zeroGrad();
    loss.backward();
    const gradients = parameters.map((p) => p.grad as Tensor);
    const norm = gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b)).sqrt(); // biome-ignore format: short
    const shrink = norm.add(1e-6).reciprocal().clamp(null, 1);
    const count = step.add(1).float();
    step.assign(count.int());
    const correct = (beta: number) => count.mul(Math.log(beta)).exp().neg().add(1);
    parameters.forEach((p, i) => {
      const { first, second } = moments[i];
      const g = gradients[i].mul(shrink);
      const m = first.mul(beta1).add(g.mul(1 - beta1));
      const v = second.mul(beta2).add(g.square().mul(1 - beta2));
      const denominator = v.sqrt().div(correct(beta2).sqrt()).add(eps);
      p.assign(p.mul(1 - rate * decay).sub(m.div(correct(beta1)).mul(rate).div(denominator)));
      first.assign(m);
      second.assign(v);
    });
    return { loss: loss.detach(), norm };
  });
}

for (const [name, training] of Object.entries({ tiny, demo })) {
  const { config, batch, weights, losses } = training;

  describe(`the ${name} GPT`, () => {
    it("begins with the numbers that PyTorch code draws", () => {
      manualSeed(1337);
      const parameters = new GPT(config).namedParameters();
      const wanted = Object.values(weights);
      expect(parameters.map(([, p]) => p.shape)).toEqual(wanted.map((w) => w.shape));
      parameters.forEach(([address, p], i) => {
        const data = p.dataSync() as Float32Array;
        expect([...data.subarray(0, 3)], address).toEqual(wanted[i].begins);
        expect(sha256(data), address).toBe(wanted[i].sha256);
      });
    });

    // The larger one takes minutes without native kernels.
    if (name === "tiny" || executor().name === "native") {
      it("has PyTorch's losses for ten steps", () => {
        manualSeed(1337);
        const { vocabularySize: V, context: T } = config;
        const model = new GPT(config);
        const step = trainer(model);
        const generator = new Generator(42);
        for (const [i, want] of losses.entries()) {
          const start = randint(V, [batch, 1], { generator });
          const stride = randint(1, 4, [batch, 1], { generator });
          const text = arange(T + 1).mul(stride).add(start).remainder(V); // biome-ignore format: short
          const { loss, norm } = step(text.narrow(1, 0, T), text.narrow(1, 1, T));
          expect(Math.abs(loss.item() - want.loss), `loss ${i}: ${loss.item()}, golden ${want.loss}`).toBeLessThan(
            1e-4,
          );
          expect(Math.abs(norm.item() - want.norm), `norm ${i}: ${norm.item()}, golden ${want.norm}`).toBeLessThan(
            2e-3,
          );
        }
      });
    }
  });
}

describe("GPT", () => {
  const config: GPTConfig = { vocabularySize: 11, context: 8, layers: 2, heads: 2, width: 8 };

  it("names every part in the words of the design", () => {
    const names = new GPT(config).namedParameters().map(([name]) => name);
    expect(names.slice(0, 4)).toEqual([
      "tokens.weight",
      "positions.weight",
      "blocks.0.attentionNorm.weight",
      "blocks.0.attentionNorm.bias",
    ]);
    expect(names).toContain("blocks.1.attention.queryKeyValue.weight");
    expect(names.at(-1)).toBe("norm.bias");
  });

  it("has GPT-2's number of parameters", () => {
    const { vocabularySize: V, context: T, layers: L, width: C } = config;
    expect(new GPT(config).countParameters()).toBe(V * C + T * C + L * (12 * C * C + 13 * C) + 2 * C);
  });

  it("predicts from what came before, and from nothing after", () => {
    const model = new GPT(config);
    const one = model.forward(tensor([[1, 2, 3, 4]]));
    const other = model.forward(tensor([[1, 2, 3, 9]]));
    expect(one.shape).toEqual([1, 4, 11]);
    expect(one.narrow(1, 0, 3).toArray()).toEqual(other.narrow(1, 0, 3).toArray());
    expect(one.narrow(1, 3, 1).toArray()).not.toEqual(other.narrow(1, 3, 1).toArray());
  });

  it("drops anew at each run of a compiled step, and not at all in evaluation", () => {
    const model = new GPT({ ...config, dropout: 0.3 });
    const ids = tensor([[1, 2, 3, 4]]);
    const loss = compile((x: Tensor) => model.loss(x, x));
    expect(loss(ids).item()).not.toBe(loss(ids).item());
    model.eval();
    expect(loss(ids).item()).toBe(loss(ids).item());
    expect(loss(ids).item()).toBeCloseTo(model.loss(ids, ids).item(), 5);
  });

  it("goes through JSON", () => {
    const model = GPT.fromConfig(JSON.parse(JSON.stringify(new GPT({ ...config, dropout: 0.25 }).config)));
    expect(model.config).toEqual({ ...config, dropout: 0.25, normEpsilon: 1e-5 });
    expect(model.dropout.p).toBe(0.25);
  });

  it("refuses what makes no model, in words that help", () => {
    const attempt = (change: object) => () => GPT.fromConfig({ ...config, ...change });
    expect(attempt({ width: 10, heads: 4 })).toThrow("width 10 and 4 heads; take a width of 8 or 12");
    expect(attempt({ layers: 0 })).toThrow("layers a whole number of at least 1, got 0");
    expect(attempt({ context: 2.5 })).toThrow("context a whole number");
    expect(attempt({ heads: "2" })).toThrow("heads a whole number of at least 1, got a string");
    expect(attempt({ vocabularySize: Number.NaN })).toThrow("got NaN");
    expect(attempt({ dropout: 2 })).toThrow("dropout a probability from 0 to 1, got 2");
    expect(attempt({ normEpsilon: -1 })).toThrow("normEpsilon between 0 and 1");
    expect(attempt({ layers: 1e9 })).toThrow("at most 4096 layers");
    expect(attempt({ width: 2 ** 20, heads: 1 })).toThrow("fewer than 2^31 numbers");
    for (const json of [null, 3, "gpt", [], undefined]) expect(() => GPT.fromConfig(json)).toThrow("a configuration");
    expect(() => GPT.fromConfig({ width: 8, heads: 2 })).toThrow("without vocabularySize, context, layers");
    expect(() => GPT.fromConfig(Object.create(config))).toThrow("without vocabularySize");
  });

  it("refuses ids it cannot read", () => {
    const model = new GPT(config);
    expect(() => model.forward(tensor([1, 2]))).toThrow("token ids i32[B,T], got i32[2]");
    expect(() => model.forward(tensor([[0.5]]))).toThrow("got f32[1,1]");
    expect(() => model.forward(tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9]]))).toThrow("at most 8 positions");
    expect(() => model.forward(tensor([[1, 11]])).dataSync()).toThrow("11");
  });
});
