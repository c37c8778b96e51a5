import { expect, test } from "vitest";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("10-masked has PyTorch's numbers and prints; the future changes nothing", async () => {
  const ran = await runExample("10-masked");
  agreesWithPyTorch("10-masked", ran);
  expect(ran.printed).toMatch(/爱 ··██\n你 ░░▒▒▒▒/);
  expect(ran.printed).toMatch(/get the same: true$/);
});
