import { expect, test } from "vitest";
import { GPT } from "../../src/models/index.js";
import { skipInit } from "../../src/nn/index.js";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("08-from-scratch-ch3 has the book's numbers, prints and counts", async () => {
  const ran = await runExample("08-from-scratch-ch3", "--layers", "1", "--vocabulary", "1000");
  // 64 of the logits of each token; they go through a whole block of width 768
  agreesWithPyTorch("08-from-scratch-ch3", ran, {
    parts: { logits: (all) => all.at(":", ":", ":64") },
    tolerance: 5e-6,
  });
  expect(ran.exports.parameters).toBe(2_360_064);
});

test("GPT-2 small has 124,439,808 parameters", () => {
  const gpt = skipInit(() => new GPT({ vocabularySize: 50257, context: 1024, layers: 12, heads: 12, width: 768 }));
  expect(gpt.countParameters()).toBe(124_439_808);
});
