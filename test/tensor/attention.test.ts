// attention() and scaledDotProductAttention() against torch, on every executor; and what torch has no words for.

import { describe, expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import type { Executor } from "../../src/executors/executor.js";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { type Node, topological } from "../../src/graph/node.js";
import {
  type AttentionMask,
  arange,
  attention,
  causalMask,
  compile,
  embedding,
  eye,
  manualSeed,
  noGrad,
  ones,
  rand,
  randn,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../../src/index.js";
import { golden, type Packed, unpack } from "../nn/golden.js";
import { allClose, numbersOf, sameTensor, type Tolerance } from "../support/compare.js";
import { on } from "../support/run.js";

interface Results {
  name: string;
  query: number[];
  key: number[];
  value: number[];
  output: Packed;
  gradients: Packed[];
}
interface Case extends Results {
  seed: number;
  dtype: DType;
  mask: number[] | null;
  maskKind: "bool" | "float" | null;
  isCausal: boolean;
  scale: number | null;
  enableGqa: boolean;
  dropoutP: number;
}
interface Formula extends Results {
  extra: number[][];
}

const GOLDEN = golden<{ cases: Case[]; formulas: Formula[] }>("attention");

/** Of outputs; gradients may be 4 times as far. Torch rounds the weights of 16-bit attention before the product with the values. */
const TOLERANCE: Partial<Record<DType, Tolerance>> = {
  f32: { rtol: 5e-6, atol: 1e-6 },
  f16: { rtol: 2e-3, atol: 1e-3 },
  bf16: { rtol: 1.6e-2, atol: 8e-3 },
};

const draw = (shape: readonly number[], dtype: DType = "f32"): Tensor => randn(shape).to(dtype).requiresGrad_();

/** The output, and the gradients of sum(output * weights), against the golden. */
function expectGolden(item: Results, output: Tensor, inputs: readonly Tensor[], dtype: DType = "f32"): void {
  const tolerance = TOLERANCE[dtype] as Tolerance;
  const weights = randn(item.output.shape).to(dtype);
  output.mul(weights).sum().backward();
  const check = (label: string, got: Tensor, want: Packed, factor: number) => {
    expect(got.shape, label).toEqual(want.shape);
    expect(got.dtype, label).toBe(dtype);
    const { rtol, atol } = tolerance;
    allClose(label, numbersOf(got), unpack(want), { rtol: factor * rtol, atol: factor * atol }, got.shape);
  };
  check(`${item.name}: output`, output, item.output, 1);
  expect(inputs.length).toBe(item.gradients.length);
  item.gradients.forEach((want, i) => check(`${item.name}: gradient ${i}`, inputs[i].grad as Tensor, want, 4));
}

function runCase(item: Case): void {
  manualSeed(item.seed);
  const inputs = [item.query, item.key, item.value].map((shape) => draw(shape, item.dtype));
  const [query, key, value] = inputs;
  let attnMask: Tensor | null = null;
  if (item.maskKind === "bool") attnMask = rand(item.mask as number[]).gt(0.4);
  if (item.maskKind === "float") inputs.push((attnMask = draw(item.mask as number[], item.dtype)));
  const { isCausal, scale, enableGqa, dropoutP } = item;
  const output = scaledDotProductAttention(query, key, value, { attnMask, isCausal, scale, enableGqa, dropoutP });
  expectGolden(item, output, inputs, item.dtype);
}

type Write = (q: Tensor, k: Tensor, v: Tensor, ...extra: Tensor[]) => Tensor;
const CAUSAL: AttentionMask = { kind: "causal" };

const alibi: Write = (q, k, v) => {
  const slopes = tensor([2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8]).view(4, 1, 1);
  return attention(q, k, v, { mask: CAUSAL, score: (scores, { t, s }) => scores.add(slopes.mul(s.sub(t))) });
};

/** What attention.py writes in torch's plain operations, here by name. */
const FORMULAS: Record<string, Write> = {
  softcap: (q, k, v) => attention(q, k, v, { softcap: 1.5, mask: CAUSAL }),
  alibi,
  "alibi, grouped": alibi,
  window: (q, k, v) => attention(q, k, v, { mask: { kind: "window", left: 3 } }),
  "window both sides": (q, k, v) => attention(q, k, v, { mask: { kind: "window", left: 1, right: 1 } }),
  lengths: (q, k, v) =>
    attention(q, k, v, {
      mask: [
        { kind: "lengths", lengths: tensor([5, 2, 0]) },
        { kind: "causal", offset: tensor([2, 0, 1]) },
      ],
    }),
  sink: (q, k, v, sink) => attention(q, k, v, { sink, mask: { kind: "causal", offset: 2 } }),
  "batch sink": (q, k, v, sink) => attention(q, k, v, { sink }),
  relative: (q, k, v, table) =>
    attention(q, k, v, {
      scale: 1,
      score: (scores, { t, s }) =>
        scores.add(embedding(s.sub(t).clamp(-2, 2).add(2).view(5, 6), table).permute(2, 0, 1)),
    }),
  everything: (q, k, v, bias, gain) =>
    attention(q, k, v, {
      scale: 0.7,
      softcap: 3,
      score: (scores, { h, t, s }) => {
        const even = s
          .remainder(2)
          .eq(0)
          .logicalOr(s.eq(t.add(2)));
        return where(even, scores.mul(gain.at(h.view(-1)).view(1, 4, 1, 1)), Number.NEGATIVE_INFINITY);
      },
      mask: [
        { kind: "window", left: 3 },
        { kind: "additive", bias },
      ],
    }),
};

function runFormula(item: Formula): void {
  manualSeed(item.name.length);
  const inputs = [item.query, item.key, item.value, ...item.extra].map((shape) => draw(shape));
  const [q, k, v, ...extra] = inputs;
  expectGolden(item, FORMULAS[item.name](q, k, v, ...extra), inputs);
}

const EXECUTORS: [string, Executor | null][] = [
  ["reference", new ReferenceExecutor()],
  ["native", nativeExecutor()],
];

for (const [name, executor] of EXECUTORS) {
  if (!executor) continue;
  describe(`on the ${name} executor, as torch: scaledDotProductAttention`, () => {
    for (const item of GOLDEN.cases) it(item.name, () => on(executor, () => runCase(item)));
  });
  describe(`on the ${name} executor, as the formula: attention`, () => {
    for (const item of GOLDEN.formulas) it(item.name, () => on(executor, () => runFormula(item)));
  });
}

it("every formula of the golden is written here", () => {
  expect(Object.keys(FORMULAS).sort()).toEqual(GOLDEN.formulas.map((f) => f.name).sort());
});

const close = (label: string, actual: Tensor, expected: Tensor) =>
  sameTensor(label, actual, expected, { rtol: 1e-5, atol: 1e-6 });

function inputs(B = 2, H = 2, T = 4, S = T, D = 8): Tensor[] {
  manualSeed(11);
  return [randn(B, H, T, D), randn(B, H, S, D), randn(B, H, S, D)];
}

describe("masks", () => {
  it("are all that is asked for, in any order; null, none and an empty list ask for nothing", () => {
    const [q, k, v] = inputs(2, 2, 4, 6);
    const keep = rand(2, 1, 4, 6).gt(0.3);
    const bias = randn(4, 6);
    const masks: AttentionMask[] = [CAUSAL, { kind: "boolean", keep }, { kind: "additive", bias }, { kind: "none" }];
    const visible = keep.logicalAnd(arange(6).le(arange(4).view(4, 1).add(2)));
    const expected = attention(q, k, v, {
      mask: { kind: "additive", bias: where(visible, bias, Number.NEGATIVE_INFINITY) },
    });
    close("all", attention(q, k, v, { mask: masks }), expected);
    close("reversed", attention(q, k, v, { mask: [...masks].reverse() }), expected);
    const plain = attention(q, k, v);
    for (const mask of [null, undefined, [], { kind: "none" as const }]) {
      close(String(mask), attention(q, k, v, { mask }), plain);
    }
  });

  it("causal ends at the last key unless an offset says where the queries stand; isCausal begins at the first", () => {
    const [q, k, v] = inputs(1, 1, 2, 5);
    const at = (offset: number) => ({ kind: "boolean" as const, keep: arange(5).le(arange(2).view(2, 1).add(offset)) });
    close("default", attention(q, k, v, { mask: CAUSAL }), attention(q, k, v, { mask: at(3) }));
    for (const offset of [0, 1, 7]) {
      const mask = { kind: "causal", offset } as const;
      close(`offset ${offset}`, attention(q, k, v, { mask }), attention(q, k, v, { mask: at(offset) }));
    }
    const first = scaledDotProductAttention(q, k, v, { isCausal: true });
    close("isCausal", first, attention(q, k, v, { mask: at(0) }));
  });

  it("a window may be far from every key, and a length longer than the keys", () => {
    const [q, k, v] = inputs(2, 2, 3, 4);
    const far = attention(q, k, v, { mask: { kind: "window", left: 1, offset: 40 } });
    expect([...far.dataSync()].every((x) => x === 0)).toBe(true);
    const long = attention(q, k, v, { mask: { kind: "lengths", lengths: tensor(9) } });
    close("long", long, attention(q, k, v));
  });

  /** With what these masks allow, written out in numbers that are not cut. */
  const FAR = [2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e12, Number.MAX_SAFE_INTEGER, 1e300];
  for (const [name, executor] of EXECUTORS) {
    if (!executor) continue;
    it(`sides and offsets of any size mean what they say, on the ${name} executor`, () =>
      on(executor, () => {
        const [T, S] = [3, 5];
        const [q, k, v] = inputs(1, 1, T, S);
        const grid = (see: (t: number, s: number) => boolean) =>
          tensor([...Array(T).keys()].map((t) => [...Array(S).keys()].map((s) => see(t, s))));
        const check = (label: string, mask: AttentionMask, see: (t: number, s: number) => boolean) =>
          close(
            label,
            attention(q, k, v, { mask }),
            attention(q, k, v, { mask: { kind: "boolean", keep: grid(see) } }),
          );
        for (const far of FAR) {
          check(`left ${far}`, { kind: "window", left: far }, (t, s) => s <= t + 2);
          check(`right ${far}`, { kind: "window", left: 1, right: far }, (t, s) => s >= t + 1);
          check(`both ${far}`, { kind: "window", left: far, right: far }, () => true);
          check(`causal ${far}`, { kind: "causal", offset: far }, () => true);
          check(`causal ${-far - 1}`, { kind: "causal", offset: -far - 1 }, () => false);
          check(`window at ${far}`, { kind: "window", left: 1, offset: far }, () => false);
          check(`wide window at ${far}`, { kind: "window", left: far, offset: far }, (t, s) => s >= t);
          check(`window at ${-far}`, { kind: "window", left: 1, right: far, offset: -far }, (t, s) => s <= t);
          for (const at of [0, 2, 40, -40, 2 ** 30 - T]) {
            const offset = tensor(at);
            check(`left ${far} of ${at}`, { kind: "window", left: far, offset }, (t, s) => s <= t + at);
            check(`right ${far} of ${at}`, { kind: "window", left: 1, right: far, offset }, (t, s) => s >= t + at - 1);
          }
        }
        for (const edge of [-T - 1, -T, 1 - T, S - 1, S, S + 1])
          check(`causal ${edge}`, { kind: "causal", offset: edge }, (t, s) => s <= t + edge);
      }));
  }

  it("causalMask takes sizes of 0 and offsets of any size", () => {
    const hidden = (...args: Parameters<typeof causalMask>) =>
      causalMask(...args)
        .ne(0)
        .toArray();
    expect(hidden(2, 3)).toEqual([[false, false, true], [false, false, false]]); // biome-ignore format: rows
    expect(hidden(2, 3, { offset: -1 })).toEqual([[true, true, true], [false, true, true]]); // biome-ignore format: rows
    expect([causalMask(0).shape, causalMask(0, 4).shape, causalMask(3, 0).shape]).toEqual([[0, 0], [0, 4], [3, 0]]); // biome-ignore format: shapes
    for (const offset of FAR) {
      expect(hidden(1, 2, { offset })).toEqual([[false, false]]);
      expect(hidden(1, 2, { offset: -offset })).toEqual([[true, true]]);
    }
  });

  it("a query without a key gives zeros and gradients of zero, whatever hides the keys", () => {
    const hide: AttentionMask[] = [
      { kind: "boolean", keep: zeros(3, 3, { dtype: "bool" }) },
      { kind: "additive", bias: zeros(3, 3).sub(Number.POSITIVE_INFINITY) },
      { kind: "lengths", lengths: tensor([0, 0]) },
      { kind: "causal", offset: -3 },
    ];
    for (const mask of hide) {
      const [q, k, v] = inputs(2, 2, 3).map((x) => x.requiresGrad_());
      const mixed = attention(q, k, v, { mask });
      mixed.square().sum().add(mixed.sum()).backward();
      for (const x of [mixed, q.grad, k.grad, v.grad]) {
        expect(
          [...(x as Tensor).dataSync()].every((n) => n === 0),
          mask.kind,
        ).toBe(true);
      }
    }
  });

  it("hides huge scores, and is not troubled by those it sees", () => {
    const q = tensor([1e18, 0]).view(1, 2);
    const k = tensor([1e18, 0, 1, 0, 2e18, 0]).view(3, 2);
    const v = tensor([1.5, 2, 3, 4, 5, 6]).view(3, 2);
    const mixed = attention(q, k, v, { mask: { kind: "causal", offset: 1 } });
    expect(mixed.toArray()).toEqual([[1.5, 2]]);
  });
});

describe("shapes", () => {
  it("without heads and without batch are the same numbers", () => {
    const [q, k, v] = inputs(1, 1, 4, 6);
    const options = { mask: { kind: "window", left: 2 }, softcap: 2 } as const;
    const full = attention(q, k, v, options);
    const drop = (n: number) => [q, k, v].map((x) => x.reshape(x.shape.slice(n)));
    const [q3, k3, v3] = drop(1);
    close("3-D", attention(q3, k3, v3, options), full.squeeze(0));
    const [q2, k2, v2] = drop(2);
    close("2-D", attention(q2, k2, v2, options), full.reshape(4, 8));
  });

  it("score sees [B,H,T,S] and indices that broadcast to it, also without heads", () => {
    const seen: string[] = [];
    const look = (scores: Tensor, index: Record<string, Tensor>) => {
      seen.push([scores, index.b, index.h, index.t, index.s].map((x) => `${x.dtype}[${x.shape}]`).join(" "));
      return scores;
    };
    const [q, k, v] = inputs(2, 6, 4, 5);
    const grouped = (x: Tensor) => x.narrow(1, 0, 3).to("bf16");
    attention(q.to("bf16"), grouped(k), grouped(v), { score: (scores, index) => look(scores, { ...index }) });
    attention(q.select(1, 0), k.select(1, 0), v.select(1, 0), { score: (scores, index) => look(scores, { ...index }) });
    expect(seen).toEqual([
      "f32[2,6,4,5] i32[2,1,1,1] i32[1,6,1,1] i32[1,1,4,1] i32[1,1,1,5]",
      "f32[2,1,4,5] i32[2,1,1,1] i32[1,1,1,1] i32[1,1,4,1] i32[1,1,1,5]",
    ]);
  });

  it("b and h count batch entries and query heads", () => {
    const [q, k, v] = inputs(2, 4, 3);
    const table = randn(2, 4, 3, 3);
    const half = (x: Tensor) => x.narrow(1, 0, 2);
    const picked = attention(q, half(k), half(v), {
      score: (scores, { b, h, t, s }) => {
        const at = b.mul(4).add(h).mul(3).add(t).mul(3).add(s); // [B,H,T,S]
        return scores.add(table.view(-1).at(at.view(-1)).view(2, 4, 3, 3));
      },
    });
    close("bias", picked, attention(q, half(k), half(v), { mask: { kind: "additive", bias: table } }));
  });

  it("empty axes give empty or zero results", () => {
    const shapes = (B: number, H: number, T: number, S: number, D: number, E: number) =>
      attention(ones(B, H, T, D), ones(B, H, S, D), ones(B, H, S, E), { mask: CAUSAL });
    for (const [B, H, T, S, D, E] of [
      [0, 2, 3, 3, 4, 4],
      [2, 0, 3, 3, 4, 4],
      [2, 2, 0, 3, 4, 4],
      [2, 2, 3, 3, 4, 0],
    ]) {
      expect(shapes(B, H, T, S, D, E).shape).toEqual([B, H, T, E]);
      expect(shapes(B, H, T, S, D, E).dataSync().length).toBe(0);
    }
    expect([...shapes(1, 1, 2, 0, 4, 3).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
    close("no width", shapes(1, 1, 2, 2, 0, 3), ones(1, 1, 2, 3));
  });

  it("the result has the inputs' dtype, the wider where they differ", () => {
    const [q, k, v] = inputs();
    expect(attention(q.half(), k.half(), v.half()).dtype).toBe("f16");
    const mixed = attention(q, k.bfloat16(), v.bfloat16());
    close("cached in bf16", mixed, attention(q, k.bfloat16().float(), v.bfloat16().float()));
  });
});

describe("in the graph", () => {
  const find = (t: Tensor, op: string): Node[] => topological([t.rawNode]).filter((n) => n.op === op);

  it("is one attention node; queries that share keys get an axis, and the keys are expanded", () => {
    const [q, k, v] = inputs(2, 6, 4, 5);
    const mixed = attention(q, k.narrow(1, 0, 2), v.narrow(1, 0, 2), { mask: CAUSAL });
    expect(find(mixed, "attention").map((n) => n.shape)).toEqual([[2, 2, 3, 4, 8]]);
    expect(find(mixed, "matmul").map((n) => n.inputs[1].shape)).toEqual([[2, 2, 3, 8, 5]]);
    for (const op of ["cat", "gather", "softmax", "attentionPattern"]) expect(find(mixed, op), op).toEqual([]);
  });

  it("asks for gradients when an input, a bias, a sink or the score does, and not in noGrad", () => {
    const [q, k, v] = inputs();
    const p = ones(1).requiresGrad_();
    const asks = (options: Parameters<typeof attention>[3]) => attention(q, k, v, options).requiresGrad;
    expect(asks({})).toBe(false);
    expect(asks({ mask: { kind: "additive", bias: p } })).toBe(true);
    expect(asks({ sink: p.mul(ones(2)) })).toBe(true);
    expect(asks({ score: (scores) => scores.mul(p) })).toBe(true);
    expect(noGrad(() => asks({ score: (scores) => scores.mul(p) }))).toBe(false);
    expect(attention(q, k, v.clone().requiresGrad_()).requiresGrad).toBe(true);
  });
});

describe("inside compile", () => {
  it("reads offset and lengths at each run", () => {
    const [q, k, v] = inputs(2, 2, 1, 8);
    const held = tensor(0);
    const lengths = tensor([8, 8]);
    const step = compile((query: Tensor) =>
      attention(query, k, v, {
        mask: [
          { kind: "causal", offset: held },
          { kind: "lengths", lengths },
        ],
      }),
    );
    for (const [at, longest] of [
      [0, 8],
      [3, 8],
      [7, 8],
      [7, 2],
    ]) {
      held.fill(at);
      lengths.fill(longest);
      const n = Math.min(at + 1, longest);
      close(`${n} keys`, step(q), attention(q, k.narrow(2, 0, n), v.narrow(2, 0, n)));
    }
  });

  it("drops anew at each run, and scales what stays", () => {
    // Without scores every weight is 1/S; the identity as value shows them.
    const S = 64;
    const step = compile((q: Tensor) => attention(q, q, eye(S), { dropout: 0.25 }));
    const q = zeros(S, 4);
    const [a, b] = [step(q).dataSync(), step(q).dataSync()];
    for (const x of a) expect([0, Math.fround(1 / (0.75 * S))]).toContainEqual(x);
    const dropped = a.filter((x) => x === 0).length / a.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.04); // 6 standard deviations
    expect(a.some((x, i) => x !== b[i])).toBe(true);
  });

  it("trains what the score reads", () => {
    const [q, k, v] = inputs();
    const slope = tensor(0.5, { requiresGrad: true });
    const loss = (): Tensor =>
      attention(q, k, v, { mask: CAUSAL, score: (scores, { t, s }) => scores.add(s.sub(t).mul(slope)) })
        .square()
        .sum();
    loss().backward();
    const plain = (slope.grad as Tensor).item();
    slope.grad = null;
    const step = compile(() => {
      loss().backward();
      return (slope.grad as Tensor).mul(1);
    });
    expect(Math.abs(plain)).toBeGreaterThan(1e-3);
    expect(step().item()).toBeCloseTo(plain, 4);
  });
});
