// Tensors to a file and back, by the public names.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadSafetensors, manualSeed, parseSafetensors, randn, saveSafetensors, tensor } from "../../src/index.js";
import { Linear } from "../../src/nn/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heed-safetensors-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("safetensors as tensors", () => {
  it("come back with their dtype, shape and numbers, from the file and from its bytes", async () => {
    const path = join(folder, "model.safetensors");
    const saved = {
      f32: tensor([[1.5, -2.25, Number.NEGATIVE_INFINITY]]),
      f16: tensor([0.1, 65504, 2 ** -24]).half(),
      bf16: tensor([0.1, -3e38]).bfloat16(),
      i32: tensor([[-7], [2 ** 31 - 1]]),
      bool: tensor([true, false]),
      scalar: tensor(0.5),
    };
    expect(await saveSafetensors(path, saved)).toEqual([path]);
    for (const loaded of [await loadSafetensors(folder), parseSafetensors(readFileSync(path))]) {
      expect([...loaded.keys()].sort()).toEqual(Object.keys(saved).sort());
      for (const [name, t] of Object.entries(saved)) {
        const back = loaded.get(name);
        expect([name, back?.dtype, back?.shape, back?.toArray()]).toEqual([name, t.dtype, t.shape, t.toArray()]);
      }
    }
  });

  it("carry a module's state, whole, chosen by name, or in 16 bits", async () => {
    const path = join(folder, "linear.safetensors");
    manualSeed(1);
    const [one, other] = [new Linear(3, 2), new Linear(3, 2)];
    await saveSafetensors(path, one.stateDict());
    expect(other.weight.toArray()).not.toEqual(one.weight.toArray());
    other.loadStateDict(await loadSafetensors(path));
    expect(other.weight.toArray()).toEqual(one.weight.toArray());
    expect([...(await loadSafetensors(path, { select: (name) => name === "bias" })).keys()]).toEqual(["bias"]);
    const w = randn(5);
    await saveSafetensors(path, { w, n: tensor([3]) }, { as: "bf16" });
    const loaded = await loadSafetensors(path);
    expect(loaded.get("w")?.dtype).toBe("bf16");
    expect(loaded.get("w")?.toArray()).toEqual(w.bfloat16().toArray());
    expect(loaded.get("n")?.dtype).toBe("i32");
  });
});
