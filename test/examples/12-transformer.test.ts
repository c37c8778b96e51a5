import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { runExample } from "./run.js";

interface Golden {
  parameters: number;
  losses: number[];
  greedy: number[][];
  beam: number[][];
  translation: number[];
  pattern: number[][];
}
const golden = JSON.parse(
  readFileSync(new URL("../golden/examples/12-transformer.json", import.meta.url), "utf8"),
) as Golden;

test("12-transformer learns as PyTorch does from the same seed, translates, and draws where it looked", async () => {
  const { exports, printed } = await runExample("12-transformer", "--steps", "5", "--dropout", "0", "--sentences", "4");
  const losses = exports.losses as number[];
  expect(losses).toHaveLength(golden.losses.length);
  for (const [i, loss] of losses.entries()) expect(Math.abs(loss - golden.losses[i])).toBeLessThan(1e-4);
  expect(exports.found).toEqual({ greedy: golden.greedy, beam: golden.beam });
  expect(exports.translation).toEqual(golden.translation);
  const pattern = (exports.pattern as Tensor).at(0).toArray() as number[][];
  for (const [t, row] of golden.pattern.entries())
    for (const [s, weight] of row.entries()) expect(Math.abs(pattern[t][s] - weight)).toBeLessThan(1e-4);
  expect(printed).toContain(`8675 pairs, ${golden.parameters} parameters`);
  expect(printed).toMatch(/^greedy: BLEU \d+\.\d on 4 sentences/m);
  expect(printed).toMatch(/^beam: BLEU \d+\.\d on 4 sentences/m);
  expect(printed).toContain("t i u n   n   t t"); // the, file, could, not ... over the columns
}, 300_000);
