import { expect, test } from "vitest";
import { runExample } from "./run.js";

test("first-steps prints the program, the pattern and the gradient", async () => {
  const { printed } = await runExample("first-steps");
  expect(printed).toMatch(/^ *\S* *attention/m);
  expect(printed.match(/tensor\(/g)).toHaveLength(3);
});
