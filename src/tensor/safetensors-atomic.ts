// Files that are whole or not there: written under a temporary name in the same folder, flushed to the disk, then renamed
// over the old one. A crash, a full disk or Ctrl-C at any moment leaves the old file or the new one, never half of either.
// Node is imported when it is used, so that a browser can load the modules around this one.

import { fail } from "../base/errors.js";

export type Chunk = Uint8Array | string;

/** A file written and flushed under a temporary name, waiting to take its place. */
export interface StagedFile {
  readonly path: string;
  /** Puts it in place of `path`, and makes that last. */
  commit(): Promise<void>;
  /** Removes it; `path` stays as it was. */
  discard(): Promise<void>;
}

const OP = "save";
const MAX_WRITE = 2 ** 30; // one system call takes less than 2 GiB
let counter = 0;

/**
 * Writes a file so that it is whole or not there; the folder must exist.
 * @throws HeedError where the disk is full (naming the bytes needed) or refuses; the old file is then still there
 */
export async function writeFileAtomically(path: string, chunks: Iterable<Chunk>): Promise<void> {
  const staged = await stageFile(path, chunks);
  await staged.commit();
}

/**
 * The first half of an atomic write: everything that can run out of room. Several files are staged before any is
 * committed when they must change together.
 * @throws HeedError as writeFileAtomically
 */
export async function stageFile(path: string, chunks: Iterable<Chunk>): Promise<StagedFile> {
  const { open, realpath, rename, rm } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const target = await realpath(path).catch(() => path); // a link stays a link, and its file is replaced
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.${process.pid}.${counter++}.tmp`);
  const parts = [...chunks].map((chunk) => (typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk));
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const discard = () => rm(temporary, { force: true }).catch(() => undefined);

  try {
    const file = await open(temporary, "wx");
    try {
      for (const part of parts) {
        for (let at = 0; at < part.length; ) {
          const { bytesWritten } = await file.write(part, at, Math.min(part.length - at, MAX_WRITE));
          at += bytesWritten;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard();
    return refuse(error, path, folder, size);
  }
  return {
    path,
    discard,
    async commit() {
      try {
        await rename(temporary, target);
        await syncFolder(folder);
      } catch (error) {
        await discard();
        refuse(error, path, folder, size);
      }
    },
  };
}

/** The rename itself is only lasting once its folder is flushed; Windows and some file systems have no such thing. */
async function syncFolder(folder: string): Promise<void> {
  const { open } = await import("node:fs/promises");
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!["EPERM", "EACCES", "EISDIR", "EINVAL", "ENOTSUP", "EBADF"].includes(codeOf(error))) throw error;
  }
}

function refuse(error: unknown, path: string, folder: string, size: number): never {
  const code = codeOf(error);
  const kept = "an earlier file of that name is untouched";
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    const why = { ENOSPC: "a full disk", EDQUOT: "a used-up quota", EFBIG: "a limit on the size of files" }[code];
    fail(OP, `room for ${size} bytes in ${folder}`, `${why} (${code})`, `free some and save again; ${kept}`);
  }
  if (code === "ENOENT") fail(OP, `a folder ${folder} to write ${path} in`, "none", "make it first");
  const message = error instanceof Error ? error.message : String(error);
  return fail(OP, `to be able to write ${path}`, message, kept);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
