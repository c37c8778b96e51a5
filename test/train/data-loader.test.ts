import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, expectTypeOf, test } from "vitest";
import { arange, Generator, manualSeed, rand, randint, Tensor, tensor, zeros } from "../../src/index.js";
import { DataLoader, defaultCollate, randomSplit, Subset, TensorDataset } from "../../src/train/index.js";

type Order = [count: number, first: number[], digest: string];

interface Golden {
  loaders: {
    size: number;
    options: { batchSize: number; shuffle: boolean; dropLast: boolean; seed?: number };
    stop: number | null;
    length: number;
    epochs: { drawn: number[]; sizes: number[]; order: Order }[];
    word: number;
    own?: number;
  }[];
  splits: { size: number; lengths: number[]; seed: number | null; parts: Order[]; word: number }[];
}

const golden = JSON.parse(readFileSync(new URL("../golden/data_loader.json", import.meta.url), "utf8")) as Golden;

function orderOf(samples: readonly number[]): Order {
  const digest = createHash("sha256").update(Int32Array.from(samples)).digest("hex").slice(0, 16);
  return [samples.length, samples.slice(0, 8), digest];
}

const word = (generator?: Generator) => randint(2 ** 28 - 1, [1], { generator }).item();
const upTo = (size: number) => Array.from({ length: size }, (_, i) => i);

describe("DataLoader", () => {
  test.each(golden.loaders.map((c) => [JSON.stringify([c.size, c.options, c.stop]), c] as const))(
    "gives PyTorch's batches and leaves its random numbers: %s",
    (_, c) => {
      const { seed, ...options } = c.options;
      for (const dataset of [upTo(c.size), new TensorDataset(arange(c.size))]) {
        manualSeed(123);
        const generator = seed === undefined ? undefined : new Generator(seed);
        const loader = new DataLoader<unknown, Tensor | Tensor[]>(dataset, { ...options, generator });
        expect(loader.length).toBe(c.length);
        for (const epoch of c.epochs) {
          expect(rand(3).toArray()).toEqual(epoch.drawn);
          const batches: number[][] = [];
          for (const batch of loader) {
            batches.push([...(batch instanceof Tensor ? batch : batch[0]).dataSync()]);
            if (batches.length === c.stop) break;
          }
          expect([...new Set(batches.map((batch) => batch.length))].toSorted((a, b) => a - b)).toEqual(epoch.sizes);
          expect(orderOf(batches.flat())).toEqual(epoch.order);
        }
        expect(word()).toBe(c.word);
        if (generator) expect(word(generator)).toBe(c.own);
      }
    },
  );

  test("pairs what belongs together, with types that say so", () => {
    const x = rand(10, 3);
    const y = arange(10);
    for (const [inputs, labels] of new DataLoader(new TensorDataset(x, y), { batchSize: 4, shuffle: true })) {
      expectTypeOf(inputs).toEqualTypeOf<Tensor>();
      expect(inputs.toArray()).toEqual([...labels.dataSync()].map((i) => x.at(i).toArray()));
    }
  });

  test("reads anything with a length and samples by number, and puts them together as told", () => {
    const squares = { length: 5, get: (i: number) => ({ name: `square ${i}`, area: i * i }) };
    const [first, second] = new DataLoader(squares, { batchSize: 3 });
    expect(first.name).toEqual(["square 0", "square 1", "square 2"]);
    expect(second.area.toArray()).toEqual([9, 16]);
    const sums = new DataLoader(squares, {
      batchSize: 2,
      collate: (all) => all.reduce((sum, { area }) => sum + area, 0),
    });
    expect([...sums]).toEqual([1, 13, 16]);
    const own = new DataLoader(new TensorDataset(arange(4)), {
      batchSize: 2,
      collate: (all) => all.map(([x]) => x.item()),
    });
    expect([...own]).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect([...new DataLoader(Float32Array.of(0.5, 1), { batchSize: 2 })][0].toArray()).toEqual([0.5, 1]);
  });

  test("has epochs that do not disturb each other", () => {
    const loader = new DataLoader(upTo(6), { batchSize: 2 });
    const [a, b] = [loader[Symbol.iterator](), loader[Symbol.iterator]()];
    a.next();
    expect((b.next().value as Tensor).toArray()).toEqual([0, 1]);
    expect((a.next().value as Tensor).toArray()).toEqual([2, 3]);
    expect([...new DataLoader([], { batchSize: 2 })]).toEqual([]);
  });

  test("says what is wrong", () => {
    expect(() => new DataLoader([], { shuffle: true })).toThrow(
      "DataLoader: expected at least one sample to shuffle, got an empty data set",
    );
    expect(() => new DataLoader([1], { batchSize: 0 })).toThrow("DataLoader: expected batchSize a whole number");
    expect(() => new DataLoader([1], { batchSize: 1.5 })).toThrow("got 1.5");
    expect(() => new DataLoader(zeros(3, 2) as unknown as number[])).toThrow("wrap it: new TensorDataset(tensor)");
    expect(() => new DataLoader({ length: 3 } as unknown as number[])).toThrow("got neither get nor at");
    expect(() => new DataLoader(null as unknown as number[])).toThrow("get(i) or at(i), got null");
    expect(() => new DataLoader([1], { generator: 5 as unknown as Generator })).toThrow("as in new Generator(123)");
    expect(() => new DataLoader([1], { collate: 5 as unknown as () => 0 })).toThrow("collate a function, got 5");
  });
});

describe("randomSplit", () => {
  test.each(golden.splits.map((c) => [JSON.stringify([c.size, c.lengths, c.seed]), c] as const))(
    "is PyTorch's: %s",
    (_, c) => {
      manualSeed(9);
      const parts = randomSplit(upTo(c.size), c.lengths, c.seed === null ? {} : { generator: new Generator(c.seed) });
      expect(parts.map((part) => orderOf(part.indices))).toEqual(c.parts);
      expect(parts.map((part) => orderOf(upTo(part.length).map((i) => part.get(i))))).toEqual(c.parts);
      expect(word()).toBe(c.word);
    },
  );

  test("says what is wrong", () => {
    for (const lengths of [[4, 5], [0.5, 0.6], [-1, 11], [9.5, 0.5], []])
      expect(() => randomSplit(upTo(10), lengths)).toThrow(
        `randomSplit: expected whole lengths that add up to 10, or shares that add up to 1, got [${lengths.join(", ")}]`,
      );
  });
});

describe("Subset and TensorDataset", () => {
  test("a part of a part makes the batches of the whole", () => {
    const whole = new TensorDataset(arange(10), arange(10).mul(10));
    const part = new Subset(new Subset(whole, [9, 8, 7, 6]), [3, 1]);
    expect(part.get(0).map((x) => x.item())).toEqual([6, 60]);
    const [[x, y]] = new DataLoader(part, { batchSize: 5 });
    expect([x.toArray(), y.toArray()]).toEqual([
      [6, 8],
      [60, 80],
    ]);
    expect([...new DataLoader(new Subset(["a", "b", "c"], [2, 0]), { batchSize: 2 })]).toEqual([["c", "a"]]);
  });

  test("say what is wrong", () => {
    expect(() => new TensorDataset(...([] as unknown as [Tensor]))).toThrow(
      "TensorDataset: expected at least one tensor",
    );
    expect(() => new TensorDataset(zeros(3), zeros(4, 2))).toThrow("equal first size, got f32[3] and f32[4,2]");
    expect(() => new TensorDataset(tensor(1))).toThrow("tensors of at least one dimension, got i32[]");
    expect(() => new TensorDataset([1] as unknown as Tensor)).toThrow(
      "expected tensors, got an array of 1 number at position 0",
    );
    expect(() => new Subset([1, 2], [2])).toThrow("Subset: expected whole numbers from 0 to 1, got 2");
    expect(() => new Subset([1, 2], [0]).get(1)).toThrow("Subset: expected a number from 0 to 0, got 1");
  });
});

describe("defaultCollate", () => {
  test("stacks, counts and keeps the form of samples", () => {
    const batch = defaultCollate([
      { x: tensor([1, 2]), pair: [1, true] as [number, boolean], text: "a", values: Float32Array.of(1) },
      { x: tensor([3, 4]), pair: [0.5, false] as [number, boolean], text: "b", values: Float32Array.of(2) },
    ]);
    expectTypeOf(batch.pair).toEqualTypeOf<[Tensor, Tensor]>();
    expectTypeOf(batch.text).toEqualTypeOf<string[]>();
    expect(batch.x.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(batch.pair.map((x) => x.dtype)).toEqual(["f32", "bool"]);
    expect(batch.text).toEqual(["a", "b"]);
    expect([batch.values.dtype, batch.values.shape]).toEqual(["f32", [2, 1]]);
    expect(defaultCollate([1, 2]).dtype).toBe("i32");
  });

  test("says what does not go together, and where", () => {
    expect(() => defaultCollate([])).toThrow("defaultCollate: expected at least one sample, got none");
    expect(() => defaultCollate([[zeros(2)], [zeros(3)]])).toThrow(
      "tensors of one shape and dtype at 0, got f32[2] and f32[3]; give padSequence",
    );
    expect(() => defaultCollate([{ a: { b: [1] } }, { a: { b: [1, 2] } }])).toThrow(
      "arrays of equal length at a.b, got 1 and 2 items",
    );
    expect(() => defaultCollate<unknown>([1, "a"])).toThrow("samples alike, got number and string");
    expect(() => defaultCollate([null, null])).toThrow("got null; give the DataLoader a `collate` function");
  });
});
