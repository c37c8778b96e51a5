// Where a training begins, as a file that the twin in Python reads: both sides then have the same weights and see the same batches.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "heed";
import { writeSafetensors } from "../../src/tensor/safetensors.js";
import type { Training } from "./gpt.js";

/** Writes the weights as they are now, and the batches as `x` and `y`, to a safetensors file that is gone with this process. */
export function writeStart({ model, batches }: Training): string {
  const folder = mkdtempSync(join(tmpdir(), "heed-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "start.safetensors");
  const weights = Object.entries(model.stateDict()).map(([name, tensor]) => [name, stored([tensor])] as const);
  const [x, y] = [0, 1].map((side) => stored(batches.map((batch) => batch[side])));
  writeFileSync(file, Buffer.concat(writeSafetensors([...weights, ["x", x], ["y", y]])));
  return file;
}

/** One tensor as it is, several stacked. */
function stored(tensors: readonly Tensor[]) {
  const parts = tensors.map((tensor) => tensor.dataSync());
  const bytes = Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)));
  const shape = tensors.length === 1 ? tensors[0].shape : [tensors.length, ...tensors[0].shape];
  return { dtype: tensors[0].dtype === "f32" ? ("F32" as const) : ("I32" as const), shape, bytes };
}
