// Summaries: torch's parameter counts, the flops of what will run, and a model that is afterwards as before.

import { describe, expect, it } from "vitest";
import { compile, defaultGenerator, dropout, HeedError, manualSeed, noGrad, ones, rand, randn, type Tensor, tensor, zeros } from "../../src/index.js"; // biome-ignore format: short
import { summary } from "../../src/inspect/index.js";
import { GPT } from "../../src/models/index.js";
import { AdditiveAttention, countParameters, Dropout, Embedding, GELU, LayerNorm, Linear, Module, ModuleList, MultiheadAttention, Parameter, Sequential } from "../../src/nn/index.js"; // biome-ignore format: short
import { executor, setExecutor } from "../../src/tensor/evaluate.js";
import { golden } from "../nn/golden.js";

const counts = golden<{ parameters: number; trainable: number; modules: Record<string, number> }>("summary");

class Model extends Module {
  tokens = new Embedding(50, 16);
  attention = new MultiheadAttention(16, 4, { batchFirst: true, kdim: 12, vdim: 20 });
  norm = new LayerNorm(16);
  feedForward = new Sequential(new Linear(16, 32), new GELU(), new Dropout(0.1), new Linear(32, 16));
  head = new Linear(16, 50, { bias: false });

  constructor() {
    super();
    this.head.weight = this.tokens.weight;
    this.norm.requiresGrad_(false);
  }

  forward(ids: Tensor, key: Tensor, value: Tensor): Tensor {
    const [mixed] = this.attention.forward(this.tokens.forward(ids), key, value);
    return this.head.forward(this.feedForward.forward(this.norm.forward(mixed)));
  }
}

const INPUTS = [
  [2, 5],
  [2, 7, 12],
  [2, 7, 20],
];
const DTYPE = ["i32", "f32", "f32"] as const;

/** The flops of a compiled function, as explain has them. */
function flopsOf<A extends Tensor[]>(fn: (...args: A) => unknown, ...args: A): number {
  return noGrad(() => compile(fn).program(...args)).steps.reduce((sum, step) => sum + step.flops, 0);
}

describe("countParameters", () => {
  it("counts as torch does", () => {
    const model = new Model();
    expect(countParameters(model)).toBe(counts.parameters);
    expect(countParameters(model, { trainableOnly: true })).toBe(counts.trainable);
    expect(() => countParameters({} as Module)).toThrow(/countParameters: expected a module, got an object/);
  });
});

describe("summary", () => {
  it("has torch's numbers of parameters, shared ones once", () => {
    const made = summary(new Model(), INPUTS, { dtype: DTYPE });
    expect([made.parameters, made.trainable, made.frozen]).toEqual([
      counts.parameters,
      counts.trainable,
      counts.parameters - counts.trainable,
    ]);
    expect(made.parameterBytes).toBe(4 * counts.parameters);
    const rows = Object.fromEntries(made.rows.map((row) => [row.path, row.parameters]));
    expect(rows).toEqual({ ...counts.modules, head: 0 });
    expect(made.rows.find(({ path }) => path === "head")?.notes).toEqual(["weight is tokens.weight"]);
    expect(made.rows.reduce((sum, { path, parameters }) => sum + (path !== "" && !path.includes(".") ? parameters : 0), 0)).toBe(counts.parameters); // biome-ignore format: short
  });

  it("has the shapes of the results, for several inputs and dtypes, and keeps to what the result needs", () => {
    const { rows } = summary(new Model(), INPUTS, { dtype: DTYPE });
    expect(rows.map(({ path, type, output }) => [path, type, output])).toEqual([
      ["", "Model", "f32[2,5,50]"],
      ["tokens", "Embedding", "f32[2,5,16]"],
      ["attention", "MultiheadAttention", "f32[2,5,16] f32[2,5,7]"],
      ["attention.out_proj", "Linear", "f32[2,5,16]"],
      ["norm", "LayerNorm", "f32[2,5,16]"],
      ["feedForward", "Sequential", "f32[2,5,16]"],
      ["feedForward.0", "Linear", "f32[2,5,32]"],
      ["feedForward.1", "GELU", "f32[2,5,32]"],
      ["feedForward.2", "Dropout", "f32[2,5,32]"],
      ["feedForward.3", "Linear", "f32[2,5,16]"],
      ["head", "Linear", "f32[2,5,50]"],
    ]);
  });

  it("counts the flops of the programs that run", () => {
    const model = new Model().eval();
    const made = summary(model, INPUTS, { dtype: DTYPE });
    const flops = Object.fromEntries(made.rows.map((row) => [row.path, row.flops]));
    const [ids, key, value] = [zeros(2, 5).to("i32"), randn(2, 7, 12), randn(2, 7, 20)];
    expect(made.flops).toBe(flopsOf((i, k, v) => model.forward(i, k, v), ids, key, value));
    expect(flops[""]).toBe(made.flops);
    // Products as 2 m n k, the bias as one addition each.
    expect(flops["feedForward.0"]).toBe(2 * 10 * 16 * 32 + 10 * 32);
    expect(flops.head).toBe(2 * 10 * 16 * 50);
    expect([flops.tokens, flops["feedForward.2"]]).toEqual([0, 0]);
    // The pattern is a result of the attention that the model does not use.
    const x = randn(2, 5, 16);
    expect(flops.attention).toBe(flopsOf((q, k, v) => model.attention.forward(q, k, v)[0], x, key, value));
    const both = flopsOf((q, k, v) => model.attention.forward(q, k, v), x, key, value);
    expect(flops.attention).toBeLessThan(both);
    expect(summary(model.attention, [x, key, value]).flops).toBe(both);
  });

  it("knows what a causal mask skips although it comes as an argument", () => {
    class Masked extends Module {
      inner = new Inner();
      forward(x: Tensor): Tensor {
        const [T] = x.shape.slice(-2);
        return this.inner.forward(x, ones(T, T).tril().eq(0));
      }
    }
    class Inner extends Module {
      forward(x: Tensor, future: Tensor): Tensor {
        return x.matmul(x.transpose(-2, -1)).maskedFill(future, Number.NEGATIVE_INFINITY).softmax(-1).matmul(x);
      }
    }
    const { rows } = summary(new Masked(), [1, 2, 64, 16]);
    expect(rows[1].flops).toBe(rows[0].flops);
    expect(rows[0].flops).toBeLessThan(2 * 2 * 64 * 64 * 2 * 16);
  });

  it("reads GPT, whose ids are i32, and folds at a depth", () => {
    const model = new GPT({ vocabularySize: 23, context: 16, layers: 2, heads: 2, width: 16, dropout: 0.1 });
    const made = summary(model, [3, 8], { dtype: "i32" });
    expect(made.rows[0].output).toBe("f32[3,8,23]");
    expect(made.parameters).toBe(model.countParameters());
    const shallow = summary(model, [3, 8], { dtype: "i32", depth: 1 });
    expect(shallow.rows).toEqual(made.rows.filter(({ depth }) => depth <= 1));
    expect(shallow.rows.map(({ path }) => path)).toEqual(["", "tokens", "positions", "dropout", "blocks", "norm"]);
    expect(shallow.flops).toBe(made.flops);
    const byTensor = summary(model, zeros(3, 8).to("i32"));
    expect(byTensor.rows).toEqual(made.rows);
  });

  it("marks layers that run or stand there more than once, and what is frozen", () => {
    class Twice extends Module {
      layer = new Linear(4, 4);
      unused = new Linear(2, 2);
      list = new ModuleList<Module>([this.layer, new Dropout()]);
      scale = new Parameter(ones(4), { requiresGrad: false });
      forward(x: Tensor): Tensor {
        return this.layer.forward(this.layer.forward(x)).mul(this.scale);
      }
    }
    const made = summary(new Twice(), [2, 4]);
    const [model, layer, unused, , again] = made.rows;
    expect([model.parameters, model.trainable]).toEqual([30, 26]);
    expect([layer.calls, layer.flops]).toEqual([2, 2 * (2 * 2 * 4 * 4 + 2 * 4)]);
    expect([unused.calls, unused.flops, unused.output, unused.parameters]).toEqual([0, null, null, 6]);
    expect([again.path, again.parameters, again.notes]).toEqual(["list.0", 0, ["the same as layer"]]);
    expect(String(made)).toMatch(/^ {2}layer +Linear +f32\[2,4\] +20 +144 {2}2 calls$/m);
    expect(String(made)).toMatch(/^\(model\) +Twice +f32\[2,4\] +30 +152 {2}4 frozen$/m);
    expect(String(made)).toMatch(/^parameters {2}30 in 120 B: 26 trainable, 4 frozen$/m);
  });

  it("takes other arguments as they are, and tensors inside them by shape", () => {
    const attend = new AdditiveAttention(8, 6, 5);
    const mask = { kind: "lengths", lengths: tensor([7, 4]) } as const;
    const made = summary(attend, [[2, 3, 8], [2, 7, 6], [2, 7, 6], { mask }]);
    expect(made.rows[0].output).toBe("f32[2,3,6] f32[2,3,7]");
    expect(made.rows.map(({ path }) => path)).toEqual(["", "query", "key", "score"]);
  });

  it("computes nothing, draws nothing, and leaves everything as it was", () => {
    class Restless extends Module {
      first = new Linear(4, 4);
      second = new Sequential(new Linear(4, 4), new Dropout(0.5));
      seen = this.registerBuffer("seen", zeros(4));
      last: Tensor | null = null;
      arrow = (x: Tensor) => x.relu();
      forward(x: Tensor): Tensor {
        this.last = this.first.forward(x);
        (this as Record<string, unknown>).extra = this.last;
        this.seen.assign(this.seen.add(1));
        const noisy = dropout(this.last, { p: 0.5 }).add(rand(4));
        return this.arrow(this.second.forward(noisy));
      }
    }
    manualSeed(3);
    const model = new Restless();
    model.seen.dataSync();
    model.second.eval();
    const before = executor();
    let asked = 0;
    const watched = new Proxy(before, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          asked++;
          return value.apply(target, args);
        };
      },
    });
    const state = defaultGenerator.state();
    const keys = JSON.stringify(Object.keys(model));
    setExecutor(watched);
    try {
      expect(summary(model, [64, 4]).flops).toBeGreaterThan(2 * 2 * 64 * 4 * 4);
      class Broken extends Module {
        inner = model;
        forward(x: Tensor): Tensor {
          return this.inner.forward(x).matmul(x);
        }
      }
      expect(() => summary(new Broken(), [64, 4])).toThrow(HeedError);
    } finally {
      setExecutor(before);
    }
    expect(asked).toBe(0);
    expect(defaultGenerator.state()).toEqual(state);
    expect([model.training, model.second.training, model.second[1].training]).toEqual([true, false, false]);
    expect([model.last, JSON.stringify(Object.keys(model))]).toEqual([null, keys]);
    expect(model.modules().some((module) => Object.hasOwn(module, "forward"))).toBe(false);
    expect(model.second.length).toBe(2);
    expect(model.seen.toArray()).toEqual([0, 0, 0, 0]);
  });

  it("tells mistakes", () => {
    const model = new Linear(4, 2);
    const cases: [() => unknown, RegExp][] = [
      [() => summary({} as Module, [1]), /summary: expected a module with a forward, got an object with no keys/],
      [() => summary(new ModuleList([model]), [1]), /a module with a forward, got a ModuleList without one/],
      [() => summary(model, 4 as never), /a shape, a tensor, or a list of them, got 4/],
      [() => summary(model, []), /got an empty list/],
      [() => summary(model, [1, 4], { dtype: "int" as never }), /a dtype of .*, got int/],
      [() => summary(model, [1, 4], { depth: -1 }), /a depth of at least 0, got -1/],
      [() => summary(model, [1, 5]), /linear|matmul/i],
      [() => summary(new Embedding(10, 4), [2, 5]), /f32.*embedding.*; for token ids pass \{ dtype: "i32" \}$/],
      [() => summary(new Embedding(10, 4), [2, 5], { dtype: "f32" }), /^embedding: /],
    ];
    for (const [run, message] of cases) expect(run).toThrow(message);
    class Reads extends Module {
      async forward(x: Tensor) {
        return x;
      }
    }
    expect(() => summary(new Reads(), [2])).toThrow(/a synchronous forward, got an async one/);
  });
});
