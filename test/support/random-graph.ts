// Random expressions: a growing pool of tensors, each made from earlier ones by a random operation, so that results are shared, viewed,
// reduced, broadcast and joined in ways nobody would write. Values stay bounded, so that rounding does not grow.

import { sizeOf } from "../../src/base/shape.js";
import { arange, fromData } from "../../src/tensor/create.js";
import { cat, layerNorm, stack, where } from "../../src/tensor/functions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { Lcg } from "./inputs.js";

export interface GraphOptions {
  /** Operations after the leaves. */
  readonly steps: number;
  /** Evaluates each result at once, instead of leaving all to one program. */
  readonly eager?: boolean;
  /** Leaves out operations that jump, where the last bit decides. */
  readonly continuous?: boolean;
  /** Leaves out 16-bit floats as well. */
  readonly onlyF32?: boolean;
  /** Replaces the float leaves, which are otherwise made from the seed. */
  readonly leaves?: readonly Tensor[];
}

export interface RandomGraph {
  readonly leaves: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly text: readonly string[];
}

const SIZES = [1, 1, 2, 3, 4, 5, 7, 8];
const MOST_ELEMENTS = 500;

type Make = (x: Tensor, lcg: Lcg, pool: readonly Tensor[]) => Tensor | null;

const dimOf = (x: Tensor, lcg: Lcg) => lcg.below(Math.max(1, x.ndim));
const flip = (lcg: Lcg) => lcg.below(2) === 1;
const values = (lcg: Lcg, shape: readonly number[]) =>
  fromData(
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * lcg.uniform() - 1),
    shape,
    "f32",
  );
const indices = (lcg: Lcg, shape: readonly number[], below: number) =>
  fromData(
    Int32Array.from({ length: sizeOf(shape) }, () => lcg.below(below)),
    shape,
    "i32",
  );

/** Something of the pool that broadcasts with x, or else a function of x. */
function partner(x: Tensor, lcg: Lcg, pool: readonly Tensor[]): Tensor {
  const fits = (y: Tensor) =>
    y.ndim <= x.ndim && y.shape.every((n, i) => n === 1 || n === x.shape[i + x.ndim - y.ndim]);
  const candidates = pool.filter(fits);
  return lcg.below(4) > 0 && candidates.length > 0
    ? lcg.pick(candidates)
    : x.ndim > 0
      ? x.mean(dimOf(x, lcg), { keepdim: true })
      : x.sin();
}

const SCALARS: Record<string, Make> = {
  neg: (x) => x.neg(),
  exp: (x) => x.tanh().exp(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  square: (x) => x.tanh().square(),
  sin: (x) => x.sin(),
  gelu: (x, lcg) => x.gelu({ approximate: flip(lcg) ? "tanh" : "none" }),
  silu: (x) => x.silu(),
  scale: (x, lcg) => x.mul(lcg.pick([0.5, 1, -0.7])),
  divide: (x, lcg) => x.div(lcg.pick([2, 3, 1, -4])),
  offset: (x, lcg) => x.add(lcg.pick([0, 0.1, -1])),
  softplus: (x) => x.softplus(),
  add: (x, lcg, pool) => x.add(partner(x, lcg, pool)).tanh(),
  addMore: (x, lcg, pool) => x.add(partner(x, lcg, pool)).mul(0.5),
  sub: (x, lcg, pool) => partner(x, lcg, pool).sub(x).sin(),
  mul: (x, lcg, pool) => x.tanh().mul(partner(x, lcg, pool)),
  div: (x, lcg, pool) => x.div(partner(x, lcg, pool).square().add(1)),
  powers: (x) => x.tanh().square().add(0.5).pow(1.5),
};

const REDUCTIONS: Record<string, Make> = {
  sum: (x, lcg) => (x.ndim === 0 ? null : x.sum(dimOf(x, lcg), { keepdim: flip(lcg) }).tanh()),
  mean: (x, lcg) => (x.ndim === 0 ? null : x.mean(dimOf(x, lcg), { keepdim: flip(lcg) })),
  total: (x) => x.mean(),
  pair: (x, lcg) => (x.ndim < 2 ? null : x.mean([0, x.ndim - 1], { keepdim: flip(lcg) })),
  logsumexp: (x, lcg) => (x.ndim === 0 ? null : x.logsumexp(dimOf(x, lcg), { keepdim: flip(lcg) })),
  softmax: (x, lcg) => (x.ndim === 0 ? null : x.softmax(dimOf(x, lcg))),
  logSoftmax: (x, lcg) => (x.ndim === 0 ? null : x.logSoftmax(flip(lcg) ? -1 : dimOf(x, lcg)).tanh()),
  normalise: (x) =>
    x.ndim === 0
      ? null
      : x.sub(x.mean(-1, { keepdim: true })).div(x.square().mean(-1, { keepdim: true }).add(0.1).sqrt()),
  layerNorm: (x, lcg) =>
    x.ndim === 0 ? null : layerNorm(x, x.shape.slice(-1), values(lcg, x.shape.slice(-1)), null, 0.1),
  cumsum: (x, lcg) => (x.ndim === 0 ? null : x.cumsum(dimOf(x, lcg)).div(8)),
};

const VIEWS: Record<string, Make> = {
  transpose: (x, lcg) => (x.ndim < 2 ? null : x.transpose(dimOf(x, lcg), dimOf(x, lcg))),
  reverseAxes: (x) => (x.ndim < 2 ? null : x.T),
  flatten: (x) => x.reshape(-1),
  regroup: (x, lcg) => {
    const divisors = [2, 3, 4, 5, 6, 7, 8].filter((d) => x.numel % d === 0);
    return divisors.length === 0
      ? null
      : flip(lcg)
        ? x.reshape(lcg.pick(divisors), -1)
        : x.reshape(-1, lcg.pick(divisors));
  },
  unsqueeze: (x, lcg) => (x.ndim >= 4 ? null : x.unsqueeze(lcg.below(x.ndim + 1))),
  squeeze: (x) => x.squeeze(),
  slice: (x, lcg) =>
    x.ndim === 0 ? null : x.slice(dimOf(x, lcg), lcg.below(2), flip(lcg) ? null : 4, 1 + lcg.below(2)),
  flip: (x, lcg) => (x.ndim === 0 ? null : x.flip(dimOf(x, lcg))),
  expand: (x, lcg) => (x.ndim >= 4 ? null : x.unsqueeze(0).expand(1 + lcg.below(3), ...x.shape)),
  widen: (x, lcg) =>
    x.ndim === 0
      ? null
      : x.narrow(x.ndim - 1, 0, Math.min(1, x.shape[x.ndim - 1])).expand([...x.shape.slice(0, -1), 1 + lcg.below(5)]),
};

const MOVES: Record<string, Make> = {
  catWithPart: (x, lcg) => (x.ndim === 0 ? null : cat([x, x.slice(0, 0, 2), x.neg()].slice(0, 2 + lcg.below(2)), 0)),
  catOfSplits: (x, lcg) => {
    const d = dimOf(x, lcg);
    return x.ndim === 0 || x.shape[d] < 2
      ? null
      : cat(
          x
            .split(Math.ceil(x.shape[d] / 2), d)
            .map((p, i) => (i === 0 ? p.tanh() : p))
            .reverse(),
          d,
        );
  },
  stack: (x, lcg, pool) => {
    const same = pool.filter((y) => y.shape.join() === x.shape.join());
    return x.ndim >= 4 ? null : stack([x, same.length > 0 ? lcg.pick(same) : x.sin()], lcg.below(x.ndim + 1));
  },
  pad: (x, lcg) => (x.ndim === 0 ? null : x.pad([lcg.below(3), lcg.below(2)], lcg.pick([0, 0.5]))),
  roll: (x, lcg) => (x.ndim === 0 ? null : x.roll(1 + lcg.below(2), dimOf(x, lcg))),
  repeat: (x, lcg) => (x.ndim === 0 ? null : x.repeat(...x.shape.map(() => 1 + lcg.below(2)))),
  tril: (x, lcg) => (x.ndim < 2 ? null : x.tril(lcg.below(3) - 1)),
  causal: (x) =>
    x.ndim < 2
      ? null
      : x.maskedFill(arange(x.shape[x.ndim - 1]).gt(arange(x.shape[x.ndim - 2]).unsqueeze(1)), -3).softmax(-1),
  ramp: (x) => (x.ndim === 0 ? null : x.add(arange(x.shape[x.ndim - 1]).mul(0.1)).sin()),
  matmul: (x, lcg) =>
    x.ndim === 0 || x.shape[x.ndim - 1] === 0
      ? null
      : x.matmul(values(lcg, [x.shape[x.ndim - 1], 1 + lcg.below(5)])).div(4),
  gram: (x) => (x.ndim < 2 ? null : x.matmul(x.transpose(-2, -1)).div(8)),
  product: (x, lcg, pool) => {
    const fits = pool.filter(
      (y) =>
        y.ndim >= 2 &&
        x.ndim >= 2 &&
        y.shape[y.ndim - 2] === x.shape[x.ndim - 1] &&
        y.shape.slice(0, -2).join() === x.shape.slice(0, -2).join(),
    );
    return fits.length === 0 ? null : x.matmul(lcg.pick(fits)).tanh();
  },
  indexSelect: (x, lcg) => {
    const d = dimOf(x, lcg);
    return x.ndim === 0 || x.shape[d] === 0 ? null : x.indexSelect(d, indices(lcg, [1 + lcg.below(4)], x.shape[d]));
  },
  gather: (x, lcg) =>
    x.ndim === 0 || x.shape[x.ndim - 1] === 0
      ? null
      : x.gather(-1, indices(lcg, [...x.shape.slice(0, -1), 3], x.shape[x.ndim - 1])),
  scatterAdd: (x, lcg) =>
    x.ndim === 0 || x.shape[0] === 0 ? null : x.scatterAdd(0, indices(lcg, x.shape, x.shape[0]), x.tanh()).tanh(),
  detachedMask: (x, lcg) => where(indices(lcg, x.shape, 2).bool(), x, x.neg()),
};

/** Jump where the last bit decides; finite differences and other executors may stand on the other side. */
const JUMPS: Record<string, Make> = {
  relu: (x) => x.relu(),
  abs: (x) => x.abs(),
  positive: (x) => x.gt(0).to("f32"),
  whereGreater: (x, lcg, pool) => where(x.gt(0.1), x, partner(x, lcg, pool)),
  clamp: (x) => x.clamp(-0.5, 0.5),
  maximum: (x, lcg, pool) => x.maximum(partner(x, lcg, pool)),
  amax: (x, lcg) => (x.ndim === 0 || x.numel === 0 ? null : x.amax(dimOf(x, lcg), { keepdim: flip(lcg) })),
  argmax: (x) => (x.ndim === 0 || x.numel === 0 ? null : x.argmax(-1, { keepdim: true }).to("f32").mul(0.25)),
  sort: (x) => (x.ndim === 0 ? null : x.sort(-1).values),
  round: (x) => x.mul(4).round().div(4),
  count: (x) => (x.ndim === 0 ? null : x.gt(0).sum(-1, { keepdim: true }).to("f32").div(8)),
};

const HALVES: Record<string, Make> = {
  f16: (x) => x.half().mul(0.3).add(1).float(),
  bf16: (x) => x.bfloat16().tanh().mul(x.bfloat16()).float(),
};

export function randomGraph(seed: number, options: GraphOptions): RandomGraph {
  const lcg = new Lcg(seed);
  const rank = 1 + lcg.below(3);
  const base = Array.from({ length: rank }, () => lcg.pick(SIZES));
  const shapes = [base, base, base.map((n) => (flip(lcg) ? 1 : n)), base.slice(-1)];
  const drawn = shapes.map((shape) => values(lcg, shape));
  const leaves = options.leaves ?? drawn;
  const pool: Tensor[] = [...leaves];
  const text: string[] = leaves.map((t, i) => `${i}: leaf [${t.shape}]`);
  const groups = [
    SCALARS,
    SCALARS,
    REDUCTIONS,
    VIEWS,
    MOVES,
    ...(options.continuous ? [] : [JUMPS]),
    ...(options.onlyF32 ? [] : [HALVES]),
  ];
  const used = new Set<Tensor>();
  for (let i = 0; i < options.steps; i++) {
    const group = lcg.pick(groups);
    const name = lcg.pick(Object.keys(group));
    // Late results are used more often, so that graphs grow deep as well as wide.
    const x = pool[Math.max(lcg.below(pool.length), lcg.below(pool.length))];
    const made = group[name](x, lcg, pool);
    if (!made || sizeOf(made.shape) > MOST_ELEMENTS || sizeOf(made.shape) === 0) continue;
    if (options.eager) made.evaluate();
    used.add(x);
    text.push(`${pool.length}: ${name}(${pool.indexOf(x)}, ...) [${made.shape}]`);
    pool.push(made);
  }
  // What nobody uses, and now and then what somebody does.
  const outputs = pool.filter((t, i) => i >= leaves.length && (!used.has(t) || lcg.below(4) === 0));
  return { leaves, outputs: outputs.length > 0 ? outputs : [pool[pool.length - 1]], text };
}
