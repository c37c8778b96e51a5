// Batches of a data set, one epoch each time it is walked through: torch.utils.data.DataLoader, which batches of which samples and which
// random words it takes. What a data set is, datasets.ts says; how samples become a batch, collate.ts. Windows of one long text, with a place
// in their order that a checkpoint keeps, are the WindowSampler of heed/text.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, FUNCTION, type OptionTable } from "../base/options.js";
import { defaultGenerator, GENERATOR, Generator } from "../base/random.js";
import { type Collated, defaultCollate } from "./collate.js";
import { checkDataset, type Dataset, ownBatch, sample } from "./datasets.js";

/** The arguments of torch's DataLoader behind the data set. */
export interface DataLoaderOptions<S, B> {
  /** B, samples a batch; 1. */
  readonly batchSize?: number;
  /** Whether each epoch has an order of its own; false. */
  readonly shuffle?: boolean;
  /** Leaves out a last batch of fewer than B samples; false. */
  readonly dropLast?: boolean;
  /** Where the order comes from; the default generator. */
  readonly generator?: Generator;
  /** Makes a batch of samples; `defaultCollate`, which stacks them. */
  readonly collate?: (samples: S[]) => B;
}

const LOADER: OptionTable<DataLoaderOptions<unknown, never>> = {
  batchSize: CHECKED,
  shuffle: FLAG,
  dropLast: FLAG,
  generator: GENERATOR,
  collate: FUNCTION,
};
const REMEDIES = { batch: "batchSize", collateFn: "collate" };

/**
 * Batches of a data set, an epoch for each `for ... of`.
 *
 * The order is that of torch's DataLoader from the same seed, and the generator stands afterwards where torch's does: every epoch begins with
 * a draw of 63 bits (a seed for workers, which there are none of), shuffled or not. Shuffling then draws another such number that seeds the
 * order; given a `generator`, the order comes from that itself.
 * @throws HeedError for a data set without length or samples by number, an empty one to shuffle, and a batchSize that is not whole and at
 * least 1
 * @example
 * const loader = new DataLoader(new TensorDataset(randn(100, 8), randint(2, [100])), { batchSize: 32, shuffle: true });
 * for (const [x, y] of loader) step(x, y);   // f32[32,8] and i32[32], four times; the last has 4 samples
 */
export class DataLoader<S, B = Collated<S>> implements Iterable<B> {
  readonly batchSize: number;
  readonly dropLast: boolean;
  private readonly shuffle: boolean;
  private readonly generator: Generator | undefined;
  private readonly collate: ((samples: S[]) => B) | undefined;

  constructor(
    readonly dataset: Dataset<S>,
    options: DataLoaderOptions<S, B> = {},
  ) {
    checkDataset("DataLoader", dataset);
    checkOptions<DataLoaderOptions<S, B>>("DataLoader", options, LOADER, REMEDIES);
    const { batchSize = 1, shuffle = false, dropLast = false, generator, collate } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      fail("DataLoader", "batchSize a whole number of at least 1", String(batchSize));
    if (shuffle && dataset.length === 0) fail("DataLoader", "at least one sample to shuffle", "an empty data set");
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.generator = generator;
    this.collate = collate;
  }

  /** How many batches an epoch has. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Begins an epoch. */
  [Symbol.iterator](): IterableIterator<B> {
    (this.generator ?? defaultGenerator).random63();
    return this.batches();
  }

  private *batches(): IterableIterator<B> {
    const order = this.order();
    for (;;) {
      const indices: number[] = [];
      while (indices.length < this.batchSize) {
        const next = order.next();
        if (next.done) break;
        indices.push(next.value);
      }
      if (indices.length < (this.dropLast ? this.batchSize : 1)) return;
      yield this.batch(indices);
    }
  }

  /** The numbers of one epoch; random words are taken when the first number is asked for and, as in torch, when there are no more. */
  private *order(): IterableIterator<number> {
    const { length } = this.dataset;
    if (!this.shuffle) {
      for (let i = 0; i < length; i++) yield i;
      return;
    }
    const generator = this.generator ?? new Generator(defaultGenerator.random63());
    yield* generator.randperm(length);
    generator.randperm(length); // torch's RandomSampler draws one more order and takes nothing of it
  }

  private batch(indices: readonly number[]): B {
    const own = this.collate ? undefined : ownBatch(this.dataset, indices);
    if (own !== undefined) return own as B;
    const samples = indices.map((i) => sample(this.dataset, i));
    return this.collate ? this.collate(samples) : (defaultCollate(samples) as B);
  }
}
