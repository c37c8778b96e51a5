import { expect, test } from "vitest";
import { manualSeed, randn, type Tensor } from "../../src/index.js";
import { AdditiveAttention, LuongAttention } from "../../src/nn/index.js";
import { allClose } from "../support/compare.js";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("03-three-scores has PyTorch's numbers and draws the four patterns side by side", async () => {
  const ran = await runExample("03-three-scores");
  agreesWithPyTorch("03-three-scores", ran);
  expect(ran.printed).toMatch(/additive +dot +general +scaled dot/);
});

test("the layers of heed/nn are what the example spells out", async () => {
  const { exports } = await runExample("03-three-scores");
  const patterns = exports.patterns as Tensor[];
  manualSeed(42);
  const [query, key, value] = [randn(1, 6, 16), randn(1, 6, 16), randn(1, 6, 16)];
  const layers = [new AdditiveAttention(16, 16, 32), new LuongAttention("dot", 16), new LuongAttention("general", 16)];
  layers.forEach((layer, i) => {
    const [, pattern] = layer.forward(query, key, value);
    allClose(`pattern ${i}`, pattern.dataSync(), patterns[i].dataSync(), { rtol: 1e-5, atol: 1e-6 }, [1, 6, 6]);
  });
});
