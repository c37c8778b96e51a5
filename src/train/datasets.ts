// What a DataLoader reads: anything with a length and samples by number. Torch's data sets of tensors and parts of others; batches are made
// by data-loader.ts.

import { checkNumbers } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { checkOptions } from "../base/options.js";
import { defaultGenerator, GENERATOR, type Generator } from "../base/random.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { tensor } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";

/** Samples by number, from 0 to `length` - 1: an array, a typed array, or an object of one's own with `get` (or `at`). */
export type Dataset<S> = { readonly length: number } & (
  | { get(index: number): S }
  | { at(index: number): S | undefined }
);

/** A data set that makes whole batches faster than sample by sample; what it gives must be what `defaultCollate` would. */
export interface Batched {
  batch(indices: readonly number[]): unknown;
}

/** @throws HeedError unless it has a length and samples by number */
export function checkDataset(op: string, dataset: unknown): void {
  const { length, get, at } = (dataset ?? {}) as { length?: unknown; get?: unknown; at?: unknown };
  const counted = Number.isInteger(length) && (length as number) >= 0;
  if (counted && (typeof get === "function" || typeof at === "function")) return;
  const isTensor = dataset instanceof Tensor;
  fail(
    op,
    "a data set with a length and get(i) or at(i)",
    isTensor
      ? describe(dataset)
      : dataset === null
        ? "null"
        : counted
          ? "neither get nor at"
          : `length ${String(length)}`,
    isTensor ? "wrap it: new TensorDataset(tensor)" : undefined,
  );
}

/** Sample `index`. */
export function sample<S>(dataset: Dataset<S>, index: number): S {
  return "get" in dataset ? dataset.get(index) : (dataset.at(index) as S);
}

/** The batch as the data set makes it; undefined where it makes none, or where a subclass has samples of its own. */
export function ownBatch(dataset: unknown, indices: readonly number[]): unknown {
  return makesBatches(dataset) ? (dataset as Batched).batch(indices) : undefined;
}

/** Whether `batch` is there and speaks of the same samples as `get`: not where `get` was overridden and `batch` inherited. */
function makesBatches(dataset: unknown): boolean {
  if (typeof (dataset as Partial<Batched>).batch !== "function") return false;
  for (let level: unknown = dataset; level; level = Object.getPrototypeOf(level)) {
    if (Object.hasOwn(level, "batch")) return true;
    if (Object.hasOwn(level, "get") || Object.hasOwn(level, "at")) return false;
  }
  return true;
}

type Tensors = readonly [Tensor, ...Tensor[]];

/**
 * Tensors of one first size N; sample i is the i-th part of each (torch.utils.data.TensorDataset).
 * @throws HeedError without a tensor, for scalars, and for first sizes that differ
 * @example new TensorDataset(randn(100, 8), randint(2, [100])).get(0)   // [f32[8], i32[]]
 */
export class TensorDataset<A extends Tensors = Tensors> implements Batched {
  readonly tensors: A;
  readonly length: number;

  constructor(...tensors: A) {
    if (tensors.length === 0) fail("TensorDataset", "at least one tensor", "none");
    tensors.forEach((x, i) => {
      if (!(x instanceof Tensor)) fail("TensorDataset", "tensors", `${shown(x)} at position ${i}`);
      if (x.ndim === 0) fail("TensorDataset", "tensors of at least one dimension", describe(x));
    });
    const [first] = tensors;
    const wrong = tensors.find((x) => x.shape[0] !== first.shape[0]);
    if (wrong) fail("TensorDataset", "tensors of equal first size", `${describe(first)} and ${describe(wrong)}`);
    this.tensors = tensors;
    this.length = first.shape[0];
  }

  /** The part of each tensor that belongs to sample `index`. */
  get(index: number): A {
    return this.tensors.map((x) => x.at(index)) as unknown as A;
  }

  /** The samples at these numbers, stacked: what `defaultCollate` would make of them, in one step. */
  batch(indices: readonly number[]): Tensor[] {
    const rows = tensor(indices, { dtype: "i32" });
    return this.tensors.map((x) => x.indexSelect(0, rows));
  }
}

/**
 * The samples of a data set at these numbers, in this order (torch.utils.data.Subset).
 * @throws HeedError for a number outside the data set
 * @example new Subset(["a", "b", "c"], [2, 0]).get(0)   // "c"
 */
export class Subset<S> implements Batched {
  readonly indices: readonly number[];

  constructor(
    readonly dataset: Dataset<S>,
    indices: ArrayLike<number>,
  ) {
    checkDataset("Subset", dataset);
    checkNumbers("Subset", "indices as an array", indices);
    this.indices = Array.from(indices);
    const wrong = this.indices.find((i) => !(Number.isInteger(i) && i >= 0 && i < dataset.length));
    if (wrong !== undefined) fail("Subset", `whole numbers from 0 to ${dataset.length - 1}`, String(wrong));
  }

  get length(): number {
    return this.indices.length;
  }

  /** Undefined where the data set makes no batches itself. */
  batch(places: readonly number[]): unknown {
    return ownBatch(
      this.dataset,
      places.map((i) => this.indices[i]),
    );
  }

  get(index: number): S {
    const place = this.indices[index];
    if (place === undefined) fail("Subset", `a number from 0 to ${this.length - 1}`, String(index));
    return sample(this.dataset, place);
  }
}

/**
 * Parts of a data set, drawn at random without overlap, the same as torch.utils.data.random_split draws.
 * @param lengths how many samples each part gets; or shares that add up to 1, rounded down, what remains going to the first parts one by one
 * @param options.generator where the order comes from, the default generator unless given
 * @throws HeedError for lengths that are not whole or do not add up
 * @example const [train, heldOut] = randomSplit(dataset, [0.9, 0.1], { generator: new Generator(42) });
 */
export function randomSplit<S>(
  dataset: Dataset<S>,
  lengths: readonly number[],
  options: { generator?: Generator } = {},
): Subset<S>[] {
  checkDataset("randomSplit", dataset);
  checkNumbers("randomSplit", "lengths as an array", lengths);
  checkOptions("randomSplit", options, { generator: GENERATOR });
  const counts = isShares(lengths) ? countsOf(lengths, dataset.length) : lengths;
  const sum = counts.reduce((total, n) => total + n, 0);
  if (counts.some((n) => !Number.isInteger(n) || n < 0) || sum !== dataset.length)
    fail(
      "randomSplit",
      `whole lengths that add up to ${dataset.length}, or shares that add up to 1`,
      `[${lengths.join(", ")}]`,
    );
  const order = (options.generator ?? defaultGenerator).randperm(sum);
  let start = 0;
  return counts.map((n) => new Subset(dataset, order.subarray(start, (start += n))));
}

function isShares(lengths: readonly number[]): boolean {
  const sum = lengths.reduce((total, share) => total + share, 0);
  return Math.abs(sum - 1) <= 1e-9 && lengths.every((share) => share >= 0 && share <= 1);
}

function countsOf(shares: readonly number[], length: number): number[] {
  const counts = shares.map((share) => Math.floor(length * share));
  const rest = length - counts.reduce((total, n) => total + n, 0);
  for (let i = 0; i < rest; i++) counts[i % counts.length]++;
  return counts;
}
