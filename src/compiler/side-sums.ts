// The pass that lets a matmul add up one of its sides: where an array is summed over the very axis over which a product contracts it, as the
// gradient of a bias is beside that of its weight, the product has each number at hand anyway, and the array is read once less.

import { sizeOf } from "../base/shape.js";
import { keepOrder } from "../program/operands.js";
import type { MatmulStep, Operand, ReduceStep, SideSums, Step } from "../program/program.js";
import type { Draft } from "./draft.js";

export function fuseSums(draft: Draft): Draft {
  const steps: (Step | null)[] = [...draft.steps];
  for (let at = 0; at < steps.length; at++) {
    const sum = steps[at];
    if (sum?.kind !== "reduce" || !isPlainSum(sum)) continue;
    const to = steps.findIndex((step, i) => step?.kind === "matmul" && sideOf(step, sum) && canMove(steps, at, i));
    if (to < 0) continue;
    const product = steps[to] as MatmulStep;
    const sums: SideSums = { side: sideOf(product, sum) as SideSums["side"], output: sum.output };
    steps[to] = { ...product, label: `${product.label}, sum`, flops: product.flops + sum.flops, sums };
    steps[at] = null;
  }
  return { ...draft, steps: steps.filter((s) => s !== null) };
}

/** The sums of the columns of a matrix in f32, read as it lies. */
function isPlainSum({ reduce, shape, reduced, inputs, output, body, result }: ReduceStep): boolean {
  const [only] = body.instructions;
  return (
    reduce === "sum" &&
    shape.length === 2 &&
    reduced[0] &&
    !reduced[1] &&
    sizeOf(shape) > 0 &&
    inputs.length === 1 &&
    inputs[0].dtype === "f32" &&
    inputs[0].strides[1] === 1 &&
    output.dtype === "f32" &&
    output.strides[1] === 1 &&
    body.instructions.length === 1 &&
    only.op === "load" &&
    only.dst === result
  );
}

/** Which side of the product is the matrix that is summed, its rows being the axis of the contraction. */
function sideOf(product: MatmulStep, sum: ReduceStep): SideSums["side"] | null {
  const { batch, m, n, k, a, b, grid } = product;
  const [rows, columns] = sum.shape;
  if (product.sums || sizeOf(batch) !== 1 || k !== rows || m * n === 0) return null;
  const [matrix] = sum.inputs;
  const lies = (o: Operand, along: number, across: number) =>
    o.buffer === matrix.buffer &&
    o.offset === matrix.offset &&
    o.dtype === "f32" &&
    across === 1 &&
    (along === matrix.strides[0] || k === 1);
  const nb = batch.length;
  if (m === columns && lies(a, a.strides[nb + 1], a.strides[nb])) return "a";
  if (n === columns && !grid && lies(b, b.strides[nb], b.strides[nb + 1])) return "b";
  return null;
}

/** True where the sum may be made when the product is: neither it nor a step between touches what the other writes. */
function canMove(steps: readonly (Step | null)[], at: number, to: number): boolean {
  const sum = steps[at] as ReduceStep;
  const passed = at < to ? steps.slice(at + 1, to + 1) : steps.slice(to, at);
  return !passed.some((step) => step && keepOrder(step, sum));
}
