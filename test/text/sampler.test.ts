import { describe, expect, test } from "vitest";
import { Generator } from "../../src/base/random.js";
import { type Batch, type SamplerState, WindowSampler } from "../../src/text/index.js";
import { golden } from "./support.js";

const tokens = Int32Array.from({ length: 23 }, (_, i) => i); // 11 windows of 2
const make = (options: object = {}, seed = 123) =>
  new WindowSampler(tokens, { batch: 4, length: 2, generator: new Generator(seed), ...options });
const numbers = ({ inputs, length }: Batch) =>
  [...inputs].filter((_, i) => i % length === 0).map((start) => start / length);

describe("WindowSampler", () => {
  test("draws the windows in the order of PyTorch's DataLoader", () => {
    const sampler = make({ dropLast: false });
    expect(sampler.batchesPerEpoch).toBe(3);
    const epochs = golden.epochs.map(() => [...sampler.restOfEpoch()].map(numbers));
    expect(epochs).toEqual(golden.epochs);
    expect(sampler.epoch).toBe(2);
  });

  test("gives each window with the tokens that follow", () => {
    const { inputs, targets, batch, length } = make().nextBatch();
    expect([batch, length, inputs.length, targets.length]).toEqual([4, 2, 8, 8]);
    for (let b = 0; b < batch; b++) expect(inputs[2 * b + 1]).toBe(inputs[2 * b]! + 1);
    expect([...targets]).toEqual([...inputs].map((token) => token + 1));
  });

  test("leaves out a last batch that is not full unless told", () => {
    const sampler = make();
    expect(sampler.batchesPerEpoch).toBe(2);
    for (const epoch of golden.epochs) {
      for (const batch of epoch.slice(0, 2)) expect(numbers(sampler.nextBatch())).toEqual(batch);
    }
  });

  test("draws every window once an epoch, with any stride", () => {
    const sampler = make({ stride: 1, batch: 7 });
    for (let epoch = 0; epoch < 3; epoch++) {
      const starts = [...sampler.restOfEpoch()].flatMap(({ inputs }) => [...inputs].filter((_, i) => i % 2 === 0));
      expect(starts.toSorted((a, b) => a - b)).toEqual([...tokens.subarray(0, 21)]);
    }
  });

  test.each([true, false])("goes on bit for bit from any saved state (dropLast %s)", (dropLast) => {
    for (let saved = 0; saved < 8; saved++) {
      const generator = new Generator(9);
      const first = make({ dropLast, generator });
      for (let i = 0; i < saved; i++) first.nextBatch();
      const state = JSON.parse(JSON.stringify(first.state())) as SamplerState;
      const second = make({ dropLast, generator: generator.clone() });
      second.restore(state);
      for (let i = 0; i < 8; i++) {
        expect(second.nextBatch()).toEqual(first.nextBatch());
        expect(second.epoch).toBe(first.epoch);
        expect(second.state()).toEqual(first.state());
      }
    }
  });

  test("gives the rest of an epoch after a restart", () => {
    const sampler = make();
    sampler.nextBatch();
    expect([...sampler.restOfEpoch()].length).toBe(1);
    expect([...sampler.restOfEpoch()].length).toBe(2);
  });

  test("refuses a state that does not fit", () => {
    const sampler = make();
    const good = { epoch: 0, position: 4, seed: "5", windows: 11 };
    sampler.restore(good);
    expect(() => sampler.restore({ ...good, windows: 12 })).toThrow(
      "WindowSampler.restore: expected a state of 11 windows, got one of 12; resume with the text",
    );
    for (const bad of [
      { position: 12 },
      { position: 3 },
      { position: -4 },
      { epoch: 0.5 },
      { seed: null },
      { seed: "x" },
    ]) {
      expect(() => sampler.restore({ ...good, ...bad })).toThrow("expected a state as state() gives it");
    }
  });

  test("refuses a text too short for a batch", () => {
    expect(() => make({ batch: 12 })).toThrow(
      "WindowSampler: expected at least 25 tokens for a batch of 12 windows of 2, got 23 tokens (11 windows); give more text",
    );
    expect(make({ batch: 12, dropLast: false }).nextBatch().batch).toBe(11);
    expect(() => make({ length: 23 })).toThrow("expected at least 24 tokens for a window of 23");
  });
});
