import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { constant, cosine, noam, SCHEDULES, type ScheduleName } from "../../src/train/schedules.js";

const golden = JSON.parse(readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8"));

describe("schedules", () => {
  it.each<{ kind: ScheduleName; learningRate: number; warmup: number; lowest: number; rates: number[] }>(golden.cases)(
    "$kind from $learningRate with a warm-up of $warmup gives torch's rates",
    ({ kind, rates, ...options }) => {
      const schedule = SCHEDULES[kind]({ steps: golden.steps, ...options });
      const off = rates.map((rate, step) => Math.abs(schedule(step) / rate - 1));
      expect(Math.max(...off)).toBeLessThan(1e-12);
    },
  );

  it.each<{ modelWidth: number; warmup: number; factor: number; rates: number[] }>(golden.noam)(
    "noam for width $modelWidth with a warm-up of $warmup gives the rates of torch's LambdaLR",
    ({ rates, ...options }) => {
      const schedule = noam(options);
      const off = rates.map((rate, step) => Math.abs(schedule(step) / rate - 1));
      expect(Math.max(...off)).toBeLessThan(1e-12);
    },
  );

  it("noam is highest at the end of its warm-up, with factor 1 unless told", () => {
    const schedule = noam({ modelWidth: 512, warmup: 4000 });
    expect(schedule(3999)).toBeCloseTo(1 / Math.sqrt(512 * 4000), 15);
    expect(schedule(3998)).toBeLessThan(schedule(3999));
    expect(schedule(4000)).toBeLessThan(schedule(3999));
    expect(() => noam({ modelWidth: 512, warmup: 0 })).toThrow("noam: expected a warm-up of at least 1 step, got 0");
    expect(() => noam({ modelWidth: 0, warmup: 1 })).toThrow("noam: expected a modelWidth of at least 1, got 0");
    expect(() => noam({ modelWidth: 1, warmup: 1, factor: -1 })).toThrow(
      "noam: expected a factor of at least 0, got -1",
    );
  });

  it("stays at its lowest past the end, and learns from step 0 on", () => {
    const schedule = cosine({ learningRate: 1, warmup: 3, steps: 10, lowest: 0.1 });
    expect(schedule(0)).toBe(0.25);
    expect(schedule(3)).toBe(1);
    expect(schedule(10)).toBeCloseTo(0.1, 15);
    expect(schedule(1000)).toBeCloseTo(0.1, 15);
    expect(constant({ learningRate: 0.5 })(0)).toBe(0.5);
  });

  it("warms up for the whole run where the warm-up is longer", () => {
    const schedule = cosine({ learningRate: 1, warmup: 99, steps: 10 });
    expect(schedule(9)).toBeCloseTo(0.1, 15);
  });

  it("refuses rates and lengths that make no sense", () => {
    expect(() => constant({ learningRate: -1 })).toThrow("constant: expected a learning rate of at least 0, got -1");
    expect(() => cosine({ learningRate: 1, steps: 0 })).toThrow("at least 1 step");
    expect(() => cosine({ learningRate: 1, steps: 9, lowest: 2 })).toThrow("a lowest rate from 0 to 1, got 2");
    expect(() => constant({ learningRate: 1, warmup: -1 })).toThrow("a warm-up of at least 0 steps, got -1");
  });
});
