// Attention steps with random operands, shapes, layouts and bodies, for the tests of executors: each case is a step and the arrays it
// works on, buffer by buffer.

import { bf16FromF32, f16FromF32 } from "../../src/base/half.js";
import type { ScalarName } from "../../src/base/scalar.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import type { Expression, Instruction } from "../../src/program/expression.js";
import {
  type AttentionStep,
  type KeyBound,
  type Operand,
  PRODUCT_TILE,
  type Step,
  type TileBody,
} from "../../src/program/program.js";
import { base, bool, contiguous, external, f32, i32, noise, operand, type Values } from "./native-steps.js";

export type Float = "f32" | "f16" | "bf16";

/** Numbers from -1 to 1. */
export const signed = (count: number, seed: number) => noise(count, seed).map((x) => 2 * x - 1);

export function floats(dtype: Float, values: ArrayLike<number>): Values {
  if (dtype === "f32") return f32(values);
  return { dtype, values: Array.from(values, dtype === "f16" ? f16FromF32 : bf16FromF32) };
}

/** The arrays of a case, in the order of its buffers. */
export class Arrays {
  readonly list: Values[] = [];

  add(values: Values): number {
    return this.list.push(values) - 1;
  }

  /** An array of the shape, with strides 0 where the shape has 1. */
  operand(shape: readonly number[], values: Values): Operand {
    const strides = contiguous(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
    return operand(this.add(values), values.dtype, strides);
  }
}

/**
 * How a matrix [batch..., rows, columns] lies: plain; with the last batch axis inside the rows, as a model's projections leave it; as the
 * second of three such; with rows along memory; backwards and with gaps.
 */
export type Layout = "plain" | "heads" | "packed" | "turned" | "gaps";
export const LAYOUTS: readonly Layout[] = ["plain", "heads", "packed", "turned", "gaps"];

/** Strides of a matrix, the first element's place, and how many elements there must be. */
export function layoutOf(layout: Layout, batch: readonly number[], rows: number, columns: number) {
  const shape = [...batch, rows, columns];
  const last = shape.length - 1;
  const size = shape.reduce((a, b) => a * b, 1);
  switch (layout) {
    case "plain":
      return { strides: contiguous(shape), offset: 0, size };
    case "heads":
    case "packed": {
      const parts = layout === "packed" ? 3 : 1;
      const heads = batch[batch.length - 1] ?? 1;
      const strides = contiguous([...batch.slice(0, -1), rows, parts * heads * columns, 1]).slice(0, last);
      if (batch.length > 0) [strides[last - 2], strides[last - 1]] = [columns, parts * heads * columns];
      else strides[0] = parts * columns;
      strides[last] = 1;
      return { strides, offset: layout === "packed" ? heads * columns : 0, size: size * parts };
    }
    case "turned": {
      const strides = contiguous([...batch, columns, rows]);
      [strides[last - 1], strides[last]] = [1, rows];
      return { strides, offset: 0, size };
    }
    case "gaps": {
      const strides = contiguous([...batch, rows, 2 * columns]).map((stride) => stride);
      strides[last] = 2;
      strides[last - 1] = -2 * columns;
      return { strides, offset: Math.max(0, rows - 1) * 2 * columns, size: 2 * size };
    }
  }
}

/** Writes the expression of a body, instruction by instruction; each value is a register. */
export class BodyWriter {
  readonly #inputs: Operand[] = [];
  readonly #instructions: Instruction[] = [];
  #registers = 0;

  constructor(readonly rank: number) {}

  #full(instruction: (dst: number) => Instruction): number {
    const dst = this.#registers++;
    this.#instructions.push(instruction(dst));
    return dst;
  }

  load(o: Operand): number {
    const input = this.#inputs.push(o) - 1;
    return this.#full((dst) => ({ op: "load", width: "full", dst, input }));
  }
  /** The tile of scaled products, or another tile of the step. */
  tile(buffer = PRODUCT_TILE): number {
    return this.load(operand(buffer, "f32", new Array(this.rank).fill(0)));
  }
  constant(value: number, int = false): number {
    return this.#full((dst) => ({ op: "constant", width: "full", dst, value, int }));
  }
  index(axis: number): number {
    return this.#full((dst) => ({ op: "iota", width: "full", dst, axis }));
  }
  random(seed: Operand, stream: number): number {
    const input = this.#inputs.push(seed) - 1;
    return this.#full((dst) => ({ op: "random", width: "full", dst, seed: input, stream }));
  }
  toFloat(a: number): number {
    return this.#full((dst) => ({ op: "convert", to: "toFloat", int: true, width: "full", dst, a }));
  }
  scalar(name: ScalarName, a: number, b = 0, c = 0, int = false): number {
    return this.#full((dst) => ({ op: "scalar", name, int, width: "full", dst, a, b, c }));
  }
  /** The same on integers. */
  whole(name: ScalarName, a: number, b = 0, c = 0): number {
    return this.scalar(name, a, b, c, true);
  }
  done(result: number): TileBody {
    const body: Expression = { instructions: this.#instructions, fullRegisters: this.#registers, rowRegisters: 0 };
    return { inputs: this.#inputs, body, result };
  }
}

export interface Bound {
  readonly side: "upper" | "lower";
  readonly slope?: 0 | 1;
  readonly constant?: number;
  readonly sign?: 1 | -1;
  /** One number for each batch entry. */
  readonly at?: readonly number[];
}

export interface AttentionCase {
  readonly batch?: readonly number[];
  readonly t: number;
  readonly s?: number;
  readonly d?: number;
  readonly e?: number;
  readonly scale?: number;
  readonly dtype?: Float;
  readonly keyDtype?: Float;
  readonly outputDtype?: Float;
  readonly layout?: Layout;
  readonly keyLayout?: Layout;
  readonly outputLayout?: Layout;
  /** A batch axis along which all queries have the same keys and values. */
  readonly grouped?: number;
  readonly bounds?: readonly Bound[];
  readonly mask?: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => number;
  readonly score?: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => number;
  readonly factor?: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => number;
  readonly sink?: boolean;
  readonly logsumexp?: boolean;
  /** What the queries, from -1 to 1, are multiplied by. */
  readonly size?: number;
  /** Changes the numbers of queries, keys or values before they are rounded to their dtype. */
  readonly change?: (which: "query" | "key" | "value", values: number[], strides: readonly number[]) => void;
  readonly seed?: number;
}

export interface BuiltAttention {
  readonly step: AttentionStep;
  readonly arrays: readonly Values[];
}

/** The step of a case, and arrays to run it on; those it writes hold -7 at first. */
export function buildAttention(c: AttentionCase): BuiltAttention {
  const { batch = [2, 3], t, s = t, d = 8, e = d, dtype = "f32", layout = "plain", seed = 1 } = c;
  const shape = [...batch, t, s];
  const arrays = new Arrays();
  const matrix = (which: "query" | "key" | "value", rows: number, columns: number, where: Layout, number: number) => {
    const shared = which === "query" ? -1 : (c.grouped ?? -1);
    const own = batch.map((n, axis) => (axis === shared ? 1 : n));
    const { strides, offset, size } = layoutOf(where, own, rows, columns);
    const values = signed(size, seed * 10 + number).map((x) => x * (which === "query" ? (c.size ?? 1) : 1));
    if (shared >= 0) strides[shared] = 0;
    c.change?.(which, values, strides);
    const its = which === "query" ? dtype : (c.keyDtype ?? dtype);
    return operand(arrays.add(floats(its, values)), its, strides, offset);
  };
  const query = matrix("query", t, d, layout, 1);
  const key = matrix("key", s, d, c.keyLayout ?? layout, 2);
  const value = matrix("value", s, e, c.keyLayout ?? layout, 3);
  const bounds = (c.bounds ?? []).map(({ side, slope = 0, constant = 0, sign = 1, at }): KeyBound => {
    const each = [...contiguous(batch), 0, 0];
    return { side, slope, constant, sign, at: at ? operand(arrays.add(i32(at)), "i32", each) : null };
  });
  const body = (write: AttentionCase["mask"]) => {
    if (!write) return null;
    const writer = new BodyWriter(shape.length);
    return writer.done(write(writer, arrays, shape));
  };
  const [mask, score, factor] = [body(c.mask), body(c.score), body(c.factor)];
  const rows = batch.reduce((a, b) => a * b, t);
  const each = [...contiguous([...batch, t]), 0];
  const sink = c.sink ? operand(arrays.add(f32(signed(rows, seed * 10 + 4))), "f32", each) : null;
  const out = layoutOf(c.outputLayout ?? "plain", batch, t, e);
  const outputDtype = c.outputDtype ?? dtype;
  const output = operand(
    arrays.add(floats(outputDtype, new Array(out.size).fill(-7))),
    outputDtype,
    out.strides,
    out.offset,
  );
  const pairs = contiguous([...batch, t, 2]);
  const logsumexp = c.logsumexp === false ? null : operand(arrays.add(f32(new Array(2 * rows).fill(-7))), "f32", pairs);
  const scale = c.scale ?? 1 / Math.sqrt(d);
  const step: AttentionStep = {
    ...base,
    ...{
      kind: "attention",
      shape,
      d,
      e,
      scale,
      query,
      key,
      value,
      bounds,
      mask,
      score,
      factor,
      sink,
      output,
      logsumexp,
    },
  };
  return { step, arrays: arrays.list };
}

/** What the reference executor makes of the arrays. */
export function runReference(steps: readonly Step[], arrays: readonly Values[]): ArrayLike<number>[] {
  const reference = new ReferenceExecutor();
  const memories = arrays.map(({ dtype, values }) => {
    const memory = reference.allocate(dtype, values.length);
    memory.data.set(values);
    return memory;
  });
  const program = { buffers: external(arrays), steps, externals: arrays.length, arenaBytes: 0 };
  reference.prepare(program).run(memories);
  return memories.map((memory) => memory.data);
}

/** Bodies as models have them. */
export const bodies = {
  /** product + bias[h, t, s] */
  bias: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => {
    const own = shape.map((n, axis) => (axis === shape.length - 3 || axis >= shape.length - 2 ? n : 1));
    const size = own.reduce((a, b) => a * b, 1);
    return w.scalar("add", w.tile(), w.load(arrays.operand(own, f32(signed(size, 77)))));
  },
  /** 3 tanh(product / 3) */
  softcap: (w: BodyWriter) => {
    const three = w.constant(3);
    return w.scalar("mul", w.scalar("tanh", w.scalar("div", w.tile(), three)), three);
  },
  /** product - (t - s) / 16 */
  slope: (w: BodyWriter, _: Arrays, shape: readonly number[]) => {
    const distance = w.whole("sub", w.index(shape.length - 2), w.index(shape.length - 1));
    return w.scalar("sub", w.tile(), w.scalar("mul", w.toFloat(distance), w.constant(1 / 16)));
  },
  /** Keys of padding, the same for all queries: keep[b, 0, s]. */
  padding: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => {
    const own = shape.map((n, axis) => (axis === 0 || axis === shape.length - 1 ? n : 1));
    const size = own.reduce((a, b) => a * b, 1);
    return w.load(arrays.operand(own, bool(noise(size, 78).map((x) => (x < 0.7 ? 1 : 0)))));
  },
  /** Any keep[t, s], a quarter of it; some rows have none. */
  sparse: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => {
    const own = shape.map((n, axis) => (axis >= shape.length - 2 ? n : 1));
    const s = shape[shape.length - 1];
    const keep = noise(
      own.reduce((a, b) => a * b, 1),
      79,
    ).map((x, i) => (x < 0.25 && Math.floor(i / s) % 5 !== 2 ? 1 : 0));
    return w.load(arrays.operand(own, bool(keep)));
  },
  /** Blocks of 40 queries see blocks of 40 keys. */
  blocks: (w: BodyWriter, _: Arrays, shape: readonly number[]) => {
    const block = (axis: number) => w.whole("floorDivide", w.index(axis), w.constant(40, true));
    return w.whole("eq", block(shape.length - 2), block(shape.length - 1));
  },
  /** Dropout: 0 for a third of the weights, 1.5 for the others. */
  dropout: (w: BodyWriter, arrays: Arrays, shape: readonly number[]) => {
    const seed = operand(arrays.add(i32([1234])), "i32", new Array(shape.length).fill(0));
    const keep = w.scalar("ge", w.random(seed, 5), w.constant(1 / 3));
    return w.scalar("where", keep, w.constant(1.5), w.constant(0));
  },
} satisfies Record<string, AttentionCase["mask"]>;
