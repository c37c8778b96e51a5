import { expect, test } from "vitest";
import type { Tensor } from "../../src/index.js";
import { agreesWithPyTorch } from "./golden.js";
import { runExample } from "./run.js";

test("05-self-attention-in-models has PyTorch's numbers, a seeded ResNet-50's among them", async () => {
  const ran = await runExample("05-self-attention-in-models", "--batch", "1");
  const rows = ran.exports.counted as { name: string; parameters: number; flops: number }[];
  const four = (whole: Tensor) => whole.at(":4");
  const exports = { ...ran.exports, parameters: Object.fromEntries(rows.map((r) => [r.name, r.parameters])) };
  agreesWithPyTorch(
    "05-self-attention-in-models",
    { ...ran, exports },
    {
      tolerance: 1e-4,
      parts: { mixed: four, merged: four, convolved: four, patched: (whole) => whole.at(":", ":2") },
    },
  );
  const resnet = rows[rows.length - 1];
  expect(resnet.parameters).toBe(25_557_032);
  // 4.1 billion multiply-adds, and what the norms and activations take.
  expect(resnet.flops / 1e9).toBeGreaterThan(8.1);
  expect(resnet.flops / 1e9).toBeLessThan(8.4);
  expect(ran.printed).toMatch(/ResNet-50 +\(1, 3, 224, 224\) +25,557,032 +8\.\d\d/);
}, 120_000);
