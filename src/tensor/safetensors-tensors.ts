// Safetensors files as tensors by name: what users read and write. Files and shards are in safetensors-file.ts, dtypes in
// safetensors-values.ts.

import { fail } from "../base/errors.js";
import { bf16ArrayFromF32, f16ArrayFromF32 } from "../base/half.js";
import { checkOptions, FUNCTION, kind, type OptionTable, oneOf } from "../base/options.js";
import { shown } from "../base/show.js";
import { checkTensor } from "./check.js";
import { fromData } from "./create.js";
import { readSafetensors } from "./safetensors.js";
import { loadSafetensorsFile, saveSafetensorsFile } from "./safetensors-file.js";
import { decodeTensor, encodeTensor } from "./safetensors-values.js";
import type { Tensor } from "./tensor.js";

/** How `saveSafetensors` writes. */
export interface SaveSafetensorsOptions {
  /** Text that goes into the file's header, such as { format: "pt" }. */
  metadata?: Readonly<Record<string, string>>;
  /** Past this size the tensors go to several files and an index. 5e9. */
  maxShardBytes?: number;
  /** Stores f32 tensors as this 16-bit float. */
  as?: "f16" | "bf16";
}

const SAVE: OptionTable<SaveSafetensorsOptions> = {
  metadata: kind<never>("an object of texts", (x) => typeof x === "object" && x !== null),
  maxShardBytes: kind<number>("a number above 0", (x) => typeof x === "number" && x > 0),
  as: oneOf("f16", "bf16"),
};

/**
 * The tensors of a safetensors file, or of a folder with model.safetensors or its index, by name. I64 becomes i32, F64 f32.
 * @param options.select which tensors to read, by name; all when left out
 * @throws HeedError for a missing, truncated, damaged or hostile file, naming it
 * @example const state = await loadSafetensors("gpt2/model.safetensors"); model.loadStateDict(state);
 */
export async function loadSafetensors(
  path: string,
  options: { select?: (name: string) => boolean } = {},
): Promise<Map<string, Tensor>> {
  checkOptions("loadSafetensors", options, { select: FUNCTION });
  checkPath("loadSafetensors", path);
  const { tensors } = await loadSafetensorsFile(path, options);
  return decoded(tensors);
}

/** As loadSafetensors, from the bytes of a file: in a browser, those that fetch gives. */
export function parseSafetensors(file: Uint8Array | ArrayBuffer): Map<string, Tensor> {
  if (!(file instanceof ArrayBuffer) && !(file instanceof Uint8Array))
    fail("parseSafetensors", "the bytes of a file", shown(file), "a path is for loadSafetensors");
  return decoded(readSafetensors(file).tensors);
}

/**
 * Writes tensors by name to a safetensors file, whole or not at all.
 * @returns the paths written
 * @throws HeedError where the disk is full or refuses; what was there is then still there
 * @example await saveSafetensors("model.safetensors", model.stateDict());
 */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  options: SaveSafetensorsOptions = {},
): Promise<string[]> {
  checkOptions("saveSafetensors", options, SAVE);
  checkPath("saveSafetensors", path);
  if (typeof tensors !== "object" || tensors === null || Array.isArray(tensors))
    fail("saveSafetensors", "tensors by name", shown(tensors), "pass model.stateDict()");
  const { as, ...rest } = options;
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  for (const [name, t] of entries) checkTensor("saveSafetensors", String(name), t);
  const raw = entries.map(([name, t]) => [name, encoded(t as Tensor, as)] as const);
  return await saveSafetensorsFile(path, raw, rest);
}

function checkPath(op: string, path: unknown): void {
  if (typeof path !== "string") fail(op, "a path", shown(path));
}

function decoded(tensors: Parameters<typeof saveSafetensorsFile>[1]): Map<string, Tensor> {
  return new Map(
    [...tensors].map(([name, raw]) => {
      const { dtype, shape, data } = decodeTensor(name, raw);
      return [name, fromData(data, shape, dtype)];
    }),
  );
}

function encoded(t: Tensor, as?: "f16" | "bf16") {
  const { dtype, shape } = t;
  const numbers = t.dataSync(); // 16-bit floats come as f32, which they are exactly
  const bits = { f16: f16ArrayFromF32, bf16: bf16ArrayFromF32 };
  const data = dtype === "f16" || dtype === "bf16" ? bits[dtype](numbers as Float32Array) : numbers;
  return encodeTensor({ dtype, shape, data }, dtype === "f32" ? as : dtype);
}
