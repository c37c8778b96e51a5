import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type CompiledFunction, compile, explain, type Tensor, tensor, zeros } from "../../src/index.js";
import { clipGradNorm_, clipGradValue_ } from "../../src/train/clip.js";
import type { OptimizerStateDict } from "../../src/train/optimizer-state.js";
import { Adam, AdamW, SGD } from "../../src/train/optimizers.js";

interface Case {
  name: string;
  options: Record<string, number & boolean & [number, number]>;
  a: number[][];
  b: number[];
  losses: number[];
  norms: number[];
  state: Record<string, Record<string, number | number[] | number[][]>>;
}
const golden: { a: number[][]; b: number[]; w: number[][]; cases: Case[] } = JSON.parse(
  readFileSync(new URL("../golden/optimizers.json", import.meta.url), "utf8"),
);
const KINDS = { SGD, Adam, AdamW };
const NAMES = { lr: "learningRate", weight_decay: "weightDecay" };
const MOMENTS = {
  exp_avg: "expAvg",
  exp_avg_sq: "expAvgSq",
  max_exp_avg_sq: "maxExpAvgSq",
  momentum_buffer: "momentumBuffer",
};
const STEPS = 10;

function problem() {
  const a = tensor(golden.a, { requiresGrad: true });
  const b = tensor(golden.b, { requiresGrad: true });
  const w = tensor(golden.w);
  const loss = (used: Tensor) => w.mul(a.cos()).mul(used).sum().add(a.mul(a).sum().mul(0.1));
  return { a, b, loss };
}

/** Runs a case as PyTorch users write it, or with the whole step compiled. */
function run({ name, options }: Case, compiled: boolean) {
  const { groups, skip, add, clip, clip_value, norm_type, schedule, ...rest } = options;
  const settings = Object.fromEntries(Object.entries(rest).map(([k, v]) => [NAMES[k as keyof typeof NAMES] ?? k, v]));
  const { a, b, loss } = problem();
  const params = groups
    ? [
        { params: [a], weightDecay: 0.3 },
        { params: [b], learningRate: 0.001, weightDecay: 0 },
      ]
    : add
      ? [a]
      : [a, b];
  const optimizer = new KINDS[name as keyof typeof KINDS](params, settings);
  const norms: number[] = [];
  const losses: number[] = [];
  const body = (used: "b" | "no b") => {
    const value = loss(used === "b" ? b : b.detach());
    optimizer.zeroGrad();
    value.backward();
    const norm = clip ? clipGradNorm_([a, b], clip, norm_type ? { normType: Number(norm_type) } : {}) : null;
    if (clip_value) clipGradValue_([a, b], clip_value);
    optimizer.step();
    return { value, norm };
  };
  const step = compiled ? compile(body) : body;
  for (let i = 0; i < STEPS; i++) {
    if (schedule) optimizer.learningRate = (rest.lr as number) / (i + 1);
    if (add && i === 4) optimizer.addParamGroup({ params: [b], learningRate: 0.004, weightDecay: 0.3 });
    const { value, norm } = step((skip && [0, 4, 5].includes(i)) || (add && i < 4) ? "no b" : "b");
    losses.push(value.item());
    if (norm) norms.push(norm.item());
  }
  return { a, b, losses, norms, optimizer };
}

function expectClose(actual: ArrayLike<number>, expected: number[], what: string, tolerance = 1e-6) {
  expect(actual.length, what).toBe(expected.length);
  const size = Math.max(...expected.map(Math.abs), 1e-30);
  for (const [i, e] of expected.entries()) {
    // Relative to each number, but for numbers lost beside the largest.
    const scale = Math.max(Math.abs(e), 1e-2 * size);
    expect(Math.abs(actual[i] - e) / scale, `${what}[${i}]: ${actual[i]} against ${e}`).toBeLessThan(tolerance);
  }
}

const flat = (x: unknown) => [x].flat(3) as number[];
const cases = golden.cases.map((c): [string, Case] => [`${c.name} ${JSON.stringify(c.options)}`, c]);

describe.each([
  ["outside compile", false],
  ["inside compile", true],
])("ten steps %s equal torch's", (_, compiled) => {
  it.each(cases)("%s", (_, golden) => {
    const { a, b, losses, norms, optimizer } = run(golden, compiled);
    expectClose(a.dataSync(), flat(golden.a), "a");
    expectClose(b.dataSync(), flat(golden.b), "b");
    expectClose(losses, golden.losses, "loss");
    expectClose(norms, golden.norms, "norm");
    const { state } = optimizer.stateDict();
    for (const [i, saved] of Object.entries(golden.state)) {
      const own = state[Number(i)];
      if ("step" in saved) expect(own.step).toBe(saved.step);
      for (const [name, value] of Object.entries(saved)) {
        if (name === "step") continue;
        expectClose(own.moments[MOMENTS[name as keyof typeof MOMENTS]].dataSync(), flat(value), name, 2e-6);
      }
    }
  });
});

describe("optimizers", () => {
  it("update each parameter in one elementwise step", () => {
    const { a, b, loss } = problem();
    const optimizer = new AdamW([a, b]);
    const step = compile(() => {
      const value = loss(b);
      optimizer.zeroGrad();
      value.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return value;
    });
    // Gradients are computed elsewhere here; what writes a or b writes its moments too, in the same line.
    const { program } = step as CompiledFunction<[], Tensor>;
    const updates = program().steps.filter(
      (s) => s.kind === "elementwise" && s.outputs.length >= 3 && s.shape.some((n) => n > 1),
    );
    expect(updates.length, explain(step)).toBe(2);
    expect(a.grad).toBeNull();
  });

  it("go on from a saved state as if never stopped", () => {
    for (const make of [
      (p: Tensor[]) => new AdamW(p, { learningRate: 0.01, amsgrad: true }),
      (p: Tensor[]) => new SGD(p, { learningRate: 0.01, momentum: 0.9, dampening: 0.5 }),
    ]) {
      const steps = (count: number, at: { a: Tensor; b: Tensor; state?: OptimizerStateDict }) => {
        const { a, b, loss } = problem();
        a.assign(at.a);
        b.assign(at.b);
        const optimizer = make([a, b]);
        if (at.state) optimizer.loadStateDict(at.state);
        for (let i = 0; i < count; i++) {
          optimizer.zeroGrad();
          loss(b).backward();
          optimizer.step();
        }
        return { a, b, state: optimizer.stateDict() };
      };
      const start = { a: tensor(golden.a), b: tensor(golden.b) };
      const whole = steps(7, start);
      const parts = steps(4, steps(3, start));
      expect(parts.a.dataSync()).toEqual(whole.a.dataSync());
      expect(parts.b.dataSync()).toEqual(whole.b.dataSync());
      expect(parts.state.state[0].step).toBe(7);
    }
  });

  it("follow a learning rate that is set between runs, without tracing again", () => {
    const { a, b, loss } = problem();
    const optimizer = new SGD([a, b], { learningRate: 1 });
    let traced = 0;
    const step = compile(() => {
      traced++;
      loss(b).backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    optimizer.learningRate = 0;
    step();
    expect(a.toArray()).toEqual(tensor(golden.a).toArray());
    optimizer.learningRate = 0.5;
    step();
    expect(a.toArray()).not.toEqual(tensor(golden.a).toArray());
    expect(traced).toBe(1);
    expect(optimizer.groups[0].learningRate).toBe(0.5);
  });

  it("leave a group's own learning rate alone", () => {
    const { a, b } = problem();
    const optimizer = new AdamW([{ params: [a] }, { params: [b], learningRate: 7 }], { learningRate: 3 });
    optimizer.learningRate = 5;
    expect(optimizer.groups.map((g) => g.learningRate)).toEqual([5, 7]);
    optimizer.groups[1].learningRate = 1;
    expect(optimizer.learningRate).toBe(5);
    expect(optimizer.groups[1].learningRate).toBe(1);
  });

  it("do nothing without gradients", () => {
    const { a, b } = problem();
    const optimizer = new AdamW([a, b]);
    optimizer.step();
    expect(a.toArray()).toEqual(tensor(golden.a).toArray());
    expect(optimizer.stateDict().state).toEqual({});
    expect(clipGradNorm_([a, b], 1).item()).toBe(0);
  });

  it("keep gradients and loss readable after an eager step", () => {
    const { a, b, loss } = problem();
    const value = loss(b);
    value.backward();
    const expected = value.item();
    const grads = [a, b].map((p) => (p.grad as Tensor).toArray());
    const norm = clipGradNorm_([a, b], Infinity).item();
    const again = problem();
    const second = again.loss(again.b);
    second.backward();
    expect(clipGradNorm_([again.a, again.b], Infinity).item()).toBe(norm);
    new SGD([again.a, again.b], { learningRate: 1 }).step();
    expect(second.item()).toBe(expected);
    expect([again.a, again.b].map((p) => (p.grad as Tensor).toArray())).toEqual(grads);
  });

  it("move half-precision parameters in f32", () => {
    const p = tensor([1, 2, 3], { dtype: "bf16", requiresGrad: true });
    const optimizer = new AdamW([p], { learningRate: 0.5, weightDecay: 0 });
    p.mul(p).sum().backward();
    optimizer.step();
    expect(p.dtype).toBe("bf16");
    expect(p.toArray()).toEqual([0.5, 1.5, 2.5]);
    expect(optimizer.stateDict().state[0].moments.expAvg.dtype).toBe("f32");
  });

  it("take no state whose tensors have become plain numbers", () => {
    const { a } = problem();
    const optimizer = new AdamW([a]);
    a.square().sum().backward();
    optimizer.step();
    const plain = JSON.parse(JSON.stringify(optimizer.stateDict()));
    expect(() => new AdamW([a]).loadStateDict(plain)).toThrow(
      /AdamW.loadStateDict: expected \w+ of parameter 0 as a tensor, got an array .* keep them with saveSafetensors/,
    );
  });

  it("say what is wrong with their settings", () => {
    const { a, b } = problem();
    expect(() => new SGD([])).toThrow("SGD: expected at least one parameter, got none");
    const module = { parameters: () => [a], namedParameters: () => [["a", a]] };
    expect(() => new SGD(module as never)).toThrow("SGD: expected an array of parameters, got an object with");
    expect(() => new SGD(module.namedParameters() as never)).toThrow(
      "SGD: expected parameters, or groups { params: [...] }, got an array of 2; pass model.parameters()",
    );
    expect(() => new SGD([a, a])).toThrow("SGD: expected each parameter once, got one of them twice");
    expect(() => new Adam([tensor([1])])).toThrow("Adam: expected leaves that require gradients, got i32[1]");
    expect(() => new Adam([a.mul(2)])).toThrow("leaves that require gradients");
    expect(() => new SGD([a], { learningRate: -1 })).toThrow("learningRate of at least 0, got -1");
    expect(() => new SGD([a], { nesterov: true })).toThrow("SGD: expected nesterov with a momentum");
    expect(() => new AdamW([a], { betas: [0.9, 1] })).toThrow("betas[1] from 0 to below 1, got 1");
    expect(() => new AdamW([a], { weightDecay: Number.NaN })).toThrow("weightDecay of at least 0, got NaN");
    expect(() => clipGradNorm_([a], Number.NaN)).toThrow("clipGradNorm_: expected maxNorm of at least 0, got NaN");
    const optimizer = new AdamW([a, b]);
    expect(() => optimizer.loadStateDict({ state: {}, groups: [{ params: [0] }] })).toThrow(
      "AdamW.loadStateDict: expected groups of 2 parameters, got 1",
    );
    const groups = [{ params: [0, 1], learningRate: 1 }];
    expect(() => optimizer.loadStateDict({ state: { 0: { step: 1, moments: {} } }, groups })).toThrow(
      "expected expAvg, expAvgSq for parameter 0, got none",
    );
    const moments = { expAvg: tensor([1]), expAvgSq: tensor([1]) };
    expect(() => optimizer.loadStateDict({ state: { 1: { step: 1, moments } }, groups })).toThrow(
      "expected expAvg of parameter 1 with shape [4], got i32[1]",
    );
    expect(optimizer.learningRate).toBe(1e-3);
  });

  it("are as they were when a saved state does not fit", () => {
    const { a, b } = problem();
    const optimizer = new AdamW([a, b]);
    const moments = { expAvg: zeros(a.shape), expAvgSq: zeros(a.shape) };
    const groups = [{ params: [0, 1], learningRate: 1 }];
    const wrong: [unknown, string][] = [
      [
        { state: { 0: { step: 1, moments } }, groups: [{ params: [0, 1] }] },
        "learningRate of at least 0, got undefined",
      ],
      [{ state: { 0: { moments } }, groups }, "a whole number of steps for parameter 0, got undefined"],
      [{ state: { 0: { step: Number.NaN, moments } }, groups }, "a whole number of steps for parameter 0, got NaN"],
      [
        { state: { 0: { step: 1, moments: { ...moments, expAvgSq: [0] } } }, groups },
        "expAvgSq of parameter 0 as a tensor",
      ],
    ];
    for (const [saved, message] of wrong) {
      expect(() => optimizer.loadStateDict(saved as OptimizerStateDict)).toThrow(
        `AdamW.loadStateDict: expected ${message}`,
      );
      expect(optimizer.stateDict().state).toEqual({});
      expect(optimizer.learningRate).toBe(1e-3);
    }
  });
});
