// What a few classic computations become: the steps by name. A change here is a change of what runs; look at it, then write it down.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { printProgram } from "../../src/program/print.js";
import type { Program } from "../../src/program/program.js";
import { compile } from "../../src/tensor/compiled.js";
import { causalMask, tensor } from "../../src/tensor/create.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { explain } from "../../src/tensor/explain.js";
import { cat, embedding, layerNorm, linear } from "../../src/tensor/functions.js";
import { grad } from "../../src/tensor/grad.js";
import { crossEntropy } from "../../src/tensor/losses.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { AdamW } from "../../src/train/optimizers.js";
import { functional } from "../support/inputs.js";

let before: Executor;
beforeAll(() => {
  before = setExecutor(new ReferenceExecutor());
});
afterAll(() => {
  setExecutor(before);
});

const make = (...shape: number[]) => functional(shape, 1);
const kinds = (program: Program) => program.steps.map((s) => s.kind);
const labels = (program: Program) => program.steps.map((s) => (s.label === s.kind ? s.kind : `${s.kind}: ${s.label}`));
const programOf = (f: (...x: Tensor[]) => Tensor | readonly Tensor[], ...args: Tensor[]) => compile(f).program(...args);

describe("one step", () => {
  it("is the softmax of rows, forward and backward", () => {
    expect(kinds(programOf((x) => x.softmax(-1), make(32, 64)))).toEqual(["elementwise"]);
    const backward = programOf((x) => grad((y: Tensor) => y.softmax(-1).mul(make(32, 64)).sum())(x), make(32, 64));
    expect(kinds(backward)).toEqual(["elementwise"]);
  });

  it("is layerNorm with weight and bias", () => {
    const program = programOf((x, w, b) => layerNorm(x, [64], w, b), make(32, 64), make(64), make(64));
    expect(kinds(program)).toEqual(["elementwise"]);
    expect(program.arenaBytes).toBe(0);
  });

  it("is a long chain of elementwise operations", () => {
    const program = programOf(
      (x, y) => x.mul(2).add(y).tanh().sub(x).exp().gt(1).to("f32").mul(y),
      make(7, 9),
      make(9),
    );
    expect(kinds(program)).toEqual(["elementwise"]);
  });

  it("is a sum of products", () => {
    expect(kinds(programOf((x, y) => x.sub(y).square().sum(), make(64, 64), make(64, 64)))).toEqual(["reduce"]);
    expect(kinds(programOf((x, y) => x.mul(y).sum(0), make(64, 64), make(64, 64)))).toEqual(["reduce"]);
  });

  it("is a linear layer with bias and activation", () => {
    expect(labels(programOf((x, w, b) => linear(x, w, b).gelu(), make(8, 16), make(32, 16), make(32)))).toEqual([
      "matmul: matmul, add geluGate mul",
    ]);
  });

  it("is an AdamW update, for each parameter", () => {
    const parameters = [make(8, 16).requiresGrad_(), make(16).requiresGrad_()];
    const optimizer = new AdamW(parameters, { learningRate: 0.1 });
    for (const p of parameters) p.grad = make(...p.shape);
    optimizer.step();
    const step = compile(() => optimizer.step());
    const { steps } = step.program();
    expect(steps.every((s) => s.kind === "elementwise")).toBe(true);
    // The step's number and what follows from it are 0-d; then each parameter and its two moments in one go.
    const updates = steps.flatMap((s) =>
      s.kind === "elementwise" && s.shape.join() !== "1" ? [[s.shape.join(), s.outputs.length]] : [],
    );
    expect(updates).toEqual([
      ["128", 3],
      ["16", 3],
    ]);
  });
});

describe("no memory", () => {
  it("is taken by a causal mask", () => {
    const program = programOf((x) => x.add(causalMask(64)).softmax(-1), make(4, 64, 64));
    expect(kinds(program)).toEqual(["elementwise"]);
    expect(program.arenaBytes).toBe(0);
    expect(program.buffers.length).toBe(2);
  });

  it("is taken by views", () => {
    const program = programOf(
      (x) => x.transpose(0, 1).slice(0, 1, 9, 2).unsqueeze(0).expand(3, 4, 16).mul(2),
      make(16, 16),
    );
    expect(kinds(program)).toEqual(["elementwise"]);
    expect(program.arenaBytes).toBe(0);
  });

  it("is taken by joining what was just computed", () => {
    const program = programOf((x, w) => cat([x.exp(), x.matmul(w)], 1), make(8, 16), make(16, 8));
    expect(kinds(program).sort()).toEqual(["elementwise", "matmul"]);
    expect(program.arenaBytes).toBe(0);
  });

  it("is taken by an assignment", () => {
    const p = make(64, 64);
    const step = compile((g: Tensor) => void p.assign(p.sub(g.mul(0.1))));
    const program = step.program(make(64, 64));
    expect(kinds(program)).toEqual(["elementwise"]);
    expect(program.arenaBytes).toBe(0);
    expect(program.externals).toBe(2);
  });
});

describe("attention", () => {
  const heads = (x: Tensor) => x.view(2, 16, 4, 8).transpose(1, 2);
  const attend = (qkv: Tensor) => {
    const [q, k, v] = qkv.split(32, -1).map(heads);
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(8)).add(causalMask(16));
    return scores.softmax(-1).matmul(v).transpose(1, 2).reshape(2, 16, 32);
  };

  it("spelled out runs without copies", () => {
    expect(labels(programOf(attend, make(2, 16, 96)))).toMatchInlineSnapshot(`
      [
        "attention",
      ]
    `);
  });

  it("spelled out goes backward without copies", () => {
    const program = programOf(
      (x) =>
        grad((y: Tensor) =>
          attend(y)
            .mul(make(2, 16, 32))
            .sum(),
        )(x),
      make(2, 16, 96),
    );
    expect(labels(program)).toMatchInlineSnapshot(`
      [
        "attention",
        "elementwise: mul sum",
        "attentionGradient",
      ]
    `);
    expect(labels(program).filter((l) => /copy|cat|fill/.test(l))).toEqual([]);
  });
});

describe("training", () => {
  it("of a small model takes these steps", () => {
    const [table, w] = [make(11, 8), make(11, 8)];
    const tokens = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const program = programOf(
      (e, u) =>
        grad((a: Tensor, b: Tensor) => crossEntropy(linear(layerNorm(embedding(tokens, a), [8]), b), tokens), [0, 1])(
          e,
          u,
        ),
      table,
      w,
    );
    expect(labels(program)).toMatchInlineSnapshot(`
      [
        "reduce: ne cast sum",
        "elementwise: div",
        "gather",
        "elementwise: sum mul sub add +1",
        "matmul",
        "elementwise: eq ne ge lt +9",
        "matmul",
        "matmul",
        "elementwise: sum mul sub",
        "elementwise: copy",
        "scatter: scatterAdd",
      ]
    `);
  });
});

describe("a program as text", () => {
  it("has one line a step, with shapes, bytes and flops", () => {
    const program = programOf(
      (x, w, b) => linear(x, w, b).relu().softmax(-1).sum(),
      make(8, 16),
      make(32, 16),
      make(32),
    );
    expect(printProgram(program)).toMatchInlineSnapshot(`
      "matmul                                  f32[8,16] @ f32[16,32] -> f32[8,32]  3.6 kB  8.2 kflop
      elementwise  rows: add relu max sub +2  f32[8,1] f32[8,1]                    1.2 kB  1.0 kflop
      reduce       add relu sub exp +2        [8,32] -> f32[1,1]                   1.2 kB  1.5 kflop
      3 steps, 10.8 kflop, 1.2 kB of temporary memory"
    `);
  });

  it("is what explain shows, of pending tensors and compiled functions", () => {
    const x = make(4, 4);
    expect(explain(x.exp())).toMatch(/^elementwise +exp +f32\[16\] /);
    expect(explain(x)).toBe("nothing to run: the numbers are there");
    expect(
      explain(
        compile((y: Tensor) => y.exp()),
        x,
      ),
    ).toBe(explain(x.exp()));
  });
});
