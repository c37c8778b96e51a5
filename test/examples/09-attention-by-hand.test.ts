import { expect, test } from "vitest";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("09-attention-by-hand has PyTorch's numbers and prints, with dropout and without", async () => {
  const ran = await runExample("09-attention-by-hand");
  agreesWithPyTorch("09-attention-by-hand", ran);
  expect(ran.printed).toContain("tensor([1.5625, 3.8500, 3.1375])");
  expect(ran.printed).toMatch(/that without dropout: true$/);
});
