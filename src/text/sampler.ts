// Windows in random order, without repetition until all have been drawn, in the order of PyTorch's
// DataLoader(shuffle=True): every epoch draws a seed, and a generator of its own with that seed shuffles the windows. So a
// place in the order is three small numbers, which a checkpoint keeps; resuming goes on with the very next window.

import { fail } from "../base/errors.js";
import { checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { GENERATOR, Generator } from "../base/random.js";
import { shown } from "../base/show.js";
import { type Batch, REMEDIES, WINDOWS, type WindowOptions, Windows } from "./dataset.js";

/** What a `WindowSampler` is told beside the tokens. */
export interface WindowSamplerOptions extends WindowOptions {
  /** Where the seed of each epoch comes from. A saved run keeps its state as well, as far as later epochs matter. */
  generator: Generator;
  /** Leave out a last batch of fewer than B windows, so that all batches have one shape; true unless told. */
  dropLast?: boolean;
}

const SAMPLER: OptionTable<WindowSamplerOptions> = { ...WINDOWS, generator: GENERATOR, dropLast: FLAG };

/** A place in the order of windows; plain JSON. */
export interface SamplerState {
  /** Epochs begun before this one. */
  epoch: number;
  /** Windows of this epoch already given. */
  position: number;
  /** The seed of this epoch's order, a decimal number; null before the first batch. */
  seed: string | null;
  /** How many windows there are: a check that it is the same text, cut the same way. */
  windows: number;
}

/**
 * Batches of windows in random order, epoch after epoch.
 *
 * ```ts
 * const sampler = new WindowSampler(train, { batch: 16, length: 128, generator: new Generator(123) });
 * const { inputs, targets } = sampler.nextBatch();    // i32[16,128] each
 * ```
 */
export class WindowSampler {
  private readonly windows: Windows;
  private readonly generator: Generator;
  /** Windows that an epoch gives: all, or as many as fill batches. */
  private readonly perEpoch: number;
  private order: Int32Array | undefined;
  private epochs = 0;
  private position = 0;
  private seed: bigint | undefined;

  /** @throws HeedError for a text too short for one window, or for one batch where `dropLast` holds */
  constructor(tokens: Int32Array, options: WindowSamplerOptions) {
    checkOptions("WindowSampler", options, SAMPLER, REMEDIES);
    if (!options.generator) fail("WindowSampler", "a generator", shown(options.generator), "as in new Generator(123)");
    this.windows = new Windows("WindowSampler", tokens, options);
    this.generator = options.generator;
    const { batch, count, length, stride } = this.windows;
    this.perEpoch = (options.dropLast ?? true) ? count - (count % batch) : count;
    if (this.perEpoch === 0) {
      fail(
        "WindowSampler",
        `at least ${(batch - 1) * stride + length + 1} tokens for a batch of ${batch} windows of ${length}`,
        `${tokens.length} tokens (${count} windows)`,
        "give more text, a smaller batch, a shorter length or stride, or dropLast: false",
      );
    }
  }

  /** Epochs finished or begun before the current one. */
  get epoch(): number {
    return this.epochs;
  }

  get batchesPerEpoch(): number {
    return Math.ceil(this.perEpoch / this.windows.batch);
  }

  /** The next batch; a new epoch begins by itself. */
  nextBatch(): Batch {
    if (this.position === this.perEpoch) {
      this.epochs++;
      this.seed = undefined;
    }
    const order = this.seed === undefined ? this.begin() : this.shuffled(this.seed);
    const end = Math.min(this.position + this.windows.batch, this.perEpoch);
    const numbers = order.subarray(this.position, end);
    this.position = end;
    return this.windows.gather(numbers);
  }

  /** The batches that are left of this epoch, or those of the next one where none is left. */
  *restOfEpoch(): IterableIterator<Batch> {
    do yield this.nextBatch();
    while (this.position < this.perEpoch);
  }

  private begin(): Int32Array {
    this.generator.random63(); // DataLoader draws a seed for its workers first
    this.seed = this.generator.random63();
    this.position = 0;
    this.order = undefined;
    return this.shuffled(this.seed);
  }

  private shuffled(seed: bigint): Int32Array {
    this.order ??= new Generator(seed).randperm(this.windows.count);
    return this.order;
  }

  state(): SamplerState {
    const { epochs: epoch, position, seed, windows } = this;
    return { epoch, position, seed: seed === undefined ? null : String(seed), windows: windows.count };
  }

  /**
   * Goes on from a state that `state` gave, on the same tokens and with the same options.
   * @throws HeedError for a state that does not fit
   */
  restore(state: SamplerState): void {
    if (typeof state !== "object" || state === null)
      fail("WindowSampler.restore", "a state as state() gives it", shown(state));
    const { epoch, position, seed, windows } = state;
    if (windows !== this.windows.count) {
      fail(
        "WindowSampler.restore",
        `a state of ${this.windows.count} windows`,
        `one of ${windows}`,
        "resume with the text, the length and the stride that the run began with",
      );
    }
    const whole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
    const seeded = seed === null ? position === 0 : typeof seed === "string" && /^\d{1,19}$/.test(seed);
    const between = whole(position) && (position === this.perEpoch || position % this.windows.batch === 0);
    if (!whole(epoch) || !between || position > this.perEpoch || !seeded) {
      fail("WindowSampler.restore", "a state as state() gives it", JSON.stringify(state).slice(0, 200));
    }
    this.epochs = epoch;
    this.position = position;
    this.seed = seed === null ? undefined : BigInt(seed);
    this.order = undefined;
  }
}
