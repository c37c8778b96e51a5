// A program as one flat Int32Array, which C walks without a parser. Each step is [kind, length in words, body...]; the body's
// order is written here once and quoted at the head of each kernel. 64-bit numbers travel as two words, low first.

import { CELLS } from "../base/cell.js";
import { DTYPES } from "../base/dtype.js";
import { INT_VARIANT, OPCODES, SCALARS } from "../base/scalar.js";
import type { Expression, Instruction, ReduceOp } from "./expression.js";
import type {
  AttentionGradientStep,
  AttentionStep,
  KeyBound,
  Operand,
  Program,
  RecurrentGradientStep,
  RecurrentStep,
  Step,
  StepKind,
  TileBody,
  Walk,
} from "./program.js";

export const KIND_CODES: { readonly [K in StepKind]: number } = {
  elementwise: 1,
  reduce: 2,
  matmul: 3,
  gather: 4,
  scatter: 5,
  cumsum: 6,
  argsort: 7,
  attention: 8,
  attentionGradient: 9,
  recurrent: 10,
  recurrentGradient: 11,
};

/** Added to the kind of a step that need not wait for the one before. */
const BESIDE = 256;

const REDUCE_CODES: { readonly [R in ReduceOp]: number } = { sum: 0, max: 1, min: 2, prod: 3 };
const REDUCE_OPCODES: { readonly [R in ReduceOp]: number } = {
  sum: OPCODES.reduceSum,
  max: OPCODES.reduceMax,
  min: OPCODES.reduceMin,
  prod: OPCODES.reduceProd,
};

/**
 * Layout: [magic, version, buffers, steps, externals, arena bytes (2 words)], then per buffer [role (0 external, 1 temporary),
 * slot or 0, offset in the arena (2 words)], then the steps.
 */
export function encode(program: Program): Int32Array {
  const words: number[] = [
    0x68656564,
    2,
    program.buffers.length,
    program.steps.length,
    program.externals,
    ...long(program.arenaBytes),
  ];
  for (const buffer of program.buffers) {
    if (buffer.role === "external") words.push(0, buffer.slot, 0, 0);
    else words.push(1, 0, ...long(buffer.offset));
  }
  program.steps.forEach((step, i) => {
    const body = encodeStep(step);
    words.push(KIND_CODES[step.kind] | (program.beside?.has(i) ? BESIDE : 0), body.length + 2, ...body);
  });
  return Int32Array.from(words);
}

function encodeStep(step: Step): number[] {
  switch (step.kind) {
    // rank, shape[rank], rowwise, inputs, per input an operand, outputs, per output an operand, expression
    case "elementwise":
      return [
        ...shape(step.shape),
        step.rowwise ? 1 : 0,
        ...operands(step.inputs),
        ...operands(step.outputs),
        ...expression(step.body),
      ];
    // rank, shape[rank], reduced[rank], reduce code, is int, result register, inputs, operands, output operand, expression
    case "reduce":
      return [
        ...shape(step.shape),
        ...step.reduced.map(Number),
        REDUCE_CODES[step.reduce],
        step.output.dtype === "i32" || step.output.dtype === "bool" ? 1 : 0,
        step.result,
        ...operands(step.inputs),
        ...operand(step.output),
        ...expression(step.body),
      ];
    // batch rank, batch[...], M, N, K, A, B, C (each: buffer, offset (2), dtype, row stride, column stride, batch strides), epilogue length, epilogue,
    // then for rows and columns of a B that is a grid: number of axes (0 without a grid), sizes, strides,
    // then of which side there are sums (0 none, 1 A, 2 B), their buffer and offset (2)
    case "matmul": {
      const nb = step.batch.length;
      const matrix = (o: Operand) => [
        o.buffer,
        ...long(o.offset * DTYPES[o.dtype].bytes),
        DTYPES[o.dtype].code,
        o.strides[nb],
        o.strides[nb + 1],
        ...o.strides.slice(0, nb),
      ];
      const epilogue = step.epilogue
        ? [
            ...shape([...step.batch, step.m, step.n]),
            ...operands(step.epilogue.inputs),
            ...operands(step.epilogue.outputs),
            ...expression(step.epilogue.body),
          ]
        : [];
      return [
        ...shape(step.batch),
        step.m,
        step.n,
        step.k,
        ...matrix(step.a),
        ...matrix(step.b),
        ...matrix(step.c),
        epilogue.length,
        ...epilogue,
        ...walk(step.grid?.rows),
        ...walk(step.grid?.columns),
        ...(step.sums
          ? [step.sums.side === "a" ? 1 : 2, step.sums.output.buffer, ...long(step.sums.output.offset * 4)]
          : [0, 0, 0, 0]),
      ];
    }
    // rank, shape, source, axis stride, axis size, index, output
    case "gather":
      return [
        ...shape(step.shape),
        ...operand(step.source),
        step.axisStride,
        step.axisSize,
        ...operand(step.index),
        ...operand(step.output),
      ];
    // rank, shape, axis, output (stride 0 on axis), axis stride, axis size, index, updates, adds
    case "scatter":
      return [
        ...shape(step.shape),
        step.axis,
        ...operand(step.output),
        step.axisStride,
        step.axisSize,
        ...operand(step.index),
        ...operand(step.updates),
        step.adds ? 1 : 0,
      ];
    // rank, shape, input, output
    case "cumsum":
      return [...shape(step.shape), ...operand(step.input), ...operand(step.output)];
    // rank, shape, descending, count, input, output
    case "argsort":
      return [
        ...shape(step.shape),
        step.descending ? 1 : 0,
        step.count,
        ...operand(step.input),
        ...operand(step.output),
      ];
    // what attention steps share, then sink, output, logsumexp
    case "attention":
      return [
        ...attention(step),
        ...[step.sink, step.output, step.logsumexp].flatMap((o) => optional(o, step.shape.length)),
      ];
    // what recurrent steps share, then projected, bias, states, memories, kept gates
    case "recurrent":
      return [
        ...recurrent(step),
        ...operand(step.projected),
        ...optional(step.bias, 1),
        ...[step.states, step.memories, step.kept].flatMap((o) => optional(o, 3)),
      ];
    // what recurrent steps share, then states, memories, kept gates, gradients of states and memories; of projected, sums, hidden, memory
    case "recurrentGradient":
      return [
        ...recurrent(step),
        ...operand(step.states),
        ...[step.memories, step.kept, step.statesGradient, step.memoriesGradient].flatMap((o) => optional(o, 3)),
        ...[step.projectedGradient, step.sumsGradient].flatMap((o) => optional(o, 3)),
        ...[step.hiddenGradient, step.memoryGradient].flatMap((o) => optional(o, 2)),
      ];
    // what attention steps share, then slope, logsumexp, output gradient, delta, gradients of query, key, value and score
    case "attentionGradient":
      return [
        ...attention(step),
        ...tileBody(step.slope),
        ...[step.logsumexp, step.outputGradient, step.delta].flatMap(operand),
        ...[step.queryGradient, step.keyGradient, step.valueGradient, step.scoreGradient].flatMap((o) =>
          optional(o, step.shape.length),
        ),
      ];
  }
}

/** rank, shape [batch..., T, S], D, E, scale, query, key, value, bounds, per bound its words, then mask, score and factor */
function attention(step: AttentionStep | AttentionGradientStep): number[] {
  return [
    ...shape(step.shape),
    step.d,
    step.e,
    floatBits(step.scale),
    ...[step.query, step.key, step.value].flatMap(operand),
    step.bounds.length,
    ...step.bounds.flatMap((b) => bound(b, step.shape.length)),
    ...[step.mask, step.score, step.factor].flatMap(tileBody),
  ];
}

/** rank, shape [T, B, H], gates, cell, reverse, weight, hidden, memory, lengths */
function recurrent(step: RecurrentStep | RecurrentGradientStep): number[] {
  const { gates, code } = CELLS[step.cell];
  return [
    ...shape(step.shape),
    gates,
    code,
    step.reverse ? 1 : 0,
    ...operand(step.weight),
    ...[step.hidden, step.memory].flatMap((o) => optional(o, 2)),
    ...optional(step.lengths, 1),
  ];
}

/** lower (1) or upper (0), slope, constant, sign, operand */
function bound(b: KeyBound, rank: number): number[] {
  return [b.side === "lower" ? 1 : 0, b.slope, b.constant, b.sign, ...optional(b.at, rank)];
}

/** An operand, whose buffer is -1 where there is none. */
function optional(o: Operand | null, rank: number): number[] {
  return o ? operand(o) : [-1, ...new Array<number>(rank + 3).fill(0)];
}

/** length of what follows (0: there is none), result register, inputs, operands, outputs (0), expression */
function tileBody(tile: TileBody | null): number[] {
  if (!tile) return [0];
  const words = [tile.result, ...operands(tile.inputs), 0, ...expression(tile.body)];
  return [words.length, ...words];
}

const walk = (w: Walk | undefined): number[] => (w ? [w.sizes.length, ...w.sizes, ...w.strides] : [0]);

const shape = (s: readonly number[]): number[] => [s.length, ...s];

/** buffer, byte offset (2 words), dtype, strides[rank] in elements */
const operand = (o: Operand): number[] => [
  o.buffer,
  ...long(o.offset * DTYPES[o.dtype].bytes),
  DTYPES[o.dtype].code,
  ...o.strides,
];

const operands = (list: readonly Operand[]): number[] => [list.length, ...list.flatMap(operand)];

/** full registers, row registers, instructions, then per instruction [opcode, width (0 full, 1 row), dst, a, b, c] */
function expression(e: Expression): number[] {
  const words = [e.fullRegisters, e.rowRegisters, e.instructions.length];
  for (const i of e.instructions) words.push(...instruction(i));
  return words;
}

function instruction(i: Instruction): number[] {
  const width = i.width === "row" ? 1 : 0;
  switch (i.op) {
    case "load":
      return [OPCODES.load, width, i.dst, i.input, 0, 0];
    case "store":
      return [OPCODES.store, width, i.output, i.a, 0, 0];
    case "constant":
      return [OPCODES.constant, width, i.dst, i.int ? i.value | 0 : floatBits(i.value), 0, 0];
    case "iota":
      return [OPCODES.iota, width, i.dst, i.axis, 0, 0];
    case "random":
      return [OPCODES.random, width, i.dst, i.seed, i.stream, 0];
    case "broadcast":
      return [OPCODES.broadcast, width, i.dst, i.a, 0, 0];
    case "reduce":
      return [REDUCE_OPCODES[i.reduce] + (i.int ? INT_VARIANT : 0), width, i.dst, i.a, 0, 0];
    case "convert":
      return [OPCODES[i.to] + (i.int ? INT_VARIANT : 0), width, i.dst, i.a, 0, 0];
    case "scalar":
      return [SCALARS[i.name].code + (i.int ? INT_VARIANT : 0), width, i.dst, i.a, i.b, i.c];
  }
}

function long(n: number): [number, number] {
  return [n | 0, Math.floor(n / 2 ** 32) | 0];
}

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

function floatBits(value: number): number {
  scratch[0] = value;
  return scratchBits[0];
}
