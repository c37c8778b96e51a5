// What an evaluation keeps: told by the programs that run, step by step.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { topological } from "../../src/graph/node.js";
import { compile, explain, grad, manualSeed, noGrad, randn, type Tensor, zeros } from "../../src/index.js";
import { GRU, Linear } from "../../src/nn/index.js";
import type { Program } from "../../src/program/program.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";

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

const products = (program: Program) => program.steps.filter(({ kind }) => kind === "matmul").length;
const reachable = (t: Tensor) => topological([t.rawNode]).length;

/** Loops with a state that nobody reads, and the loss of each round; `read` also reads the state, as if there were nothing to keep. */
const loops: Record<string, (read: boolean) => { losses: number[]; states: Tensor[] }> = {
  "of plain tensors": (read) => {
    const [w, u] = [randn(8, 8), randn(8, 8)];
    return carry(zeros(4, 8), read, (x, h) => x.matmul(w).add(h.matmul(u)).tanh());
  },
  "without gradients": (read) => {
    const cell = new Linear(8, 8);
    return noGrad(() => carry(zeros(4, 8), read, (x, h) => cell.forward(h).add(x).tanh()));
  },
  "with gradients through all of time": (read) => {
    const cell = new Linear(8, 8);
    return carry(zeros(4, 8), read, (x, h) => cell.forward(h).add(x).tanh());
  },
};

function carry(start: Tensor, read: boolean, step: (x: Tensor, h: Tensor) => Tensor) {
  let h = start;
  const losses: number[] = [];
  const states: Tensor[] = [];
  for (let i = 0; i < 12; i++) {
    h = step(randn(4, 8), h);
    if (read) h.evaluate();
    losses.push(h.square().mean().item());
    states.push(h);
  }
  return { losses, states };
}

describe("a state that is carried on without being read", () => {
  test.each(Object.keys(loops))("%s: each round runs the same program", (name) => {
    const { losses } = loops[name](false);
    const rounds = ran.slice(-12);
    expect(new Set(rounds.slice(2)).size).toBe(1);
    expect(rounds[11].steps.length).toBeLessThanOrEqual(2 * rounds[0].steps.length);
    manualSeed(7);
    const expected = loops[name](true).losses;
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(expected[i], 5);
  });

  test("its graph ends at the last numbers kept", () => {
    const { states } = loops["of plain tensors"](false);
    expect(reachable(states[11])).toBe(reachable(states[4]));
    expect(reachable(noGrad(() => loops["without gradients"](false).states[11]))).toBeLessThan(20);
  });

  test("through a layer that walks through time", () => {
    const gru = new GRU(8, 8);
    let [state, total] = [zeros(1, 4, 8), 0];
    noGrad(() => {
      for (let i = 0; i < 8; i++) {
        const [out, last] = gru.forward(randn(5, 4, 8), state);
        state = last;
        total += out.sum().item();
      }
    });
    const last = ran.slice(-6);
    expect(new Set(last).size).toBe(1);
    expect(Number.isFinite(total)).toBe(true);
  });

  test("gradients cut off between the rounds are as if the state had been read", () => {
    const train = (read: boolean) => {
      manualSeed(3);
      const cell = new Linear(8, 8);
      let h = zeros(4, 8);
      const losses: number[] = [];
      for (let i = 0; i < 8; i++) {
        h = cell.forward(h.detach()).add(randn(4, 8)).tanh();
        if (read) h.evaluate();
        const loss = h.square().mean();
        for (const p of cell.parameters()) p.grad = null;
        loss.backward();
        losses.push(loss.item());
        for (const p of cell.parameters()) p.assign(p.sub((p.grad as Tensor).mul(0.1)));
      }
      return { losses, h };
    };
    const carried = train(false);
    const steps = ran.filter(({ steps }) => steps.length > 2).map(({ steps }) => steps.length);
    expect(new Set(steps.slice(-4)).size).toBe(1);
    expect(reachable(carried.h)).toBeLessThan(20);
    const expected = train(true).losses;
    for (const [i, loss] of carried.losses.entries()) expect(loss).toBeCloseTo(expected[i], 6);
  });
});

describe("a value that is used again", () => {
  test("is computed twice at the most", () => {
    const y = randn(16, 16).matmul(randn(16, 16)).tanh().matmul(randn(16, 16));
    const results = [y.sum().item(), y.mean().item(), y.amax().item(), y.amin().item()];
    expect(ran.map(products)).toEqual([2, 2, 0, 0]);
    const numbers = Array.from(y.dataSync());
    expect(ran).toHaveLength(4);
    const sum = numbers.reduce((a, b) => a + b, 0);
    const expected = [sum, sum / 256, Math.max(...numbers), Math.min(...numbers)];
    for (const [i, value] of results.entries()) expect(value).toBeCloseTo(expected[i], 4);
  });

  test("has the bits that it has when it is asked for", () => {
    const x = randn(32, 24);
    const f = () => x.matmul(x.transpose(0, 1)).softmax(-1).matmul(x).mul(3).gelu();
    const asked = f().dataSync();
    const y = f();
    y.sum().item();
    y.mean().item();
    const before = ran.length;
    expect(y.dataSync()).toEqual(asked);
    expect(ran).toHaveLength(before);
  });

  test("explain shows what will be kept", () => {
    const y = randn(16, 16).matmul(randn(16, 16));
    y.sum().item();
    const mean = y.mean();
    const shown = explain(mean);
    mean.item();
    expect(shown.split("\n").filter((line) => line.startsWith("matmul"))).toHaveLength(products(ran[1]));
    expect(explain(y)).toBe("nothing to run: the numbers are there");
  });

  test("gradients that were measured are not computed again to be used", () => {
    const layer = new Linear(8, 8);
    layer.forward(randn(4, 8)).square().mean().backward();
    const [weight] = layer.parameters();
    (weight.grad as Tensor).square().sum().sqrt().item();
    const first = ran.length;
    weight.assign(weight.sub((weight.grad as Tensor).mul(0.1)));
    expect(products(ran[first])).toBeGreaterThan(0); // computed once more, and kept
    weight.assign(weight.sub((weight.grad as Tensor).mul(0.1)));
    expect(products(ran[first + 1])).toBe(0);
  });

  test("layers asked for one after the other do not begin at the input each time", () => {
    const layers = Array.from({ length: 6 }, () => randn(16, 16));
    const outs: Tensor[] = [];
    let x: Tensor = randn(4, 16);
    for (const w of layers) outs.push((x = x.matmul(w).tanh()));
    x.sum().item();
    for (const out of outs) out.sum().item();
    expect(ran.map(products)).toEqual([6, 1, 1, 1, 1, 1, 1]);
  });
});

describe("what is not kept", () => {
  const external = (program: Program) => program.externals;

  test("what is a few instructions on numbers that are there", () => {
    const x = randn(16, 16);
    const y = x.mul(2).add(1).transpose(0, 1).reshape(32, 8);
    y.sum().item();
    y.mean().item();
    expect(ran.map(external)).toEqual([2, 2]);
  });

  test("what is made of indices, such as a mask", () => {
    const x = randn(8, 8);
    const positions = zeros(8, 8).exp().sin().cos().exp().sin().cos().exp().sin().cos();
    x.mul(positions).sum().item();
    x.add(1).mul(positions).sum().item();
    expect(ran.map(external)).toEqual([2, 2]);
  });

  test("a pattern by far larger than queries and keys: they are kept in its place", () => {
    const [T, D] = [1100, 8];
    const x = randn(1, 1, T, D);
    const [wq, wk] = [randn(D, D), randn(D, D)];
    const q = x.matmul(wq);
    const pattern = q.matmul(x.matmul(wk).transpose(-2, -1)).softmax(-1);
    pattern.matmul(x).sum().item();
    expect(ran[0].steps.map(({ kind }) => kind)).toContain("attention");
    pattern.matmul(x.mul(2)).sum().item();
    expect(ran[1].steps.map(({ kind }) => kind)).toContain("attention");
    expect(ran[1].buffers.filter(({ size }) => size >= T * T)).toEqual([]);
    expect(explain(q)).not.toContain("matmul"); // a view of what was kept
    expect(explain(pattern)).toContain("matmul");
  });

  test("a pattern that is looked at row by row: the output is one attention step all the same", () => {
    const x = randn(5, 16);
    const [q, k, v] = [randn(16, 8), randn(16, 8), randn(16, 8)].map((w) => x.matmul(w));
    const pattern = q.matmul(k.transpose(-2, -1)).div(3).softmax(-1);
    const mixed = pattern.matmul(v);
    const rows = [0, 1, 2].map((row) => pattern.at(row).dataSync());
    expect(ran.map(products)).toEqual([3, 3, 1]);
    expect(explain(mixed)).toMatch(/^attention /m);
    expect(pattern.at("0:3").dataSync()).toEqual(Float32Array.of(...rows.flatMap((row) => [...row])));
  });

  test("the softmax of a layer is no pattern, and is kept", () => {
    const layer = new Linear(8, 5);
    const probabilities = layer.forward(randn(4, 8)).softmax(-1);
    for (const row of [0, 1, 2]) probabilities.at(row).sum().item();
    expect(ran.slice(-3).map(products)).toEqual([1, 1, 0]);
  });

  test("what is asked for once: the first program is the one of old", () => {
    const x = randn(16, 16);
    x.matmul(x).tanh().sum().item();
    expect(ran[0].externals).toBe(2);
  });
});

describe("numbers that nobody asked for", () => {
  test("are not taken away by dispose", () => {
    const y = randn(8, 8).matmul(randn(8, 8)).tanh();
    const z = y.square();
    const sum = y.sum().item();
    y.mean().item();
    y.dispose();
    expect(z.sum().item()).toBeGreaterThan(0);
    expect(y.sum().item()).toBe(sum);
    y.evaluate().dispose();
    expect(() => y.sum().item()).toThrow("disposed");
  });

  test("do not hide what a function is differentiated by", () => {
    const w = randn(8, 8);
    const f = (read: boolean) =>
      grad((x: Tensor) => {
        const y = x.matmul(w).tanh();
        const scale = read ? [y.sum().item(), y.mean().item(), y.amax().item()].length : 3;
        return y.square().sum().mul(scale);
      });
    const x = randn(4, 8);
    const expected = f(false)(x).dataSync();
    const found = f(true)(x).dataSync();
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 4);
  });

  test("do not hide parameters from a later backward", () => {
    const layer = new Linear(8, 8);
    const [x, w] = [randn(4, 8), randn(8, 8)];
    const gradient = (read: boolean) => {
      const y = layer.forward(x).tanh();
      const z = y.matmul(w).tanh();
      if (read) for (const t of [y, z, y, z]) [t.sum().item(), t.mean().item()];
      layer.zeroGrad();
      z.square().sum().backward();
      return (layer.weight.grad as Tensor).dataSync();
    };
    const expected = gradient(false);
    const found = gradient(true);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 4);
  });

  test("are not written over when the tensor is assigned", () => {
    const y = randn(8, 8).matmul(randn(8, 8));
    const z = y.mul(3);
    const sum = y.sum().item();
    y.mean().item();
    const set = compile(() => {
      y.assign(y.mul(0));
    });
    set();
    expect(y.sum().item()).toBe(0);
    expect(z.sum().item()).toBeCloseTo(3 * sum, 3);
  });
});
