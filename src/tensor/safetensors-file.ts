// Reading and writing safetensors on a disk: one file, a folder with model.safetensors, or a folder whose index names
// several. Node is imported when it is used, so that a browser can load the modules around this one.

import type { FileHandle } from "node:fs/promises";
import { fail, naming } from "../base/errors.js";
import { parseSafetensorsHeader, type RawTensor, safetensorsHeaderLength, writeSafetensors } from "./safetensors.js";
import { type StagedFile, stageFile } from "./safetensors-atomic.js";
import { formatShardIndex, parseShardIndex } from "./safetensors-index.js";

export { writeFileAtomically } from "./safetensors-atomic.js";

export interface LoadedSafetensors {
  readonly tensors: Map<string, RawTensor>;
  /** The file's `__metadata__`; of several files, the first's. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The paths that were read. */
  readonly files: readonly string[];
}

const OP = "load";
const MAX_READ = 2 ** 30; // one system call reads less than 2 GiB

/**
 * Reads tensors from a safetensors file, from a folder's model.safetensors, or from the files its
 * model.safetensors.index.json names (the path of the index itself will do too). The header is read and checked first,
 * then each tensor into memory of its own.
 * @param select which tensors to read, by name; all when left out
 * @throws HeedError for a missing, truncated, damaged or hostile file, naming it; for missing shards, naming each
 */
export async function loadSafetensorsFile(
  path: string,
  { select = () => true }: { select?: (name: string) => boolean } = {},
): Promise<LoadedSafetensors> {
  const { dirname, join } = await import("node:path");
  const { readFile } = await import("node:fs/promises");
  const file = await resolveFile(path);
  if (!file.endsWith(".index.json")) {
    const { tensors, metadata } = await readOne(file, select);
    return { tensors, metadata, files: [file] };
  }
  const json = await readFile(file, "utf8");
  const { fileOf, files } = naming(file, () => parseShardIndex(json));
  const paths = files.map((name) => join(dirname(file), name));
  const absent: string[] = [];
  for (const [i, shard] of paths.entries()) if (!(await isFile(shard))) absent.push(files[i]!);
  if (absent.length) {
    fail(OP, `the ${files.length} files that ${file} names`, `${absent.length} missing: ${absent.join(", ")}`);
  }
  const tensors = new Map<string, RawTensor>();
  let metadata: ReadonlyMap<string, string> | undefined;
  for (const [i, shard] of paths.entries()) {
    const read = await readOne(shard, (name) => fileOf.get(name) === files[i] && select(name));
    for (const [name, tensor] of read.tensors) tensors.set(name, tensor);
    metadata ??= read.metadata;
  }
  const lost = [...fileOf.keys()].filter((name) => select(name) && !tensors.has(name));
  if (lost.length) {
    const some = lost.slice(0, 5).map((name) => `${name} (in ${fileOf.get(name)})`);
    fail(
      OP,
      `every tensor that ${file} names`,
      `${lost.length} missing: ${some.join(", ")}${lost.length > 5 ? ", ..." : ""}`,
    );
  }
  return { tensors, metadata: metadata ?? new Map(), files: paths };
}

/**
 * Writes tensors to a safetensors file, atomically. Past `maxShardBytes` they go, in the order given, to
 * `NAME-00001-of-0000N.safetensors` beside it, with `NAME.safetensors.index.json`, and an unsharded file of the earlier
 * save is removed, as are earlier shards when one file is enough. All files are written and flushed before the first is
 * put in place.
 * @returns the paths written
 * @throws HeedError where the disk is full or refuses; what was there is then still there
 */
export async function saveSafetensorsFile(
  path: string,
  tensors: Iterable<readonly [string, RawTensor]>,
  { metadata, maxShardBytes = 5e9 }: { metadata?: Readonly<Record<string, string>>; maxShardBytes?: number } = {},
): Promise<string[]> {
  const { basename, dirname, join } = await import("node:path");
  const { rm } = await import("node:fs/promises");
  if (!path.endsWith(".safetensors")) fail("save", "a path that ends with .safetensors", path);
  const groups = groupBySize([...tensors], maxShardBytes);
  const stem = basename(path, ".safetensors");
  const index = `${path}.index.json`;
  const earlier = await shardsOf(index);
  const staged: StagedFile[] = [];
  try {
    if (groups.length === 1) staged.push(await stageFile(path, writeSafetensors(groups[0]!, metadata)));
    else {
      const fileOf = new Map<string, string>();
      let total = 0;
      for (const [i, group] of groups.entries()) {
        const name = `${stem}-${number(i + 1)}-of-${number(groups.length)}.safetensors`;
        for (const [tensor, { bytes }] of group) {
          if (fileOf.has(tensor)) fail("save", "every name once", JSON.stringify(tensor));
          fileOf.set(tensor, name);
          total += bytes.length;
        }
        staged.push(await stageFile(join(dirname(path), name), writeSafetensors(group, metadata)));
      }
      staged.push(await stageFile(index, [formatShardIndex(fileOf, total)])); // last: it makes the others count
    }
    for (const file of staged) await file.commit();
  } catch (error) {
    for (const file of staged) await file.discard();
    throw error;
  }
  // Loaders prefer the single file, so one that an earlier save left would hide the new shards; and the reverse wastes room.
  const written = staged.map((file) => file.path);
  for (const old of [path, index, ...earlier]) if (!written.includes(old)) await rm(old, { force: true });
  return written;
}

function groupBySize(tensors: (readonly [string, RawTensor])[], limit: number): (readonly [string, RawTensor])[][] {
  const groups: (readonly [string, RawTensor])[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = tensor[1].bytes.length;
    if (size > 0 && size + bytes > limit) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(tensor);
    size += bytes;
  }
  return groups;
}

/** The shards that a save of the same name left here; only files named as this one names them, never what else an index lists. */
async function shardsOf(index: string): Promise<string[]> {
  const { basename, dirname, join } = await import("node:path");
  const { readFile } = await import("node:fs/promises");
  const stem = basename(index, ".safetensors.index.json");
  try {
    const { files } = parseShardIndex(await readFile(index, "utf8"));
    const own = files.filter((name) => name.startsWith(`${stem}-`) && /-\d{5}-of-\d{5}\.safetensors$/.test(name));
    return own.map((name) => join(dirname(index), name));
  } catch {
    return [];
  }
}

async function resolveFile(path: string): Promise<string> {
  const { stat, readdir } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) fail(OP, "a safetensors file or a model's folder", `${path}, which does not exist`);
  if (found.isFile()) return path;
  if (!found.isDirectory()) fail(OP, "a safetensors file or a model's folder", `${path}, which is neither`);
  for (const name of ["model.safetensors", "model.safetensors.index.json"]) {
    if (await isFile(join(path, name))) return join(path, name);
  }
  const names = (await readdir(path)).sort();
  const listed = names.length ? names.slice(0, 10).join(", ") + (names.length > 10 ? ", ..." : "") : "nothing";
  const pickled = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  const remedy = pickled && `save ${pickled} as safetensors first: model.save_pretrained(folder) in Python does`;
  return fail(OP, `${path} to hold model.safetensors or model.safetensors.index.json`, listed, remedy);
}

async function isFile(path: string): Promise<boolean> {
  const { stat } = await import("node:fs/promises");
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function readOne(path: string, select: (name: string) => boolean) {
  const { open } = await import("node:fs/promises");
  const file = await open(path, "r").catch((error: Error) => fail(OP, `to be able to read ${path}`, error.message));
  try {
    const { size } = await file.stat();
    const first = await readAt(file, path, 0, Math.min(8, size));
    const length = naming(path, () => safetensorsHeaderLength(first, size));
    const bytes = await readAt(file, path, 8, length);
    const header = naming(path, () => parseSafetensorsHeader(bytes, size));
    const tensors = new Map<string, RawTensor>();
    for (const { name, dtype, shape, begin, end } of header.entries) {
      if (!select(name)) continue;
      tensors.set(name, { dtype, shape, bytes: await readAt(file, path, header.dataStart + begin, end - begin) });
    }
    return { tensors, metadata: header.metadata };
  } finally {
    await file.close();
  }
}

/** Reads bytes that the file's size has been seen to cover. */
async function readAt(file: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, MAX_READ), position + at);
    if (bytesRead === 0) fail(OP, `${path} to keep its size while it is read`, `an end at byte ${position + at}`);
    at += bytesRead;
  }
  return bytes;
}

const number = (n: number) => String(n).padStart(5, "0");
