// Native attention against the reference executor: all layouts, dtypes, bounds and bodies, on sizes that fit no block.

import { describe, expect, it } from "vitest";
import { f32FromBf16, f32FromF16 } from "../../src/base/half.js";
import type { Operand } from "../../src/program/program.js";
import {
  type AttentionCase,
  type Bound,
  type BuiltAttention,
  bodies,
  buildAttention,
  type Float,
  LAYOUTS,
  runReference,
} from "./attention-cases.js";
import { eachIsa, executor, expectSame, found, integers, noise, run, title } from "./native-steps.js";

/** Relative to 1 and to the expected number: sums of f32 in another order, or one rounding of the output. */
const TOLERANCE: { readonly [F in Float]: number } = { f32: 3e-6, f16: 1e-3, bf16: 8e-3 };

function decode(o: Operand, data: ArrayLike<number>): number[] {
  const from = { f16: f32FromF16, bf16: f32FromBf16 }[o.dtype as string] ?? ((x: number) => x);
  return Array.from(data, from);
}

/** What the reference executor makes of the cases, in their order: each instruction set asks for the same ones. */
const known = new Map<string, ArrayLike<number>[]>();

function reference({ step, arrays }: BuiltAttention): ArrayLike<number>[] {
  const key = JSON.stringify([step, arrays.map(({ values }) => Array.from(values).join())]);
  const result = known.get(key) ?? runReference([step], arrays);
  known.set(key, result);
  return result;
}

/** Runs the case on both executors and compares everything they write. */
function check(c: AttentionCase): void {
  const built = buildAttention(c);
  const { step, arrays } = built;
  const [actual, expected] = [run([step], arrays), reference(built)];
  for (const o of [step.output, step.logsumexp]) {
    if (!o) continue;
    const [mine, theirs] = [decode(o, actual[o.buffer]), decode(o, expected[o.buffer])];
    const tolerance = TOLERANCE[o.dtype as Float];
    const wrong = mine.findIndex((x, i) => {
      const y = theirs[i];
      return !(Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y)));
    });
    const { change, mask, score, factor, ...plain } = c;
    const name = `${o === step.output ? "output" : "logsumexp"} of ${JSON.stringify(plain)}`;
    expect(wrong < 0 ? "" : `${name}: [${wrong}] ${mine[wrong]}, expected ${theirs[wrong]}`).toBe("");
  }
}

const causal: Bound = { side: "upper", slope: 1 };

describe.runIf(found)(title("attention"), () => {
  eachIsa("computes ragged and tiny shapes", () => {
    for (const [t, s, d, e] of [
      [1, 1, 1, 1],
      [6, 6, 8, 8],
      [5, 3, 2, 3],
      [13, 17, 33, 15],
      [14, 32, 16, 16],
      [15, 33, 31, 47],
      [29, 70, 64, 64],
      [64, 64, 32, 32],
      [57, 300, 24, 40],
      [130, 129, 80, 96],
      [20, 77, 512, 260],
      [31, 90, 3, 512],
    ])
      for (const bounds of [[], [causal]]) check({ t, s, d, e, bounds, batch: [2] });
    check({ t: 300, s: 520, d: 8, bounds: [causal], batch: [1] });
    check({ t: 7, batch: [] });
    check({ t: 460, s: 40, d: 4, batch: [25], bounds: [causal] });
  });

  eachIsa("leaves zeros, and -inf, where there is no key", () => {
    for (const c of [
      { t: 4, s: 0 },
      { t: 0, s: 5 },
      { t: 3, batch: [2, 0] },
      { t: 40, s: 20, bounds: [{ side: "upper", slope: 1, constant: -25 }] },
      { t: 40, s: 20, bounds: [{ side: "upper", constant: -1 }] },
      { t: 40, s: 20, bounds: [{ side: "lower", constant: 20 }] },
      { t: 90, s: 80, mask: bodies.sparse },
      { t: 90, s: 80, mask: bodies.sparse, sink: true },
      { t: 12, s: 0, sink: true },
    ] satisfies AttentionCase[])
      check(c);
  });

  eachIsa("reads and writes any layout and dtype", () => {
    let seed = 1;
    for (const layout of LAYOUTS)
      for (const dtype of ["f32", "f16", "bf16"] as const)
        for (const [t, s, d] of [
          [9, 11, 5],
          [33, 50, 32],
        ]) {
          const outputLayout = LAYOUTS[seed % LAYOUTS.length];
          const keyLayout = LAYOUTS[(seed * 2) % LAYOUTS.length];
          check({
            t,
            s,
            d,
            e: d + (seed % 2) * 3,
            layout,
            keyLayout,
            outputLayout,
            dtype,
            bounds: [causal],
            seed: seed++,
          });
          check({ t, s, d, e: 16, layout, dtype, outputDtype: "f32", seed: seed++ });
        }
    check({ t: 140, s: 150, d: 16, batch: [2, 2], layout: "packed", outputLayout: "heads", bounds: [causal] });
    check({ t: 20, s: 30, dtype: "f16", keyDtype: "f32", outputDtype: "bf16" });
    check({
      t: 60,
      s: 290,
      d: 128,
      batch: [1, 4],
      layout: "heads",
      dtype: "bf16",
      keyDtype: "f32",
      outputDtype: "f32",
    });
  });

  eachIsa("keeps to its bounds", () => {
    const each = (below: number, seed: number) => integers(6, below, seed);
    for (const bounds of [
      [causal],
      [{ ...causal, constant: 30 }],
      [{ ...causal, constant: -30 }],
      [causal, { side: "lower", slope: 1, constant: -9 }],
      [
        { side: "lower", slope: 1, constant: -40 },
        { side: "upper", slope: 1, constant: 3 },
      ],
      [{ side: "upper", constant: -1, at: each(130, 3) }],
      [causal, { side: "upper", constant: 70 }, { side: "lower", constant: 11 }],
      [{ ...causal, at: each(100, 4) }],
      [{ ...causal, constant: 60, sign: -1, at: each(80, 5) }],
      [{ side: "lower", slope: 1 }],
      [
        { side: "lower", constant: 1, sign: 1, at: each(150, 6) },
        { side: "upper", slope: 1, constant: 120, sign: -1, at: each(150, 7) },
      ],
    ] satisfies Bound[][]) {
      check({ t: 75, s: 130, bounds });
      check({ t: 130, s: 75, d: 17, bounds });
    }
    check({
      t: 40,
      s: 700,
      batch: [1, 2],
      bounds: [
        { ...causal, constant: 500 },
        { side: "lower", slope: 1, constant: 100 },
      ],
    });
  });

  eachIsa("evaluates masks, scores and factors in the tile", () => {
    const { bias, softcap, slope, padding, sparse, blocks, dropout } = bodies;
    for (const [t, s] of [
      [7, 5],
      [40, 64],
      [61, 130],
      [30, 300],
    ])
      for (const c of [
        { score: bias },
        { score: softcap, bounds: [causal] },
        { score: slope, sink: true },
        { mask: padding },
        { mask: padding, bounds: [{ ...causal, constant: s - t }] },
        { mask: sparse, score: bias },
        { mask: blocks },
        { factor: dropout },
        { factor: dropout, score: slope, mask: sparse, bounds: [{ side: "lower", slope: 1, constant: -20 }] },
      ] satisfies Omit<AttentionCase, "t">[])
        check({ t, s, ...c });
    check({ t: 130, s: 560, d: 16, batch: [2], score: bias, mask: blocks, factor: dropout });
  });

  eachIsa("takes -inf, huge scores and NaN", () => {
    const minus: AttentionCase["score"] = (w, arrays, shape) => {
      const product = bodies.bias(w, arrays, shape);
      const late = w.whole("gt", w.index(shape.length - 1), w.constant(9, true));
      return w.scalar("where", late, w.constant(Number.NEGATIVE_INFINITY), product);
    };
    check({ t: 20, s: 50, score: minus });
    check({ t: 20, s: 50, score: (w) => w.constant(Number.NEGATIVE_INFINITY) });
    check({ t: 20, s: 50, score: (w) => w.scalar("sub", w.tile(), w.constant(3.4e38)) });
    const huge = (w: Parameters<typeof minus>[0]) => w.scalar("mul", w.tile(), w.constant(1e30));
    check({ t: 20, s: 50, d: 1, score: huge, scale: 1 });
    check({ t: 20, s: 50, d: 1, size: 1e30, scale: 1 });
    check({ t: 70, s: 300, d: 1, size: 1e30, scale: 1, bounds: [causal] });
    check({ t: 40, s: 90, size: 30, bounds: [causal] });
  });

  eachIsa("keeps NaN and infinity to the rows that see them", () => {
    const poison =
      (which: string, row: number, number: number): AttentionCase["change"] =>
      (name, values, strides) => {
        const [rows, columns] = strides.slice(-2);
        if (name === which) for (let j = 0; j < 8; j += 3) values[row * rows + j * columns] = number;
      };
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const hidden = { side: "upper", constant: 49 } as const;
      check({ t: 30, s: 60, bounds: [hidden], change: poison("value", 55, number) });
      check({ t: 30, s: 60, bounds: [hidden], change: poison("key", 55, Number.NaN) });
      check({ t: 60, bounds: [causal], change: poison("value", 33, number) });
      check({ t: 60, bounds: [causal], change: poison("value", 33, number), e: 16, factor: bodies.dropout });
      check({ t: 60, mask: bodies.sparse, change: poison("value", 20, number), dtype: "f16" });
    }
    check({ t: 60, bounds: [causal], change: poison("key", 33, Number.NaN) });
    check({ t: 60, bounds: [causal], change: poison("query", 33, Number.NaN) });
    check({ t: 300, batch: [1], bounds: [causal], change: poison("query", 280, Number.NaN), score: bodies.softcap });
  });

  eachIsa("shares keys and values among grouped queries", () => {
    for (const grouped of [0, 1]) {
      check({ t: 21, s: 34, grouped, bounds: [causal] });
      check({ t: 150, s: 130, d: 32, batch: [2, 2], grouped, layout: "heads", mask: bodies.padding });
      check({ t: 7, s: 9, batch: [9, 5], grouped, mask: bodies.padding });
    }
  });

  eachIsa("computes what chance brings", () => {
    const names = Object.keys(bodies) as (keyof typeof bodies)[];
    for (let seed = 1; seed <= 40; seed++) {
      const dice = noise(40, 1000 + seed);
      let thrown = 0;
      const below = (n: number) => Math.floor(dice[thrown++] * n);
      const one = <T>(list: readonly T[]): T => list[below(list.length)];
      const bound = (): Bound => {
        const at = below(3) === 0 ? { at: integers(6, 60, seed + thrown) } : {};
        return {
          side: one(["upper", "lower"]),
          slope: one([0, 1, 1]),
          sign: one([1, -1]),
          constant: below(120) - 60,
          ...at,
        };
      };
      const maybe = (kind: string, list: readonly (keyof typeof bodies)[]) =>
        below(3) === 0 ? { [kind]: bodies[one(list)] } : {};
      const dtype = one(["f32", "f32", "f16", "bf16"] as const);
      check({
        ...{ t: 1 + below(70), s: 1 + below(150), d: 1 + below(40), e: 1 + below(40), dtype, seed },
        ...{ layout: one(LAYOUTS), keyLayout: one(LAYOUTS), outputLayout: one(LAYOUTS), sink: below(4) === 0 },
        bounds: Array.from({ length: below(3) }, bound),
        ...maybe("mask", names.slice(3, 6)),
        ...maybe("score", names.slice(0, 3)),
        ...maybe("factor", names.slice(6)),
        ...(below(5) === 0 ? { grouped: below(2) } : {}),
        logsumexp: below(3) !== 0,
      });
    }
  });

  it("gives the same bits whatever the number of threads", () => {
    const threads = executor.threads;
    try {
      for (const c of [
        { t: 300, s: 300, d: 32, bounds: [causal] },
        { t: 200, s: 333, d: 20, score: bodies.bias, factor: bodies.dropout, mask: bodies.padding },
        { t: 33, s: 64, d: 32, batch: [5, 4], bounds: [causal] },
        { t: 150, s: 600, d: 64, grouped: 1, dtype: "bf16" },
      ] satisfies AttentionCase[]) {
        const { step, arrays } = buildAttention(c);
        const results = [1, 2, 7].map((count) => {
          executor.setThreads(count);
          return run([step], arrays);
        });
        for (const result of results.slice(1)) result.forEach((data, i) => void expectSame(data, results[0][i]));
      }
    } finally {
      executor.setThreads(threads);
    }
  });
});
