// model.safetensors.index.json: which of several safetensors files holds which tensor, as Hugging Face writes it.
// An index names files, so it is the place where a stranger could point out of the folder: only plain names pass.

import { fail } from "../base/errors.js";

export interface ShardIndex {
  /** Tensor name to file name. */
  readonly fileOf: ReadonlyMap<string, string>;
  /** The files, each once, sorted. */
  readonly files: readonly string[];
}

const OP = "safetensors index";

/**
 * Reads and checks an index's `weight_map`.
 * @throws HeedError where it is not valid JSON, holds no tensors, or names a file outside its own folder
 */
export function parseShardIndex(json: string): ShardIndex {
  let parsed: { weight_map?: unknown } | null;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    return fail(OP, "valid JSON", (error as Error).message, "the file is truncated or damaged");
  }
  const map = parsed?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    fail(
      OP,
      "a weight_map from tensor names to file names",
      map === undefined ? "none" : JSON.stringify(map).slice(0, 80),
    );
  }
  const fileOf = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (!isPlainFileName(file)) {
      const got = typeof file === "string" ? JSON.stringify(file.slice(0, 200)) : typeof file;
      fail(
        OP,
        `${JSON.stringify(name)} to be in a file of the same folder`,
        got,
        "only plain .safetensors names are read",
      );
    }
    fileOf.set(name, file);
  }
  if (fileOf.size === 0) fail(OP, "a weight_map with at least one tensor", "an empty one");
  return { fileOf, files: [...new Set(fileOf.values())].sort() };
}

/** The text of an index, as transformers writes it: two spaces, names sorted. */
export function formatShardIndex(fileOf: ReadonlyMap<string, string>, totalSize: number): string {
  const names = [...fileOf.keys()].sort();
  const lines = names.map((name) => `    ${JSON.stringify(name)}: ${JSON.stringify(fileOf.get(name))}`);
  return `{\n  "metadata": {\n    "total_size": ${totalSize}\n  },\n  "weight_map": {\n${lines.join(",\n")}\n  }\n}\n`;
}

/** Neither a path, nor a drive, nor a device, nor a hidden file: the same on every system, whatever runs here. */
function isPlainFileName(name: unknown): name is string {
  return (
    typeof name === "string" && /^[\p{L}\p{N}_][\p{L}\p{N}_.+@ -]{0,250}$/u.test(name) && name.endsWith(".safetensors")
  );
}
