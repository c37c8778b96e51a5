// Sums of products named by letters. Two operands at a time become one matrix product: shared letters that stay are batches, shared
// letters that are summed are the inner axis, and every axis gets to its place by permute and reshape alone. Reading the equation is in
// einsum-parse.ts.

import { isFloat } from "../base/dtype.js";
import { sizeOf } from "../base/shape.js";
import { cast, matmul, mul, permute, reshape, slice, sum } from "../graph/build.js";
import type { Node } from "../graph/node.js";
import { checkTensor } from "./check.js";
import { parseEquation } from "./einsum-parse.js";
import { Tensor } from "./tensor.js";

/** An array and the letter of each of its axes. */
interface Lettered {
  readonly node: Node;
  readonly letters: readonly string[];
}

/**
 * Einstein summation as in PyTorch: explicit ("ij,jk->ik") or implicit output (letters that occur once, in alphabetical order), "..." for
 * axes that broadcast, a letter twice in one operand for its diagonal; axes of size 1 broadcast.
 * @throws HeedError for a number of letters that is not the rank, sizes that differ, output letters that no operand has
 * @example einsum("bhtd,bhsd->bhts", query, key)   // scores [B,H,T,S]
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  operands.forEach((t, i) => checkTensor("einsum", `operand ${i}`, t));
  const { inputs, output, sizes } = parseEquation(equation, operands);
  let pending = operands.map((t, i) => normalize(t.node, inputs[i], sizes));
  while (pending.length > 1) {
    const [a, b] = cheapest(pending, output, sizes);
    const rest = pending.filter((p) => p !== a && p !== b);
    pending = [...rest, contract(a, b, new Set([...output, ...rest.flatMap((p) => p.letters)]), output, sizes)];
  }
  const { node, letters } = sumAway(pending[0], new Set(output));
  const result = permute(
    node,
    output.map((l) => letters.indexOf(l)),
  );
  return Tensor.from(result, ...operands);
}

/** Diagonals taken, broadcast axes dropped, axes in the order in which they lie in memory. */
function normalize(x: Node, letters: readonly string[], sizes: ReadonlyMap<string, number>): Lettered {
  let current: Lettered = { node: x.dtype === "bool" ? cast(x, "i32") : x, letters };
  for (const letter of new Set(letters))
    while (current.letters.indexOf(letter) !== current.letters.lastIndexOf(letter)) current = diagonal(current, letter);
  const kept = current.letters.filter((l, i) => current.node.shape[i] === sizes.get(l));
  const { node } = current;
  if (kept.length === current.letters.length) return throughPermute(current);
  return {
    node: reshape(
      node,
      node.shape.filter((n, i) => n === sizes.get(current.letters[i])),
    ),
    letters: kept,
  };
}

/** Merging axes is free in the order they were made in, so a permute is undone first. */
function throughPermute({ node, letters }: Lettered): Lettered {
  if (node.op !== "permute") return { node, letters };
  const { dims } = (node as Node<"permute">).params;
  return throughPermute({ node: node.inputs[0], letters: dims.map((_, i) => letters[dims.indexOf(i)]) });
}

/** The two last axes of the letter as one: every (n+1)-th element of the n² of both. */
function diagonal({ node, letters }: Lettered, letter: string): Lettered {
  const at = letters.flatMap((l, i) => (l === letter ? [i] : [])).slice(-2);
  const rest = letters.flatMap((_, i) => (at.includes(i) ? [] : [i]));
  const n = node.shape[at[0]];
  const kept = rest.map((i) => node.shape[i]);
  const flat = reshape(permute(node, [...rest, ...at]), [...kept, n * n]);
  const steps = [...kept.map(() => 1), n > 1 ? n + 1 : 1];
  return {
    node: slice(
      flat,
      steps.map(() => 0),
      [...kept, n],
      steps,
    ),
    letters: [...rest.map((i) => letters[i]), letter],
  };
}

/** The pair that takes the fewest multiplications; among equals the one whose result is smallest beside what it replaces. */
function cheapest(
  pending: readonly Lettered[],
  output: readonly string[],
  sizes: ReadonlyMap<string, number>,
): [Lettered, Lettered] {
  const elements = (letters: Iterable<string>) => [...letters].reduce((p, l) => p * (sizes.get(l) as number), 1);
  let best: [Lettered, Lettered] = [pending[0], pending[1]];
  let least = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; pending.length > 2 && i < pending.length; i++) {
    for (let j = i + 1; j < pending.length; j++) {
      const [a, b] = [pending[i], pending[j]];
      const needed = new Set([...output, ...pending.filter((p) => p !== a && p !== b).flatMap((p) => p.letters)]);
      const both = new Set([...a.letters, ...b.letters]);
      const growth = elements([...both].filter((l) => needed.has(l))) - elements(a.letters) - elements(b.letters);
      const cost = [elements(both), growth];
      if (cost[0] < least[0] || (cost[0] === least[0] && cost[1] < least[1])) [best, least] = [[a, b], cost];
    }
  }
  return best;
}

function sumAway({ node, letters }: Lettered, needed: ReadonlySet<string>): Lettered {
  const dims = letters.flatMap((l, i) => (needed.has(l) ? [] : [i]));
  if (dims.length === 0) return { node, letters };
  return {
    node: reshape(
      sum(node, dims),
      node.shape.filter((_, i) => !dims.includes(i)),
    ),
    letters: letters.filter((l) => needed.has(l)),
  };
}

function contract(
  first: Lettered,
  second: Lettered,
  needed: ReadonlySet<string>,
  output: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Lettered {
  let a = sumAway(first, new Set([...needed, ...second.letters]));
  let b = sumAway(second, new Set([...needed, ...first.letters]));
  const only = (x: Lettered, y: Lettered) => x.letters.filter((l) => !y.letters.includes(l));
  // The side whose letters come first in the result is on the left, so that rows of the product are rows of the result.
  const foremost = (letters: readonly string[]) =>
    Math.min(...letters.map((l) => (output.includes(l) ? output.indexOf(l) : output.length)));
  if (foremost(only(b, a)) < foremost(only(a, b))) [a, b] = [b, a];
  // Where several letters are summed, the larger operand says in which order.
  const larger = sizeOf(a.node.shape) >= sizeOf(b.node.shape) ? a : b;
  const shared = larger.letters.filter((l) => a.letters.includes(l) && b.letters.includes(l));
  const summed = shared.filter((l) => !needed.has(l));
  const batch = shared.filter((l) => needed.has(l));
  const [rows, columns] = [only(a, b), only(b, a)];
  const exact = isFloat(a.node.dtype) && isFloat(b.node.dtype);
  if (
    summed.length === 0 ||
    !exact ||
    (rows.length === 0 && columns.length === 0 && a.node.dtype === "f32" && b.node.dtype === "f32")
  ) {
    const letters = [...batch, ...rows, ...columns, ...summed];
    return sumAway({ node: mul(along(a, letters), along(b, letters)), letters }, needed);
  }
  const group = (letters: readonly string[]) => letters.reduce((p, l) => p * (sizes.get(l) as number), 1);
  const outer = batch.map((l) => sizes.get(l) as number);
  const left = reshape(ordered(a, [...batch, ...rows, ...summed]), [...outer, group(rows), group(summed)]);
  // Transposed after the axes are merged: a reshape of a transpose would be a copy.
  const inner = reshape(ordered(b, [...batch, ...columns, ...summed]), [...outer, group(columns), group(summed)]);
  const right = permute(inner, [...outer.keys(), outer.length + 1, outer.length]);
  const letters = [...batch, ...rows, ...columns];
  return {
    node: reshape(
      matmul(left, right),
      letters.map((l) => sizes.get(l) as number),
    ),
    letters,
  };
}

function ordered({ node, letters }: Lettered, order: readonly string[]): Node {
  return permute(
    node,
    order.map((l) => letters.indexOf(l)),
  );
}

/** With an axis for each letter, of size 1 for those it has not. */
function along(x: Lettered, letters: readonly string[]): Node {
  const own = letters.filter((l) => x.letters.includes(l));
  const node = ordered(x, own);
  return reshape(
    node,
    letters.map((l) => (own.includes(l) ? node.shape[own.indexOf(l)] : 1)),
  );
}
