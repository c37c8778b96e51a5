// Modules find what is in their fields, keep and load their state, and compiled functions notice when they change.

import { describe, expect, it } from "vitest";
import { compile, manualSeed, ones, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import {
  Dropout,
  deepCopy,
  Embedding,
  Linear,
  Module,
  ModuleDict,
  ModuleList,
  Parameter,
  ReLU,
  Sequential,
} from "../../src/nn/index.js";

class Inner extends Module {
  scale = new Parameter(ones(2));
  steps = this.registerBuffer("steps", tensor(0));
  scratch = this.registerBuffer("scratch", zeros(2), { persistent: false });
  layer = new Linear(2, 2, { bias: false });

  forward(x: Tensor): Tensor {
    return this.layer.forward(x).mul(this.scale);
  }
}

class Outer extends Module {
  table = new Embedding(3, 2);
  blocks = [new Inner(), new Inner()];
  gates = [new Parameter(zeros(1))];
  list = new ModuleList([new ReLU(), new Linear(2, 3)] as Module[]);
  head = new Linear(2, 3, { bias: false });
  note = "no part";
  loose = zeros(3);
  renamed = new Linear(1, 1, { bias: false });

  constructor() {
    super();
    this.head.weight = this.table.weight;
  }

  override stateNames() {
    return { renamed: "other.name" };
  }
}

const NAMES = [
  "gates.0",
  "table.weight",
  "blocks.0.scale",
  "blocks.0.steps",
  "blocks.0.layer.weight",
  "blocks.1.scale",
  "blocks.1.steps",
  "blocks.1.layer.weight",
  "list.1.weight",
  "list.1.bias",
  "head.weight",
  "other.name.weight",
];

describe("what a module consists of", () => {
  const module = new Outer();

  it("is named in PyTorch's order: parameters, buffers, parts", () => {
    expect(Object.keys(module.stateDict())).toEqual(NAMES);
  });

  it("counts a tied parameter once, under its first name, but lists it twice in the state", () => {
    const names = module.namedParameters().map(([name]) => name);
    expect(names).toEqual(NAMES.filter((n) => n !== "head.weight" && !n.endsWith("steps")));
    expect(module.parameters()).toHaveLength(names.length);
    const state = module.stateDict();
    expect(state["head.weight"]).toBe(state["table.weight"]);
    expect(module.countParameters()).toBe(1 + 6 + 2 * (2 + 4) + 9 + 1);
    module.table.requiresGrad_(false);
    expect(module.countParameters({ trainableOnly: true })).toBe(1 + 2 * (2 + 4) + 9 + 1);
    module.table.requiresGrad_();
  });

  it("has buffers, persistent or not, and modules, each once", () => {
    const buffers = module.namedBuffers().map(([name]) => name);
    expect(buffers).toEqual(["blocks.0.steps", "blocks.0.scratch", "blocks.1.steps", "blocks.1.scratch"]);
    const modules = module.namedModules().map(([name]) => name);
    expect(modules).toEqual(
      ["", "table", "blocks.0", "blocks.0.layer", "blocks.1", "blocks.1.layer", "list", "list.0", "list.1", "head", "other.name"], // biome-ignore format: one list
    );
    const visited: string[] = [];
    module.blocks[0].apply((m) => visited.push(m.typeName));
    expect(visited).toEqual(["Linear", "Inner"]);
  });

  it("prints nested", () => {
    expect(`${module.blocks[0]}`).toBe("Inner(\n  (layer): Linear(in_features=2, out_features=2, bias=False)\n)");
    expect(`${module}`).toContain("(blocks): ModuleList(\n    (0-1): 2 x Inner(");
  });

  it("must be a tree", () => {
    class Loop extends Module {
      self: Module = this;
    }
    expect(() => new Loop().stateDict()).toThrow("modules that form a tree");
    expect(new Loop().modules()).toHaveLength(1);
  });
});

describe("lists", () => {
  it("are indexed, iterated and extended", () => {
    const list = new ModuleList([new Linear(1, 2)]).append(new Linear(2, 3)).extend([new Linear(3, 4)]);
    expect(list.length).toBe(3);
    expect(list[1].outFeatures).toBe(3);
    expect(list.at(-1).outFeatures).toBe(4);
    expect(() => list.at(3)).toThrow("an index from -3 to 2");
    expect(list.map((layer) => layer.inFeatures)).toEqual([1, 2, 3]);
    expect(() => list.append({} as Linear)).toThrow("expected modules");
    const chain = new Sequential(...list);
    expect(chain.forward(ones(5, 1)).shape).toEqual([5, 4]);
    expect(Object.keys(chain.stateDict())[0]).toBe("0.weight");
    expect(() => new Sequential([...list] as never)).toThrow("write new Sequential(...layers)");
    expect(() => new Sequential(new ModuleList() as never).forward(ones(1))).toThrow(
      "Sequential: expected modules with a forward method, got ModuleList, which has none",
    );
  });

  it("do not take a subclass's other fields for items", () => {
    class Stack extends Sequential {
      readonly width = 2;
      norm = new Linear(2, 2);
    }
    const stack = new Stack(new Linear(1, 2)).append(new Linear(2, 3));
    expect(stack.length).toBe(2);
    expect(stack.at(-1)).toBe(stack[1]);
    expect(stack.forward(ones(5, 1)).shape).toEqual([5, 3]);
    expect(deepCopy(stack).length).toBe(2);
  });
});

describe("dictionaries", () => {
  const make = () =>
    new ModuleDict({ embedding: new Embedding(5, 2), layers: new ModuleList([new Linear(2, 2)]), drop: new Dropout() });

  it("hold modules under names, as fields of their own types", () => {
    const dict = make();
    expect(dict.layers[0].inFeatures).toBe(2);
    expect(dict.embedding.forward(tensor([1, 4])).shape).toEqual([2, 2]);
    expect(dict.length).toBe(3);
    expect(dict.keys()).toEqual(["embedding", "layers", "drop"]);
    expect(dict.values()).toEqual([dict.embedding, dict.layers, dict.drop]);
    expect("drop" in dict).toBe(true);
    expect(new ModuleDict().length).toBe(0);
  });

  it("are modules like others", () => {
    class Model extends Module {
      parts = make();
    }
    const model = new Model();
    const names = ["parts.embedding.weight", "parts.layers.0.weight", "parts.layers.0.bias"];
    expect(model.namedParameters().map(([name]) => name)).toEqual(names);
    expect(model.eval().parts.drop.training).toBe(false);
    const copy = deepCopy(model);
    expect(copy.parts.keys()).toEqual(model.parts.keys());
    expect(copy.parts.embedding.weight).not.toBe(model.parts.embedding.weight);
    expect(`${model.parts}`.split("\n").slice(0, 2)).toEqual(["ModuleDict(", "  (embedding): Embedding(5, 2)"]);
    model.parts.embedding.weight = new Embedding(3, 2).weight;
    expect(model.stateDict()["parts.embedding.weight"].shape).toEqual([3, 2]);
  });

  it("take more modules later", () => {
    const heads = new ModuleDict<Record<string, Linear>>();
    heads.set("negative", new Linear(2, 1)).update({ positive: new Linear(2, 3) });
    expect(heads.items().map(([name, head]) => [name, head.outFeatures])).toEqual([
      ["negative", 1],
      ["positive", 3],
    ]);
    expect(heads.positive.weight.shape).toEqual([3, 2]);
  });

  it("refuse what they could not give back", () => {
    expect(() => new ModuleDict({ a: ones(2) } as never)).toThrow("ModuleDict: expected modules, got");
    expect(() => new ModuleDict({ train: new Linear(1, 1) })).toThrow("a name that is not one of a module's own");
    expect(() => new ModuleDict({ "a.b": new Linear(1, 1) })).toThrow('a name without "."');
    expect(() => new ModuleDict([new Linear(1, 1)] as never)).toThrow("write { name: module }");
  });
});

describe("loading a state", () => {
  it("copies the numbers, whatever the dtype, and follows names", () => {
    manualSeed(1);
    const [from, to] = [new Outer(), new Outer()];
    to.loadStateDict(from.stateDict());
    for (const [name, tensor] of Object.entries(from.stateDict())) {
      expect(to.stateDict()[name].toArray(), name).toEqual(tensor.toArray());
    }
    from.blocks[0].scale.fill(9);
    expect(to.blocks[0].scale.toArray()).toEqual([1, 1]);
    to.blocks[0].loadStateDict(new Map([...Object.entries(from.blocks[0].half().stateDict())]));
    expect(to.blocks[0].scale.dtype).toBe("f32");
    expect(to.blocks[0].scale.toArray()).toEqual([9, 9]);
  });

  it("knows names that differ by their beginning, and offers to be lenient only where something fits", () => {
    const module = new Sequential(new Linear(2, 3), new Linear(3, 1));
    const renamed = (change: (name: string) => string) =>
      Object.fromEntries(Object.entries(module.stateDict()).map(([name, t]) => [change(name), t]));
    expect(() => module.loadStateDict(renamed((name) => `module.${name}`))).toThrow(
      'the given names begin with "module.": take it off',
    );
    expect(() => module[0].loadStateDict({ "0.weight": ones(3, 2), "0.bias": ones(3), "1.bias": ones(1) })).toThrow(
      'the given names begin with "0.": take it off',
    );
    expect(() => module.loadStateDict(module[1].stateDict())).toThrow(/lack "0.": load them into that part/);
    expect(() => module.loadStateDict({})).toThrow(/missing: 0.weight, 0.bias, 1.weight, 1.bias$/);
    expect(() => module.loadStateDict({ "0.bias": ones(3) })).toThrow("pass { strict: false } to load what fits");
  });

  it("says that a promise of a state is to be awaited", () => {
    const promise = Promise.resolve({});
    expect(() => new Linear(1, 1).loadStateDict(promise as never)).toThrow("got a Promise; await it");
  });

  it("exchanges tensors that come from the module itself", () => {
    const module = new Sequential(new Linear(2, 2, { bias: false }), new Linear(2, 2, { bias: false }));
    const [a, b] = module.parameters().map((p) => p.toArray());
    const [p, q] = module.parameters();
    module.loadStateDict({ "0.weight": q, "1.weight": p });
    expect(module.parameters().map((x) => x.toArray())).toEqual([b, a]);
  });

  it("lists everything that is wrong, and changes nothing then", () => {
    const module = new Outer();
    const before = module.blocks[0].scale.toArray();
    const state = { ...module.stateDict(), "blocks.0.scale": ones(2).mul(5), "head.bias": ones(3), "gates.0": ones(4) };
    delete (state as Record<string, Tensor>)["list.1.bias"];
    const attempt = () => module.loadStateDict(state);
    expect(attempt).toThrow("loadStateDict: expected the 12 names and shapes of Outer");
    expect(attempt).toThrow("missing: list.1.bias");
    expect(attempt).toThrow("unexpected: head.bias");
    expect(attempt).toThrow("misshapen: gates.0 (f32[4] for f32[1])");
    expect(() => module.loadStateDict(state, { strict: false })).toThrow(/^(?!.*missing).*misshapen: gates.0/);
    expect(module.blocks[0].scale.toArray()).toEqual(before);
    const { "gates.0": _, ...rest } = state;
    expect(module.loadStateDict(rest, { strict: false })).toEqual({
      missing: ["gates.0", "list.1.bias"],
      unexpected: ["head.bias"],
    });
    expect(module.blocks[0].scale.toArray()).toEqual([5, 5]);
    const array = { ...module.stateDict(), "gates.0": [1] as unknown as Tensor };
    expect(() => module.loadStateDict(array)).toThrow("gates.0 (an array of 1 number for f32[1])");
  });

  it("reaches compiled functions", () => {
    const layer = new Linear(1, 1, { bias: false });
    const run = compile((x: Tensor) => layer.forward(x));
    layer.loadStateDict({ weight: tensor([[2.0]]) });
    expect(run(ones(1, 1)).item()).toBe(2);
    layer.loadStateDict({ weight: tensor([[3.5]]) });
    expect(run(ones(1, 1)).item()).toBe(3.5);
  });
});

describe("parameters", () => {
  it("are copies that nothing else shares", () => {
    const start = ones(2);
    const [a, b] = [new Parameter(start), new Parameter(start)];
    a.fill(3);
    expect([start.toArray(), b.toArray()]).toEqual([[1, 1], [1, 1]]); // biome-ignore format: short
    expect(a.requiresGrad).toBe(true);
    expect(a.mul(2)).not.toBeInstanceOf(Parameter);
    expect(new Parameter(start, { requiresGrad: false }).requiresGrad).toBe(false);
    expect(() => compile(() => new Parameter(zeros(1)))()).toThrow("made outside compile");
  });

  it("gather gradients, which zeroGrad forgets", () => {
    const module = new Inner();
    module.forward(ones(1, 2)).sum().backward();
    expect(module.scale.grad?.shape).toEqual([2]);
    module.zeroGrad();
    expect(module.parameters().every((p) => p.grad === null)).toBe(true);
  });

  it("change dtype in place, and compiled functions follow", () => {
    const module = new Inner();
    const run = compile((x: Tensor) => module.forward(x.to(module.scale.dtype)));
    const x = randn(3, 2);
    const want = run(x).toArray();
    module.half();
    expect(module.parameters().map((p) => p.dtype)).toEqual(["f16", "f16"]);
    expect([module.steps.dtype, module.scratch.dtype]).toEqual(["i32", "f16"]);
    const half = run(x);
    expect(half.dtype).toBe("f16");
    expect(half.float().sub(tensor(want)).abs().max().item()).toBeLessThan(1e-2);
    expect(module.float().scale.requiresGrad).toBe(true);
    expect(run(x).dtype).toBe("f32");
    expect(() => module.to("i32")).toThrow("a float dtype");
  });
});

describe("training and evaluating", () => {
  it("reach every part", () => {
    const module = new Outer();
    expect(module.eval().modules().some((m) => m.training)).toBe(false); // biome-ignore format: short
    expect(module.train().modules().every((m) => m.training)).toBe(true); // biome-ignore format: short
  });

  it("are noticed by compiled functions", () => {
    const layer = new Dropout(0.5);
    let traces = 0;
    const run = compile((x: Tensor) => {
      traces++;
      return layer.forward(x);
    });
    const x = ones(400);
    expect(run(x).eq(0).sum().item()).toBeGreaterThan(100);
    layer.eval();
    expect(run(x).toArray()).toEqual(x.toArray());
    layer.train();
    expect(run(x).eq(0).sum().item()).toBeGreaterThan(100);
    expect(traces).toBe(2);
  });

  it("and so is freezing", () => {
    const layer = new Linear(2, 1);
    const run = compile((x: Tensor) => {
      layer.zeroGrad();
      layer.forward(x).sum().backward();
    });
    run(ones(1, 2));
    expect(layer.weight.grad?.toArray()).toEqual([[1, 1]]);
    layer.weight.requiresGrad = false;
    layer.zeroGrad();
    run(ones(1, 2));
    expect(layer.weight.grad).toBeNull();
    expect(layer.bias?.grad?.toArray()).toEqual([1]);
  });
});
