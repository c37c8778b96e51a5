// The semantics of every step: plain loops in TypeScript with f64 sums. Every other executor is judged by this one. With
// `precision: "double"` floats are kept in f64 throughout, which is what finite differences need.

import { counterUniform } from "../base/counter.js";
import { DTYPES, type DType, isFloat, typedArray } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from "../base/half.js";
import { roundTo } from "../base/round.js";
import { SCALARS } from "../base/scalar.js";
import type { Expression, Instruction } from "../program/expression.js";
import type {
  Capabilities,
  GatherStep,
  MatmulStep,
  Operand,
  Program,
  ReduceStep,
  ScatterStep,
  Step,
  StepKind,
  Walk,
} from "../program/program.js";
import type { Executable, Executor, Memory } from "./executor.js";
import { attention, attentionGradient, type Read, type RowMachine, type Write } from "./reference-attention.js";
import { recurrent, recurrentGradient } from "./reference-recurrent.js";
import { eachRow } from "./rows.js";

const KINDS: readonly StepKind[] = [
  "elementwise",
  "reduce",
  "matmul",
  "gather",
  "scatter",
  "cumsum",
  "argsort",
  "attention",
  "attentionGradient",
  "recurrent",
  "recurrentGradient",
];

export class ReferenceExecutor implements Executor {
  readonly name = "reference" as const;
  readonly capabilities: Capabilities = {
    kinds: new Set(KINDS),
    matmulEpilogue: true,
    matmulGrid: true,
    matmulSums: true,
    longestRow: 65536,
  };

  constructor(readonly precision: "single" | "double" = "single") {}

  allocate(dtype: DType, size: number): Memory {
    if (this.precision === "double" && isFloat(dtype)) return { data: new Float64Array(size), address: 0 };
    return { data: typedArray(dtype, new ArrayBuffer(size * DTYPES[dtype].bytes)), address: 0 };
  }

  prepare(program: Program): Executable {
    return { run: (externals) => this.run(program, externals) };
  }

  private run(program: Program, externals: readonly Memory[]): void {
    // Temporaries get memory of their own: overlapping lifetimes are the planner's affair, tested by the executors that share an arena.
    const buffers = program.buffers.map((b) =>
      b.role === "external" ? externals[b.slot] : this.allocate(b.dtype, b.size),
    );
    const machine = new Machine(buffers, this.precision === "double");
    for (const step of program.steps) machine.step(step);
  }
}

class Machine implements RowMachine {
  constructor(
    private readonly buffers: readonly Memory[],
    private readonly double: boolean,
  ) {}

  step(step: Step): void {
    switch (step.kind) {
      case "elementwise":
        return this.elementwise(step.shape, step.inputs, step.outputs, step.body);
      case "reduce":
        return this.reduce(step);
      case "matmul":
        return this.matmul(step);
      case "gather":
        return this.gather(step);
      case "scatter":
        return this.scatter(step);
      case "attention":
        return attention(step, this);
      case "attentionGradient":
        return attentionGradient(step, this);
      case "recurrent":
        return recurrent(step, this);
      case "recurrentGradient":
        return recurrentGradient(step, this);
      case "cumsum": {
        const [read, write] = [this.reader(step.input), this.writer(step.output)];
        const last = step.shape.length - 1;
        return eachRow(step.shape, [step.input.strides, step.output.strides], ([from, to]) => {
          let sum = 0;
          for (let i = 0; i < step.shape[last]; i++) {
            sum += read(step.input.offset + from + i * step.input.strides[last]);
            write(step.output.offset + to + i * step.output.strides[last], sum);
          }
        });
      }
      case "argsort": {
        const [read, write] = [this.reader(step.input), this.writer(step.output)];
        const last = step.shape.length - 1;
        const sign = step.descending ? -1 : 1;
        return eachRow(step.shape, [step.input.strides, step.output.strides], ([from, to]) => {
          const value = (i: number) => read(step.input.offset + from + i * step.input.strides[last]);
          const order = Array.from({ length: step.shape[last] }, (_, i) => i).sort(
            (i, j) => sign * compare(value(i), value(j)) || i - j,
          );
          for (let i = 0; i < step.count; i++) write(step.output.offset + to + i * step.output.strides[last], order[i]);
        });
      }
    }
  }

  reader(o: Operand): Read {
    const { data } = this.buffers[o.buffer];
    if (o.dtype === "f16" && !this.double) return (i) => f32FromF16(data[i]);
    if (o.dtype === "bf16" && !this.double) return (i) => f32FromBf16(data[i]);
    return (i) => data[i];
  }

  writer(o: Operand): Write {
    const { data } = this.buffers[o.buffer];
    const put =
      (convert: (value: number) => number): Write =>
      (i, value) => {
        data[i] = convert(value);
      };
    if (this.double && isFloat(o.dtype)) return put((v) => v);
    if (o.dtype === "f16") return put((v) => f16FromF32(Math.fround(v)));
    if (o.dtype === "bf16") return put((v) => bf16FromF32(Math.fround(v)));
    if (o.dtype === "bool") return put((v) => (v ? 1 : 0));
    return put((v) => v);
  }

  private elementwise(
    shape: readonly number[],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    body: Expression,
  ): void {
    const run = this.rowRunner(shape, inputs, outputs, body);
    const strides = [...inputs, ...outputs].map((o) => o.strides);
    eachRow(shape, strides, (bases, index, row) => void run(bases, index, row));
  }

  /** A function that runs the body on one row and returns its full registers; `tiles` hold the row of inputs without a buffer. */
  rowRunner(
    shape: readonly number[],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    body: Expression,
    tiles: readonly Float64Array[] = [],
  ) {
    const last = shape.length - 1;
    const columns = last < 0 ? 1 : shape[last];
    const full = Array.from({ length: body.fullRegisters }, () => new Float64Array(columns));
    const rows = new Float64Array(body.rowRegisters);
    const reads = inputs.map((o) => (o.buffer < 0 ? () => Number.NaN : this.reader(o)));
    const writes = outputs.map((o) => this.writer(o));
    const round = this.double ? (x: number) => x : Math.fround;
    return (bases: readonly number[], index: readonly number[], row: number): Float64Array[] => {
      for (const i of body.instructions) {
        const wide = i.width === "full";
        const set = (f: (column: number) => number) => {
          const { dst } = i as { dst: number };
          if (wide) for (let c = 0; c < columns; c++) full[dst][c] = f(c);
          else rows[dst] = f(0);
        };
        const get = (register: number, column: number) => (wide ? full[register][column] : rows[register]);
        switch (i.op) {
          case "load": {
            const o = inputs[i.input];
            const tile = tiles[-1 - o.buffer];
            const stride = last < 0 ? 0 : o.strides[last];
            if (tile) set((c) => tile[c]);
            else set((c) => reads[i.input](o.offset + bases[i.input] + c * stride));
            break;
          }
          case "store": {
            const o = outputs[i.output];
            const base = o.offset + bases[inputs.length + i.output];
            const stride = last < 0 ? 0 : o.strides[last];
            for (let c = 0; c < (wide ? columns : 1); c++) writes[i.output](base + c * stride, get(i.a, c));
            break;
          }
          case "constant":
            set(() => (i.int ? i.value | 0 : round(i.value)));
            break;
          case "iota":
            set((c) => (i.axis === last ? c : index[i.axis]));
            break;
          case "random": {
            const seed = reads[i.seed](inputs[i.seed].offset);
            set((c) => counterUniform(seed, i.stream, row * columns + c));
            break;
          }
          case "broadcast":
            for (let c = 0; c < columns; c++) full[i.dst][c] = rows[i.a];
            break;
          case "reduce":
            rows[i.dst] = i.int ? fold(i.reduce, full[i.a]) : round(fold(i.reduce, full[i.a]));
            break;
          case "convert":
            set((c) => this.convert(i, get(i.a, c)));
            break;
          case "scalar": {
            const { js, arity } = SCALARS[i.name];
            if (i.int)
              set((c) => integer(i.name, get(i.a, c), arity > 1 ? get(i.b, c) : 0, arity > 2 ? get(i.c, c) : 0));
            else set((c) => round(js(get(i.a, c), arity > 1 ? get(i.b, c) : 0, arity > 2 ? get(i.c, c) : 0)));
            break;
          }
        }
      }
      return full;
    };
  }

  private convert(i: Instruction & { op: "convert" }, value: number): number {
    switch (i.to) {
      case "toInt":
        return Math.trunc(value) | 0;
      case "toFloat":
        return this.double ? value : Math.fround(value);
      case "toBool":
        return value !== 0 ? 1 : 0;
      case "roundF16":
        return this.double ? value : roundTo("f16", value);
      case "roundBF16":
        return this.double ? value : roundTo("bf16", value);
    }
  }

  private reduce(step: ReduceStep): void {
    const { shape, reduced, inputs, output } = step;
    const totals = new Map<number, number>();
    const run = this.rowRunner(shape, inputs, [], step.body);
    const last = shape.length - 1;
    eachRow(shape, [...inputs.map((o) => o.strides), output.strides], (bases, index, row) => {
      const values = run(bases, index, row)[step.result];
      const base = bases[inputs.length];
      for (let c = 0; c < (last < 0 ? 1 : shape[last]); c++) {
        const at = base + (last < 0 || reduced[last] ? 0 : c * output.strides[last]);
        const before = totals.get(at);
        totals.set(at, before === undefined ? values[c] : combine(step.reduce, before, values[c]));
      }
    });
    const write = this.writer(output);
    for (const [at, value] of totals) write(output.offset + at, value);
  }

  private matmul(step: MatmulStep): void {
    const { batch, m, n, k, a, b, c } = step;
    const nb = batch.length;
    const [readA, readB, write] = [this.reader(a), this.reader(b), this.writer(c)];
    const down = offsetsOf(step.grid?.rows ?? { sizes: [k], strides: [b.strides[nb]] });
    const across = offsetsOf(step.grid?.columns ?? { sizes: [n], strides: [b.strides[nb + 1]] });
    eachRow(
      [...batch, 1],
      [a, b, c].map((o) => [...o.strides.slice(0, nb), 0]),
      ([fromA, fromB, to]) => {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let l = 0; l < k; l++) {
              sum +=
                readA(a.offset + fromA + i * a.strides[nb] + l * a.strides[nb + 1]) *
                readB(b.offset + fromB + down[l] + across[j]);
            }
            write(c.offset + to + i * c.strides[nb] + j * c.strides[nb + 1], sum);
          }
        }
      },
    );
    if (step.sums) {
      const { side, output } = step.sums;
      const [read, count, offset] = side === "a" ? [readA, m, a.offset] : [readB, n, b.offset];
      const [own, along] = side === "a" ? a.strides.slice(nb) : [b.strides[nb + 1], b.strides[nb]];
      const store = this.writer(output);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += read(offset + i * own + l * along);
        store(output.offset + i, sum);
      }
    }
    if (step.epilogue)
      this.elementwise([...batch, m, n], step.epilogue.inputs, step.epilogue.outputs, step.epilogue.body);
  }

  private gather(step: GatherStep): void {
    const { shape, source, index, output } = step;
    const [read, at, write] = [this.reader(source), this.reader(index), this.writer(output)];
    eachElement(shape, [source.strides, index.strides, output.strides], ([from, where, to]) => {
      const i = at(index.offset + where);
      checkIndex(step, i, step.axisSize);
      write(output.offset + to, read(source.offset + from + i * step.axisStride));
    });
  }

  private scatter(step: ScatterStep): void {
    const { shape, updates, index, output } = step;
    const [read, at, old, write] = [this.reader(updates), this.reader(index), this.reader(output), this.writer(output)];
    eachElement(shape, [updates.strides, index.strides, output.strides], ([from, where, to]) => {
      const i = at(index.offset + where);
      checkIndex(step, i, step.axisSize);
      const target = output.offset + to + i * step.axisStride;
      write(target, (step.adds ? old(target) : 0) + read(updates.offset + from));
    });
  }
}

/** How far each step of a walk lies from its first. */
function offsetsOf({ sizes, strides }: Walk): number[] {
  return sizes.reduce<number[]>(
    (offsets, n, axis) => offsets.flatMap((o) => Array.from({ length: n }, (_, i) => o + i * strides[axis])),
    [0],
  );
}

function checkIndex(step: Step, index: number, size: number): void {
  if (index < 0 || index >= size) fail(step.label, `indices from 0 to ${size - 1}`, String(index));
}

/** i32 arithmetic: wraps, and dividing by zero gives zero. */
function integer(name: keyof typeof SCALARS, a: number, b: number, c: number): number {
  if (name === "mul") return Math.imul(a, b);
  if ((name === "remainder" || name === "floorDivide") && b === 0) return 0;
  return name === "where" ? (a ? b : c) : SCALARS[name].js(a, b, c) | 0;
}

function combine(op: "sum" | "max" | "min" | "prod", a: number, b: number): number {
  if (op === "sum") return a + b;
  if (op === "prod") return a * b;
  return op === "max" ? Math.max(a, b) : Math.min(a, b);
}

function fold(op: "sum" | "max" | "min" | "prod", values: Float64Array): number {
  let total = op === "sum" ? 0 : op === "prod" ? 1 : op === "max" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) total = combine(op, total, values[i]);
  return total;
}

/** NaN is larger than everything, -0 equals 0. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function eachElement(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (bases: number[]) => void,
): void {
  eachRow(
    [...shape, 1],
    strides.map((s) => [...s, 0]),
    (bases) => visit(bases),
  );
}
