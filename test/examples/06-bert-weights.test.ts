import { expect, test } from "vitest";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("06-bert-weights learns as transformers' BERT does from the same seed, and shows where its heads look", async () => {
  const ran = await runExample("06-bert-weights", "--steps", "3");
  agreesWithPyTorch("06-bert-weights", ran, { tolerance: 1e-5 });
  expect(ran.printed).toContain("2 layers of weights [1,4,27,27]");
  expect(ran.printed).toContain("床前明月光，疑是地上霜。] 舉頭望明月，低頭思故鄉。]"); // over the columns
  expect(ran.printed).toMatch(/^ +3 +\d+ % +\d+ % +\d+ % {2}\p{Script=Han} looks at \p{Script=Han}, \d+ %$/mu);
}, 120_000);
