import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { runExample } from "./run.js";

type Golden = Record<"Bahdanau" | "Luong", { losses: number[]; pattern: number[][] }>;
const path = new URL("../golden/examples/11-seq2seq.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Golden;

test("11-seq2seq learns as PyTorch does, and pronounces words", async () => {
  const { exports, printed } = await runExample("11-seq2seq", "--steps", "5", "--words", "20");
  const { losses, patterns, pronounced } = exports as {
    losses: Record<keyof Golden, number[]>;
    patterns: Tensor[];
    pronounced: Record<keyof Golden, string[][]>;
  };
  for (const [i, name] of (["Bahdanau", "Luong"] as const).entries()) {
    const wanted = golden[name];
    expect(losses[name]).toHaveLength(wanted.losses.length);
    for (const [step, loss] of wanted.losses.entries()) expect(Math.abs(losses[name][step] - loss)).toBeLessThan(1e-4);
    const pattern = patterns[i].toArray() as number[][];
    expect([pattern.length, pattern[0].length]).toEqual([wanted.pattern.length, wanted.pattern[0].length]);
    for (const [t, row] of wanted.pattern.entries())
      for (const [s, weight] of row.entries()) expect(Math.abs(pattern[t][s] - weight)).toBeLessThan(1e-4);
    expect(pronounced[name]).toHaveLength(20);
    expect(printed).toMatch(
      new RegExp(`${name}, 20 words it has not seen:\nphoneme error rate [\\d.]+ %, words right [\\d.]+ %\n`),
    );
  }
  expect(printed).toMatch(/ F [ ·░▒▓█]+\n/);
});
