// Sums moved inwards: the same numbers and gradients as by a program that was compiled without the pass, and less work where that is
// promised; nothing is moved that is needed whole.

import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/base/shape.js";
import { compileRequest, PASSES } from "../../src/compiler/compile.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import type { Node } from "../../src/graph/node.js";
import { arange, grad, linear, type Tensor, valueAndGrad } from "../../src/index.js";
import { executor } from "../../src/tensor/evaluate.js";
import { leafValue } from "../../src/tensor/value.js";
import { allClose } from "../support/compare.js";
import { functional, hash } from "../support/inputs.js";

const WITHOUT = PASSES.filter((pass) => pass.name !== "pool");

function run(nodes: readonly Node[], passes: typeof PASSES, on = executor()) {
  const { program, leaves } = compileRequest({ outputs: nodes, writes: [] }, { capabilities: on.capabilities, passes });
  const results = nodes.map((n) => on.allocate(n.dtype, sizeOf(n.shape)));
  on.prepare(program).run([...leaves.map((leaf) => leafValue(leaf).memoryFor(on)), ...results]);
  return { products: program.steps.filter((s) => s.kind === "matmul"), numbers: results.map((r) => r.data) };
}

/** Multiplications of all products, those of the passes over those without the pass. */
function share(f: (...x: Tensor[]) => Tensor, shapes: string): number {
  const nodes = [f(...inputsOf("share", shapes)).rawNode];
  const on = new ReferenceExecutor();
  const of = (passes: typeof PASSES) =>
    run(nodes, passes, on).products.reduce((total, p) => total + sizeOf(p.batch) * p.m * p.n * p.k, 0);
  return of(PASSES) / of(WITHOUT);
}

const inputsOf = (name: string, shapes: string) =>
  shapes.split(" ").map((shape, i) => functional(shape.split(",").map(Number), hash(name) + i));

function heads(x: Tensor, weight: Tensor, bias: Tensor | null, H: number): Tensor {
  const [B, T] = x.shape;
  return linear(x, weight, bias ?? undefined)
    .view(B, T, H, weight.shape[0] / H)
    .transpose(1, 2);
}

function pooledAttention(H: number, pool: (mixed: Tensor, seen: Tensor) => Tensor, bias = true) {
  return (x: Tensor, ...w: Tensor[]) => {
    const [B, T, C] = x.shape;
    const [q, k, v] = [0, 1, 2].map((i) => heads(x, w[2 * i], bias ? w[2 * i + 1] : null, H));
    const pattern = q
      .matmul(k.transpose(-2, -1))
      .div(Math.sqrt(C / H))
      .softmax(-1);
    return pool(pattern.matmul(v).transpose(1, 2).reshape(B, T, C), x.select(-1, 0).gt(0));
  };
}

/** A sum along some axis of what views, masks, factors and products make of an array, all drawn by the seed. */
function randomChain(seed: number): { leaves: Tensor[]; y: Tensor } {
  let state = seed + 1;
  const draw = (n: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
  const leaves: Tensor[] = [];
  const leaf = (shape: readonly number[]) => {
    const x = functional(shape, 100 * seed + leaves.length).evaluate();
    leaves.push(x.requiresGrad_());
    return x;
  };
  const partly = (shape: readonly number[]) => leaf(shape.map((n) => (draw(2) ? n : 1)));
  const product = (x: Tensor) => {
    const y = x.matmul(leaf([x.shape.at(-1) as number, [8, 12, 16][draw(3)]]).mul(0.25));
    return draw(2) ? y.add(leaf([y.shape.at(-1) as number])) : y;
  };
  const joined = (x: Tensor, at: number) => x.flatten(at, at + 1);
  const STEPS: ((x: Tensor) => Tensor)[] = [
    product,
    product,
    (x) => x.transpose(draw(x.ndim), draw(x.ndim)),
    (x) => (x.ndim < 5 && (x.shape.at(-1) as number) % 4 === 0 ? x.unflatten(-1, [4, -1]) : x),
    (x) => (x.ndim > 2 ? joined(x, draw(x.ndim - 1)) : x),
    (x) => x.where(partly(x.shape).gt(0), 0),
    (x) => x.mul(partly(x.shape)),
    (x) => x.add(partly(x.shape)),
  ];
  let x = leaf([1 + draw(3), 1 + draw(6), 8]);
  for (let i = 0; i < 6; i++) x = STEPS[draw(STEPS.length)](x);
  const y = product(x).sum(draw(x.ndim));
  return { leaves, y };
}

const LAYER = "32,32 32 32,32 32 32,32 32"; // weight and bias of query, key and value
const masked = (mixed: Tensor, seen: Tensor) =>
  mixed
    .maskedFill(seen.logicalNot().unsqueeze(-1), 0)
    .sum(1)
    .div(seen.sum(1, { keepdim: true }).add(1));

const ROWS: { name: string; shapes: string; f: (...x: Tensor[]) => Tensor; most?: number }[] = [
  {
    name: "rows of a product",
    shapes: "17,9 9,33",
    f: (a, b) => a.matmul(b).sum(0),
    most: 0.1,
  },
  {
    name: "columns of a product",
    shapes: "33,9 9,17",
    f: (a, b) => a.matmul(b).sum(-1),
    most: 0.1,
  },
  {
    name: "the mean over tokens of a linear layer",
    shapes: "5,12,16 24,16 24",
    f: (x, w, b) => linear(x, w, b).mean(1),
    most: 0.1,
  },
  {
    name: "with keepdim",
    shapes: "5,12,16 24,16 24",
    f: (x, w, b) => linear(x, w, b).sum(1, { keepdim: true }),
    most: 0.1,
  },
  {
    name: "two layers",
    shapes: "3,11,16 24,16 24 20,24 20",
    f: (x, w, b, u, c) => linear(linear(x, w, b), u, c).mean(1),
    most: 0.1,
  },
  {
    name: "a residual",
    shapes: "3,11,16 16,16 16",
    f: (x, w, b) => x.add(linear(x, w, b)).mean(-2),
    most: 0.1,
  },
  {
    name: "a difference",
    shapes: "3,11,16 16,16 16",
    f: (x, w, b) => x.sub(linear(x, w, b)).mean(-2),
    most: 0.1,
  },
  {
    name: "rows scaled one by one",
    shapes: "3,11,16 24,16 3,11,1",
    f: (x, w, s) => linear(x, w).mul(s).div(s.square().add(1)).sum(1),
    most: 0.1,
  },
  {
    name: "columns scaled",
    shapes: "3,11,16 24,16 24",
    f: (x, w, s) => linear(x, w).mul(s).mul(2).sum(1),
    most: 0.1,
  },
  {
    name: "rows kept where",
    shapes: "3,11,16 24,16 24",
    f: (x, w, b) => linear(x, w, b).where(x.select(-1, 0).unsqueeze(-1).gt(0), 0).sum(1),
    most: 0.1,
  },
  {
    name: "a mask of indices",
    shapes: "4,11,16 24,16 24",
    f: (x, w, b) =>
      linear(x, w, b)
        .maskedFill(arange(11).ge(7).view(1, 11, 1), 0)
        .sum(1),
    most: 0.1,
  },
  {
    name: "batches of products",
    shapes: "2,3,9,7 2,3,7,10",
    f: (a, b) => a.matmul(b).sum(-2),
    most: 0.2,
  },
  {
    name: "heads put together",
    shapes: "2,3,9,7 2,3,7,10",
    f: (a, b) => a.matmul(b).transpose(1, 2).reshape(2, 9, 30).mean(1),
    most: 0.2,
  },
  {
    name: "attention, then the mean",
    shapes: `3,7,32 ${LAYER}`,
    f: pooledAttention(4, (y) => y.mean(1)),
    most: 0.85,
  },
  {
    name: "attention without bias",
    shapes: `3,7,32 ${LAYER}`,
    f: pooledAttention(4, (y) => y.mean(1), false),
    most: 0.85,
  },
  {
    name: "attention, then the mean of what is no padding",
    shapes: `3,7,32 ${LAYER}`,
    f: pooledAttention(4, masked),
    most: 0.85,
  },
  { name: "one batch entry, one head", shapes: `1,9,32 ${LAYER}`, f: pooledAttention(1, masked), most: 0.85 },
  { name: "one token", shapes: `3,1,32 ${LAYER}`, f: pooledAttention(4, masked) },
  { name: "a pattern larger than the values", shapes: `2,19,32 ${LAYER}`, f: pooledAttention(4, masked) },
  // What is not moved.
  {
    name: "a mask of columns",
    shapes: "3,11,16 24,16",
    f: (x, w) => linear(x, w).maskedFill(arange(24).ge(7), 0).sum(1),
  },
  {
    name: "a mask of elements",
    shapes: "3,11,16 24,16 3,11,24",
    f: (x, w, m) => linear(x, w).where(m.gt(0), 0).sum(1),
  },
  {
    name: "a product of what has the rows",
    shapes: "3,11,16 24,16",
    f: (x, w) => linear(x, w).square().sum(1),
  },
  {
    name: "a batch axis",
    shapes: "3,11,16 24,16",
    f: (x, w) => linear(x, w).sum(0),
    most: 0.5,
  },
  {
    name: "part of the rows",
    shapes: "12,16 24,16",
    f: (x, w) => linear(x, w).view(3, 4, 24).sum(0),
    most: 0.5,
  },
  {
    name: "rows and columns",
    shapes: "12,16 24,16",
    f: (x, w) => linear(x, w).sum(),
  },
  {
    name: "a product that is needed whole",
    shapes: "12,16 24,16",
    f: (x, w) => linear(x, w).sub(linear(x, w).mean(0)),
  },
  {
    name: "few columns",
    shapes: "12,16 2,16",
    f: (x, w) => linear(x, w).mean(0),
  },
];

describe("a sum of rows is moved inwards", () => {
  it.each(ROWS)("$name", ({ name, shapes, f, most }) => {
    const inputs = inputsOf(name, shapes);
    const all = inputs.map((_, i) => i);
    const loss = (...x: Tensor[]) => {
      const y = f(...x);
      return y.mul(functional(y.shape, 5)).sum();
    };
    const nodes = [f(...inputs), ...grad(loss, all)(...inputs)].map((t) => t.rawNode);
    const [moved, plain] = [run(nodes, PASSES), run(nodes, WITHOUT)];
    nodes.forEach((node, i) => {
      const expected = Array.from(plain.numbers[i]);
      expect(expected.every(Number.isFinite)).toBe(true);
      const atol = 2e-6 * Math.max(1, ...expected.map(Math.abs));
      allClose(`result ${i}`, moved.numbers[i], expected, { rtol: 2e-5, atol }, node.shape);
    });
    if (most === undefined) expect(share(f, shapes)).toBe(1);
    else expect(share(f, shapes)).toBeLessThan(most);
  });

  it("in whatever a few hundred random chains of views, masks and products make of it", () => {
    let moved = 0;
    for (let seed = 0; seed < 300; seed++) {
      const { leaves, y } = randomChain(seed);
      y.mul(functional(y.shape, 3)).sum().backward();
      const nodes = [y, ...leaves.flatMap((x) => x.grad ?? [])].map((t) => t.rawNode);
      const [after, before] = [run(nodes, PASSES), run(nodes, WITHOUT)];
      if (after.products.some((p, i) => JSON.stringify(p) !== JSON.stringify(before.products[i]))) moved++;
      nodes.forEach((node, i) => {
        const expected = Array.from(before.numbers[i]);
        const atol = 3e-6 * Math.max(1, ...expected.map(Math.abs));
        allClose(`chain ${seed}, result ${i}`, after.numbers[i], expected, { rtol: 3e-5, atol }, node.shape);
      });
    }
    expect(moved).toBeGreaterThan(100);
  });

  it("takes long ways as they are", () => {
    const [a, b, c] = inputsOf("long", "3,4 4,16 16");
    let x = a.matmul(b);
    for (let i = 0; i < 4000; i++) x = i % 2 ? x.sub(c) : x.add(c.mul(1));
    const expected = Array.from(a.matmul(b).evaluate().sum(0).dataSync());
    allClose("sum", x.sum(0).dataSync(), expected, { rtol: 0, atol: 1e-2 }, [16]);
  });

  it("is not where a gradient is asked for what would be gone", () => {
    const [x, w, v] = inputsOf("kept", "12,16 16,24 24");
    const both = (y: Tensor) => y.mean(0).mul(v).sum();
    const y = x.matmul(w);
    const [, [gradient]] = valueAndGrad(both, [0])(y);
    expect(gradient.shape).toEqual([12, 24]);
    allClose(
      "gradient",
      gradient.dataSync(),
      Array.from({ length: 12 * 24 }, (_, i) => v.dataSync()[i % 24] / 12),
      { rtol: 1e-6, atol: 1e-7 },
      [12, 24],
    );
  });

  it("keeps what is masked out from mattering", () => {
    const [w] = inputsOf("masked", "16,24");
    const x = functional([12, 16], 3).maskedFill(arange(12).ge(9).unsqueeze(1), Number.NaN);
    const y = x.matmul(w).maskedFill(arange(12).ge(9).unsqueeze(1), 0).sum(0);
    expect(Array.from(y.dataSync()).every(Number.isFinite)).toBe(true);
  });
});
