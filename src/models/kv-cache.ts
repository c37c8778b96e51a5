// The keys and values of what a model has read, so that the next token costs one position instead of all. Buffers have a fixed capacity;
// how much of them counts is a 0-d tensor that programs read when they run, so a decoding step compiles once.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { arange, tensor, zeros } from "../tensor/create.js";
import { where } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";

export interface CacheSizes {
  readonly layers: number;
  /** H, of keys and values. */
  readonly heads: number;
  /** D */
  readonly headWidth: number;
  /** S, the most positions it can hold. */
  readonly capacity: number;
  /** B; 1. */
  readonly batch?: number;
  /** What the keys and values are kept as; f32. */
  readonly dtype?: DType;
}

/** One layer's part: keys and values [B,H,S,D]. */
export class LayerCache {
  readonly keys: Tensor;
  readonly values: Tensor;

  constructor(
    private readonly whole: KeyValueCache,
    shape: readonly number[],
    dtype: DType,
  ) {
    this.keys = zeros(shape, { dtype });
    this.values = zeros(shape, { dtype });
  }

  /** Writes key and value [B,H,T,D] behind what is there, and returns all rows [B,H,S,D], valid or not: see `future`. */
  append(key: Tensor, value: Tensor): [keys: Tensor, values: Tensor] {
    return [this.write(this.keys, key), this.write(this.values, value)];
  }

  /** True where a new position t may not look at row s: it lies after it, or holds nothing yet. [T,S] */
  future(T: number): Tensor {
    return this.whole.future(T);
  }

  private write(rows: Tensor, fresh: Tensor): Tensor {
    const [B, H, S, D] = rows.shape;
    const T = fresh.shape[2];
    const at = arange(S).sub(this.whole.length); // row s takes the new row at[s]   [S]
    const isNew = at.ge(0).logicalAnd(at.lt(T)).view(S, 1);
    const source =
      T === 1
        ? fresh
        : fresh.gather(
            2,
            at
              .clamp(0, T - 1)
              .view(1, 1, S, 1)
              .expand(B, H, S, D),
          );
    return rows.assign(where(isNew, source, rows));
  }
}

/**
 * A cache for one sequence, or for several of equal length. A model appends to it in `forward`; the caller then says by `advance` how many
 * of the positions were real.
 */
export class KeyValueCache {
  readonly capacity: number;
  readonly layers: readonly LayerCache[];
  /** Positions held, i32[], read by programs when they run. */
  readonly length: Tensor = tensor(0);
  private held = 0;

  constructor(sizes: CacheSizes) {
    const { layers, heads, headWidth, capacity, batch = 1, dtype = "f32" } = sizes;
    if (!Number.isInteger(capacity) || capacity < 1)
      fail("KeyValueCache", "a capacity of at least 1", String(capacity));
    this.capacity = capacity;
    this.layers = Array.from(
      { length: layers },
      () => new LayerCache(this, [batch, heads, capacity, headWidth], dtype),
    );
  }

  /** Positions held. */
  get size(): number {
    return this.held;
  }

  /** Counts `positions` more as read. @throws HeedError past the capacity */
  advance(positions: number): void {
    if (!(positions >= 0) || this.held + positions > this.capacity) {
      fail(
        "KeyValueCache",
        `at most ${this.capacity} positions`,
        `${this.held} and ${positions} more`,
        "make it larger, or reset it",
      );
    }
    this.held += positions;
    this.length.fill(this.held);
  }

  /** Forgets everything; the memory stays. */
  reset(): void {
    this.held = 0;
    this.length.fill(0);
  }

  /** The positions of the next T tokens, i32[T]. */
  positions(T: number): Tensor {
    return arange(T).add(this.length);
  }

  /** See LayerCache.future. */
  future(T: number): Tensor {
    return arange(this.capacity).gt(this.positions(T).view(T, 1));
  }
}
