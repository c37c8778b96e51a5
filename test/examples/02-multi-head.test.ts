import { expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("02-multi-head has PyTorch's numbers in both forms, and the slips are as far off", async () => {
  const ran = await runExample("02-multi-head");
  const two = (whole: Tensor) => whole.at(":2");
  agreesWithPyTorch("02-multi-head", ran, { parts: { output: two, pattern: two, keras: two } });
  expect(ran.printed).toContain("[ 32, 4, 10, 10 ]");
  expect(ran.printed).toContain("merged without the transpose: 106 %");
});
