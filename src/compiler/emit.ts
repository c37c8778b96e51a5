// Writes the body of one fused step: walks from the values it must produce down to what is stored, in single-assignment form, then gives
// registers to values. Constants and whole-step scalars keep a register of their own: kernels fill those once.

import type { DType } from "../base/dtype.js";
import { SCALARS, type ScalarName } from "../base/scalar.js";
import { collapse, type Shape } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { familyOf } from "../graph/ops.js";
import type { Expression, Instruction, ReduceOp, Width } from "../program/expression.js";
import type { Operand, TileBody } from "../program/program.js";
import { rowBehind } from "./row-values.js";

/** Where a stored node lies, as an operand with the node's own axes. */
export type Locate = (node: Node) => Operand;

export interface Body {
  readonly shape: Shape;
  readonly rowwise: boolean;
  readonly inputs: Operand[];
  readonly outputs: Operand[];
  readonly body: Expression;
  /** The register of `result`, where one was asked for. */
  readonly result: number;
  readonly reduced: boolean[];
}

export class Emitter {
  private readonly code: Instruction[] = [];
  private readonly widths: Width[] = [];
  private readonly values = new Map<Node, number>();
  private readonly inputs: Operand[] = [];
  private readonly outputs: Operand[] = [];
  private readonly iotaAxes = new Set<number>();
  private scalarCount = 0;
  private rowwise = false;

  /** `isStored` says which nodes have numbers in memory; nodes that this very step stores are computed, not read. */
  constructor(
    private readonly domain: Shape,
    private readonly isStored: (node: Node) => boolean,
    private readonly locate: Locate,
    private readonly own: ReadonlySet<Node> = new Set(),
    /** 16-bit values are kept in f32 between operations: inside a tile nothing is rounded but the results. */
    private readonly wide = false,
  ) {}

  private get columns(): number {
    return this.domain.length === 0 ? 1 : this.domain[this.domain.length - 1];
  }

  private widthOf(node: Node): Width {
    return this.columns !== 1 && node.shape[node.shape.length - 1] === 1 ? "row" : "full";
  }

  /** Number of instructions that compute, for the step's flops. */
  get arithmetic(): number {
    return this.scalarCount;
  }

  value(node: Node): number {
    const width = this.widthOf(node);
    const known = this.values.get(node);
    if (known !== undefined) return known;
    const register = this.compute(node, width);
    this.values.set(node, register);
    return register;
  }

  store(node: Node, output: Operand): void {
    const a = this.value(node);
    this.outputs.push(output);
    this.code.push({ op: "store", width: this.widths[a], output: this.outputs.length - 1, a });
  }

  private fresh(width: Width): number {
    if (width === "row") this.rowwise = true;
    return this.widths.push(width) - 1;
  }

  private load(node: Node, width: Width): number {
    const place = this.locate(node);
    const lead = this.domain.length - place.strides.length;
    const strides = this.domain.map((n, i) =>
      i < lead || n === 1 || node.shape[i - lead] === 1 ? 0 : place.strides[i - lead],
    );
    const dst = this.fresh(width);
    this.inputs.push({ ...place, strides });
    this.code.push({ op: "load", width, dst, input: this.inputs.length - 1 });
    return dst;
  }

  private compute(node: Node, width: Width): number {
    if (this.isStored(node) && !this.own.has(node)) return this.load(node, width);
    switch (familyOf(node)) {
      case "index":
        return this.index(node, width);
      case "view": {
        const row = rowBehind(node);
        // A row value that this step computes is broadcast in registers; every other view is a way of reading memory.
        if (row && !(this.isStored(row) && !this.own.has(row)) && familyOf(row) !== "view") {
          const a = this.value(row);
          if (this.widths[a] === "full") return a;
          const dst = this.fresh("full");
          this.code.push({ op: "broadcast", width: "full", dst, a });
          return dst;
        }
        return this.load(node, width);
      }
      case "random": {
        const seed = this.locate(node.inputs[0]);
        this.inputs.push({ ...seed, strides: this.domain.map(() => 0) });
        const dst = this.fresh("full");
        this.code.push({
          op: "random",
          width: "full",
          dst,
          seed: this.inputs.length - 1,
          stream: (node as Node<"random">).params.stream,
        });
        return dst;
      }
      case "reduce": {
        const a = this.value(node.inputs[0]);
        // An axis of one element is reduced already.
        if (this.columns === 1 || this.widths[a] === "row") return a;
        const dst = this.fresh("row");
        this.code.push({ op: "reduce", width: "row", reduce: node.op as ReduceOp, int: isInt(node.dtype), dst, a });
        return this.rounded(node.dtype, dst, "row");
      }
      case "scalar":
        return node.op === "cast" ? this.cast(node, width) : this.scalar(node, width);
      default:
        throw new Error(`emit: ${node.op} has no numbers to read here`);
    }
  }

  private index(node: Node, width: Width): number {
    const dst = this.fresh(width);
    const axis = node.op === "iota" ? (node as Node<"iota">).params.dim + this.domain.length - node.shape.length : -1;
    if (node.op === "constant" || this.domain[axis] === 1) {
      const value = node.op === "constant" ? (node as Node<"constant">).params.value : 0;
      this.code.push({ op: "constant", width, dst, value, int: isInt(node.dtype) });
    } else {
      this.iotaAxes.add(axis);
      this.code.push({ op: "iota", width, dst, axis });
    }
    return dst;
  }

  private scalar(node: Node, width: Width): number {
    const [a, b = 0, c = 0] = node.inputs.map((input) => this.value(input));
    const operand = node.inputs[node.op === "where" ? 1 : 0];
    const dst = this.fresh(width);
    this.scalarCount++;
    this.code.push({ op: "scalar", name: node.op as ScalarName, int: isInt(operand.dtype), width, dst, a, b, c });
    return this.rounded(node.dtype, dst, width);
  }

  private cast(node: Node, width: Width): number {
    const from = node.inputs[0].dtype;
    const a = this.value(node.inputs[0]);
    if (node.dtype === "bool") return this.convert("toBool", isInt(from), a, width);
    if (node.dtype === "i32") return isInt(from) ? a : this.convert("toInt", false, a, width);
    return this.rounded(node.dtype, isInt(from) ? this.convert("toFloat", true, a, width) : a, width);
  }

  private convert(
    to: "toInt" | "toFloat" | "roundF16" | "roundBF16" | "toBool",
    int: boolean,
    a: number,
    width: Width,
  ): number {
    const dst = this.fresh(width);
    this.code.push({ op: "convert", to, int, width, dst, a });
    return dst;
  }

  /** 16-bit values are rounded after every operation, so that fusing never changes a number. */
  private rounded(dtype: DType, a: number, width: Width): number {
    if (this.wide) return a;
    if (dtype === "f16") return this.convert("roundF16", false, a, width);
    if (dtype === "bf16") return this.convert("roundBF16", false, a, width);
    return a;
  }

  /** The body that computes `node` tile by tile, over the domain as it is. */
  tile(node: Node): TileBody {
    const value = this.value(node);
    const pinned = new Set<number>();
    for (const i of this.code) {
      if (i.op === "constant" || (i.op === "load" && isSteady(this.inputs[i.input]))) pinned.add(i.dst);
    }
    const { instructions, full, row, map } = allot(this.code, this.widths, pinned, value);
    const body = { instructions, fullRegisters: full, rowRegisters: row };
    return { inputs: this.inputs, body, result: map.get(value) as number };
  }

  /** Collapses the domain, allots registers and hands over the body. The reduced axes of a reduce step stay apart from the kept ones. */
  finish(reduction?: {
    readonly reduced: readonly boolean[];
    readonly result: number;
    readonly output: Operand;
  }): Body {
    if (reduction) this.outputs.push(reduction.output);
    const iotas = [...this.iotaAxes];
    const markers = iotas.map((axis) => this.domain.map((_, i) => (i === axis ? 1 : 0)));
    // A marker makes reduced and kept axes walk differently, so that they never merge.
    const reduceMarker = reduction ? [contiguousOver(this.domain, reduction.reduced)] : [];
    const all = [...this.inputs, ...this.outputs];
    const merged = collapse(
      this.domain,
      [...all.map((o) => o.strides), ...markers, ...reduceMarker],
      this.rowwise ? 1 : 0,
    );
    const place = (o: Operand, i: number): Operand => ({ ...o, strides: merged.strides[i] });
    const inputs = this.inputs.map(place);
    const outputs = this.outputs.map((o, i) => place(o, this.inputs.length + i));
    const axisOf = new Map(iotas.map((axis, i) => [axis, merged.strides[all.length + i].indexOf(1)]));
    const code = this.code.map((i) => (i.op === "iota" ? { ...i, axis: axisOf.get(i.axis) as number } : i));
    const pinned = new Set<number>();
    for (const i of code) {
      if (i.op === "constant" || (i.op === "load" && isSteady(inputs[i.input]))) pinned.add(i.dst);
    }
    const { instructions, full, row, map } = allot(code, this.widths, pinned, reduction?.result);
    const lastMarker = merged.strides[merged.strides.length - 1];
    return {
      shape: merged.shape,
      rowwise: this.rowwise,
      inputs,
      outputs,
      body: { instructions, fullRegisters: full, rowRegisters: row },
      result: reduction ? (map.get(reduction.result) as number) : 0,
      reduced: reduction ? merged.shape.map((_, i) => lastMarker[i] !== 0) : [],
    };
  }
}

/** The same number everywhere, for as long as the step runs. */
function isSteady(o: Operand): boolean {
  return o.buffer >= 0 && o.strides.every((s) => s === 0);
}

function isInt(dtype: DType): boolean {
  return dtype === "i32" || dtype === "bool";
}

function contiguousOver(shape: Shape, marked: readonly boolean[]): number[] {
  let stride = 1;
  const strides = new Array<number>(shape.length).fill(0);
  for (let i = shape.length - 1; i >= 0; i--) {
    if (!marked[i]) continue;
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

function operandsOf(i: Instruction): number[] {
  switch (i.op) {
    case "load":
    case "constant":
    case "iota":
    case "random":
      return [];
    case "scalar":
      return [i.a, i.b, i.c].slice(0, arityOf(i.name));
    default:
      return [i.a];
  }
}

function arityOf(name: ScalarName): number {
  return SCALARS[name].arity;
}

/** Linear scan: a register is free again after the last use of its value. */
function allot(code: readonly Instruction[], widths: readonly Width[], pinned: ReadonlySet<number>, result?: number) {
  const lastUse = new Map<number, number>();
  const uses = code.map(operandsOf);
  uses.forEach((used, at) => {
    for (const v of used) lastUse.set(v, at);
  });
  if (result !== undefined) lastUse.set(result, code.length);
  const map = new Map<number, number>();
  const free: Record<Width, number[]> = { full: [], row: [] };
  const count: Record<Width, number> = { full: 0, row: 0 };
  const take = (width: Width) => free[width].pop() ?? count[width]++;
  // Pinned values first, so that nothing else ever writes their registers.
  for (const v of pinned) map.set(v, count[widths[v]]++);
  const instructions = code.map((instruction, at) => {
    const renamed: { a?: number; b?: number; c?: number; dst?: number } = { ...instruction };
    if (renamed.a !== undefined) renamed.a = map.get(renamed.a) ?? 0;
    if (renamed.b !== undefined) renamed.b = map.get(renamed.b) ?? 0;
    if (renamed.c !== undefined) renamed.c = map.get(renamed.c) ?? 0;
    uses[at].forEach((v, i, used) => {
      if (lastUse.get(v) === at && !pinned.has(v) && used.indexOf(v) === i) free[widths[v]].push(map.get(v) as number);
    });
    if ("dst" in instruction) {
      const v = instruction.dst;
      if (!map.has(v)) map.set(v, take(widths[v]));
      renamed.dst = map.get(v);
      if (!lastUse.has(v) && !pinned.has(v)) free[widths[v]].push(map.get(v) as number);
    }
    return renamed as Instruction;
  });
  return { instructions, full: count.full, row: count.row, map };
}
