// The native gradient of attention against the reference executor, whose own forward gives logsumexp and delta.

import { afterEach, describe, expect, it } from "vitest";
import { type DType, type TypedArray, typedArray } from "../../src/base/dtype.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "../../src/base/half.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import type { Expression, Instruction } from "../../src/program/expression.js";
import type { AttentionGradientStep, KeyBound, Operand, Program, TileBody } from "../../src/program/program.js";
import {
  base,
  bool,
  contiguous,
  eachIsa,
  executor,
  expectSame,
  external,
  f32,
  found,
  i32,
  integers,
  noise,
  operand,
  title,
  toFloat,
  type Values,
} from "./native-steps.js";

const threads = found?.threads ?? 1;
afterEach(() => found?.setThreads(threads));

type Float = "f32" | "f16" | "bf16";
type Wanted = "query" | "key" | "value" | "score";
type Layout = "rows" | "heads" | "columns" | "apart";
const ALL: readonly Wanted[] = ["query", "key", "value", "score"];

interface Setting {
  readonly batch: readonly number[];
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly e?: number;
  readonly dtype?: Float;
  readonly layout?: Layout;
  readonly wanted?: readonly Wanted[];
  readonly bounds?: readonly Bound[];
  readonly bodies?: readonly Named[];
  /** How many heads share a key and a value: their stride is 0 along the last batch axis. */
  readonly grouped?: boolean;
  readonly scale?: number;
  readonly magnitude?: number;
  readonly change?: (arrays: Values[]) => void;
}
type Bound = Omit<KeyBound, "at" | "sign"> & { readonly sign?: 1 | -1; readonly at?: readonly number[] };
type Named = keyof typeof BODIES;

const upper = (slope: 0 | 1, constant: number, at?: readonly number[], sign?: 1 | -1): Bound => ({
  side: "upper",
  slope,
  constant,
  at,
  sign,
});
const lower = (slope: 0 | 1, constant: number, at?: readonly number[], sign?: 1 | -1): Bound => ({
  ...upper(slope, constant, at, sign),
  side: "lower",
});
const causal = [upper(1, 0)];

// Bodies, written by hand. What they read is drawn here too.

interface Tape {
  readonly step: Setting;
  /** Adds an array and says which buffer it is. */
  add(values: Values): number;
}
const shapeOf = ({ batch, t, s }: Setting) => [...batch, t, s];
const tile = (which: -1 | -2, { batch }: Setting) => operand(which, "f32", [...batch.map(() => 0), 0, 0]);

function write(inputs: readonly Operand[], registers: number, instructions: readonly Instruction[]): TileBody {
  const body: Expression = { fullRegisters: registers, rowRegisters: 1, instructions };
  return { inputs, body, result: registers - 1 };
}
const load = (dst: number, input: number): Instruction => ({ op: "load", width: "full", dst, input });
const constant = (dst: number, value: number): Instruction => ({
  op: "constant",
  width: "full",
  dst,
  value,
  int: false,
});
const scalar = (name: "add" | "mul" | "div" | "sub" | "tanh" | "where" | "ge" | "eq", int = false) => {
  return (dst: number, a: number, b = 0, c = 0): Instruction => ({
    op: "scalar",
    name,
    int,
    width: "full",
    dst,
    a,
    b,
    c,
  });
};
const [add, mul, div, sub, tanh, where, ge] = (["add", "mul", "div", "sub", "tanh", "where", "ge"] as const).map((n) =>
  scalar(n),
);

const BODIES = {
  /** A bias of its own for each head, the same for all of the first batch axis. */
  bias: ({ step, add: put }: Tape) => {
    const { batch, t, s } = step;
    const heads = batch[batch.length - 1];
    const bias = operand(put(f32(noise(heads * t * s, 31).map((x) => x * 4 - 2))), "f32", [
      ...batch.map((_, i) => (i === batch.length - 1 ? t * s : 0)),
      s,
      1,
    ]);
    return { score: write([tile(-1, step), bias], 3, [load(0, 0), load(1, 1), add(2, 0, 1)]) };
  },
  /** -Infinity for every third key, and in bf16. */
  additive: ({ step, add: put }: Tape) => {
    const { batch, t, s } = step;
    const values = integers(t * s, 3, 32).map((x) => bf16FromF32(x === 0 ? Number.NEGATIVE_INFINITY : x));
    const bias = operand(put({ dtype: "bf16", values }), "bf16", [...batch.map(() => 0), 1, t]);
    return { score: write([tile(-1, step), bias], 3, [load(0, 0), load(1, 1), add(2, 0, 1)]) };
  },
  /** c tanh(x / c), whose slope is 1 - tanh². */
  softcap: ({ step }: Tape) => ({
    score: write([tile(-1, step)], 4, [load(0, 0), constant(1, 1.5), div(2, 0, 1), tanh(2, 2), mul(3, 2, 1)]),
    slope: write([tile(-1, step), tile(-2, step)], 5, [
      load(0, 0),
      load(1, 1),
      constant(2, 1.5),
      constant(3, 1),
      div(0, 0, 2),
      tanh(0, 0),
      mul(0, 0, 0),
      sub(0, 3, 0),
      mul(4, 1, 0),
    ]),
  }),
  /** -1000 where a truth value of [T,S] says so; nothing flows back there. */
  chosen: ({ step, add: put }: Tape) => {
    const { batch, t, s } = step;
    const truth = operand(put(bool(integers(t * s, 2, 33))), "bool", [...batch.map(() => 0), s, 1]);
    return {
      score: write([tile(-1, step), truth], 4, [load(0, 0), load(1, 1), constant(2, -1000), where(3, 1, 0, 2)]),
      slope: write([tile(-2, step), truth], 4, [load(0, 0), load(1, 1), constant(2, 0), where(3, 1, 0, 2)]),
    };
  },
  /** ALiBi: (s - t) times a slope of each head. */
  alibi: ({ step, add: put }: Tape) => {
    const { batch } = step;
    const axes = batch.length;
    const slopes = operand(put(f32(noise(batch[axes - 1], 34))), "f32", [
      ...batch.map((_, i) => (i === axes - 1 ? 1 : 0)),
      0,
      0,
    ]);
    return {
      score: write([tile(-1, step), slopes], 5, [
        { op: "iota", width: "full", dst: 0, axis: axes },
        { op: "iota", width: "full", dst: 1, axis: axes + 1 },
        scalar("sub", true)(2, 1, 0),
        toFloat(2, 2),
        load(3, 1),
        mul(2, 2, 3),
        load(0, 0),
        add(4, 0, 2),
      ]),
    };
  },
  /** Which keys count, for each batch entry. */
  padding: ({ step, add: put }: Tape) => {
    const { batch, s } = step;
    const truth = operand(put(bool(integers(batch[0] * s, 3, 35).map((x) => (x ? 1 : 0)))), "bool", [
      ...batch.map((_, i) => (i === 0 ? s : 0)),
      0,
      1,
    ]);
    return { mask: write([truth], 1, [load(0, 0)]) };
  },
  /** Documents: a query sees the keys of its own. Whole tiles are empty. */
  documents: ({ step, add: put }: Tape) => {
    const { batch, t, s } = step;
    const numbers = put(i32(Array.from({ length: Math.max(t, s) }, (_, i) => Math.floor(i / 130))));
    const none = batch.map(() => 0);
    const [mine, its] = [operand(numbers, "i32", [...none, 1, 0]), operand(numbers, "i32", [...none, 0, 1])];
    return { mask: write([mine, its], 3, [load(0, 0), load(1, 1), scalar("eq", true)(2, 0, 1)]) };
  },
  nothing: ({ step, add: put }: Tape) => {
    const truth = operand(put(bool([0])), "bool", [...step.batch.map(() => 0), 0, 0]);
    return { mask: write([truth], 1, [load(0, 0)]) };
  },
  /** Dropout of a fifth. */
  dropout: ({ step, add: put }: Tape) => {
    const seed = operand(put(i32([7])), "i32", [...step.batch.map(() => 0), 0, 0]);
    return {
      factor: write([seed], 5, [
        { op: "random", width: "full", dst: 0, seed: 0, stream: 3 },
        constant(1, 0.2),
        constant(2, 0),
        constant(3, 1.25),
        ge(0, 0, 1),
        where(4, 0, 3, 2),
      ]),
    };
  },
  gate: ({ step, add: put }: Tape) => {
    const shape = shapeOf(step);
    const gate = operand(put(f32(noise(size(shape), 36))), "f32", contiguous(shape));
    return { factor: write([gate], 1, [load(0, 0)]) };
  },
} satisfies Record<string, (tape: Tape) => Partial<Record<"mask" | "score" | "factor" | "slope", TileBody>>>;

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Where [batch..., rows, columns] may lie: the strides, and how many numbers there are. */
function lay(layout: Layout, batch: readonly number[], rows: number, columns: number): [number[], number] {
  const shape = [...batch, rows, columns];
  if (layout === "columns") {
    const turned = contiguous([...batch, columns, rows]);
    return [[...turned.slice(0, -2), 1, rows], size(shape)];
  }
  if (layout === "apart") {
    const wide = contiguous([...batch, rows, columns * 2 + 3]);
    return [[...wide.slice(0, -1), 2], size([...batch, rows, columns * 2 + 3])];
  }
  if (layout === "rows" || batch.length === 0) return [contiguous(shape), size(shape)];
  const outer = batch.slice(0, -1);
  const heads = batch[batch.length - 1];
  const strides = contiguous([...outer, rows, heads, columns]); // [..., T, H, D] in memory
  const n = outer.length;
  return [[...strides.slice(0, n), columns, strides[n], 1], size(shape)];
}

const FROM: Record<Float, (x: number) => number> = { f32: (x) => x, f16: f16FromF32, bf16: bf16FromF32 };
const TO: Record<Float, (x: number) => number> = { f32: (x) => x, f16: f32FromF16, bf16: f32FromBf16 };
const CLOSE: Record<Float, number> = { f32: 5e-6, f16: 6e-4, bf16: 5e-3 };

interface Problem {
  readonly step: AttentionGradientStep;
  readonly arrays: readonly Values[];
  readonly outputs: readonly { readonly name: Wanted; readonly at: Operand }[];
  readonly shape: readonly number[];
}

/** The step with its arrays; logsumexp and delta are made by the reference's forward. */
function pose(setting: Setting): Problem {
  const { batch, t, s, d, dtype = "f32", layout = "rows", wanted = ALL, bounds = [], bodies = [] } = setting;
  const { e = d, scale = 1 / Math.sqrt(d), magnitude = 2 } = setting;
  const arrays: Values[] = [];
  const put = (values: Values) => arrays.push(values) - 1;
  const matrix = (rows: number, columns: number, seed: number, own = true): Operand => {
    const owners = own ? batch : batch.slice(0, -1);
    const [strides, length] = lay(layout, owners, rows, columns);
    const values = noise(length + 1, seed).map((x) => FROM[dtype]((x - 0.5) * 2 * magnitude));
    if (!own) strides.splice(owners.length, 0, 0);
    return operand(put({ dtype, values: dtype === "f32" ? Float32Array.from(values) : values }), dtype, strides, 1);
  };
  const own = !setting.grouped;
  const [query, key, value] = [matrix(t, d, 1), matrix(s, d, 2, own), matrix(s, e, 3, own)];
  const outputGradient = matrix(t, e, 4);
  const row = (columns: number) =>
    operand(put(f32(new Float32Array(size([...batch, t, columns])))), "f32", contiguous([...batch, t, columns]));
  const [logsumexp, delta] = [row(2), row(1)];
  const output = operand(put(f32(new Float32Array(size([...batch, t, e])))), "f32", contiguous([...batch, t, e]));
  const outputs = wanted.map((name) => {
    const [rows, columns] = { query: [t, d], key: [s, d], value: [s, e], score: [t, s] }[name];
    const [strides, length] = lay(layout, batch, rows, columns);
    const values = Array.from({ length: length + 1 }, () => FROM[dtype](77)); // what is not overwritten is seen
    return { name, at: operand(put({ dtype, values }), dtype, strides, 1) };
  });
  const tapes = bodies.map((name) => BODIES[name]({ step: setting, add: put }));
  const tiles = Object.assign({ mask: null, score: null, factor: null, slope: null }, ...tapes);
  const { slope, ...common } = {
    ...base,
    shape: shapeOf(setting),
    d,
    e,
    scale,
    query,
    key,
    value,
    bounds: bounds.map(({ at, sign = 1, ...bound }) => ({
      ...bound,
      sign,
      at: at ? operand(put(i32(at)), "i32", [...batch.map((_, i) => (i === 0 && at.length > 1 ? 1 : 0)), 0, 0]) : null,
    })),
    ...tiles,
  };
  setting.change?.(arrays);
  const [forward] = [runReference(arrays, { ...common, kind: "attention", sink: null, output, logsumexp })];
  arrays[logsumexp.buffer] = f32(forward[logsumexp.buffer]);
  const dout = (index: number, column: number) => {
    let [rest, place] = [index, outputGradient.offset];
    for (let axis = batch.length; axis >= 0; axis--) {
      const length = axis === batch.length ? t : batch[axis];
      place += (rest % length) * outputGradient.strides[axis];
      rest = Math.floor(rest / length);
    }
    return TO[dtype](arrays[outputGradient.buffer].values[place + column * outputGradient.strides[batch.length + 1]]);
  };
  const sums = (arrays[delta.buffer].values as Float32Array).map((_, i) => {
    let sum = 0;
    for (let j = 0; j < e; j++) sum += forward[output.buffer][i * e + j] * dout(i, j);
    return sum;
  });
  arrays[delta.buffer] = f32(sums);
  const gradients = Object.fromEntries(
    ALL.map((name) => [`${name}Gradient`, outputs.find((o) => o.name === name)?.at ?? null]),
  );
  const step = { ...common, kind: "attentionGradient", logsumexp, outputGradient, delta, slope, ...gradients };
  return { step: step as AttentionGradientStep, arrays, outputs, shape: shapeOf(setting) };
}

function program(arrays: readonly Values[], step: Program["steps"][number]): Program {
  return { buffers: external(arrays), steps: [step], externals: arrays.length, arenaBytes: 0 };
}

function runReference(arrays: readonly Values[], step: Program["steps"][number]): TypedArray[] {
  const reference = new ReferenceExecutor();
  const memories = arrays.map(({ dtype, values }) => {
    const memory = reference.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  reference.prepare(program(arrays, step)).run(memories);
  return memories.map((memory) => memory.data);
}

function runNative({ arrays, step }: Problem): TypedArray[] {
  const memories = arrays.map(({ dtype, values }) => {
    const memory = executor.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  executor.prepare(program(arrays, step)).run(memories);
  const results = memories.map(({ data }, i) => {
    const copy = typedArray(arrays[i].dtype, new ArrayBuffer(data.byteLength));
    copy.set(data);
    return copy;
  });
  for (const memory of memories) executor.release(memory);
  return results;
}

/**
 * Errors are measured by the largest number, or by the parts of a sum that may come to nothing; and an error in the last place of a
 * score is one of exp(score) that grows with the score.
 */
function expectClose(setting: Setting, name: Wanted, dtype: DType, actual: TypedArray, expected: TypedArray): void {
  const { d, scale = 1 / Math.sqrt(d), magnitude = 2 } = setting;
  const factor = CLOSE[dtype as Float] * Math.max(1, (Math.abs(scale) * d * magnitude ** 2) / 16);
  const to = TO[dtype as Float];
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    if (to(expected[i]) !== 77) largest = Math.max(largest, Math.abs(to(expected[i])));
  const room = factor * Math.max(largest, Math.min(1, Math.abs(scale)));
  let worst = -1;
  let error = room;
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(to(actual[i]) - to(expected[i]));
    if (!(distance <= error)) [worst, error] = [i, distance];
  }
  const found =
    worst < 0
      ? "close"
      : `${JSON.stringify(setting)} ${name} [${worst}]: ${to(actual[worst])}, not ${to(expected[worst])}`;
  expect(found).toBe("close");
}

const expected = new Map<string, readonly [Problem, TypedArray[]]>();

function check(setting: Setting): void {
  const label = JSON.stringify(setting);
  const known = setting.change ? undefined : expected.get(label);
  const problem = known?.[0] ?? pose(setting);
  const wanted = known?.[1] ?? runReference(problem.arrays, problem.step);
  if (!setting.change) expected.set(label, [problem, wanted]);
  const results = runNative(problem);
  for (const { name, at } of problem.outputs)
    expectClose(setting, name, at.dtype, results[at.buffer], wanted[at.buffer]);
}

describe.runIf(found)(title("the gradient of attention"), () => {
  eachIsa("is that of the reference, in shapes large, ragged, tiny and empty", () => {
    for (const [batch, t, s, d, e] of [
      [[1, 2], 130, 130, 64, 64],
      [[9], 37, 53, 24, 40],
      [[2], 300, 290, 8, 8],
      [[2, 5], 70, 6, 3, 5],
      [[], 1, 1, 1, 1],
      [[], 5, 300, 8, 8],
      [[1], 17, 33, 130, 7],
      [[2], 65, 70, 128, 128],
      [[1], 40, 45, 256, 256],
      [[1], 20, 19, 512, 512],
      [[3], 0, 4, 8, 8],
      [[3], 4, 0, 8, 8],
      [[0, 3], 4, 4, 8, 8],
    ] as const) {
      check({ batch, t, s, d, e });
      check({ batch, t, s, d, e, bounds: causal });
    }
  });

  eachIsa("is that of the reference in every dtype and layout", () => {
    for (const dtype of ["f32", "f16", "bf16"] as const) {
      for (const layout of ["rows", "heads", "columns", "apart"] as const) {
        const setting = { batch: [2, 2], t: 25, s: 30, d: 20, e: 33, dtype, layout };
        check({ ...setting, bounds: [upper(1, 5)] });
        check({ ...setting, grouped: true });
      }
    }
  });

  eachIsa("keeps within bounds of every kind", () => {
    const setting = { batch: [3], t: 180, s: 200, d: 3 };
    for (const bounds of [
      [upper(1, 20)],
      [upper(1, -30)],
      [lower(1, -16), upper(1, 16)],
      [lower(1, 0)],
      [lower(0, 90), upper(0, 170)],
      [upper(1, 0, [20])],
      [upper(0, -1, [200, 50, 1])],
      [upper(1, 0, [30, 0, -40]), lower(0, 0, [0, 60, 199])],
      [upper(1, 5, [3, 0, 50], -1), upper(1, 0)],
      [lower(0, 150), upper(0, 149)],
      [upper(0, 500), lower(0, -500), lower(1, 300)],
    ])
      check({ ...setting, bounds });
    check({ batch: [1], t: 420, s: 420, d: 4, bounds: [lower(1, -20), upper(1, 0)] });
  });

  eachIsa("evaluates score, slope, mask and factor in the tile", () => {
    for (const bodies of [
      ["bias"],
      ["additive"],
      ["softcap"],
      ["chosen"],
      ["alibi"],
      ["padding"],
      ["documents"],
      ["nothing"],
      ["dropout"],
      ["gate"],
      ["softcap", "padding", "dropout"],
      ["chosen", "documents", "gate"],
    ] as const) {
      check({ batch: [2, 2], t: 65, s: 70, d: 6, bodies });
      check({ batch: [2, 2], t: 65, s: 70, d: 6, bodies, bounds: [upper(1, 3), lower(1, -40)] });
      check({ batch: [1], t: 140, s: 300, d: 8, bodies, bounds: [upper(1, 100)] });
      check({ batch: [3], t: 7, s: 5, d: 8, bodies, bounds: causal });
    }
    check({ batch: [1], t: 500, s: 500, d: 4, bodies: ["documents"], bounds: causal });
  });

  eachIsa("takes small batch entries several at a time", () => {
    const small = { batch: [40, 4], t: 5, s: 6, d: 16 };
    for (const bounds of [[], causal, [upper(0, -1, integers(40, 7, 41))], [lower(1, 3)]]) {
      for (const bodies of [[], ["padding"], ["softcap", "padding", "dropout"]] as const) {
        check({ ...small, bounds, bodies, layout: "heads" });
        check({ ...small, bounds, bodies, d: 3, e: 5, dtype: "f16", grouped: true });
        check({ ...small, bounds, bodies, t: 19, s: 17, e: 32, wanted: ["query", "value"] });
      }
    }
    check({ ...small, t: 20, s: 18, bodies: ["documents"], layout: "columns" });
    check({ ...small, bodies: ["nothing"], layout: "apart" });
    check({ ...small, batch: [70], t: 150, s: 3, d: 1, bodies: ["padding", "bias"] });
  });

  eachIsa("gives what is wanted and no more", () => {
    for (let subset = 0; subset < 16; subset++) {
      const wanted = ALL.filter((_, i) => subset & (1 << i));
      for (const batch of [[1], [8]]) {
        check({ batch, t: 40, s: 35, d: 12, e: 9, wanted, bounds: causal });
        check({ batch, t: 9, s: 20, d: 12, e: 9, wanted, bodies: ["softcap", "dropout", "padding"] });
      }
    }
  });

  eachIsa("draws steps at random", () => {
    const draws = noise(5000, 99);
    let next = 0;
    const below = (n: number) => Math.floor(draws[next++] * n);
    const one = <X>(list: readonly X[]): X => list[below(list.length)];
    for (let round = 0; round < 40; round++) {
      const batch = one([[], [1], [2], [3, 1], [1, 4], [2, 4], [3, 3]]);
      const [score, mask, factor] = [
        one([[], ["bias"], ["softcap"], ["chosen"], ["alibi"]] as const),
        one([[], [], ["padding"], ["documents"]] as const),
        one([[], [], ["dropout"], ["gate"]] as const),
      ];
      const named: Named[] = batch.length ? [...score, ...mask, ...factor] : [];
      const t = 1 + below(one([20, 70, 150]));
      check({
        batch,
        t,
        s: 1 + below(one([20, 70, 150])),
        d: 1 + below(40),
        e: 1 + below(40),
        dtype: one(["f32", "f32", "f16", "bf16"]),
        layout: one(["rows", "heads", "columns", "apart"]),
        grouped: batch.length > 0 && below(3) === 0,
        wanted: one([ALL, ALL, ["query", "key", "value"]]),
        bounds: one([[], causal, [upper(1, below(t) - 20)], [lower(1, -below(t)), upper(1, below(9))]]),
        bodies: named,
      });
    }
  });
});

describe.runIf(found)(title("the gradient of attention, out of the ordinary"), () => {
  /** Rows of the operand `which` (0 query, 1 key, 2 value, 3 output gradient) from `first` on hold `value`. */
  const spoil = (which: number, first: number, d: number, value: number) => (arrays: Values[]) => {
    (arrays[which].values as Float32Array).fill(value, 1 + first * d);
  };

  eachIsa("never makes a NaN of what nobody sees", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const which of [1, 2]) {
        const change = spoil(which, 50, 8, value);
        check({ batch: [1], t: 60, s: 80, d: 8, bounds: [upper(0, 49)], change });
        check({ batch: [1], t: 60, s: 80, d: 8, bounds: [upper(0, -1, [50])], bodies: ["softcap"], change });
        const last = [...Array(63).fill(10), 4]; // the keys that each entry sees
        const few = { batch: [64], t: 12, s: 10, d: 16, bounds: [upper(0, -1, last)] };
        check({ ...few, change: spoil(which, 63 * 10 + 4, 16, value) });
      }
      for (const which of [0, 3]) {
        // Queries from 20 on begin where no key is left.
        const change = spoil(which, 20, 8, value);
        check({ batch: [1], t: 60, s: 80, d: 8, bounds: [lower(1, 60)], change });
        check({ batch: [1], t: 60, s: 80, d: 8, bounds: [lower(1, 60)], bodies: ["bias"], change });
      }
    }
  });

  eachIsa("stands scores of -Infinity, rows of nothing else, and scores that are huge", () => {
    check({ batch: [2], t: 40, s: 1, d: 8, bodies: ["additive"] });
    check({ batch: [1], t: 66, s: 90, d: 8, bodies: ["additive"], bounds: [upper(1, 0), lower(1, -1)] });
    for (const scale of [1e-30, 30, -30, 1e4]) check({ batch: [1], t: 40, s: 50, d: 4, scale });
    check({ batch: [1], t: 40, s: 50, d: 4, magnitude: 1e4, scale: 1 });
    check({ batch: [1], t: 40, s: 50, d: 4, scale: 0 });
  });

  it("passes NaN on where it is seen", () => {
    for (const which of [0, 1, 2, 3]) {
      const problem = pose({ batch: [1], t: 30, s: 30, d: 8, change: spoil(which, 29, 8, Number.NaN) });
      const results = runNative(problem);
      const wanted = runReference(problem.arrays, problem.step);
      for (const { at } of problem.outputs)
        for (const i of wanted[at.buffer].keys())
          if (Number.isNaN(wanted[at.buffer][i])) expect(results[at.buffer][i]).toBeNaN();
    }
  });

  eachIsa("has the same bits with 1, 2 and 7 threads", () => {
    for (const setting of [
      { batch: [2, 6], t: 150, s: 150, d: 4, bounds: causal },
      { batch: [], t: 500, s: 520, d: 4, bounds: causal },
      { batch: [3], t: 300, s: 280, d: 4 },
      { batch: [2], t: 260, s: 300, d: 4, bodies: ["softcap", "dropout"] },
      { batch: [40, 4], t: 16, s: 16, d: 16, bodies: ["padding"] },
    ] as const) {
      const problem = pose(setting.batch.length ? setting : { ...setting, wanted: ["query", "key", "value"] });
      executor.setThreads(1);
      const one = runNative(problem);
      for (const count of [2, 7]) {
        executor.setThreads(count);
        for (let repeat = 0; repeat < 3; repeat++) {
          const many = runNative(problem);
          for (const { at } of problem.outputs) expectSame(many[at.buffer], one[at.buffer]);
        }
      }
    }
  });
});
