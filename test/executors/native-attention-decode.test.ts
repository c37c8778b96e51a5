// The native attention kernel for few queries against the reference executor: everything a step can ask, on caches of any layout.

import { afterEach, describe, expect } from "vitest";
import type { DType, TypedArray } from "../../src/base/dtype.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "../../src/base/half.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import type { Instruction } from "../../src/program/expression.js";
import {
  type AttentionStep,
  type KeyBound,
  type Operand,
  PRODUCT_TILE,
  type TileBody,
} from "../../src/program/program.js";
import { allClose } from "../support/compare.js";
import {
  base,
  eachIsa,
  executor,
  expectSame,
  external,
  found,
  i32,
  noise,
  operand,
  run,
  title,
  toFloat,
  type Values,
} from "./native-steps.js";

/** Numbers as an array of a dtype holds them, ready to be copied into memory. */
function stored(dtype: DType, numbers: ArrayLike<number>): Values {
  if (dtype === "f32") return { dtype, values: Float32Array.from(numbers) };
  if (dtype === "f16") return { dtype, values: Uint16Array.from(numbers, f16FromF32) };
  if (dtype === "bf16") return { dtype, values: Uint16Array.from(numbers, bf16FromF32) };
  return { dtype, values: Int32Array.from(numbers) };
}

/** Made when it is first asked for, and kept: every instruction set works on the same. */
function once<X>(make: () => X): () => X {
  let kept: { readonly made: X } | undefined;
  return () => {
    kept ??= { made: make() };
    return kept.made;
  };
}

type FloatType = "f32" | "f16" | "bf16";
const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** Draws that look random, the same each time. */
class Dice {
  private state: number;
  constructor(seed: number) {
    this.state = seed * 7919 + 1;
  }
  /** In [0, below), whole. */
  roll(below: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return Math.floor(((this.state >>> 8) / 2 ** 24) * below);
  }
  pick<X>(list: readonly X[]): X {
    return list[this.roll(list.length)];
  }
}

/** The arrays of a case as it grows. */
class Arrays {
  readonly list: Values[] = [];

  /** An operand over an array of its own: its axes in any order, a gap after the last, an offset; axes in `zero` have stride 0. */
  place(
    dtype: DType,
    shape: readonly number[],
    value: (i: number) => number,
    order: readonly number[] = shape.map((_, axis) => axis),
    zero: readonly number[] = [],
    gap = 0,
  ): Operand {
    const strides = new Array<number>(shape.length).fill(0);
    let size = 1;
    for (const axis of [...order].reverse()) {
      if (zero.includes(axis)) continue;
      strides[axis] = size;
      size = size * shape[axis] + (size === 1 ? gap : 0);
    }
    // What no index leads to is poison.
    const values = new Float64Array(size + gap).fill(dtype === "i32" || dtype === "bool" ? 1 : Number.NaN);
    const index = shape.map(() => 0);
    for (let i = 0, n = product(shape); i < n; i++) {
      const at = index.reduce((sum, x, axis) => sum + x * strides[axis], gap);
      values[at] = value(i);
      for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
    }
    this.list.push(stored(dtype, values));
    return operand(this.list.length - 1, dtype, strides, gap);
  }
}

const centred = (seed: number, by = 2) => {
  const values = noise(4096, seed);
  return (i: number) => by * (values[i % 4096] - 0.5) + (by / 64) * (((i >> 12) % 7) - 3);
};

/** What the step's output and log-sum-exp hold after it has run. */
function results(step: AttentionStep, memories: readonly TypedArray[]): number[][] {
  return [step.output, step.logsumexp].flatMap((o) => {
    if (!o) return [];
    const widen = o.dtype === "f16" ? f32FromF16 : o.dtype === "bf16" ? f32FromBf16 : (x: number) => x;
    return [Array.from(memories[o.buffer], widen)];
  });
}

/** The reference's results; asked for once for each label, since every instruction set is compared with the same. */
function reference(label: string, step: AttentionStep, arrays: readonly Values[]): number[][] {
  const known = judged.get(label);
  if (known) return known;
  const judge = new ReferenceExecutor();
  const memories = arrays.map(({ dtype, values }) => {
    const memory = judge.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  judge.prepare({ buffers: external(arrays), steps: [step], externals: arrays.length, arenaBytes: 0 }).run(memories);
  const found = results(
    step,
    memories.map((memory) => memory.data),
  );
  judged.set(label, found);
  return found;
}
const judged = new Map<string, number[][]>();

/** Runs the step and compares what it writes with the reference's; a label stands for one step. */
function compare(label: string, step: AttentionStep, arrays: readonly Values[]): TypedArray[] {
  const memories = run([step], arrays);
  const expected = reference(label, step, arrays);
  const tolerance = { f32: 3e-5, f16: 1e-3, bf16: 8e-3 }[step.output.dtype as FloatType];
  results(step, memories).forEach((actual, i) => {
    const limit = i === 0 ? tolerance : 1e-5;
    allClose(`${label} ${["output", "logsumexp"][i]}`, actual, expected[i], { rtol: limit, atol: limit });
  });
  return memories;
}

interface Shape {
  readonly batch: readonly number[];
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly e: number;
  /** Trailing batch axes that share keys and values. */
  readonly shared?: number;
  readonly dtypes?: readonly FloatType[];
  readonly orders?: readonly (readonly number[] | undefined)[];
  readonly gap?: number;
}

/** A step with plain scores, and a log-sum-exp. */
function plain(shape: Shape, arrays: Arrays): AttentionStep {
  const { batch, t, s, d, e, shared = 0, dtypes = ["f32", "f32", "f32", "f32"], orders = [], gap = 0 } = shape;
  const zero = batch.map((_, axis) => axis).slice(batch.length - shared);
  const sizes = [
    [t, d],
    [s, d],
    [s, e],
  ];
  const [query, key, value] = sizes.map((matrix, i) =>
    arrays.place(dtypes[i], [...batch, ...matrix], centred(i + 1, 4), orders[i], i ? zero : [], gap),
  );
  return {
    ...base,
    kind: "attention",
    shape: [...batch, t, s],
    d,
    e,
    scale: 1 / Math.sqrt(d),
    query,
    key,
    value,
    bounds: [],
    mask: null,
    score: null,
    factor: null,
    sink: null,
    output: arrays.place(dtypes[3], [...batch, t, e], () => 7, orders[3], [], gap),
    logsumexp: arrays.place("f32", [...batch, t, 2], () => 7),
  };
}

const upper = (slope: 0 | 1, constant: number, at: Operand | null = null, sign: 1 | -1 = 1): KeyBound => ({
  side: "upper",
  slope,
  constant,
  sign,
  at,
});
const lower = (slope: 0 | 1, constant: number, at: Operand | null = null): KeyBound => ({
  ...upper(slope, constant, at),
  side: "lower",
});
/** One number for each batch entry. */
const lengths = (
  arrays: Arrays,
  batch: readonly number[],
  values: (i: number) => number,
  zero: readonly number[] = [],
) => {
  const { strides, ...rest } = arrays.place("i32", batch, values, undefined, zero);
  return { ...rest, strides: [...strides, 0, 0] };
};

const load = (dst: number, input: number): Instruction => ({ op: "load", width: "full", dst, input });
const iota = (dst: number, axis: number): Instruction => ({ op: "iota", width: "full", dst, axis });
const constant = (dst: number, value: number, int = false): Instruction => ({
  op: "constant",
  width: "full",
  dst,
  value,
  int,
});
const scalar = (
  name: "add" | "mul" | "tanh" | "ne" | "sub" | "remainder",
  dst: number,
  a: number,
  b = 0,
  int = false,
): Instruction => ({
  op: "scalar",
  name,
  int,
  width: "full",
  dst,
  a,
  b,
  c: 0,
});
const body = (inputs: Operand[], fullRegisters: number, result: number, instructions: Instruction[]): TileBody => ({
  inputs,
  result,
  body: { instructions, fullRegisters, rowRegisters: 0 },
});

/** 20 tanh((product + bias) / 20) - (s mod 13) / 8 */
function bentScore(bias: Operand, rank: number): TileBody {
  const tile = operand(PRODUCT_TILE, "f32", new Array<number>(rank).fill(0));
  return body([tile, bias], 8, 7, [
    load(0, 0),
    load(1, 1),
    scalar("add", 0, 0, 1),
    constant(2, 0.05),
    scalar("mul", 0, 0, 2),
    scalar("tanh", 0, 0),
    constant(3, 20),
    scalar("mul", 0, 0, 3),
    iota(1, rank - 1),
    constant(4, 13, true),
    scalar("remainder", 1, 1, 4, true),
    toFloat(5, 1),
    constant(6, 0.125),
    scalar("mul", 5, 5, 6),
    scalar("sub", 7, 0, 5),
  ]);
}
const addedScore = (bias: Operand, rank: number): TileBody =>
  body([operand(PRODUCT_TILE, "f32", new Array<number>(rank).fill(0)), bias], 3, 2, [
    load(0, 0),
    load(1, 1),
    scalar("add", 2, 0, 1),
  ]);
/** Keys whose index is no multiple of `step`. */
const skipping = (rank: number, step: number): TileBody =>
  body([], 4, 3, [
    iota(0, rank - 1),
    constant(1, step, true),
    scalar("remainder", 0, 0, 1, true),
    constant(2, 0, true),
    scalar("ne", 3, 0, 2, true),
  ]);
const given = (input: Operand): TileBody => body([input], 1, 0, [load(0, 0)]);
/** Uniform in [0, 1) + 0.5. */
const drawn = (seed: Operand): TileBody =>
  body([seed], 3, 2, [
    { op: "random", width: "full", dst: 0, seed: 0, stream: 3 },
    constant(1, 0.5),
    scalar("add", 2, 0, 1),
  ]);

/** Any step at all. */
function anyStep(seed: number, arrays: Arrays): AttentionStep {
  const dice = new Dice(seed);
  const floats: FloatType[] = ["f32", "f32", "f16", "bf16"];
  const batch = Array.from({ length: dice.roll(4) }, () => 1 + dice.roll(3));
  const rank = batch.length + 2;
  const order = () => {
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    if (dice.roll(3) === 0) return axes.sort(() => dice.roll(3) - 1);
    if (dice.roll(2) === 0 && rank > 3) axes.splice(rank - 3, 2, rank - 2, rank - 3); // [B,S,H,D]
    return axes;
  };
  const shape: Shape = {
    batch,
    t: dice.pick([1, 1, 2, 3, 4, 5]),
    s: dice.pick([0, 1, 2, 5, 16, 31, 64, 100, 257, 600]),
    d: dice.pick([1, 3, 8, 16, 20, 32, 40, 64, 67, 128, 160]),
    e: dice.pick([1, 2, 7, 16, 24, 32, 48, 64, 80, 96, 128, 133]),
    shared: dice.roll(batch.length + 1),
    dtypes: [dice.pick(floats), dice.pick(floats), dice.pick(floats), dice.pick(floats)],
    orders: [order(), order(), order(), order()],
    gap: dice.pick([0, 0, 1, 3]),
  };
  const whole = [...batch, shape.t, shape.s];
  const some = () => whole.map((_, axis) => axis).filter((axis) => axis < rank - 1 && dice.roll(3) === 0);
  const step = plain(shape, arrays);
  const at = () =>
    dice.roll(2)
      ? lengths(arrays, batch, () => dice.roll(shape.s + 2) - 1, dice.roll(2) ? batch.map((_, i) => i) : [])
      : null;
  const bounds: KeyBound[] = [];
  if (dice.roll(2)) bounds.push(upper(1, dice.roll(shape.s + 1) - 1, at(), dice.pick([1, -1])));
  if (dice.roll(2)) bounds.push(upper(0, shape.s - dice.roll(4), at()));
  if (dice.roll(3) === 0) bounds.push(lower(dice.pick([0, 1]), dice.roll(9) - 4, at()));
  const bias = () => arrays.place(dice.pick(floats), whole, centred(5, 6), order(), some());
  const mask = [
    null,
    null,
    skipping(rank, 3),
    given(arrays.place("bool", whole, (i) => ((i * 2654435761) >>> 29) % 2, order(), some())),
  ];
  const factor = [
    null,
    null,
    given(bias()),
    drawn(
      operand(
        arrays.list.push(i32([seed])) - 1,
        "i32",
        whole.map(() => 0),
      ),
    ),
  ];
  return {
    ...step,
    bounds,
    mask: dice.pick(mask),
    score: dice.pick([null, null, bentScore(bias(), rank), addedScore(bias(), rank)]),
    factor: dice.pick(factor),
    sink: dice.roll(3) ? null : arrays.place(dice.pick(floats), [...batch, shape.t, 1], centred(9, 4), order()),
    logsumexp: dice.roll(2) ? step.logsumexp : null,
  };
}

const anySteps = once(() =>
  Array.from({ length: 150 }, (_, seed) => {
    const arrays = new Arrays();
    return { label: `seed ${seed}`, step: anyStep(seed, arrays), arrays };
  }),
);

/** Long enough for chunks and a merge; how much of the cache is filled is read when the step runs. */
const longCaches = once(() =>
  (
    [
      ["f32", 1300, 4, [0, 1, 2, 3, 4]],
      ["f32", 1299, 1, [0, 3, 1, 2, 4]],
      ["bf16", 2100, 2, [0, 3, 1, 2, 4]],
      ["f16", 2500, 2, [0, 1, 2, 3, 4]],
    ] as const
  ).map(([dtype, length, group, order]) => {
    const arrays = new Arrays();
    const batch = [1, 2, group];
    const shape: Shape = { batch, t: 2, s: length, d: 128, e: 96, shared: 1, orders: [undefined, order, order] };
    const step = plain({ ...shape, dtypes: ["f32", dtype, dtype, "f32"] }, arrays);
    const at = lengths(arrays, batch, () => 0, [0, 1, 2]);
    return {
      dtype,
      length,
      arrays,
      filled: at.buffer,
      step: { ...step, bounds: [upper(1, -2, at), lower(1, -1000, at)] },
    };
  }),
);

const threads = found?.threads ?? 1;

describe.runIf(found)(title("attention of few queries"), () => {
  afterEach(() => executor.setThreads(threads));

  eachIsa("is the reference's, whatever the step asks", () => {
    for (const { label, step, arrays } of anySteps()) compare(label, step, arrays.list);
  });

  eachIsa("takes long caches in chunks, the same bits with any number of threads", () => {
    for (const { dtype, length, arrays, filled, step } of longCaches()) {
      for (const until of [0, 1, 700, length]) {
        arrays.list[filled] = i32([until]);
        const [one, ...others] = [1, 2, 7].map((count) => {
          executor.setThreads(count);
          return count === 1 ? compare(`${dtype} ${until} of ${length}`, step, arrays.list) : run([step], arrays.list);
        });
        for (const memories of others)
          for (const slot of [step.output.buffer, step.logsumexp?.buffer ?? 0]) expectSame(memories[slot], one[slot]);
      }
    }
  });

  eachIsa("merges chunks of masked and bent scores beside a sink", () => {
    const arrays = new Arrays();
    const shape: Shape = {
      batch: [2, 5],
      t: 3,
      s: 1500,
      d: 200,
      e: 130,
      shared: 1,
      dtypes: ["f16", "f32", "f32", "bf16"],
    };
    const step = plain(shape, arrays);
    const bias = arrays.place("f32", [2, 5, 3, 1500], centred(4, 8), undefined, [0, 2]);
    const gate = arrays.place("f16", [2, 5, 3, 1500], centred(6, 2), undefined, [1]);
    compare(
      "chunks",
      {
        ...step,
        bounds: [
          upper(1, 1450),
          lower(
            1,
            -900,
            lengths(arrays, [2, 5], (i) => 300 * i),
          ),
        ],
        mask: skipping(4, 5),
        score: bentScore(bias, 4),
        factor: given(gate),
        sink: arrays.place("f32", [2, 5, 3, 1], centred(8, 10)),
      },
      arrays.list,
    );
  });

  eachIsa(
    "gives zeros and -Infinity where there is nothing to see, and only the sink's share where that is all",
    () => {
      for (const s of [0, 40]) {
        for (const sink of [false, true]) {
          const arrays = new Arrays();
          const step = plain({ batch: [6], t: 1, s, d: 20, e: 20 }, arrays);
          const beside = sink ? arrays.place("f32", [6, 1, 1], (i) => i - 2) : null;
          const memories = compare(
            `nothing of ${s} ${sink}`,
            { ...step, bounds: [upper(0, -1)], sink: beside },
            arrays.list,
          );
          const [output, logsumexp] = results(step, memories);
          expectSame(Float32Array.from(output), new Array(120).fill(0));
          const largest = (i: number) => (sink ? i - 2 : Number.NEGATIVE_INFINITY);
          const none = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? largest(i / 2) : 0));
          allClose("logsumexp", logsumexp, none, { rtol: 1e-6, atol: 0 });
        }
      }
      const arrays = new Arrays();
      const step = plain({ batch: [2, 0], t: 2, s: 5, d: 4, e: 4 }, arrays);
      expect(() => run([step, { ...step, shape: [2, 0, 0, 5] }], arrays.list)).not.toThrow();
    },
  );

  eachIsa("holds out against huge scores", () => {
    for (const huge of [1e4, 1e18, 1e30]) {
      const arrays = new Arrays();
      const step = plain({ batch: [4], t: 2, s: 700, d: 16, e: 16, shared: 1 }, arrays);
      // One key towers over the others, and the maximum grows from block to block.
      const bias = arrays.place("f32", [4, 2, 700], (i) => ((i % 700) / 700 - 0.5) * huge);
      const memories = compare(`huge ${huge}`, { ...step, score: addedScore(bias, 3) }, arrays.list);
      expect(results(step, memories).flat().every(Number.isFinite)).toBe(true);
    }
    for (const [at, extreme] of [
      [5, Number.NEGATIVE_INFINITY],
      [5, Number.POSITIVE_INFINITY],
      [650, Number.NaN],
    ]) {
      const arrays = new Arrays();
      const step = plain({ batch: [3], t: 1, s: 700, d: 16, e: 16, shared: 1 }, arrays);
      const bias = arrays.place("f32", [3, 1, 700], (i) => (i % 700 === at ? extreme : 0));
      compare(`score ${extreme}`, { ...step, score: addedScore(bias, 3) }, arrays.list);
    }
  });

  eachIsa("is not harmed by what may not be seen", () => {
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const dtype of ["f32", "bf16"] as const) {
        const arrays = new Arrays();
        const shape: Shape = {
          batch: [2, 3],
          t: 2,
          s: 700,
          d: 64,
          e: 72,
          shared: 1,
          dtypes: ["f32", dtype, dtype, "f32"],
        };
        const step = plain(shape, arrays);
        const spoil = (o: Operand) => {
          const { values } = arrays.list[o.buffer];
          const spoilt = Array.from(values, dtype === "f32" ? (x) => x : f32FromBf16);
          for (let s = 0; s < 700; s++)
            if (s % 4 === 0 || s > 600) for (let i = 0; i < o.strides[2]; i++) spoilt[s * o.strides[2] + i] = poison;
          arrays.list[o.buffer] = stored(dtype, spoilt);
        };
        spoil(step.key);
        spoil(step.value);
        const bounds = [upper(1, 599)];
        const memories = compare(`unseen ${poison} ${dtype}`, { ...step, bounds, mask: skipping(4, 4) }, arrays.list);
        expect(results(step, memories).flat().every(Number.isFinite)).toBe(true);
        // A bias of -Infinity hides as well as a mask.
        const bias = arrays.place("f32", [2, 3, 2, 700], (i) => ((i % 700) % 4 ? 0 : Number.NEGATIVE_INFINITY));
        if (Number.isNaN(poison)) spoilKeys(arrays, step.key, dtype);
        compare(`hidden ${poison} ${dtype}`, { ...step, bounds, score: addedScore(bias, 4) }, arrays.list);
        // Neither a gate of 0 nor anything else hides what is seen: the reference has the same NaN.
        const gate = arrays.place("f32", [2, 3, 2, 700], (i) => ((i % 700) % 4 ? 1 : 0));
        compare(`gated ${poison} ${dtype}`, { ...step, bounds, factor: given(gate) }, arrays.list);
        compare(`seen ${poison} ${dtype}`, { ...step, bounds: [upper(0, 1)] }, arrays.list);
      }
    }
  });
});

/** Keys that make no NaN of their own, for scores that are hidden by addition. */
function spoilKeys(arrays: Arrays, key: Operand, dtype: FloatType): void {
  const { values } = arrays.list[key.buffer];
  const numbers = Array.from(values, dtype === "f32" ? (x) => x : f32FromBf16);
  arrays.list[key.buffer] = stored(
    dtype,
    numbers.map((x) => (Number.isNaN(x) ? 3 : x)),
  );
}
