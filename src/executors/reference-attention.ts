// What the attention steps mean: row after row of scores, in f64, by the formulas that stand beside them in program.ts. Nothing is tiled
// and nothing is skipped here.

import type { Expression } from "../program/expression.js";
import type { AttentionGradientStep, AttentionStep, KeyBound, Operand, TileBody } from "../program/program.js";
import { eachRow } from "./rows.js";

export type Read = (index: number) => number;
export type Write = (index: number, value: number) => void;

/** What the reference executor offers to a step that evaluates expressions row by row. */
export interface RowMachine {
  reader(o: Operand): Read;
  writer(o: Operand): Write;
  rowRunner(
    shape: readonly number[],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    body: Expression,
    tiles?: readonly Float64Array[],
  ): (bases: readonly number[], index: readonly number[], row: number) => Float64Array[];
}

type At = (row: number, column: number) => number;
type Place = { readonly index: readonly number[]; readonly t: number; readonly row: number };

/** The matrix of an operand in one batch entry. */
function matrix(o: Operand, index: readonly number[]): { offset: number; rows: number; columns: number } {
  const nb = o.strides.length - 2;
  let { offset } = o;
  for (let i = 0; i < nb; i++) offset += index[i] * o.strides[i];
  return { offset, rows: o.strides[nb], columns: o.strides[nb + 1] };
}

function readMatrix(machine: RowMachine, o: Operand, index: readonly number[]): At {
  const { offset, rows, columns } = matrix(o, index);
  const read = machine.reader(o);
  return (i, j) => read(offset + i * rows + j * columns);
}

function writeMatrix(machine: RowMachine, o: Operand | null, index: readonly number[]) {
  if (!o) return () => {};
  const { offset, rows, columns } = matrix(o, index);
  const write = machine.writer(o);
  return (i: number, j: number, value: number) => write(offset + i * rows + j * columns, value);
}

/** Evaluates a body on the row of scores of one query. */
function tileRow(
  machine: RowMachine,
  step: AttentionStep | AttentionGradientStep,
  tile: TileBody | null,
  tiles: Float64Array[],
) {
  if (!tile) return null;
  const run = machine.rowRunner(step.shape, tile.inputs, [], tile.body, tiles);
  return ({ index, t, row }: Place): Float64Array => {
    const outer = [...index, t];
    const bases = tile.inputs.map((o) =>
      o.buffer < 0 ? 0 : outer.reduce((sum, i, axis) => sum + i * o.strides[axis], 0),
    );
    return run(bases, outer, row)[tile.result];
  };
}

/** [first, last] key that the query at t may see. */
function visibleKeys(
  machine: RowMachine,
  bounds: readonly KeyBound[],
  index: readonly number[],
  t: number,
  s: number,
): [number, number] {
  let [from, until] = [0, s - 1];
  for (const { side, slope, constant, sign, at } of bounds) {
    const limit = slope * t + constant + (at ? sign * readMatrix(machine, at, index)(0, 0) : 0);
    if (side === "upper") until = Math.min(until, limit);
    else from = Math.max(from, limit);
  }
  return [from, until];
}

/** Scores of one query after another: -Infinity where the key may not be seen. */
function scoreRows(machine: RowMachine, step: AttentionStep | AttentionGradientStep, product: Float64Array) {
  const [, S] = step.shape.slice(-2);
  const score = tileRow(machine, step, step.score, [product]);
  const mask = tileRow(machine, step, step.mask, []);
  const factor = tileRow(machine, step, step.factor, []);
  const ones = new Float64Array(S).fill(1);
  return (place: Place, query: At, key: At): { scores: Float64Array; factors: Float64Array } => {
    for (let s = 0; s < S; s++) {
      let sum = 0;
      for (let d = 0; d < step.d; d++) sum += query(place.t, d) * key(s, d);
      product[s] = step.scale * sum;
    }
    const scores = Float64Array.from(score ? score(place) : product);
    const seen = mask?.(place);
    const [from, until] = visibleKeys(machine, step.bounds, place.index, place.t, S);
    for (let s = 0; s < S; s++) if (s < from || s > until || (seen && !seen[s])) scores[s] = Number.NEGATIVE_INFINITY;
    return { scores, factors: factor ? factor(place) : ones };
  };
}

/** Each batch entry, and the number of its first row among all rows. */
function eachEntry(shape: readonly number[], visit: (index: readonly number[], firstRow: number) => void): void {
  const batch = shape.slice(0, -2);
  eachRow([...batch, 1], [], (_, index, entry) => visit([...index], entry * shape[shape.length - 2]));
}

export function attention(step: AttentionStep, machine: RowMachine): void {
  const [T, S] = step.shape.slice(-2);
  const rows = scoreRows(machine, step, new Float64Array(S));
  eachEntry(step.shape, (index, firstRow) => {
    const [query, key, value] = [step.query, step.key, step.value].map((o) => readMatrix(machine, o, index));
    const sink = step.sink ? readMatrix(machine, step.sink, index) : null;
    const output = writeMatrix(machine, step.output, index);
    const logsumexp = writeMatrix(machine, step.logsumexp, index);
    for (let t = 0; t < T; t++) {
      const { scores, factors } = rows({ index, t, row: firstRow + t }, query, key);
      const beside = sink ? sink(t, 0) : Number.NEGATIVE_INFINITY;
      let max = beside;
      for (const x of scores) max = Math.max(max, x);
      const shift = max === Number.NEGATIVE_INFINITY ? 0 : max;
      const weights = scores.map((x) => Math.exp(x - shift));
      const total = weights.reduce((a, b) => a + b, Math.exp(beside - shift));
      logsumexp(t, 0, max);
      logsumexp(t, 1, total === 0 ? 0 : Math.log(total));
      for (let e = 0; e < step.e; e++) {
        let sum = 0;
        // A key that may not be seen adds nothing, whatever its value holds.
        for (let s = 0; s < S; s++) if (weights[s] !== 0) sum += weights[s] * factors[s] * value(s, e);
        output(t, e, total === 0 ? 0 : sum / total);
      }
    }
  });
}

export function attentionGradient(step: AttentionGradientStep, machine: RowMachine): void {
  const [T, S] = step.shape.slice(-2);
  const { d: D, e: E, scale } = step;
  const product = new Float64Array(S);
  const dscore = new Float64Array(S);
  const rows = scoreRows(machine, step, product);
  const slope = tileRow(machine, step, step.slope, [product, dscore]);
  eachEntry(step.shape, (index, firstRow) => {
    const [query, key, value] = [step.query, step.key, step.value].map((o) => readMatrix(machine, o, index));
    const [lse, dout, delta] = [step.logsumexp, step.outputGradient, step.delta].map((o) =>
      readMatrix(machine, o, index),
    );
    const dquery = writeMatrix(machine, step.queryGradient, index);
    const writeScore = writeMatrix(machine, step.scoreGradient, index);
    const dkey = new Float64Array(S * D);
    const dvalue = new Float64Array(S * E);
    for (let t = 0; t < T; t++) {
      const place = { index, t, row: firstRow + t };
      const { scores, factors } = rows(place, query, key);
      const [m, l] = [lse(t, 0), lse(t, 1)];
      const pattern = scores.map((x) => (m === Number.NEGATIVE_INFINITY ? 0 : Math.exp(x - m - l)));
      for (let s = 0; s < S; s++) {
        let sum = 0;
        for (let e = 0; e < E; e++) sum += dout(t, e) * value(s, e);
        dscore[s] = pattern[s] === 0 ? 0 : pattern[s] * (factors[s] * sum - delta(t, 0));
        writeScore(t, s, dscore[s]);
        if (pattern[s] !== 0) for (let e = 0; e < E; e++) dvalue[s * E + e] += pattern[s] * factors[s] * dout(t, e);
      }
      const dproduct = slope ? slope(place) : dscore;
      for (let d = 0; d < D; d++) {
        let sum = 0;
        for (let s = 0; s < S; s++) {
          if (dscore[s] === 0) continue;
          sum += dproduct[s] * key(s, d);
          dkey[s * D + d] += scale * dproduct[s] * query(t, d);
        }
        dquery(t, d, scale * sum);
      }
    }
    const [keyTo, valueTo] = [step.keyGradient, step.valueGradient].map((o) => writeMatrix(machine, o, index));
    for (let s = 0; s < S; s++) {
      for (let d = 0; d < D; d++) keyTo(s, d, dkey[s * D + d]);
      for (let e = 0; e < E; e++) valueTo(s, e, dvalue[s * E + e]);
    }
  });
}
