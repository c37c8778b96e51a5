// Generation: cached logits equal those computed anew, the same seed writes the same text, sampling draws torch's tokens.

import { describe, expect, it } from "vitest";
import { Generator, manualSeed, randn, tensor, zeros } from "../../src/index.js";
import { Decoder, GPT, generate, KeyValueCache, sampleToken, stream } from "../../src/models/index.js";
import { golden } from "../nn/golden.js";

interface Sampling {
  temperature: number;
  topK: number | null;
  topP: number | null;
  tokens: number[];
}
const { sampling } = golden<{ sampling: Sampling[] }>("gpt");

function makeModel(dropout = 0): GPT {
  manualSeed(21);
  const model = new GPT({ vocabularySize: 23, context: 16, layers: 2, heads: 2, width: 16, dropout });
  // Larger weights than a fresh model's, so that the text depends on what came before.
  for (const p of model.parameters()) p.assign(randn(p.shape).mul(0.3).add(p.detach()));
  return model;
}

/** The logits after `ids`, computed without a cache. */
function plain(model: GPT, ids: readonly number[]): Float32Array {
  return model.forward(tensor([[...ids]])).narrow(1, ids.length - 1, 1).dataSync() as Float32Array; // biome-ignore format: short
}

function expectSame(actual: Float32Array, wanted: Float32Array): void {
  const error = Math.max(...actual.map((x, i) => Math.abs(x - wanted[i])));
  expect(error).toBeLessThan(2e-5);
}

describe("a cache", () => {
  const model = makeModel().eval();
  const text = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2];

  it("gives the logits of the whole text, for a prompt, a part and single tokens", () => {
    const decoder = new Decoder(model);
    let read = 0;
    for (const count of [5, 1, 1, 3, 1, 4]) {
      const logits = decoder.next(text.slice(read, read + count));
      read += count;
      expectSame(logits, plain(model, text.slice(0, read)));
      expect(decoder.cache.size).toBe(read);
    }
  });

  it("forgets the older half when the context is full, and an over-long prompt's beginning", () => {
    const decoder = new Decoder(model);
    const longer = [...text, ...text];
    expectSame(decoder.next(longer.slice(0, 16)), plain(model, longer.slice(0, 16)));
    expectSame(decoder.next([longer[16]]), plain(model, longer.slice(9, 17)));
    expectSame(decoder.next([longer[17]]), plain(model, longer.slice(9, 18)));
    for (let i = 18; i < longer.length; i++) decoder.next([longer[i]]);
    expect(decoder.cache.size).toBeLessThanOrEqual(16);
    expectSame(new Decoder(model).next(longer), plain(model, longer.slice(-16)));
  });

  it("works outside compile too, and starts anew after reset", () => {
    const cache = model.newCache(8);
    for (const round of [text.slice(0, 3), text.slice(5, 8)]) {
      const logits = model.forward(tensor([round]), cache);
      cache.advance(3);
      expectSame(logits.narrow(1, 2, 1).dataSync() as Float32Array, plain(model, round));
      cache.reset();
    }
  });

  it("keeps the model's dtype", () => {
    const half = makeModel().eval().bfloat16();
    const decoder = new Decoder(half);
    decoder.next(text.slice(0, 4));
    const logits = decoder.next([text[4]]);
    expect(decoder.cache.layers[1].keys.dtype).toBe("bf16");
    const wanted = half.forward(tensor([text.slice(0, 5)])).narrow(1, 4, 1).dataSync(); // biome-ignore format: short
    expect(Math.max(...logits.map((x, i) => Math.abs(x - wanted[i])))).toBeLessThan(0.1);
  });

  it("has a capacity", () => {
    const cache = new KeyValueCache({ layers: 1, heads: 1, headWidth: 2, capacity: 3 });
    cache.advance(2);
    expect(() => cache.advance(2)).toThrow("at most 3 positions, got 2 and 2 more");
    expect(() => new KeyValueCache({ layers: 1, heads: 1, headWidth: 2, capacity: 0 })).toThrow("a capacity");
    expect(() => model.newCache(17)).toThrow("at most 16, the context");
  });
});

describe("generation", () => {
  const model = makeModel();

  it("writes the same text for the same seed, beyond the context too", async () => {
    const options = { tokens: 40, temperature: 0.9, topK: 10, topP: 0.95 };
    const one = await generate(model, [1, 2, 3], { ...options, seed: 5 });
    expect(await generate(model, [1, 2, 3], { ...options, seed: 5 })).toEqual(one);
    expect(await generate(model, [1, 2, 3], { ...options, seed: 6 })).not.toEqual(one);
    expect(one).toHaveLength(40);
    manualSeed(5);
    expect(await generate(model, [1, 2, 3], options)).toEqual(one);
    expect(await generate(model, [1, 2, 3], { ...options, generator: new Generator(5) })).toEqual(one);
  });

  it("is greedy at temperatures next to 0, whose quotients no f32 holds", () => {
    for (const temperature of [0, 1e-320, 1e-45, 1e-38]) {
      for (const best of [-3, 0, 5]) {
        const logits = Float32Array.of(best - 1, best, best - 2);
        expect(sampleToken(logits, { temperature }, new Generator(1)), `${best} / ${temperature}`).toBe(1);
      }
    }
  });

  it("is greedy at temperature 0", async () => {
    const ids = [4, 5];
    const written = await generate(model, ids, { tokens: 6, temperature: 0 });
    for (const id of written) {
      const logits = plain(model, ids);
      expect(id).toBe(logits.indexOf(Math.max(...logits)));
      ids.push(id);
    }
  });

  it("streams, stops where told, and tells of each token", async () => {
    const whole = await generate(model, [7], { tokens: 20, seed: 1 });
    const heard: number[] = [];
    const stop = whole[4];
    const first = whole.indexOf(stop);
    const cut = await generate(model, [7], { tokens: 20, seed: 1, stop: [stop], onToken: (id) => heard.push(id) });
    expect(cut).toEqual(whole.slice(0, first + 1));
    expect(heard).toEqual(cut);
    const streamed: number[] = [];
    for await (const id of stream(model, Int32Array.of(7), { tokens: 20, seed: 1 })) {
      streamed.push(id);
      if (streamed.length === 3) break;
    }
    expect(streamed).toEqual(whole.slice(0, 3));
    expect(await generate(model, [7], { tokens: 0 })).toEqual([]);
  });

  it("leaves dropout out, and the model as it was", async () => {
    const dropping = makeModel(0.5);
    const written = await generate(dropping, [1], { tokens: 10, temperature: 0 });
    expect(dropping.training).toBe(true);
    expect(dropping.dropout.training).toBe(true);
    expect(await generate(dropping.eval(), [1], { tokens: 10, temperature: 0 })).toEqual(written);
    expect(dropping.training).toBe(false);
  });

  it("refuses what it cannot do", async () => {
    const attempt = (ids: number[], options: object) => generate(model, ids, { tokens: 1, ...options });
    await expect(attempt([], {})).rejects.toThrow("at least one token to begin with");
    await expect(attempt([1, 23], {})).rejects.toThrow("token ids from 0 to 22, got 23 at position 1");
    await expect(attempt([-1], {})).rejects.toThrow("got -1");
    await expect(generate(model, tensor([1]) as never, { tokens: 1 })).rejects.toThrow(
      "give its numbers, await tensor.data()",
    );
    await expect(attempt([1], { tokens: 1.5 })).rejects.toThrow("a whole number of tokens");
    await expect(attempt([1], { temperature: -1 })).rejects.toThrow("a temperature of at least 0");
    await expect(attempt([1], { topK: 0 })).rejects.toThrow("topK a whole number");
    await expect(attempt([1], { topP: 0 })).rejects.toThrow("topP above 0");
    const broken = makeModel();
    broken.norm.weight?.fill(Number.NaN);
    await expect(generate(broken, [1], { tokens: 1 })).rejects.toThrow("finite logits");
  });
});

describe("sampling", () => {
  for (const { temperature, topK, topP, tokens } of sampling) {
    it(`draws torch's tokens at temperature ${temperature}, top-k ${topK}, top-p ${topP}`, () => {
      const generator = new Generator(11);
      const drawn = tokens.map(() => {
        const logits = randn(1, 50, { generator }).mul(3).dataSync() as Float32Array;
        return sampleToken(logits, { temperature, topK: topK ?? undefined, topP: topP ?? undefined }, generator);
      });
      expect(drawn).toEqual(tokens);
    });
  }

  it("keeps at least one token, and refuses rows of nothing", () => {
    const generator = new Generator(1);
    const logits = Float32Array.of(1, 5, 2);
    expect(sampleToken(logits, { topP: 1e-9 }, generator)).toBe(1);
    expect(sampleToken(logits, { topK: 1 }, generator)).toBe(1);
    expect([...logits]).toEqual([1, 5, 2]);
    const none = zeros(2).add(Number.NEGATIVE_INFINITY).dataSync() as Float32Array;
    expect(() => sampleToken(none, {}, generator)).toThrow("a token that is allowed");
  });
});
