// Caches: what a step computes from cached keys is what the whole text gives, for all positions or a window of them, for shared heads and
// prompts in parts; one program serves all steps, and it writes only the new rows.

import { describe, expect, it } from "vitest";
import { arange, attention, cat, compile, explain, manualSeed, randn, type Tensor, tensor } from "../../src/index.js";
import { Decoder, KeyValueCache, type LayerCache } from "../../src/models/index.js";
import { alibi, Embedding, Linear, Module, rotary } from "../../src/nn/index.js";

const [B, H, Hk, D] = [2, 4, 2, 8];
const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();

manualSeed(31);
const N = 23;
const [query, key, value] = [randn(B, H, N, D), randn(B, Hk, N, D), randn(B, Hk, N, D)];
const part = (x: Tensor, from: number, count: number) => x.narrow(2, from, count);

/** What attention over the whole text gives. */
function whole(window: number | null): Tensor {
  const mask = window === null ? ({ kind: "causal" } as const) : ({ kind: "window", left: window - 1 } as const);
  return attention(query, key, value, { mask });
}

/** The same in parts of these lengths, by a compiled step that pads them. */
function inParts(cache: KeyValueCache, counts: readonly number[], step = stepOf(cache.layers[0])): Tensor {
  const results: Tensor[] = [];
  let at = 0;
  for (const count of counts) {
    const T = count === 1 ? 1 : Math.min(cache.chunk, cache.capacity - at, 2 ** Math.ceil(Math.log2(count)));
    const padded = (x: Tensor) => cat([part(x, at, count), randn([B, x.shape[1], T - count, D])], 2);
    results.push(part(step(padded(query), padded(key), padded(value)), 0, count));
    results[results.length - 1].evaluate();
    cache.advance(count);
    at += count;
  }
  return cat(results, 2);
}

const stepOf = (layer: LayerCache) =>
  compile((query: Tensor, key: Tensor, value: Tensor) => {
    const [keys, values] = layer.append(key, value);
    return attention(query, keys, values, { mask: layer.mask(query.shape[2]) });
  });

describe("steps give what the whole text gives", () => {
  const cases: [string, { window?: number; capacity?: number; chunk?: number }, readonly number[]][] = [
    ["all positions", { capacity: N }, [7, 1, 1, 5, 1, 8]],
    ["all positions, with room to spare", { capacity: 40 }, [3, 1, 1, 18]],
    ["a window, token by token", { window: 5 }, new Array(N).fill(1)],
    ["a window of one", { window: 1 }, new Array(N).fill(1)],
    ["a window, in parts", { window: 5, chunk: 4 }, [4, 3, 1, 1, 1, 4, 2, 1, 3, 3]],
    ["a window smaller than the parts", { window: 3, chunk: 8 }, [8, 5, 1, 1, 8]],
    ["a window within a capacity", { window: 6, chunk: 2, capacity: N }, [2, 2, 1, 1, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2]],
    ["a window that never fills its rows", { window: 9, chunk: 16, capacity: N }, [9, 1, 13]],
    ["a window wider than the text", { window: 64, capacity: N, chunk: N }, [5, 1, 17]],
  ];
  for (const [name, sizes, counts] of cases) {
    it(name, () => {
      const cache = new KeyValueCache({ layers: 1, heads: Hk, headWidth: D, batch: B, ...sizes });
      const step = stepOf(cache.layers[0]);
      const want = whole(sizes.window ?? null);
      expect(largest(inParts(cache, counts, step), want)).toBeLessThan(2e-6);
      expect(cache.size).toBe(N);
      // What is left of the first text is in nobody's way.
      cache.reset();
      expect(largest(inParts(cache, counts, step), want)).toBeLessThan(2e-6);
    });
  }

  it("written the long way, with positions that turn and that bias", () => {
    for (const window of [null, 4]) {
      const cache = new KeyValueCache({ layers: 1, heads: H, headWidth: D, batch: B, capacity: N, window, chunk: 3 });
      const [layer] = cache.layers;
      const keys4 = key.repeatInterleave(2, 1);
      const step = compile((query: Tensor, key: Tensor) => {
        const T = query.shape[2];
        const positions = cache.positions(T);
        const [keys, values] = layer.append(rotary(key, positions), key);
        const scores = rotary(query, positions).matmul(keys.mT).div(Math.sqrt(D));
        const indices = [0, 1, 2, 3].map(() => tensor(0));
        const [b, h, t, s] = indices;
        const bias = alibi(H, { queryPositions: positions, keyPositions: layer.rowPositions(T) })(scores, {
          b,
          h,
          t,
          s,
        });
        return bias.maskedFill(layer.future(T), Number.NEGATIVE_INFINITY).softmax(-1).matmul(values);
      });
      const steps: Tensor[] = [];
      for (const [at, count] of [
        [0, 3],
        [3, 1],
        [4, 1],
        [5, 3],
        [8, 3],
        [11, 1],
      ]) {
        // biome-ignore format: pairs
        steps.push(step(part(query, at, count), part(keys4, at, count)).evaluate());
        cache.advance(count);
      }
      const mask = window === null ? ({ kind: "causal" } as const) : ({ kind: "window", left: window - 1 } as const);
      const first = (x: Tensor) => part(x, 0, 12);
      const [q, k] = [first(query), first(keys4)];
      const want = attention(rotary(q, arange(12)), rotary(k, arange(12)), k, { mask, score: alibi(H) });
      expect(largest(cat(steps, 2), want)).toBeLessThan(3e-6);
    }
  });

  it("with values of another width, in 16 bits", () => {
    const sizes = { layers: 1, heads: Hk, headWidth: D, valueWidth: 3, batch: B, window: 4, dtype: "bf16" } as const;
    const cache = new KeyValueCache(sizes);
    const step = stepOf(cache.layers[0]);
    const narrow = value.narrow(3, 0, 3).bfloat16();
    const wide = attention(query, key, value.narrow(3, 0, 3), { mask: { kind: "window", left: 3 } });
    for (let at = 0; at < 9; at++) {
      const mixed = step(part(query, at, 1).bfloat16(), part(key, at, 1).bfloat16(), part(narrow, at, 1));
      expect([mixed.dtype, mixed.shape]).toEqual(["bf16", [B, H, 1, 3]]);
      expect(largest(mixed.float(), part(wide, at, 1))).toBeLessThan(0.05);
      cache.advance(1);
    }
    expect(cache.layers[0].values.dtype).toBe("bf16");
  });
});

describe("rows", () => {
  it("are as many as the window and a part take, and hold the latest positions", () => {
    const cache = new KeyValueCache({ layers: 2, heads: 1, headWidth: 1, window: [3, null], chunk: 2, capacity: 10 });
    expect(cache.layers.map((layer) => layer.rows)).toEqual([4, 10]);
    expect(cache.layers[0].rowPositions(1).toArray()).toEqual([0, -3, -2, -1]);
    cache.advance(5);
    expect(cache.layers[0].rowPositions(2).toArray()).toEqual([4, 5, 6, 3]);
    expect(cache.layers[0].keep(2).toArray()).toEqual([
      [true, true, false, true],
      [true, true, true, false],
    ]);
    expect(cache.layers[0].future(1).toArray()).toEqual([[false, false, true, false]]);
    expect(cache.layers[1].mask(1)).toEqual({ kind: "causal", offset: cache.length });
    expect(cache.layers[1].rowPositions(1).toArray()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("are written alone: a step of one token moves one row of each, not the buffer", () => {
    const rows = 4096;
    const cache = new KeyValueCache({ layers: 1, heads: 2, headWidth: 16, capacity: rows });
    const append = compile((key: Tensor, value: Tensor) => {
      cache.layers[0].append(key, value);
    });
    const [key, value] = [randn(1, 2, 1, 16), randn(1, 2, 1, 16)];
    const text = explain(append, key, value);
    expect(text).not.toContain("4096");
    expect(text).toMatch(/ 0 B of temporary memory|[ ]\d{1,3} B of temporary memory/);
    append(key, value);
    expect(largest(cache.layers[0].keys.narrow(2, 0, 1), key)).toBe(0);
    expect(
      cache.layers[0].keys
        .narrow(2, 1, rows - 1)
        .abs()
        .max()
        .item(),
    ).toBe(0);
  });

  it("need no new program for later steps", () => {
    const cache = new KeyValueCache({ layers: 1, heads: Hk, headWidth: D, batch: B, window: 5 });
    let traced = 0;
    const step = compile((query: Tensor, key: Tensor, value: Tensor) => {
      traced++;
      const [keys, values] = cache.layers[0].append(key, value);
      return attention(query, keys, values, { mask: cache.layers[0].mask(1) });
    });
    let once = 0;
    for (let at = 0; at < 12; at++) {
      step(part(query, at, 1), part(key, at, 1), part(value, at, 1));
      cache.advance(1);
      if (at === 0) once = traced;
    }
    expect(traced).toBe(once);
  });
});

/** One layer of attention over a window, as a language model. */
class Windowed extends Module {
  readonly context = 1000;
  readonly vocabularySize = 17;
  tokens = new Embedding(17, 16);
  project = new Linear(16, 48);

  constructor(readonly window: number) {
    super();
  }

  newCache(): KeyValueCache {
    return new KeyValueCache({ layers: 1, heads: 2, headWidth: 8, window: this.window, chunk: 6 });
  }

  residual(ids: Tensor, cache?: KeyValueCache): Tensor {
    const [B, T] = ids.shape;
    const split = (x: Tensor) => x.view(B, T, 2, 8).transpose(1, 2);
    let [query, key, value] = this.project.forward(this.tokens.forward(ids)).split(16, -1).map(split);
    const positions = cache ? cache.positions(T) : arange(T);
    [query, key] = [rotary(query, positions), rotary(key, positions)];
    if (cache) [key, value] = cache.layers[0].append(key, value);
    const mask = cache ? cache.layers[0].mask(T) : ({ kind: "window", left: this.window - 1 } as const);
    return attention(query, key, value, { mask }).transpose(1, 2).reshape(B, T, 16);
  }

  logits(residual: Tensor): Tensor {
    return residual.matmul(this.tokens.weight.T);
  }
}

it("a decoder reads long prompts in parts, and writes on without end", () => {
  manualSeed(4);
  const model = new Windowed(5);
  const decoder = new Decoder(model);
  const text = Array.from({ length: 60 }, (_, i) => (i * i) % 17);
  let read = 0;
  for (const count of [14, 1, 1, 7, 1, 6, 30]) {
    const logits = decoder.next(text.slice(read, read + count));
    read += count;
    const want = model.logits(model.residual(tensor([text.slice(0, read)]))).select(1, -1); // biome-ignore format: one line
    expect(largest(tensor(logits), want.view(17))).toBeLessThan(2e-5);
  }
  expect(decoder.cache.size).toBe(60);
  expect(decoder.cache.layers[0].rows).toBe(10);
});

describe("what a cache refuses", () => {
  const make = (sizes: object) => () => new KeyValueCache({ layers: 1, heads: 1, headWidth: 2, ...sizes });
  const rows = (T: number, width = 2) => randn(1, 1, T, width);

  it("sizes", () => {
    expect(make({})).toThrow("a capacity of at least 1, got undefined");
    expect(make({ window: 0 })).toThrow("a window of at least 1 position, or null, got 0");
    expect(make({ window: 4, chunk: 0 })).toThrow("a chunk of at least 1 position, got 0");
    expect(make({ window: [4, 4] })).toThrow("1 windows, one for each layer, got 2");
    expect(make({ window: [null] })).toThrow("a capacity of at least 1, got undefined");
    expect(make({ layers: 0, capacity: 4 })).toThrow("at least 1 layer, got 0");
    for (const name of ["heads", "headWidth", "valueWidth", "batch"])
      for (const size of [0, -1, 1.5, "2"])
        expect(make({ capacity: 4, [name]: size })).toThrow(
          `KeyValueCache: expected ${name} a whole number of at least 1, got ${size}`,
        );
    expect(make({ capacity: 4, dtype: "i32" })).toThrow("KeyValueCache: expected a float dtype, got i32");
    expect(make({ capacity: 4, dtype: "f64" })).toThrow("KeyValueCache: expected a float dtype, got f64");
    expect(make({ window: 4 })().capacity).toBe(Number.POSITIVE_INFINITY);
  });

  it("keys that do not fit", () => {
    const [layer] = make({ capacity: 4 })().layers;
    expect(() => layer.append(rows(1), rows(2))).toThrow(
      "LayerCache.append: expected key [1,1,T,2] and value [1,1,T,2]",
    );
    expect(() => layer.append(rows(1, 3), rows(1))).toThrow("got key f32[1,1,1,3]");
    expect(() => layer.append(randn(1, 2, 1, 2), randn(1, 2, 1, 2))).toThrow("got key f32[1,2,1,2]");
  });

  it("more than it holds", () => {
    const full = make({ capacity: 4 })();
    expect(() => full.layers[0].append(rows(5), rows(5))).toThrow("at most 4 positions at once, got 5; make it larger");
    full.layers[0].append(rows(3), rows(3));
    full.advance(3);
    expect(() => full.layers[0].append(rows(2), rows(2))).toThrow("at most 4 positions, got 3 and 2 more");
    expect(() => full.advance(2)).toThrow("at most 4 positions, got 3 and 2 more; make it larger, or reset it");
    for (const part of [1.5, -1, Number.NaN])
      expect(() => full.advance(part)).toThrow(`a whole number of positions, at least 0, got ${part}`);
    expect(full.size).toBe(3);
    full.advance(0);
    const [ring] = make({ window: 4, chunk: 2 })().layers;
    expect(() => ring.append(rows(3), rows(3))).toThrow(
      "at most 2 positions at once, got 3; make the cache with a larger chunk",
    );
  });

  it("a compiled step past the capacity, which loses nothing", () => {
    const capacity = 6;
    const cache = new KeyValueCache({ layers: 1, heads: Hk, headWidth: D, batch: B, capacity });
    const step = stepOf(cache.layers[0]);
    const at = (from: number, count: number) =>
      step(part(query, from, count), part(key, from, count), part(value, from, count)).evaluate();
    at(0, 3);
    cache.advance(3);
    at(3, 2);
    cache.advance(2);
    const [keys, values] = [cache.layers[0].keys, cache.layers[0].values].map((x) => tensor(part(x, 0, 5)).evaluate());
    // The positions are read when the step runs: it is scatter that finds row 6 of 6.
    expect(() => at(5, 2)).toThrow(/scatter.*6/);
    expect([cache.size, cache.length.item()]).toEqual([5, 5]);
    expect(largest(part(cache.layers[0].keys, 0, 5), keys)).toBe(0);
    expect(largest(part(cache.layers[0].values, 0, 5), values)).toBe(0);
    const want = part(whole(null), 5, 1);
    expect(largest(at(5, 1), want)).toBeLessThan(2e-6);
    cache.advance(1);
    expect(() => at(5, 1)).toThrow(/scatter.*6/);
  });
});
