// Numbers that are there already, in other places, are copied without a program; batches cut out of data share the programs that read them.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cat, crossEntropy, manualSeed, mseLoss, randint, randn, stack, type Tensor, tensor } from "../../src/index.js";
import { Embedding, Linear, Sequential } from "../../src/nn/index.js";
import type { Program } from "../../src/program/program.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";
import { DataLoader, SGD } from "../../src/train/index.js";

const on = executor();
let ran: Program[] = [];

beforeEach(() => {
  manualSeed(7);
  ran = [];
  setExecutor({
    name: on.name,
    capabilities: on.capabilities,
    allocate: (dtype, size) => on.allocate(dtype, size),
    release: (memory) => on.release?.(memory),
    prepare(program) {
      const executable = on.prepare(program);
      return {
        run(externals) {
          ran.push(program);
          executable.run(externals);
        },
      };
    },
  });
});

afterEach(() => {
  setExecutor(on);
});

/** Numbers that tell where they stood: those of `shape` counted through. */
const counted = (...shape: number[]) =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    { dtype: "f32" },
  )
    .reshape(shape)
    .evaluate();

const COPIES: Record<string, (x: Tensor) => Tensor> = {
  "one element": (x) => x.at(1, 2, 3),
  "a row": (x) => x.at(2),
  rows: (x) => x.at("1:3"),
  "a column": (x) => x.at(":", ":", 17),
  "every second": (x) => x.at("::2", "1::3", "::5"),
  backwards: (x) => x.flip(0, 2),
  permuted: (x) => x.permute(2, 0, 1),
  "permuted, sliced and flattened": (x) => x.permute(1, 0, 2).at("1:", "1:2").reshape(-1),
  expanded: (x) => x.at(0, 0).expand(3, 2, 20),
  nothing: (x) => x.at("1:1"),
  "rows put together": (x) => stack([x.at(2, 1), x.at(0, 3), x.at(2, 1)]),
  "side by side": (x) => cat([x.at(":", ":", "3:4"), x.at(":", ":", "::4"), x], 2).at(":", "1:"),
  nested: (x) => cat([cat([x.at(0, ":", 0), x.at(1, ":", 1)]).reshape(2, 4), x.at(2, "2:", ":4")], 0).T,
  detached: (x) => x.detach().at(1),
};

describe("copies", () => {
  for (const [name, pick] of Object.entries(COPIES))
    test(name, () => {
      const x = counted(3, 4, 20);
      const picked = pick(x);
      const got = picked.toArray();
      expect(ran).toHaveLength(0);
      const computed = pick(x.add(0)); // pending: has to be computed
      expect(picked.shape).toEqual(computed.shape);
      expect(got).toEqual(computed.toArray());
      expect(ran.length).toBeGreaterThan(0);
    });

  test("of every dtype", () => {
    const x = tensor([
      [0, 1.5, -2],
      [0, 3, 0.25],
    ]);
    for (const dtype of ["f32", "f16", "bf16", "i32", "bool"] as const) {
      const given = x.to(dtype).evaluate();
      const rows = given.toArray() as unknown[][];
      ran = [];
      expect(given.at(1).toArray()).toEqual(rows[1]);
      expect(cat([given.at(":", 2), given.at(0)]).toArray()).toEqual([rows[0][2], rows[1][2], ...rows[0]]);
      expect(ran).toHaveLength(0);
    }
  });

  test("are not made of what is still to be computed, nor of what is large", () => {
    const x = counted(400, 400);
    ran = [];
    expect(x.square().at(0, 3).item()).toBe(9);
    expect(ran).toHaveLength(1);
    expect(x.at("1:").at(0, 0).item()).toBe(400);
    expect(ran).toHaveLength(1);
    x.at("1:").evaluate();
    expect(ran).toHaveLength(2);
  });

  test("are the tensor's own: what they were copied from may change", () => {
    const x = counted(4);
    const first = x.at(":2").evaluate();
    x.assign(x.mul(10));
    expect(first.toArray()).toEqual([0, 1]);
    expect(x.at(":2").toArray()).toEqual([0, 10]);
  });

  test("take no longer for a chain that reads each link twice, and no stack for a long one", () => {
    const x = counted(64);
    let turned = x;
    for (let i = 0; i < 60; i++) turned = cat([turned.at("1:"), turned.at(":1")]);
    expect(turned.at(0).item()).toBe(60);
    let viewed = x;
    for (let i = 0; i < 20000; i++) viewed = viewed.reshape(i % 2 ? [64] : [8, 8]);
    expect(viewed.at(63).item()).toBe(63);
    expect(ran).toHaveLength(0);
  });

  test("pass gradients on", () => {
    const x = counted(3, 2).requiresGrad_();
    const rows = x.at("1:");
    expect(rows.toArray()).toEqual([
      [2, 3],
      [4, 5],
    ]);
    rows.square().sum().backward();
    expect(x.grad?.toArray()).toEqual([
      [0, 0],
      [4, 6],
      [8, 10],
    ]);
  });
});

describe("batches cut out of data", () => {
  /** Different programs that `steps` steps run, from the third on. */
  function programs(step: (i: number) => void, steps = 8): number {
    for (let i = 0; i < 2; i++) step(i);
    ran = [];
    for (let i = 2; i < steps; i++) step(i);
    return new Set(ran).size;
  }

  test("are read by one program: tokens at random places of a text", () => {
    const [text, T] = [randint(0, 9, [500]), 6];
    const model = new Sequential(new Embedding(9, 8), new Linear(8, 9));
    const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
    const step = () => {
      const places = randint(500 - T, [4]).toArray() as number[];
      const inputs = stack(places.map((i) => text.at(`${i}:${i + T}`)));
      const targets = stack(places.map((i) => text.at(`${i + 1}:${i + T + 1}`))).withAt([":", 0], -100);
      const loss = crossEntropy(model.forward(inputs).view(4 * T, 9), targets.view(4 * T));
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    };
    programs(step);
    const steps = ran.filter((program) => program.steps.some(({ kind }) => kind === "matmul"));
    expect(steps).toHaveLength(6);
    expect(new Set(steps).size).toBe(1);
  });

  test("and by one program, when a DataLoader collates samples that are rows of tensors", () => {
    const [x, y] = [randn(64, 5).evaluate(), randn(64, 1).evaluate()];
    const dataset = { length: 64, get: (i: number) => [x.at(i), y.at(i)] as const };
    const layer = new Linear(5, 1);
    const optimizer = new SGD(layer.parameters(), { learningRate: 0.1 });
    const batches = [...new DataLoader(dataset, { batchSize: 8, shuffle: true })] as [Tensor, Tensor][];
    const step = (i: number) => {
      const loss = mseLoss(layer.forward(batches[i][0]), batches[i][1]);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    };
    expect(programs(step)).toBe(1);
  });

  test("so does a text that grows by a token at a time, once it is longer than the context", () => {
    const model = new Sequential(new Embedding(9, 8), new Linear(8, 9));
    let text = randint(0, 9, [1, 4]);
    const step = () => {
      const logits = model.forward(text.at(":", "-4:")).at(":", -1);
      text = cat([text, logits.argmax(-1, { keepdim: true }).evaluate()], 1);
    };
    expect(programs(step)).toBe(1);
  });
});
