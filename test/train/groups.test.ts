// Groups that come to an optimizer later: compiled steps take them up, and a saved state has them. Ten steps with one are compared with
// torch's in optimizers.test.ts.

import { describe, expect, it } from "vitest";
import { compile, HeedError, type Tensor, tensor } from "../../src/index.js";
import { Linear } from "../../src/nn/index.js";
import { train } from "../../src/train/index.js";
import type { OptimizerStateDict } from "../../src/train/optimizer-state.js";
import { AdamW, SGD } from "../../src/train/optimizers.js";
import { constant } from "../../src/train/schedules.js";
import { setUp, weightsOf } from "./support.js";

const parameter = (...numbers: number[]) => tensor(Float32Array.from(numbers), { requiresGrad: true });

/** Steps of a loss of both parameters; `b` joins before the step `joins`. */
function steps(
  count: number,
  joins: number,
  compiled: boolean,
  from?: { a: Tensor; b: Tensor; state: OptimizerStateDict },
) {
  const [a, b] = [parameter(1, -2, 0.5), parameter(3, 0.25)];
  if (from) {
    a.assign(from.a);
    b.assign(from.b);
  }
  const optimizer = new AdamW([a], { learningRate: 0.1 });
  const join = () => optimizer.addParamGroup({ params: [b], learningRate: 0.03, weightDecay: 0 });
  const body = () => {
    a.grad = null;
    b.grad = null;
    const loss = a.square().sum().mul(b.cos().sum());
    loss.backward();
    optimizer.step();
    a.grad = null;
    b.grad = null;
    return loss;
  };
  const step = compiled ? compile(body) : body;
  if (from) {
    join();
    optimizer.loadStateDict(from.state);
  }
  const losses: number[] = [];
  for (let i = 0; i < count; i++) {
    if (i === joins && !from) join();
    losses.push(step().item());
  }
  return { a, b, losses, state: optimizer.stateDict() };
}

describe("parameters from an iterator", () => {
  it("which can be walked but once, are all there", () => {
    const named = new Map([
      ["a", parameter(2)],
      ["b", parameter(3)],
    ]);
    expect(new SGD([{ params: named.values() }]).groups[0].params).toEqual([...named.values()]);
    const optimizer = new SGD([parameter(1)]);
    optimizer.addParamGroup({ params: named.values() });
    expect(optimizer.groups[1].params).toEqual([...named.values()]);
  });
});

describe("addParamGroup", () => {
  it("is taken up by a step that was compiled before", () => {
    const [eager, compiled] = [steps(6, 3, false), steps(6, 3, true)];
    expect(compiled.losses).toEqual(eager.losses);
    expect(compiled.b.toArray()).toEqual(eager.b.toArray());
    expect(compiled.b.toArray()).not.toEqual([3, 0.25]);
    expect(Object.values(compiled.state.state).map(({ step }) => step)).toEqual([6, 3]);
  });

  it("is in the saved state, which goes on as if never stopped", () => {
    const whole = steps(7, 2, true);
    const first = steps(5, 2, true);
    expect(
      first.state.groups.map(({ params, learningRate, weightDecay }) => [params, learningRate, weightDecay]),
    ).toEqual([
      [[0], 0.1, 0.01],
      [[1], 0.03, 0],
    ]);
    for (const compiled of [false, true]) {
      const second = steps(2, 0, compiled, first);
      expect([...first.losses, ...second.losses]).toEqual(whole.losses);
      expect(second.b.toArray()).toEqual(whole.b.toArray());
      expect(Object.values(second.state.state).map(({ step }) => step)).toEqual([7, 5]);
    }
    const without = new AdamW([parameter(1, -2, 0.5)]);
    expect(() => without.loadStateDict(first.state)).toThrow(
      "AdamW.loadStateDict: expected groups of 1 parameters, got 1, 1",
    );
  });

  it("a loaded state is taken up by a step that was compiled before", () => {
    const a = parameter(1, -2);
    const optimizer = new SGD([a], { learningRate: 0.1, momentum: 0.9 });
    const step = compile(() => {
      a.square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    });
    step(); // to 0.8 and -1.6
    const { state, groups } = optimizer.stateDict();
    optimizer.loadStateDict({ state: { 0: { ...state[0], moments: { momentumBuffer: tensor([0, 0]) } } }, groups });
    step();
    for (const [i, x] of [0.64, -1.28].entries()) expect(a.at(i).item()).toBeCloseTo(x, 6);
  });

  it("has the optimizer's own settings where it names none, and follows its learning rate", () => {
    const optimizer = new SGD([parameter(1)], { learningRate: 0.1, momentum: 0.9 });
    optimizer.addParamGroup({ params: new Linear(2, 3).parameters() });
    optimizer.learningRate = 0.01;
    optimizer.addParamGroup({ params: [parameter(2)] });
    optimizer.addParamGroup({ params: [parameter(3)], learningRate: 7, momentum: 0.5 });
    expect(optimizer.groups.map((g) => [g.params.length, g.learningRate, g.settings.momentum])).toEqual([
      [1, 0.01, 0.9],
      [2, 0.01, 0.9],
      [1, 0.01, 0.9],
      [1, 7, 0.5],
    ]);
    optimizer.learningRate = 0.5;
    expect(optimizer.groups.map((g) => g.learningRate)).toEqual([0.5, 0.5, 0.5, 7]);
    expect(optimizer.parameters.length).toBe(5);
  });

  it.each([1, 2])("unfreezes a layer while `train` runs, %s batches to a step", async (accumulate) => {
    const { model, optimizer: _, ...parts } = setUp();
    const [head, rest] = [model.parameters().slice(-2), model.parameters().slice(0, -2)];
    for (const p of rest) p.requiresGrad_(false);
    const optimizer = new AdamW(head, { learningRate: 0.01 });
    const [before, middle]: number[][] = [weightsOf(model), []];
    const unmoved = rest.reduce((n, p) => n + p.numel, 0);
    await train({
      model,
      optimizer,
      sampler: parts.sampler,
      schedule: constant({ learningRate: 0.01 }),
      steps: 4,
      accumulate,
      onStep: ({ step }) => {
        if (step !== 2) return;
        middle.push(...weightsOf(model));
        for (const p of rest) p.requiresGrad_();
        optimizer.addParamGroup({ params: rest });
      },
    });
    const after = weightsOf(model);
    expect(middle.slice(0, unmoved)).toEqual(before.slice(0, unmoved));
    expect(middle.slice(unmoved)).not.toEqual(before.slice(unmoved));
    expect(after.slice(0, unmoved).filter((x, i) => x === middle[i]).length).toBeLessThan(unmoved / 2);
    expect(Object.values(optimizer.stateDict().state).map(({ step }) => step)).toEqual(expect.arrayContaining([4, 2]));
  });

  it("says what is wrong with a group, and changes nothing", () => {
    const [a, b] = [parameter(1, 2), parameter(3)];
    const optimizer = new AdamW([{ params: [a] }, { params: [b] }]);
    const add = (group: unknown) => () => optimizer.addParamGroup(group as never);
    for (const [group, message] of [
      [{ params: [b] }, "expected parameters that are in no group yet, got f32[1], which is in group 1"],
      [{ params: [parameter(1), a] }, "expected parameters that are in no group yet, got f32[2], which is in group 0"],
      [
        [parameter(1)],
        "expected a group { params: [...] }, got an array of 1 tensor; write { params: layer.parameters() }",
      ],
      [undefined, "expected { params: [...] } with an array of parameters, got undefined"],
      [{ params: new Linear(1, 1) }, "expected { params: [...] } with an array of parameters, got "],
      [{ params: [1] }, "expected parameter 0 as a tensor, got 1"],
      [{ params: [tensor([1, 2])] }, "expected leaves that require gradients, got i32[2]"],
      [{ params: [parameter(1)], learningRate: -1 }, "expected learningRate of at least 0, got -1"],
      [
        { params: [parameter(1)], lr: 1 },
        "expected options named learningRate, betas, eps, weightDecay, amsgrad, maximize, got lr; write learningRate",
      ],
    ] as const)
      expect(add(group)).toThrow(`AdamW.addParamGroup: ${message}`);
    const twice = parameter(1);
    expect(add({ params: [twice, twice] })).toThrow("expected each parameter once, got one of them twice");
    expect(add({ params: [parameter(1)], eps: -1 })).toThrow("AdamW: expected eps of at least 0, got -1");
    expect(() => compile(add({ params: [parameter(1)] }))()).toThrow(
      new HeedError(
        "AdamW.addParamGroup: expected to be called outside compile, got a call inside; add the group before the step",
      ),
    );
    expect(optimizer.groups.length).toBe(2);
  });
});
