import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RawTensor } from "../../src/tensor/safetensors.js";
import { loadSafetensorsFile, saveSafetensorsFile, writeFileAtomically } from "../../src/tensor/safetensors-file.js";
import { parseShardIndex } from "../../src/tensor/safetensors-index.js";

// A disk that runs full after so many bytes; infinite unless a test says otherwise.
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY, code: "ENOSPC" }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    open: async (path: string, flags: string) => {
      const handle = await real.open(path, flags);
      const write = handle.write.bind(handle);
      Object.assign(handle, {
        write: (bytes: Uint8Array, at: number, length: number) => {
          if (disk.room <= 0) throw Object.assign(new Error("no space left on device"), { code: disk.code });
          const part = Math.min(length, disk.room); // a full disk first writes what still fits
          disk.room -= part;
          return write(bytes, at, part);
        },
      });
      return handle;
    },
  };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "heed-safetensors-"));
  disk.room = Number.POSITIVE_INFINITY;
});
afterEach(() => rmSync(folder, { recursive: true }));

const u8 = (...bytes: number[]): RawTensor => ({ dtype: "U8", shape: [bytes.length], bytes: Uint8Array.from(bytes) });
const content = (tensors: Map<string, RawTensor>) =>
  Object.fromEntries([...tensors].map(([n, t]) => [n, [...t.bytes]]));
const three = [
  ["a", u8(1, 2)],
  ["b", u8(3, 4, 5)],
  ["c", u8(6)],
] as const;
const all = { a: [1, 2], b: [3, 4, 5], c: [6] };

describe("safetensors files", () => {
  it("come back as they went, from the file and from its folder", async () => {
    const path = join(folder, "model.safetensors");
    expect(await saveSafetensorsFile(path, three, { metadata: { format: "pt" } })).toEqual([path]);
    for (const from of [path, folder]) {
      const { tensors, metadata, files } = await loadSafetensorsFile(from);
      expect(content(tensors)).toEqual(all);
      expect(metadata.get("format")).toBe("pt");
      expect(files).toEqual([path]);
    }
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
  });

  it("come back in part when asked", async () => {
    await saveSafetensorsFile(join(folder, "model.safetensors"), three);
    const { tensors } = await loadSafetensorsFile(folder, { select: (name) => name !== "b" });
    expect(content(tensors)).toEqual({ a: [1, 2], c: [6] });
  });

  it("are split with an index past the size asked, and one form replaces the other", async () => {
    const path = join(folder, "model.safetensors");
    await saveSafetensorsFile(path, [["old", u8(9)]]);
    await saveSafetensorsFile(path, three, { maxShardBytes: 4 });
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    expect(readdirSync(folder).sort()).toEqual([...shards, "model.safetensors.index.json"]);
    const index = JSON.parse(readFileSync(`${path}.index.json`, "utf8"));
    expect(index).toEqual({ metadata: { total_size: 6 }, weight_map: { a: shards[0], b: shards[1], c: shards[1] } });
    for (const from of [folder, `${path}.index.json`]) {
      expect(content((await loadSafetensorsFile(from)).tensors)).toEqual(all);
    }
    await saveSafetensorsFile(path, three.slice(0, 1));
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
    expect(content((await loadSafetensorsFile(folder)).tensors)).toEqual({ a: [1, 2] });
  });

  it("name what is missing: the path, the model in a folder, shards, tensors in a shard", async () => {
    await expect(loadSafetensorsFile(join(folder, "nowhere"))).rejects.toThrow(/nowhere, which does not exist/);
    writeFileSync(join(folder, "pytorch_model.bin"), "");
    await expect(loadSafetensorsFile(folder)).rejects.toThrow(/got pytorch_model.bin; save .* as safetensors/);
    const mistakes = {
      "PK\x03\x04 a zip of pickles": /a file of torch.save: in Python/,
      "\x80\x02\x8a a bare pickle": /a file of torch.save: in Python/,
      "version https://git-lfs.github.com/spec/v1\n": /a pointer of Git LFS, .*run git lfs pull/,
      "<!DOCTYPE html><html>": /a web page, not the file/,
    };
    for (const [content, message] of Object.entries(mistakes)) {
      writeFileSync(join(folder, "mistake.safetensors"), content, "latin1");
      await expect(loadSafetensorsFile(join(folder, "mistake.safetensors"))).rejects.toThrow(message);
    }
    await saveSafetensorsFile(join(folder, "model.safetensors"), three, { maxShardBytes: 1 });
    rmSync(join(folder, "model-00001-of-00003.safetensors"));
    rmSync(join(folder, "model-00003-of-00003.safetensors"));
    const lost = /2 missing: model-00001-of-00003.safetensors, model-00003-of-00003.safetensors/;
    await expect(loadSafetensorsFile(folder)).rejects.toThrow(lost);
    await saveSafetensorsFile(join(folder, "model.safetensors"), three, { maxShardBytes: 4 });
    await saveSafetensorsFile(join(folder, "model-00002-of-00002.safetensors"), three.slice(1, 2));
    await expect(loadSafetensorsFile(folder)).rejects.toThrow(/1 missing: c \(in model-00002-of-00002.safetensors\)/);
  });

  it("that are cut short are refused by name, also when they end inside their length", async () => {
    const path = join(folder, "model.safetensors");
    await saveSafetensorsFile(path, three);
    for (const length of [0, 5, 8, 40]) {
      writeFileSync(path, readFileSync(path));
      truncateSync(path, length);
      await expect(loadSafetensorsFile(folder)).rejects.toThrow(/^safetensors: .*\(in .*model\.safetensors\)$/);
    }
  });

  it("of a claimed 2 GB header are refused without memory for it", async () => {
    const path = join(folder, "model.safetensors");
    const before = process.memoryUsage().arrayBuffers;
    writeFileSync(path, Uint8Array.of(0, 0, 0, 128, 0, 0, 0, 0, 0x7b, 0x7d));
    truncateSync(path, 2 ** 31 + 100); // sparse: the claim is within the file's size
    await expect(loadSafetensorsFile(path)).rejects.toThrow(
      /header of at most 100000000 bytes, got a claim of 2147483648/,
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });
});

describe("a shard index", () => {
  it("names each file once", () => {
    const { fileOf, files } = parseShardIndex(
      '{"weight_map":{"__proto__":"b.safetensors","x":"a.safetensors","y":"a.safetensors"}}',
    );
    expect(files).toEqual(["a.safetensors", "b.safetensors"]);
    expect(fileOf.get("__proto__")).toBe("b.safetensors");
  });

  it.each([
    "../model.safetensors",
    "/etc/model.safetensors",
    "a/b.safetensors",
    "a\\b.safetensors",
    "C:model.safetensors",
    "..",
    ".safetensors",
    "..safetensors",
    "",
    "model.bin",
    "a\u0000.safetensors",
    "a\n.safetensors",
  ])("refuses a file %j", (file) => {
    const json = JSON.stringify({ weight_map: { w: file } });
    expect(() => parseShardIndex(json)).toThrow(/"w" to be in a file of the same folder/);
  });

  it.each(["", "{", "null", "[]", "{}", '{"weight_map":[]}', '{"weight_map":{}}', '{"weight_map":{"a":1}}'])(
    "refuses %j",
    (json) => expect(() => parseShardIndex(json)).toThrow(/^safetensors index: expected/),
  );
});

describe("an atomic write", () => {
  it("replaces a file by all chunks in order, text and bytes, and leaves nothing else", async () => {
    const path = join(folder, "config.json");
    writeFileSync(path, "old");
    await writeFileAtomically(path, ["中", Uint8Array.of(33, 10), ""]);
    expect(readFileSync(path, "utf8")).toBe("中!\n");
    expect(readdirSync(folder)).toEqual(["config.json"]);
  });

  it("goes through a link to the file that is meant", async () => {
    mkdirSync(join(folder, "blobs"));
    writeFileSync(join(folder, "blobs", "1"), "old");
    symlinkSync(join("blobs", "1"), join(folder, "link"));
    await writeFileAtomically(join(folder, "link"), ["new"]);
    expect(readFileSync(join(folder, "blobs", "1"), "utf8")).toBe("new");
  });

  it.each(["ENOSPC", "EDQUOT"])(
    "on %s keeps the old file, removes its own and says how much it needed",
    async (code) => {
      const path = join(folder, "model.safetensors");
      await saveSafetensorsFile(path, three);
      const old = readFileSync(path);
      Object.assign(disk, { room: 100, code });
      const large = [["a", u8(...new Array(1000).fill(7))]] as const;
      const error = await saveSafetensorsFile(path, large).catch((thrown: Error) => thrown);
      expect(String(error)).toMatch(
        /^HeedError: save: expected room for 1072 bytes in .*; free some and save again; an earlier file/,
      );
      expect(String(error)).toContain(code);
      expect(readFileSync(path)).toEqual(old);
      expect(readdirSync(folder)).toEqual(["model.safetensors"]);
    },
  );

  it("on a disk that fills up at the second of three shards changes none of them", async () => {
    const path = join(folder, "model.safetensors");
    await saveSafetensorsFile(path, three, { maxShardBytes: 1 });
    const before = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
    disk.room = 150;
    const changed = three.map(([name, tensor]) => [name, u8(...[...tensor.bytes].map((byte) => byte + 1))] as const);
    await expect(saveSafetensorsFile(path, changed, { maxShardBytes: 1 })).rejects.toThrow(/room for/);
    expect(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")])).toEqual(before);
  });

  it("says that the folder is missing, or the way is barred", async () => {
    await expect(writeFileAtomically(join(folder, "no", "x"), ["1"])).rejects.toThrow(
      /expected a folder .*no to write/,
    );
    mkdirSync(join(folder, "taken"));
    await expect(writeFileAtomically(join(folder, "taken"), ["1"])).rejects.toThrow(
      /^save: expected to be able to write/,
    );
    expect(readdirSync(folder)).toEqual(["taken"]);
  });
});
