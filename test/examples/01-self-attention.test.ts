import { expect, test } from "vitest";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("01-self-attention has PyTorch's numbers, and runs as one attention step", async () => {
  const ran = await runExample("01-self-attention");
  agreesWithPyTorch("01-self-attention", ran);
  expect(ran.printed.match(/^attention /gm)).toHaveLength(1);
});
