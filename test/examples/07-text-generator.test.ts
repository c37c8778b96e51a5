import { expect, test } from "vitest";
import type { Tensor } from "../../src/tensor/tensor.js";
import { golden } from "../nn/golden.js";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

const parts = { logits: (whole: Tensor) => whole.at(":2", 0, ":40") };

test("07-text-generator learns and writes as its PyTorch original does from the same seed", async () => {
  const ran = await runExample("07-text-generator", "--steps", "3");
  agreesWithPyTorch("07-text-generator", ran, { tolerance: 1e-5, parts });
  expect(ran.printed).toMatch(
    /^\p{Script=Han}{5}，\p{Script=Han}{5}。\n {2}.{12,}\n {2}\p{Script=Han}{5}，\p{Script=Han}{5}。$/mu,
  );
}, 120_000);

test("07-text-generator, its encoder seeing what it is to predict, has another loss from the first step on", async () => {
  const { losses } = (await runExample("07-text-generator", "--steps", "1", "--careless")).exports;
  const [masked] = golden<{ losses: number[] }>("examples/07-text-generator").losses;
  expect(Math.abs((losses as number[])[0] - masked)).toBeGreaterThan(1e-3);
}, 120_000);
