// The keys and values of what a model has read, so that the next token costs one position instead of all. Buffers have a fixed number of
// rows; how much of them counts is a 0-d tensor that programs read when they run, so a decoding step compiles once.
//
// A layer that sees a window keeps only as many rows as that takes: position p lies in row p modulo their number, over what has left the
// window.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLOAT_DTYPE, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import { checkLayers } from "../nn/check.js";
import type { AttentionMask } from "../tensor/attention-mask.js";
import { arange, tensor, zeros } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";

/** How much a cache is to hold, of what; sizes are whole numbers of at least 1. */
export interface CacheSizes {
  readonly layers: number;
  /** H, of keys and values; queries that share them may have more. */
  readonly heads: number;
  /** D */
  readonly headWidth: number;
  /** Of the values; headWidth unless given. */
  readonly valueWidth?: number;
  /** The most positions it can hold; without limit unless given, where every layer has a window. */
  readonly capacity?: number;
  /** B; 1. */
  readonly batch?: number;
  /** What the keys and values are kept as, a float dtype; f32. */
  readonly dtype?: DType;
  /** W, how many positions a query sees, its own among them: one number for all layers, or one for each, null for all positions. */
  readonly window?: number | readonly (number | null)[] | null;
  /** With a window, the most positions that one `append` may bring, padding included; W + chunk - 1 rows are kept. 1. */
  readonly chunk?: number;
}

const SIZES: OptionTable<CacheSizes> = {
  layers: CHECKED,
  heads: CHECKED,
  headWidth: CHECKED,
  valueWidth: CHECKED,
  capacity: CHECKED,
  batch: CHECKED,
  dtype: CHECKED,
  window: CHECKED,
  chunk: CHECKED,
};

/** One layer's part: keys [B,H,S,D] and values [B,H,S,E], where S is the number of rows. */
export class LayerCache {
  readonly keys: Tensor;
  readonly values: Tensor;
  /** S */
  readonly rows: number;
  private readonly wraps: boolean;

  constructor(
    private readonly whole: KeyValueCache,
    sizes: CacheSizes,
    /** W, or null where queries see all positions. */
    readonly window: number | null,
  ) {
    const { heads, headWidth, valueWidth = headWidth, batch = 1, dtype = "f32" } = sizes;
    this.rows = window === null ? whole.capacity : Math.min(whole.capacity, window + whole.chunk - 1);
    this.wraps = this.rows < whole.capacity;
    this.keys = zeros(batch, heads, this.rows, headWidth, { dtype });
    this.values = zeros(batch, heads, this.rows, valueWidth, { dtype });
  }

  /**
   * Writes key [B,H,T,D] and value [B,H,T,E] behind what is there, and returns all rows, [B,H,S,D] and [B,H,S,E], valid or not: `mask` says
   * which count.
   * @throws HeedError for other shapes, for more positions than `chunk`, and past the capacity (inside compile: when run, or by `advance`)
   */
  append(key: Tensor, value: Tensor): [keys: Tensor, values: Tensor] {
    this.check(key, value);
    const T = key.shape[2];
    const positions = this.whole.positions(T);
    const at = this.wraps ? positions.remainder(this.rows) : positions; // [T]
    const write = (rows: Tensor, fresh: Tensor) =>
      rows.assign(rows.scatter(2, at.view(1, 1, T, 1).expand(fresh.shape), fresh));
    return [write(this.keys, key), write(this.values, value)];
  }

  /** Which rows the next T positions may see, as `attention` takes it. */
  mask(T: number): AttentionMask {
    const { window } = this;
    const offset = this.whole.length;
    if (this.wraps) return { kind: "boolean", keep: this.keep(T) };
    return window === null ? { kind: "causal", offset } : { kind: "window", left: window - 1, offset };
  }

  /** True where the next position t may see row s. [T,S] */
  keep(T: number): Tensor {
    const rows = this.rowPositions(T);
    const positions = this.column(T);
    const past = rows.le(positions);
    const seen = this.window === null ? past : past.logicalAnd(rows.gt(positions.sub(this.window)));
    return this.wraps ? seen.logicalAnd(rows.ge(0)) : seen;
  }

  /** True where the next position t may not look at row s: it lies after it, before its window, or holds nothing yet. [T,S] */
  future(T: number): Tensor {
    if (this.window !== null) return this.keep(T).logicalNot();
    return this.rowPositions(T).gt(this.column(T));
  }

  /** The position that each row holds once the next T are written, i32[S]; where rows come round, below 0 for one that holds nothing. */
  rowPositions(T: number): Tensor {
    const row = arange(this.rows);
    if (!this.wraps) return row;
    const last = this.whole.length.add(T - 1);
    return last.sub(last.sub(row).remainder(this.rows)); // the latest position that falls on the row
  }

  /** The next T positions as a column, an index plus a number: so written the compiler knows which rows it can skip. [T,1] */
  private column(T: number): Tensor {
    return arange(T).view(T, 1).add(this.whole.length);
  }

  private check(key: Tensor, value: Tensor): void {
    const [B, H, , D] = this.keys.shape;
    const E = this.values.shape[3];
    const T = key.shape[2];
    const fits = (x: Tensor, width: number) =>
      x.ndim === 4 && x.shape[0] === B && x.shape[1] === H && x.shape[2] === T && x.shape[3] === width;
    if (!fits(key, D) || !fits(value, E)) {
      const got = `key ${describe(key)} and value ${describe(value)}`;
      fail("LayerCache.append", `key [${B},${H},T,${D}] and value [${B},${H},T,${E}]`, got);
    }
    const most = Math.min(this.whole.chunk, this.rows);
    if (T > most) {
      const remedy = this.wraps ? "make the cache with a larger chunk, or read the text in parts" : "make it larger";
      fail("LayerCache.append", `at most ${most} positions at once`, String(T), remedy);
    }
    if (!tracing()) this.whole.checkRoom(T);
  }
}

/**
 * A cache of keys [B,H,S,D] and values [B,H,S,E] for one sequence, or for several of equal length.
 *
 * A model appends to it in `forward`; the caller then says by `advance` how many of the positions were real: what was padding is written
 * over by the next.
 * @throws HeedError for sizes that are not whole and at least 1, a dtype that is not float, windows that are not one for each layer, and no
 * capacity where a layer has no window
 * @example
 * const cache = new KeyValueCache({ layers: 1, heads: 2, headWidth: 16, capacity: 64 });
 * const [query, key, value] = [randn(1, 8, 3, 16), randn(1, 2, 3, 16), randn(1, 2, 3, 16)];   // T=3; four queries share a key
 * const [keys, values] = cache.layers[0].append(key, value);                                  // f32[1,2,64,16] each
 * const mixed = attention(query, keys, values, { mask: cache.layers[0].mask(3) });            // f32[1,8,3,16]
 * cache.advance(3);
 */
export class KeyValueCache {
  /** The most positions it can hold; Infinity where only windows are kept. */
  readonly capacity: number;
  /** The most positions that one `append` may bring. */
  readonly chunk: number;
  readonly layers: readonly LayerCache[];
  /** Positions held, i32[], read by programs when they run. */
  readonly length: Tensor = tensor(0);
  private held = 0;

  constructor(sizes: CacheSizes) {
    checkOptions("KeyValueCache", sizes, SIZES);
    checkSizes(sizes);
    const windows = windowsOf(sizes);
    const windowed = windows.some((window) => window !== null);
    const { capacity = windows.includes(null) ? undefined : Number.POSITIVE_INFINITY, chunk = 1 } = sizes;
    const unlimited = capacity === Number.POSITIVE_INFINITY && !windows.includes(null);
    if (!unlimited && !isSize(capacity)) fail("KeyValueCache", "a capacity of at least 1", String(capacity));
    if (!isSize(chunk)) fail("KeyValueCache", "a chunk of at least 1 position", String(chunk));
    this.capacity = capacity as number;
    this.chunk = windowed ? Math.min(chunk, this.capacity) : this.capacity;
    this.layers = windows.map((window) => new LayerCache(this, sizes, window));
  }

  /** Positions held. */
  get size(): number {
    return this.held;
  }

  /** Counts `positions` more as read. @throws HeedError past the capacity, and for what is no whole number of at least 0 */
  advance(positions: number): void {
    this.checkRoom(positions);
    this.held += positions;
    this.length.fill(this.held);
  }

  /** @throws HeedError unless that many positions fit beside those held */
  checkRoom(positions: number): void {
    if (!(Number.isInteger(positions) && positions >= 0))
      fail("KeyValueCache", "a whole number of positions, at least 0", String(positions));
    if (this.held + positions <= this.capacity) return;
    fail(
      "KeyValueCache",
      `at most ${this.capacity} positions`,
      `${this.held} and ${positions} more`,
      "make it larger, or reset it",
    );
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
}

function checkSizes({ heads, headWidth, valueWidth = headWidth, batch = 1, dtype = "f32" }: CacheSizes): void {
  for (const [name, n] of Object.entries({ heads, headWidth, valueWidth, batch }))
    if (!isSize(n)) fail("KeyValueCache", `${name} a whole number of at least 1`, String(n));
  if (!FLOAT_DTYPE.holds(dtype)) fail("KeyValueCache", "a float dtype", String(dtype));
}

/** The window of each layer. */
function windowsOf({ layers, window = null }: CacheSizes): readonly (number | null)[] {
  if (!isSize(layers)) fail("KeyValueCache", "at least 1 layer", String(layers));
  checkLayers("KeyValueCache", layers);
  const windows = Array.isArray(window) ? (window as readonly (number | null)[]) : new Array(layers).fill(window);
  if (windows.length !== layers) fail("KeyValueCache", `${layers} windows, one for each layer`, String(windows.length));
  for (const w of windows)
    if (w !== null && !isSize(w)) fail("KeyValueCache", "a window of at least 1 position, or null", String(w));
  return windows;
}

const isSize = (n: number | undefined): boolean => Number.isInteger(n) && (n as number) >= 1;
